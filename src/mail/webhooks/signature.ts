import { createHmac, randomBytes } from 'node:crypto';

/** Bytes; Standard Webhooks wants 24 to 64. */
const SECRET_BYTES = 32;
const SECRET_START = 'whsec_';

/** As its owner gets it: `whsec_` and base64. */
export function newSecret(): string {
  return SECRET_START + randomBytes(SECRET_BYTES).toString('base64');
}

export interface SignedMessage {
  id: string;
  /** Seconds since 1970. */
  timestamp: number;
  /** Exactly as it goes over the wire. */
  body: string;
}

/**
 * The value of `webhook-signature` (Standard Webhooks 1.0, symmetric): HMAC-SHA-256 over `id.timestamp.body`, one for
 * each secret, separated by spaces.
 */
export function sign({ id, timestamp, body }: SignedMessage, secrets: readonly string[]): string {
  return secrets
    .map((secret) => {
      const key = Buffer.from(secret.slice(SECRET_START.length), 'base64');
      return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
    })
    .join(' ');
}
