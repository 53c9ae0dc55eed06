import type { ComposedMessage } from '../transport.js';
import { ENDPOINTS } from './endpoints.js';
import { headersOf, ID_NAME, jsonRequest, mailboxOf, oneLine, type Provider, type ProviderAnswer, type ProviderRequest, textAt, writeMailbox } from './provider.js';
import { keyRefused, quotaUsedUp, refused, type ReplyRow, senderRefused } from './provider-reply.js';

/** By ErrorCode, mostly under status 422. */
const ROWS: readonly ReplyRow[] = [
  { condition: 'inactive recipient: bounced or complained before', when: { code: /^406$/ }, then: (facts) => ({ ...inactive(facts) }) },
  { condition: 'out of credits', when: { code: /^405$/ }, then: quotaUsedUp },
  { condition: 'bad or missing token, account that may not send', when: { code: /^(10|413)$/ }, then: keyRefused },
  // 412: while an account is pending, From and To have to share a domain.
  { condition: 'the sender is unknown, not confirmed or pending', when: { code: /^(400|401|412)$/ }, then: senderRefused },
  { condition: 'invalid message', when: { code: /^300$/ }, then: refused },
];

function inactive({ told }: Parameters<ReplyRow['then']>[0]): ReturnType<ReplyRow['then']> {
  return { kind: 'failed', suppress: true, ...told };
}

/** https://postmarkapp.com/developer/api/email-api and /developer/api/overview#error-codes. */
export class Postmark implements Provider {
  readonly name = 'postmark';
  readonly idempotent = false;
  readonly rows = ROWS;

  constructor(
    private readonly token: string,
    private readonly endpoint: string = ENDPOINTS.postmark,
  ) {}

  request(message: ComposedMessage): ProviderRequest {
    const { id, messageId, from, to, replyTo, subject, text, html } = message;
    // Without X-PM-KeepID it writes a Message-ID of its own.
    const headers = { 'Message-ID': messageId, 'X-PM-KeepID': 'true', ...headersOf(message) };
    return jsonRequest(
      `${this.endpoint}/email`,
      { 'x-postmark-server-token': this.token },
      {
        From: writeMailbox(mailboxOf(from)),
        To: mailboxOf(to).address,
        ...(replyTo ? { ReplyTo: writeMailbox(mailboxOf(replyTo)) } : {}),
        Subject: oneLine(subject),
        ...(text ? { TextBody: text } : {}),
        ...(html ? { HtmlBody: html } : {}),
        Headers: Object.entries(headers).map(([Name, Value]) => ({ Name, Value })),
        Metadata: { [ID_NAME]: id },
      },
    );
  }

  read({ json }: ProviderAnswer): ReturnType<Provider['read']> {
    return { id: textAt(json, 'MessageID'), code: textAt(json, 'ErrorCode'), message: textAt(json, 'Message') };
  }
}
