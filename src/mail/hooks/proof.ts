import { createHmac } from 'node:crypto';
import { bearerOf, sameSecret } from '../../core/credentials.js';
import { AUTHENTIC, type HookRequest, type Proof, refused } from './provider-event.js';

const MINUTE = 60_000;
/** Milliseconds by which a provider's clock may be ahead of ours, or behind where it signs each attempt anew. */
export const CLOCKS_DIFFER = 5 * MINUTE;

export function headerOf({ headers }: HookRequest, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** @param seconds since 1970, as text; ten digits, so that none can be moved to or from what is signed next to it @param oldest milliseconds */
export function isFresh(seconds: string, now: Date, oldest = CLOCKS_DIFFER): boolean {
  if (!/^\d{10}$/.test(seconds)) return false;
  const age = now.getTime() - Number(seconds) * 1_000;
  return age <= oldest && age >= -CLOCKS_DIFFER;
}

export function hmacSha256(key: string | Buffer, ...parts: (string | Buffer)[]): Buffer {
  const hmac = createHmac('sha256', key);
  for (const part of parts) hmac.update(part);
  return hmac.digest();
}

/** RFC 7617 */
export function proveBasic(request: HookRequest, { user, password }: { user: string; password: string }): Proof {
  const encoded = /^Basic +([A-Za-z0-9+/]+={0,2}) *$/i.exec(headerOf(request, 'authorization') ?? '')?.[1];
  if (encoded === undefined) return refused('unsigned');
  return sameSecret(Buffer.from(encoded, 'base64'), `${user}:${password}`) ? AUTHENTIC : refused('forged');
}

/** RFC 6750 */
export function proveBearer(request: HookRequest, token: string): Proof {
  const given = bearerOf(headerOf(request, 'authorization'));
  if (given === undefined) return refused('unsigned');
  return sameSecret(given, token) ? AUTHENTIC : refused('forged');
}
