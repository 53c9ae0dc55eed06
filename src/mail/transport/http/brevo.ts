import { randomUUID } from 'node:crypto';
import type { ComposedMessage } from '../transport.js';
import { ENDPOINTS } from './endpoints.js';
import { headersOf, ID_NAME, jsonRequest, type Mailbox, mailboxOf, oneLine, type Provider, type ProviderAnswer, type ProviderRequest, textAt } from './provider.js';
import { keyRefused, quotaUsedUp, type ReplyRow, takenBefore } from './provider-reply.js';

const ROWS: readonly ReplyRow[] = [
  { condition: 'credits used up', when: { code: /^not_enough_credits$/ }, then: quotaUsedUp },
  { condition: 'the key was used before', when: { code: /^duplicate_(parameter|request)$/ }, then: takenBefore },
  { condition: 'key refused, or account under validation', when: { code: /^(unauthorized|permission_denied|account_under_validation)$/ }, then: keyRefused },
];

/**
 * https://developers.brevo.com/reference/sendtransacemail, and /docs/heterogenous-versions-batch-emails for the key: a
 * UUID, known for 30 minutes (15 by the changelog), and a request with a known one is refused as `duplicate_parameter`.
 * Whether a refused request uses its key up is not said, so each attempt has its own. Writes a Message-ID of its own.
 */
export class Brevo implements Provider {
  readonly name = 'brevo';
  readonly idempotent = true;
  readonly rows = ROWS;

  constructor(
    private readonly key: string,
    private readonly endpoint: string = ENDPOINTS.brevo,
  ) {}

  request(message: ComposedMessage): ProviderRequest {
    const { id, from, to, replyTo, subject, text, html } = message;
    return jsonRequest(
      `${this.endpoint}/v3/smtp/email`,
      { 'api-key': this.key },
      {
        sender: written(mailboxOf(from)),
        to: [{ email: mailboxOf(to).address }],
        ...(replyTo ? { replyTo: written(mailboxOf(replyTo)) } : {}),
        subject: oneLine(subject),
        ...(text ? { textContent: text } : {}),
        ...(html ? { htmlContent: html } : {}),
        headers: { ...headersOf(message), 'X-Mailin-custom': JSON.stringify({ [ID_NAME]: id }), idempotencyKey: randomUUID() },
      },
    );
  }

  read({ json }: ProviderAnswer): ReturnType<Provider['read']> {
    return { id: textAt(json, 'messageId'), code: textAt(json, 'code'), message: textAt(json, 'message') };
  }
}

function written({ name, address }: Mailbox): object {
  return name === '' ? { email: address } : { email: address, name };
}
