import type { EmailEventFacts } from './webhook-outbox.js';

type EmailStatus = EmailEventFacts['status'];

/** What Resend calls the states of a message, for `last_event` and in the types of webhooks. */
const LAST_EVENTS = {
  scheduled: 'scheduled',
  queued: 'queued',
  sending: 'queued',
  deferred: 'delivery_delayed',
  sent: 'sent',
  unknown: 'sent',
  delivered: 'delivered',
  bounced: 'bounced',
  complained: 'complained',
  failed: 'failed',
  expired: 'failed',
  suppressed: 'suppressed',
  cancelled: 'canceled',
} satisfies Record<EmailStatus, string>;

export function lastEventOf(status: EmailStatus): string {
  return LAST_EVENTS[status];
}

/**
 * States of which Resend has no webhook: readers that know its types refuse others, and would be sent them for days.
 */
const NOT_TOLD: ReadonlySet<EmailStatus> = new Set(['queued', 'sending', 'cancelled']);

export function isToldToResend(status: EmailStatus): boolean {
  return !NOT_TOLD.has(status);
}

/** A tag as `GET /v1/emails?tag=` finds it. */
export function labelOf(name: string, value: string): string {
  return `${name}:${value}`;
}

/** Tags as they were given, in their order as far as it was kept. Tags that are words alone have no value. */
export function tagsOf(
  tags: readonly string[],
  metadata: Readonly<Record<string, string>>,
): { name: string; value: string }[] {
  const named = Object.entries(metadata).map(([name, value]) => ({ name, value }));
  const placeOf = ({ name, value }: { name: string; value: string }): number => {
    const place = tags.indexOf(labelOf(name, value));
    return place < 0 ? tags.length : place;
  };
  const labels = new Set(named.map(({ name, value }) => labelOf(name, value)));
  const words = tags.filter((tag) => !labels.has(tag)).map((name) => ({ name, value: '' }));
  return [...named.sort((left, right) => placeOf(left) - placeOf(right)), ...words];
}

/** What is told of a change of a message. */
type ToldEvent = Pick<
  EmailEventFacts,
  | 'at'
  | 'emailId'
  | 'status'
  | 'messageId'
  | 'from'
  | 'to'
  | 'subject'
  | 'template'
  | 'reply'
  | 'errorCode'
  | 'createdAt'
  | 'tags'
  | 'metadata'
>;

/** The body of a webhook as Resend's own are; `data` has further members for what went wrong. */
export function resendBodyOf(event: ToldEvent): object {
  const { at, emailId, status, messageId, from, to, subject, template, createdAt, tags, metadata } = event;
  return {
    type: `email.${lastEventOf(status)}`,
    created_at: at.toISOString(),
    data: {
      ...{ created_at: createdAt.toISOString(), email_id: emailId, message_id: messageId, from, to: [to] },
      subject: subject ?? '',
      ...(template === null ? {} : { template_id: template }),
      tags: Object.fromEntries(tagsOf(tags, metadata ?? {}).map(({ name, value }) => [name, value])),
      ...whyOf(event),
      ...(status === 'unknown' ? { otpost_status: status } : {}),
    },
  };
}

function whyOf({ status, reply, errorCode }: ToldEvent): object {
  const message = reply ?? errorCode ?? status;
  if (status === 'bounced') return { bounce: { message, type: 'Permanent', subType: 'General' } };
  if (status === 'failed' || status === 'expired') return { failed: { reason: errorCode ?? status } };
  if (status === 'suppressed') return { suppressed: { message, type: errorCode ?? status } };
  return {};
}
