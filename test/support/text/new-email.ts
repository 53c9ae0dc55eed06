import { randomUUID } from 'node:crypto';
import type { NewEmail } from '../../../src/mail/outbox/email-rows.js';

/**
 * What the outbox takes: a message without a template to ada@example.com in the default lane, but for what is said
 * otherwise.
 */
export function newEmail(more: Partial<NewEmail> = {}): NewEmail {
  const id = more.id ?? randomUUID();
  return {
    id,
    lane: 'default',
    from: 'no-reply@example.com',
    to: 'ada@example.com',
    toCanonical: 'ada@example.com',
    recipients: null,
    replyTo: null,
    template: null,
    locale: 'en',
    sealedVariables: new Uint8Array([1, 2, 3]),
    sealKeyId: 'test',
    content: null,
    partOf: null,
    secret: false,
    subject: null,
    tags: [],
    metadata: null,
    maxAttempts: 3,
    scheduledAt: null,
    expiresAt: null,
    livesMs: null,
    supersedeKey: null,
    messageId: `<${id}@example.com>`,
    apiKeyId: null,
    requestId: null,
    traceparent: null,
    ...more,
  };
}
