import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Inject, Optional } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Settings } from '../config/settings.js';
import { bearerOf } from '../core/credentials.js';
import { uuidv7 } from '../core/ids.js';
import { FALLBACK_LOCALE, localeAskedFor } from '../core/locales.js';
import { Logger } from '../core/logger.js';
import { Problem, type ProblemCode } from '../core/problems.js';
import { databaseProblemOf, DatabaseSilent } from '../database/database-errors.js';
import { isResendPath, resendErrorOf, resendHeadersOf } from '../mail/resend-door/resend-errors-policy.js';
import { type Dress, dressOf } from './pages/look.js';
import { written } from './pages/page-frame.js';
import { problemPage } from './pages/problem-page.js';
import { BARE_HEADERS } from './security-headers.js';

/** What was asked for, and by what. */
export interface Asked {
  /** The header Accept. */
  accept: string | undefined;
  /** Path and query, as in the request line. */
  url: string;
  /** The header Accept-Language. */
  language?: string | undefined;
  /** Whether a bearer token came along. */
  hasToken?: boolean;
}

/** Where programs ask: a person who opens one of these builds on it, and is told what the program is told. */
const FOR_PROGRAMS = /^\/(v1|health|metrics|\.well-known|docs\/json|inbox\/messages)(?=[/?]|$)/;

/**
 * Whether a problem is for a person and is to be a page. Browsers that open an address name text/html before all else;
 * scripts of a page, curl and other programs say any type or JSON, and so does nobody who names nothing.
 */
export function wantsPage({ accept, url }: Asked): boolean {
  if (accept === undefined || FOR_PROGRAMS.test(url)) return false;
  const ranges = rangesOf(accept);
  const html = ranges.get('text/html') ?? ranges.get('application/xhtml+xml') ?? 0;
  const json = Math.max(
    ranges.get('application/problem+json') ?? 0,
    ranges.get('application/json') ?? 0,
    ranges.get('application/*') ?? 0,
  );
  return html > json;
}

/**
 * Media ranges and their weights, which are 1 unless said (RFC 9110 §12.4.2, §12.5.1). A weight that is none counts as
 * 0.
 */
function rangesOf(accept: string): Map<string, number> {
  return new Map(
    accept.split(',').map((one) => {
      const [range = '', ...parameters] = one.split(';').map((part) => part.trim().toLowerCase());
      const weight = parameters.find((part) => part.startsWith('q='))?.slice(2) ?? '1';
      return [range, /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(weight) ? Number(weight) : 0];
    }),
  );
}

/** Injection token of the {@link ProblemWriter} of a process that has pages. */
export const PROBLEM_WRITER = Symbol('ProblemWriter');

interface WrittenProblem {
  /** Of HTTP. */
  status: number;
  /** Content-Type among them. */
  headers: Record<string, string>;
  body: string;
}

/** How a problem is told to whoever asked. */
export type ProblemWriter = (problem: Problem, requestId: string, asked: Asked) => WrittenProblem;

/** To programs, and by processes that have no pages. */
export const asDocument: ProblemWriter = (problem, requestId) => ({
  status: problem.status,
  headers: { ...problem.headers, 'content-type': 'application/problem+json' },
  body: JSON.stringify(problem.toDocument(requestId)),
});

/** To people as a page. */
function asPageOrDocument(dress: Dress): ProblemWriter {
  return (problem, requestId, asked) => {
    if (!wantsPage(asked)) return asDocument(problem, requestId, asked);
    const { headers, text } = written(
      problemPage(problem, requestId, asked.url),
      dress,
      localeAskedFor(asked.language) ?? FALLBACK_LOCALE,
    );
    return { status: problem.status, headers, body: text };
  };
}

/** To Resend's SDKs, which read no other form, and no other media type. */
const asResendError: ProblemWriter = (problem, _requestId, { hasToken = false }) => {
  const error = resendErrorOf(problem, hasToken);
  return {
    status: error.statusCode,
    headers: { ...resendHeadersOf(problem), 'content-type': 'application/json' },
    body: JSON.stringify(error),
  };
};

