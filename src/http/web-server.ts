import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import type { IncomingMessage, RequestListener } from 'node:http';
import type { TrustedProxies } from '../config/trusted-proxies.js';
import { uuidv7 } from '../core/ids.js';
import type { Logger } from '../core/logger.js';
import { Problem } from '../core/problems.js';
import { isApiRoute } from './api-route.js';
import { asDocument, type ProblemWriter } from './problem-writer.js';
import { isContinue, requestFault } from './request-policy.js';
import { BARE_HEADERS } from './security-headers.js';
import { SOCKET_BOUNDS } from './socket-policy.js';
import { boundedServer, type ServerTimes } from './sockets.js';
import { trustOf } from './trusted-proxies.js';

/** Bytes, unless a route asks for more; a registration is a few hundred. */
export const BODY_LIMIT = 64 * 1024;
/** Stands in for the type of bodies that are not to be parsed. */
const RAW_BODY = 'application/vnd.otpost.raw';
const TIMES: ServerTimes = { requestMs: 30_000, keepAliveMs: 72_000, checkEveryMs: 10_000 };

/**
 * Fastify as we run it: small bodies, a request id on everything. Forwarded headers are believed of `trusted` only; what is
 * refused before there is a route is told by `write`.
 */
export function fastifyAdapter(trusted?: TrustedProxies, write: ProblemWriter = asDocument): FastifyAdapter {
  const adapter = new FastifyAdapter({
    trustProxy: trustOf(trusted),
    bodyLimit: BODY_LIMIT,
    genReqId: requestIdOf,
    logger: false,
    forceCloseConnections: 'idle',
    return503OnClosing: false, // what was received before the listener closed is answered
    serverFactory: (answer: RequestListener) => boundedServer(answer, TIMES, SOCKET_BOUNDS, write),
    clientErrorHandler: () => undefined, // the server has its own
    frameworkErrors: (_error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
      const problem = new Problem('bad_request');
      const { headers, body } = write(problem, request.id, { accept: request.headers.accept, url: request.url });
      void reply.status(problem.status).headers({ ...BARE_HEADERS, ...headers, 'x-request-id': request.id }).send(body);
    },
  });
  adapter.getInstance().addHook('onRequest', async ({ raw, id }, reply) => {
    const fault = requestFault(raw);
    if (!fault) return;
    reply.headers({ ...BARE_HEADERS, 'x-request-id': id });
    throw fault;
  });
  // Here the body is about to be read: nothing that is before it had an objection.
  adapter.getInstance().addHook('preParsing', async ({ headers }, reply) => {
    if (isContinue(headers.expect)) reply.raw.writeContinue();
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
  fastify.addHook('onRequest', async (request) => {
    // Clients that name JSON on every call also do so where there is no body.
    if (request.headers['content-length'] === '0') delete request.headers['content-type'];
    // In any letters, as the parsers take it (RFC 9110 §8.3.1).
    const isForm = /^(application\/x-www-form-urlencoded|multipart\/form-data)/i.test(request.headers['content-type'] ?? '');
    if (isForm && isApiRoute(request)) throw new Problem('unsupported_media_type');
    refuseEncodings(request);
    if (wantsRawBody(request)) request.headers['content-type'] = RAW_BODY;
  });
  fastify.addContentTypeParser(RAW_BODY, { parseAs: 'buffer' }, (request, body, done) => {
    if (wantsRawBody(request)) done(null, body);
    else done(new Problem('unsupported_media_type'));
  });
}

/** JSON is UTF-8 (RFC 8259 §8.1), and nothing is unpacked: a small body that is packed may be a large one (RFC 9110 §8.4). */
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

/** What is asked every few seconds, and would drown the rest. */
export function isQuiet(route: string): boolean {
  return ['/health', '/inbox', '/metrics'].some((start) => route.startsWith(start));
}

/** One line a request: the route's pattern and not its URL, for ids and addresses stand in URLs. */
export function logRequests(app: NestFastifyApplication, log: Logger): void {
  const fastify = app.getHttpAdapter().getInstance();
  fastify.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
  });
  fastify.addHook('onResponse', async (request: FastifyRequest, reply) => {
    const { method } = request;
    const route = request.routeOptions.url ?? 'unmatched';
    const facts = { requestId: request.id, method, route, status: reply.statusCode, ms: Math.round(reply.elapsedTime) };
    log[isQuiet(route) ? 'debug' : 'info'](facts, 'request');
  });
}

/** The caller's own id when it is a harmless one, so that its logs and ours can be joined. */
function requestIdOf(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && /^[\w.-]{8,64}$/.test(given) ? given : uuidv7(new Date());
}
