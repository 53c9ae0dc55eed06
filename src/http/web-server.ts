import type { IncomingMessage, RequestListener } from 'node:http';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyError, FastifyReply, FastifyRequest, FastifyServerOptions } from 'fastify';
import type { TrustedProxies } from '../config/networks.js';
import { bodyTypeOf, noteBodyType } from '../core/streamed-body.js';
import { bearerOf } from '../core/credentials.js';
import { uuidv7 } from '../core/ids.js';
import type { Logger } from '../core/logger.js';
import { Problem } from '../core/problems.js';
import { NO_SPAN, type Span, type Tracing } from '../core/tracing.js';
import { atOnce } from './at-once.js';
import type { LargeBodies } from './large-bodies.js';
import { asDocument, askedBy, type ProblemWriter } from './problem-writer.js';
import { BARE_HEADERS, isApiRoute } from './security-headers.js';
import { SOCKET_BOUNDS } from './socket-policy.js';
import { boundedServer, type ServerTimes } from './sockets.js';

interface RequestHead {
  httpVersion: string;
  headers: { expect?: string | undefined };
  /** Names and values in turn, as they came. */
  rawHeaders: readonly string[];
}

/** What HTTP itself refuses, and Node would answer without a word of explanation or not at all. */
export function requestFault({ httpVersion, headers, rawHeaders }: RequestHead): Problem | undefined {
  if (!/^[01]\./.test(httpVersion)) return new Problem('http_version_not_supported');
  const hosts = rawHeaders.filter((name, at) => at % 2 === 0 && name.toLowerCase() === 'host').length;
  // RFC 9112 §3.2
  if (hosts > 1) return badHost('The request names more than one host.');
  if (hosts === 0 && httpVersion === '1.1') return badHost('The request names no host.');
  if (headers.expect !== undefined && !isContinue(headers.expect)) return new Problem('expectation_failed');
  return undefined;
}

/** RFC 9110 §10.1.1: the only expectation there is. */
export function isContinue(expectation: string | undefined): boolean {
  return expectation?.toLowerCase() === '100-continue';
}

function badHost(detail: string): Problem {
  return new Problem('bad_request', { detail, remedy: 'Send one header "Host" with the name that the URL has.' });
}

/**
 * Whose X-Forwarded-For Fastify believes. A number of hops is a function here: Fastify 5 takes a number and then trusts
 * nobody, because it cannot know that the connection comes from a proxy. Who sets one says that it does.
 */
export function trustOf(trusted: TrustedProxies | undefined): NonNullable<FastifyServerOptions['trustProxy']> {
  switch (trusted?.kind) {
    case undefined:
      return false;
    case 'hops':
      return (_address, hop) => hop < trusted.hops;
    case 'networks':
      return trusted.networks.map(({ address, prefix }) => `${address}/${prefix}`);
  }
}

/** Says once that a proxy seems to stand in front and is not believed, for then all its visitors share one limit. */
export function warnOfForwarded(app: NestFastifyApplication, trusted: TrustedProxies | undefined, log: Logger): void {
  if (trusted) return;
  let warned = false;
  app
    .getHttpAdapter()
    .getInstance()
    .addHook(
      'onRequest',
      atOnce(({ headers, socket }) => {
        if (warned || headers['x-forwarded-for'] === undefined) return;
        warned = true;
        log.warn(
          { from: socket.remoteAddress },
          'a request carries X-Forwarded-For, which is ignored: if a proxy of yours stands in front, name it (TRUSTED_PROXIES=<its address or network>) ' +
            'or count them (TRUSTED_PROXIES=1); until then all its visitors count as one address for limits',
        );
      }),
    );
}

/** Bytes, unless a route asks for more; a registration is a few hundred. */
const BODY_LIMIT = 64 * 1024;
/** Stands in for the type of bodies that are not to be parsed. */
const RAW_BODY = 'application/vnd.otpost.raw';
/** And of those that the handler reads as they come. */
const STREAMED_BODY = 'application/vnd.otpost.streamed';
const TIMES: ServerTimes = { requestMs: 30_000, keepAliveMs: 72_000, checkEveryMs: 10_000 };

/**
 * No route has a JSON Schema: classes say what comes in. Loading Fastify's compilers of them takes a twentieth of a
 * start.
 */
function noSchemas(): never {
  throw new Error('Routes have no JSON Schema here.');
}

/**
 * Fastify as we run it: small bodies, a request id on everything. Forwarded headers are believed of `trusted` only;
 * what is refused before there is a route is told by `write`.
 */
