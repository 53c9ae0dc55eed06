import type { ComposedMessage } from '../transport.js';
import { MAILGUN_REGIONS } from './endpoints.js';
import { basicAuth, headersOf, ID_NAME, mailboxOf, oneLine, type Provider, type ProviderAnswer, type ProviderRequest, textAt, writeMailbox } from './provider.js';
import { keyRefused, type ReplyRow, tooFast, until } from './provider-reply.js';

const ROWS: readonly ReplyRow[] = [
  // 420 is not documented; https://github.com/mailgun/mailgun-java/issues/50 has its words and what support said.
  { condition: 'the domain has sent as much as it may, for now', when: { status: [420, 429] }, then: tooFast },
  { condition: 'no such domain with this key, or in this region', when: { status: [404] }, then: keyRefused },
];

/** https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/messages. */
export class Mailgun implements Provider {
  readonly name: string;
  readonly idempotent = false;
  readonly rows = ROWS;

  constructor(
    private readonly domain: string,
    private readonly key: string,
    private readonly endpoint: string = MAILGUN_REGIONS.us,
  ) {
    this.name = `mailgun:${domain}`;
  }

  request(message: ComposedMessage): ProviderRequest {
    const { id, messageId, from, to, replyTo, subject, text, html } = message;
    const headers = { 'Message-Id': messageId, ...(replyTo ? { 'Reply-To': writeMailbox(mailboxOf(replyTo)) } : {}), ...headersOf(message) };
    const form = new URLSearchParams({
      from: writeMailbox(mailboxOf(from)),
      to: mailboxOf(to).address,
      subject: oneLine(subject),
      ...(text ? { text } : {}),
      ...(html ? { html } : {}),
      ...Object.fromEntries(Object.entries(headers).map(([name, value]) => [`h:${name}`, value])),
      [`v:${ID_NAME}`]: id,
    });
    return {
      url: `${this.endpoint}/v3/${this.domain}/messages`,
      headers: { authorization: basicAuth('api', this.key), accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
      body: Buffer.from(form.toString()),
    };
  }

  read({ json }: ProviderAnswer, now: Date): ReturnType<Provider['read']> {
    const message = textAt(json, 'message');
    const date = /try again after (.+)$/.exec(message ?? '')?.[1];
    return { id: textAt(json, 'id'), message, retryAfterMs: date === undefined ? undefined : until(date, now) };
  }
}
