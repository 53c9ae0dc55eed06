import type { FastifyRequest } from 'fastify';

/** Where a request came from, as far as it tells. */
export interface RequestSource {
  requestId: string;
  /** Of the connection, or what trusted proxies say (TRUSTED_PROXIES). */
  ip: string;
  userAgent: string | undefined;
  /** What a device that signed in before shows for a budget of its own; see otp/device-token.ts. */
  deviceToken: string | undefined;
}

/** What a client keeps from a sign-in and shows again. */
export const DEVICE_HEADER = 'otpost-device';

export function sourceOf({ id, ip, headers }: FastifyRequest): RequestSource {
  const device = headers[DEVICE_HEADER];
  return { requestId: id, ip, userAgent: headers['user-agent'], deviceToken: typeof device === 'string' ? device : undefined };
}
