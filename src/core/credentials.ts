import { createHash, timingSafeEqual } from 'node:crypto';

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