export function fastifyAdapter(trusted?: TrustedProxies, write: ProblemWriter = asDocument): FastifyAdapter {
  const adapter = new FastifyAdapter({
    trustProxy: trustOf(trusted),
    bodyLimit: BODY_LIMIT,
    genReqId: requestIdOf,
    logger: false,
    forceCloseConnections: 'idle',
    schemaController: { compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas } },
    return503OnClosing: false, // what was received before the listener closed is answered
    serverFactory: (answer: RequestListener) => boundedServer(answer, TIMES, SOCKET_BOUNDS, write),
    clientErrorHandler: () => undefined, // the server has its own
    frameworkErrors: (_error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
      const problem = new Problem('bad_request');
      const { status, headers, body } = write(problem, request.id, askedBy(request));
      void reply
        .status(status)
        .headers({ ...BARE_HEADERS, ...headers, 'x-request-id': request.id })
        .send(body);
    },
  });
  adapter.getInstance().addHook(
    'onRequest',
    atOnce(({ raw, id }, reply) => {
      const fault = requestFault(raw);
      if (!fault) return;
      reply.headers({ ...BARE_HEADERS, 'x-request-id': id });
      throw fault;
    }),
  );
  // Here the body is about to be read: nothing that is before it had an objection.
  adapter.getInstance().addHook('preParsing', ({ headers }, reply, payload, done) => {
    if (isContinue(headers.expect)) reply.raw.writeContinue();
    done(null, payload);
  });
  // A route that needs more says so with @RouteConfig({ bodyLimit }); Nest has no option of its own for it.
  adapter.getInstance().addHook('onRoute', (route) => {
    const { bodyLimit } = (route.config ?? {}) as { bodyLimit?: number };
    if (bodyLimit !== undefined) route.bodyLimit = bodyLimit;
  });
  return adapter;
}

/** The API speaks JSON only; forms are for pages. */
export function refuseOtherBodies(app: NestFastifyApplication): void {
  const fastify = app.getHttpAdapter().getInstance();
  fastify.removeContentTypeParser('text/plain');
  // How some mail programs send their one click to unsubscribe (RFC 8058 §3.1); what stands in it is always the same.
  fastify.addContentTypeParser('multipart/form-data', { parseAs: 'buffer' }, (_request, _body, done) => done(null, {}));
  fastify.addHook(
    'onRequest',
    atOnce((request) => {
      // Clients that name JSON on every call also do so where there is no body.
      if (request.headers['content-length'] === '0') delete request.headers['content-type'];
      // In any letters, as the parsers take it (RFC 9110 §8.3.1).
      const isForm = /^(application\/x-www-form-urlencoded|multipart\/form-data)/i.test(
        request.headers['content-type'] ?? '',
      );
      if (isForm && isApiRoute(request) && !takesForms(request)) throw new Problem('unsupported_media_type');
      refuseEncodings(request);
      if (wantsRawBody(request)) request.headers['content-type'] = RAW_BODY;
      if (wantsStream(request)) {
        refuseOtherThanBytes(request);
        request.headers['content-type'] = STREAMED_BODY;
      }
    }),
  );
  fastify.addContentTypeParser(RAW_BODY, { parseAs: 'buffer' }, (request, body, done) => {
    if (wantsRawBody(request)) done(null, body);
    else done(new Problem('unsupported_media_type'));
  });
  fastify.addContentTypeParser(STREAMED_BODY, (request, body, done) => {
    if (wantsStream(request)) done(null, body);
    else done(new Problem('unsupported_media_type'));
  });
}

/**
 * A file says that it is one, or where the route names types with @RouteConfig({ types }), which: JSON or a form would
 * be kept as it is, and surprise whoever sent it.
 */
function refuseOtherThanBytes({ headers, raw, routeOptions }: FastifyRequest): void {
  const { types = ['application/octet-stream'] } = routeOptions.config as { types?: readonly string[] };
  noteBodyType(raw, headers['content-type'] ?? '');
  if (headers['content-length'] === '0' || types.includes(bodyTypeOf(raw)!)) return;
  throw new Problem('unsupported_media_type', {
    detail: `The body is not declared as ${types.length === 1 ? 'a file' : types.join(' or ')}.`,
    remedy: `Send it as it is, with "Content-Type: ${types.join('" or "')}".`,
  });
}

/**
 * JSON is UTF-8 (RFC 8259 §8.1), and nothing is unpacked: a small body that is packed may be a large one (RFC 9110
 * §8.4).
 */
