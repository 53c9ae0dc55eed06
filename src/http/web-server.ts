import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import type { IncomingMessage } from 'node:http';
import { uuidv7 } from '../core/ids.js';
import type { Logger } from '../core/logger.js';
import { Problem } from '../core/problems.js';

/** Bytes; a registration is a few hundred. */
export const BODY_LIMIT = 64 * 1024;
/** Milliseconds to receive a request. */
const REQUEST_TIMEOUT_MS = 30_000;

/** Fastify as we run it: small bodies, a request id on everything. Forwarded headers are not believed. */
export function fastifyAdapter(): FastifyAdapter {
  return new FastifyAdapter({
    bodyLimit: BODY_LIMIT,
    requestTimeout: REQUEST_TIMEOUT_MS,
    genReqId: requestIdOf,
    logger: false,
    forceCloseConnections: 'idle',
    frameworkErrors: (_error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
      const problem = new Problem('bad_request');
      void reply
        .status(problem.status)
        .headers({ 'content-type': 'application/problem+json', 'x-request-id': request.id })
        .send(JSON.stringify(problem.toDocument(request.id)));
    },
  });
}

/** The API speaks JSON only; forms are for pages. */
export function refuseOtherBodies(app: NestFastifyApplication): void {
  const fastify = app.getHttpAdapter().getInstance();
  fastify.removeContentTypeParser('text/plain');
  fastify.addHook('onRequest', async (request) => {
    const isForm = request.headers['content-type']?.startsWith('application/x-www-form-urlencoded');
    if (isForm && request.url.startsWith('/v1/')) throw new Problem('unsupported_media_type');
  });
}

/** One line a request: the route's pattern and not its URL, for ids and addresses stand in URLs. */
export function logRequests(app: NestFastifyApplication, log: Logger): void {
  const fastify = app.getHttpAdapter().getInstance();
  fastify.addHook('onRequest', async (request, reply) => {
    reply.headers({ 'x-request-id': request.id, 'x-content-type-options': 'nosniff' });
  });
  fastify.addHook('onResponse', async (request: FastifyRequest, reply) => {
    const { method } = request;
    const route = request.routeOptions.url ?? 'unmatched';
    const facts = { requestId: request.id, method, route, status: reply.statusCode, ms: Math.round(reply.elapsedTime) };
    const quiet = route.startsWith('/health') || route.startsWith('/inbox');
    log[quiet ? 'debug' : 'info'](facts, 'request');
  });
}

/** The caller's own id when it is a harmless one, so that its logs and ours can be joined. */
function requestIdOf(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && /^[\w.-]{8,64}$/.test(given) ? given : uuidv7(new Date());
}
