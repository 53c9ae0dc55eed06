import type { FastifyRequest } from 'fastify';

/** Looks at the head of a request before its body is read. */
export interface Doorkeeper {
  /** @throws Problem for whoever may not send one */
  admit(request: FastifyRequest): Promise<void>;
}
