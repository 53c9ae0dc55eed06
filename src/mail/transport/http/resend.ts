import type { ComposedMessage } from '../transport.js';
import { ENDPOINTS } from './endpoints.js';
import { headersOf, ID_NAME, jsonRequest, mailboxOf, oneLine, type Provider, type ProviderAnswer, type ProviderRequest, textAt, writeMailbox } from './provider.js';
import { quotaUsedUp, type ReplyRow, senderRefused, takenBefore } from './provider-reply.js';

const ROWS: readonly ReplyRow[] = [
  { condition: 'daily or monthly quota used up', when: { code: /^(daily|monthly)_quota_exceeded$/ }, then: quotaUsedUp },
  { condition: 'the domain of the sender is not verified', when: { status: [403], code: /^validation_error$/ }, then: senderRefused },
  { condition: 'sent before, or being sent', when: { code: /^(invalid_idempotent_request|concurrent_idempotent_requests)$/ }, then: takenBefore },
];

/**
 * https://resend.com/docs/api-reference/emails/send-email, /errors, and /docs/dashboard/emails/idempotency-keys: a key of
 * at most 256 characters is kept for 24 h, and the same request gets the same answer. Writes a Message-ID of its own.
 */
export class Resend implements Provider {
  readonly name = 'resend';
  readonly idempotent = true;
  readonly rows = ROWS;

  constructor(
    private readonly key: string,
    private readonly endpoint: string = ENDPOINTS.resend,
  ) {}

  request(message: ComposedMessage): ProviderRequest {
    const { id, from, to, replyTo, subject, text, html } = message;
    return jsonRequest(
      `${this.endpoint}/emails`,
      { authorization: `Bearer ${this.key}`, 'idempotency-key': id, 'user-agent': 'otpost' }, // without an agent: 403
      {
        from: writeMailbox(mailboxOf(from)),
        to: [mailboxOf(to).address],
        ...(replyTo ? { reply_to: writeMailbox(mailboxOf(replyTo)) } : {}),
        subject: oneLine(subject),
        ...(text ? { text } : {}),
        ...(html ? { html } : {}),
        headers: headersOf(message),
        tags: [{ name: ID_NAME, value: id }],
      },
    );
  }

  read({ json }: ProviderAnswer): ReturnType<Provider['read']> {
    return { id: textAt(json, 'id'), code: textAt(json, 'name'), message: textAt(json, 'message') };
  }
}
