import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Inject, Optional } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { LOGGER, type Logger } from '../core/logger.js';
import { Problem, type ProblemCode } from '../core/problems.js';
import { databaseProblemOf, DatabaseSilent } from '../database/database-errors.js';
import { asDocument, PROBLEM_WRITER, type ProblemWriter } from './problem-writer.js';

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

/** Every error leaves as `application/problem+json`, or to people as a page; the cause of an unforeseen one stays in the log. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(
    @Inject(LOGGER) private readonly log: Logger,
    @Optional() @Inject(PROBLEM_WRITER) private readonly write: ProblemWriter = asDocument,
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    const problem = problemOf(error, request.headers['content-type']);
    if (problem.code === 'unavailable') this.log.warn({ err: new DatabaseSilent('no answer to a request', { cause: error }), requestId: request.id }, 'the database did not answer a request');
    else if (problem.code === 'busy') this.log.warn({ requestId: request.id }, 'too much at once; the client was told to come back'); // a flood must not flood the log
    else if (problem.status >= 500) this.log.error({ err: error, requestId: request.id }, 'a request failed');
    const { headers, body } = this.write(problem, request.id, { accept: request.headers.accept, url: request.url });
    void reply.status(problem.status).headers(headers).send(body);
  }
}

function problemOf(error: unknown, contentType: string | undefined): Problem {
  if (error instanceof Problem) return error;
  const status = error instanceof HttpException ? error.getStatus() : (error as { statusCode?: number }).statusCode;
  // Our own 400s are Problems: what the framework calls one is a body that its JSON parser refused.
  if (status === 400 && contentType?.startsWith('application/json')) return new Problem('malformed_json', { cause: error });
  const known = STATUS_PROBLEMS[status ?? 500] ?? (status !== undefined && status >= 400 && status < 500 ? 'bad_request' : undefined);
  if (known) return new Problem(known, { cause: error });
  return databaseProblemOf(error) ?? new Problem('internal', { cause: error });
}
