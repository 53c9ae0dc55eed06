import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { localeAskedFor } from './locales.js';

/** Takes the same time wherever the two differ, and whatever their lengths. */
export function sameSecret(left: string | Buffer, right: string | Buffer): boolean {
  const digest = (secret: string | Buffer) => createHash('sha256').update(secret).digest();
  return timingSafeEqual(digest(left), digest(right));
}

/** The token of `Authorization: Bearer <token>` (RFC 6750 §2.1). */
export function bearerOf(authorization: string | undefined): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
}

/** How random tokens are kept. With 128 random bits and more there is nothing to guess, so no slow hash is needed. */
export function hashOfToken(token: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createHash('sha256').update(token).digest());
}

/** Looks at the head of a request before its body is read. */
export interface Doorkeeper {
  /** @throws Problem for whoever may not send one */
  admit(request: FastifyRequest): Promise<void>;
}

/** Where a request came from, as far as it tells. */
export interface RequestSource {
  requestId: string;
  /** Of the connection, or what trusted proxies say (TRUSTED_PROXIES). */
  ip: string;
  userAgent: string | undefined;
  /** What a device that signed in before shows for a budget of its own; see otp/device-token.ts. */
  deviceToken: string | undefined;
  /** The language that Accept-Language asks for, of those that mails have; undefined where it asks for none of them. */
  locale?: string | undefined;
}

/** What a client keeps from a sign-in and shows again. */
export const DEVICE_HEADER = 'otpost-device';

export function sourceOf({ id, ip, headers }: FastifyRequest): RequestSource {
  const device = headers[DEVICE_HEADER];
  return {
    requestId: id,
    ip,
    userAgent: headers['user-agent'],
    deviceToken: typeof device === 'string' ? device : undefined,
    locale: localeAskedFor(headers['accept-language']),
  };
}
