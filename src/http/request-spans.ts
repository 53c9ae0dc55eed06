import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { bearerOf } from '../core/credentials.js';
import { NO_SPAN, type Span, type Tracing } from '../core/tracing.js';
import { isQuiet } from './web-server.js';

/**
 * One span a request, the root of what it causes. A back end with an API key may carry its own trace on into ours with
 * `traceparent`; a stranger's is not believed, for it says whether a trace is kept.
 */
export function traceRequests(app: NestFastifyApplication, tracing: Tracing, keyStart: string): void {
  const spans = new WeakMap<FastifyRequest, Span>();
  const fastify = app.getHttpAdapter().getInstance();
  fastify.addHook('onRequest', async (request) => {
    const { method, routeOptions, headers } = request;
    const route = routeOptions.url;
    if (route === undefined || isQuiet(route)) return;
    const parent = bearerOf(headers.authorization)?.startsWith(keyStart) ? headers['traceparent'] : undefined;
    const attributes = { 'http.request.method': method, 'http.route': route, 'otpost.request_id': request.id };
    spans.set(request, tracing.start(`${method} ${route}`, 'server', attributes, typeof parent === 'string' ? parent : undefined));
  });
  // Here and not before: the body is read in the context of its socket.
  fastify.addHook('preHandler', (request, _reply, done) => tracing.enter(spans.get(request) ?? NO_SPAN, done));
  fastify.addHook('onResponse', async (request, { statusCode }) => {
    const span = spans.get(request);
    span?.note({ 'http.response.status_code': statusCode });
    span?.end(statusCode >= 500 ? String(statusCode) : undefined);
  });
  // The caller hung up: no response is sent, and `onResponse` is not called.
  fastify.addHook('onRequestAbort', async (request) => spans.get(request)?.end('aborted'));
}
