import type { ComposedMessage } from '../transport.js';
import { ENDPOINTS } from './endpoints.js';
import { headersOf, ID_NAME, jsonRequest, type Mailbox, mailboxOf, oneLine, type Provider, type ProviderAnswer, type ProviderRequest, textAt } from './provider.js';
import { quotaUsedUp, type ReplyRow, senderRefused } from './provider-reply.js';

const ROWS: readonly ReplyRow[] = [
  // https://www.twilio.com/docs/api/errors/60603: a used up plan is a 401, told from a wrong key by its words alone.
  { condition: 'credits used up', when: { status: [401, 403, 429], message: /^maximum credits exceeded/i }, then: quotaUsedUp },
  { condition: 'the sender is not verified', when: { status: [403], code: /^from(\.|$)/ }, then: senderRefused },
];

/** https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send. 202 has no body; the id is in X-Message-Id. */
export class SendGrid implements Provider {
  readonly name = 'sendgrid';
  readonly idempotent = false;
  readonly rows = ROWS;

  constructor(
    private readonly key: string,
    private readonly endpoint: string = ENDPOINTS.sendgrid,
  ) {}

  request(message: ComposedMessage): ProviderRequest {
    const { id, messageId, from, to, replyTo, subject, text, html } = message;
    return jsonRequest(
      `${this.endpoint}/v3/mail/send`,
      { authorization: `Bearer ${this.key}` },
      {
        personalizations: [{ to: [{ email: mailboxOf(to).address }] }],
        from: written(mailboxOf(from)),
        ...(replyTo ? { reply_to: written(mailboxOf(replyTo)) } : {}),
        subject: oneLine(subject),
        // Plain text has to come first.
        content: [
          ...(text ? [{ type: 'text/plain', value: text }] : []),
          ...(html ? [{ type: 'text/html', value: html }] : []),
        ],
        headers: { 'Message-ID': messageId, ...headersOf(message) },
        custom_args: { [ID_NAME]: id },
      },
    );
  }

  /** Its errors have no code; the field that is wrong stands for one. */
  read({ headers, json }: ProviderAnswer): ReturnType<Provider['read']> {
    return {
      id: headers.get('x-message-id') ?? undefined,
      code: textAt(json, 'errors', 0, 'field'),
      message: textAt(json, 'errors', 0, 'message'),
    };
  }
}

function written({ name, address }: Mailbox): object {
  return name === '' ? { email: address } : { email: address, name };
}
