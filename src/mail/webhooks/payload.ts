import { randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import type { Keyring } from '../../core/keyring.js';
import { sealContext, type SealedColumn } from '../../database/resealing.js';
import type { EmailStatus } from '../../generated/prisma/enums.js';
import { resendBodyOf } from './resend-form-policy.js';
import type { ClaimedDelivery, ClaimedEndpoint, EmailEventFacts } from './webhook-outbox.js';

/** The secrets that sign the calls of each endpoint. */
export const SEALED_SECRETS: SealedColumn = {
  kind: 'webhook secrets',
  table: 'webhook_endpoints',
  idType: 'uuid',
  column: 'sealed_secret',
  keyColumn: 'seal_key_id',
  context: 'webhook-endpoint',
};
/** A secret moves here when it is rotated, as it was sealed: both columns have one context. */
export const SEALED_PREVIOUS_SECRETS: SealedColumn = {
  ...SEALED_SECRETS,
  column: 'sealed_previous_secret',
  keyColumn: 'previous_seal_key_id',
};

type SealedSecrets = Pick<
  ClaimedEndpoint,
  'id' | 'sealedSecret' | 'sealKeyId' | 'sealedPreviousSecret' | 'previousSealKeyId'
>;

/**
 * The secrets that sign, the newest first.
 * @throws UnsealError when they were sealed with a secret that is not configured here
 */
export function secretsOf(keyring: Keyring, endpoint: SealedSecrets): string[] {
  const { id, sealedSecret, sealKeyId, sealedPreviousSecret, previousSealKeyId } = endpoint;
  const secrets = [keyring.open({ keyId: sealKeyId, bytes: sealedSecret }, sealContext(SEALED_SECRETS, id))];
  if (sealedPreviousSecret && previousSealKeyId) {
    secrets.push(
      keyring.open({ keyId: previousSealKeyId, bytes: sealedPreviousSecret }, sealContext(SEALED_SECRETS, id)),
    );
  }
  return secrets;
}

/** Bytes; Standard Webhooks wants 24 to 64. */
const SECRET_BYTES = 32;

/** As its owner gets it: `whsec_` and base64. */
export function newSecret(): string {
  return `whsec_${randomBytes(SECRET_BYTES).toString('base64')}`;
}

interface SignedMessage {
  id: string;
  /** Seconds since 1970. */
  timestamp: number;
  /** Exactly as it goes over the wire. */
  body: string;
}

/** The value of `webhook-signature` (Standard Webhooks 1.0, symmetric): one for each secret, separated by spaces. */
export function sign({ id, timestamp, body }: SignedMessage, secrets: readonly string[]): string {
  return secrets.map((secret) => new Webhook(secret).sign(id, new Date(timestamp * 1_000), body)).join(' ');
}

/** States in which a provider's id is known. */
const HANDED_OVER: readonly EmailStatus[] = ['sent', 'delivered', 'bounced', 'complained'];

/**
 * The body of a webhook, as Standard Webhooks wants it: `{type, timestamp, data}`. Facts of that moment and such as
 * never change, so that every attempt says the same. Never content, variables or codes.
 * @returns undefined when what it tells of was removed from the record
 */
export function bodyOf({ type, createdAt, payload, event, endpoint }: ClaimedDelivery): string | undefined {
  if (endpoint.format === 'resend') return inResendForm({ type, createdAt, payload, event });
  if (event) return JSON.stringify({ type, timestamp: event.at.toISOString(), data: dataOf(event) });
  if (payload) return JSON.stringify({ type, timestamp: createdAt.toISOString(), data: payload });
  return undefined;
}

type Told = Pick<ClaimedDelivery, 'type' | 'createdAt' | 'payload' | 'event'>;

/** The same facts as Resend tells them; signed in the same way. */
function inResendForm({ type, createdAt, payload, event }: Told): string | undefined {
  if (event) return JSON.stringify(resendBodyOf(event));
  if (payload) return JSON.stringify({ type, created_at: createdAt.toISOString(), data: payload });
  return undefined;
}

function dataOf(event: EmailEventFacts): Record<string, unknown> {
  return {
    id: event.emailId,
    to: event.to,
    template: event.template,
    lane: event.lane,
    status: event.status,
    attempt: event.attempt,
    transport: event.transport,
    reply: event.reply,
    errorCode: event.errorCode,
    messageId: event.messageId,
    providerMessageId: HANDED_OVER.includes(event.status) ? event.providerMessageId : null,
    createdAt: event.createdAt.toISOString(),
    scheduledAt: event.scheduledAt?.toISOString() ?? null,
    expiresAt: event.expiresAt?.toISOString() ?? null,
    tags: event.tags,
    metadata: event.metadata ?? {},
    splitFrom: event.splitFrom,
  };
}