function refuseEncodings({ headers }: FastifyRequest): void {
  const charset = /^application\/json.*;\s*charset="?([^";\s]+)/i.exec(headers['content-type'] ?? '')?.[1];
  if (charset !== undefined && !/^(utf-8|utf8|us-ascii)$/i.test(charset)) {
    throw new Problem('unsupported_media_type', { detail: 'The body is not UTF-8.', remedy: 'Send it in UTF-8.' });
  }
  const coding = headers['content-encoding'];
  if (coding !== undefined && coding.toLowerCase() !== 'identity') {
    throw new Problem('unsupported_media_type', {
      detail: 'The body is compressed.',
      remedy: 'Send it as it is, without Content-Encoding.',
      headers: { 'accept-encoding': 'identity' },
    });
  }
}

/** A route that takes the bytes as they came, of whatever type, says so with @RouteConfig({ rawBody: true }). */
function wantsRawBody({ routeOptions }: FastifyRequest): boolean {
  return (routeOptions.config as { rawBody?: boolean }).rawBody === true;
}

/**
 * Some providers tell what became of a message as a form, with a proof over it; a route says which with @RouteConfig({
 * forms }).
 */
function takesForms({ routeOptions, params }: FastifyRequest): boolean {
  const { forms } = routeOptions.config as { forms?: (params: unknown) => boolean };
  return forms?.(params) ?? false;
}

/**
 * A route that reads a file as it comes says so with @RouteConfig({ large: 'streamed' }), and itself bounds how much it
 * reads.
 */
function wantsStream({ routeOptions }: FastifyRequest): boolean {
  return (routeOptions.config as { large?: LargeBodies }).large === 'streamed';
}

/** What is asked every few seconds, and would drown the rest. */
function isQuiet(route: string): boolean {
  return ['/health', '/inbox', '/metrics', '/operations', '/v1/operations/overview', '/v1/operations/events'].some(
    (start) => route.startsWith(start),
  );
}

/** One line a request: the route's pattern and not its URL, for ids and addresses stand in URLs. */
export function logRequests(app: NestFastifyApplication, log: Logger): void {
  const fastify = app.getHttpAdapter().getInstance();
  fastify.addHook(
    'onRequest',
    atOnce((request, reply) => void reply.header('x-request-id', request.id)),
  );
  fastify.addHook(
    'onResponse',
    atOnce((request, reply) => {
      const { method } = request;
      const route = request.routeOptions.url ?? 'unmatched';
      const facts = {
        requestId: request.id,
        method,
        route,
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime),
      };
      log[isQuiet(route) ? 'debug' : 'info'](facts, 'request');
    }),
  );
}

/** The caller's own id when it is a harmless one, so that its logs and ours can be joined. */
function requestIdOf(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && /^[\w.-]{8,64}$/.test(given) ? given : uuidv7(new Date());
}

/**
 * One span a request, the root of what it causes. A back end with an API key may carry its own trace on into ours with
 * `traceparent`; a stranger's is not believed, for it says whether a trace is kept.
 */
export function traceRequests(app: NestFastifyApplication, tracing: Tracing, keyStart: string): void {
  const spans = new WeakMap<FastifyRequest, Span>();
  const fastify = app.getHttpAdapter().getInstance();
  fastify.addHook(
    'onRequest',
    atOnce((request) => {
      const { method, routeOptions, headers } = request;
      const route = routeOptions.url;
      if (route === undefined || isQuiet(route)) return;
      const parent = bearerOf(headers.authorization)?.startsWith(keyStart) ? headers['traceparent'] : undefined;
      const attributes = { 'http.request.method': method, 'http.route': route, 'otpost.request_id': request.id };
      spans.set(
        request,
        tracing.start(`${method} ${route}`, 'server', attributes, typeof parent === 'string' ? parent : undefined),
      );
    }),
  );
  // Here and not before: the body is read in the context of its socket.
  fastify.addHook('preHandler', (request, _reply, done) => tracing.enter(spans.get(request) ?? NO_SPAN, done));
  fastify.addHook(
    'onResponse',
    atOnce((request, { statusCode }) => {
      const span = spans.get(request);
      span?.note({ 'http.response.status_code': statusCode });
      span?.end(statusCode >= 500 ? String(statusCode) : undefined);
    }),
  );
  // The caller hung up: no response is sent, and `onResponse` is not called.
  fastify.addHook('onRequestAbort', async (request) => spans.get(request)?.end('aborted'));
}