/** As a process with pages tells problems. */
export function problemWriterOf(settings: Pick<Settings, 'mail'>): ProblemWriter {
  const others = asPageOrDocument(dressOf(settings));
  if (!settings.mail.resendCompat) return others;
  return (problem, requestId, asked) =>
    (isResendPath(asked.url) && !wantsPage(asked) ? asResendError : others)(problem, requestId, asked);
}

/** What a request asked for. */
export function askedBy({ headers, url }: Pick<FastifyRequest, 'headers' | 'url'>): Asked {
  return {
    accept: headers.accept,
    url,
    language: headers['accept-language'],
    hasToken: bearerOf(headers.authorization) !== undefined,
  };
}

const STATUS_PROBLEMS: Record<number, ProblemCode> = {
  400: 'bad_request',
  401: 'unauthorized',
  403: 'not_found', // ours are Problems: the server of the assets says so to names that lead out of its folder
  404: 'not_found',
  412: 'precondition_failed',
  413: 'body_too_large',
  415: 'unsupported_media_type',
  416: 'range_not_satisfiable',
};

/**
 * Every error leaves as `application/problem+json`, or to people as a page; the cause of an unforeseen one stays in the
 * log.
 */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(
    private readonly log: Logger,
    @Optional() @Inject(PROBLEM_WRITER) private readonly write: ProblemWriter = asDocument,
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    const problem = problemOf(error, request.headers['content-type']);
    if (problem.code === 'unavailable')
      this.log.warn(
        { err: new DatabaseSilent('no answer to a request', { cause: error }), requestId: request.id },
        'the database did not answer a request',
      );
    else if (problem.code === 'busy')
      this.log.warn({ requestId: request.id }, 'too much at once; the client was told to come back'); // a flood must not flood the log
    else if (problem.status >= 500) this.log.error({ err: error, requestId: request.id }, 'a request failed');
    const { status, headers, body } = this.write(problem, request.id, askedBy(request));
    void reply.status(status).headers(headers).send(body);
  }
}

function problemOf(error: unknown, contentType: string | undefined): Problem {
  if (error instanceof Problem) return error;
  const status = error instanceof HttpException ? error.getStatus() : (error as { statusCode?: number }).statusCode;
  // Our own 400s are Problems: what the framework calls one is a body that its JSON parser refused.
  if (status === 400 && contentType?.startsWith('application/json'))
    return new Problem('malformed_json', { cause: error });
  const known =
    STATUS_PROBLEMS[status ?? 500] ??
    (status !== undefined && status >= 400 && status < 500 ? 'bad_request' : undefined);
  if (known) return new Problem(known, { cause: error });
  return databaseProblemOf(error) ?? new Problem('internal', { cause: error });
}

/** A problem as it goes over the wire where there is no request to answer. The connection ends with it. */
export function bareAnswer(
  problem: Problem,
  asked: Asked = { accept: undefined, url: '' },
  write: ProblemWriter = asDocument,
): string {
  const { status, headers, body } = write(problem, uuidv7(new Date()), asked);
  const lines = Object.entries({ ...BARE_HEADERS, ...headers }).map(([name, text]) => `${name}: ${text}\r\n`);
  return (
    `HTTP/1.1 ${status} ${problem.message}\r\n${lines.join('')}` +
    `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`
  );
}

/** What can be seen of a request that Node refused before it was one; `packet` is the part of it that came last. */
export function askedIn(packet: Buffer | undefined): Asked {
  const text = packet?.toString('latin1') ?? '';
  return {
    url: /^[A-Z]+ (\S+) HTTP\//.exec(text)?.[1] ?? '',
    accept: /^accept:[ \t]*([^\r\n]*)/im.exec(text)?.[1],
    language: /^accept-language:[ \t]*([^\r\n]*)/im.exec(text)?.[1],
    hasToken: bearerOf(/^authorization:[ \t]*([^\r\n]*)/im.exec(text)?.[1]) !== undefined,
  };
}
