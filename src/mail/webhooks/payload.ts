import type { EmailStatus } from '../../generated/prisma/enums.js';
import type { ClaimedDelivery, EmailEventFacts } from './webhook-rows.js';

/** States in which a provider's id is known. */
const HANDED_OVER: readonly EmailStatus[] = ['sent', 'delivered', 'bounced', 'complained'];

/**
 * The body of a webhook, as Standard Webhooks wants it: `{type, timestamp, data}`. Facts of that moment and such as never
 * change, so that every attempt says the same. Never content, variables or codes.
 * @returns undefined when what it tells of was removed from the record
 */
export function bodyOf({ type, createdAt, payload, event }: ClaimedDelivery): string | undefined {
  if (event) return JSON.stringify({ type, timestamp: event.at.toISOString(), data: dataOf(event) });
  if (payload) return JSON.stringify({ type, timestamp: createdAt.toISOString(), data: payload });
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
  };
}
