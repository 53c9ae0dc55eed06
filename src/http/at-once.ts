import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify';

/**
 * A hook of Fastify that waits for nothing. An async one costs a promise and a turn of the queue in every request, and
 * each request passes eight of them.
 */
export function atOnce(look: (request: FastifyRequest, reply: FastifyReply) => void) {
  return (request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction): void => {
    try {
      look(request, reply);
    } catch (error) {
      return done(error as Error);
    }
    done();
  };
}
