import type { FastifyRequest } from 'fastify';

/** Whether the API answers, by its route: a URL has many spellings (RFC 3986 §6.2.2.2), such as /%761 for /v1. */
export function isApiRoute({ routeOptions }: FastifyRequest): boolean {
  return routeOptions.url?.startsWith('/v1/') === true;
}
