import type { ComposedMessage } from '../transport.js';
import { ENDPOINTS } from './endpoints.js';
import { at, basicAuth, headersOf, jsonRequest, type Mailbox, mailboxOf, oneLine, type Provider, type ProviderAnswer, type ProviderRequest, textAt } from './provider.js';
import { keyRefused, type ReplyRow, senderRefused } from './provider-reply.js';

const ROWS: readonly ReplyRow[] = [
  { condition: 'the sender is not authorized', when: { code: /^send-000[678]$/ }, then: senderRefused },
  { condition: 'key suspended', when: { code: /^mj-0001$/ }, then: keyRefused },
];

/**
 * https://dev.mailjet.com/email/guides/send-api-v31/. A Message-ID among the headers is refused (send-0011): it writes its
 * own. A request has a status and each message in it another; there is one message here, and its status counts.
 */
export class Mailjet implements Provider {
  readonly name = 'mailjet';
  readonly idempotent = false;
  readonly rows = ROWS;

  constructor(
    private readonly key: string,
    private readonly secret: string,
    private readonly endpoint: string = ENDPOINTS.mailjet,
  ) {}

  request(message: ComposedMessage): ProviderRequest {
    const { id, from, to, replyTo, subject, text, html } = message;
    return jsonRequest(
      `${this.endpoint}/v3.1/send`,
      { authorization: basicAuth(this.key, this.secret) },
      {
        Messages: [
          {
            From: written(mailboxOf(from)),
            To: [{ Email: mailboxOf(to).address }],
            ...(replyTo ? { ReplyTo: written(mailboxOf(replyTo)) } : {}),
            Subject: oneLine(subject),
            ...(text ? { TextPart: text } : {}),
            ...(html ? { HTMLPart: html } : {}),
            Headers: headersOf(message),
            CustomID: id,
          },
        ],
      },
    );
  }

  read({ status, json, text }: ProviderAnswer): ReturnType<Provider['read']> {
    const message = at(json, 'Messages', 0);
    const error = at(message, 'Errors', 0) ?? json;
    const inner = at(error, 'StatusCode');
    const failed = textAt(message, 'Status') === 'error';
    return {
      // Its ids have 19 digits, of which JSON.parse keeps 16.
      id: /"MessageID"\s*:\s*"?(\d+)/.exec(text)?.[1],
      code: textAt(error, 'ErrorCode'),
      message: textAt(error, 'ErrorMessage'),
      status: failed ? (typeof inner === 'number' ? inner : Math.max(status, 400)) : status,
    };
  }
}

function written({ name, address }: Mailbox): object {
  return name === '' ? { Email: address } : { Email: address, Name: name };
}
