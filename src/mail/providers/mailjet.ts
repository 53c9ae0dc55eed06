import { BASIC_SECRET, isKey } from '../../config/provider-entries.js';
import { type Mailbox, mailboxOf, oneLine } from '../transport/mailbox.js';
import type { ComposedAttachment } from '../transport/transport.js';
import {
  type EventReason,
  type Fields,
  hardBounce,
  type HookRequest,
  idOf,
  keyOf,
  listOf,
  type Meaning,
  proveBasic,
  type ProviderEvent,
  secondsOf,
  textOf,
  wordsOf,
} from './hook.js';
import {
  addressed,
  at,
  base64Of,
  basicAuth,
  filled,
  headersOf,
  jsonRequest,
  listAt,
  look,
  type Provider,
  textAt,
} from './provider.js';
import { keyRefused, senderRefused } from './replies.js';
import { MIB } from './size-policy.js';

interface Account {
  key: string;
  secret: string;
}

/**
 * https://dev.mailjet.com/email/guides/send-api-v31/. A Message-ID among the headers is refused (send-0011): it writes
 * its own. A request has a status and each message in it another; there is one message here, and its status counts.
 */
export const mailjet: Provider<Account, { user: string; password: string }> = {
  kind: 'mailjet',
  entry: {
    example: 'mailjet:api-key:secret-key',
    wants: 'the API key and the secret key',
    read(body) {
      const [key = '', secret = '', ...more] = body.split(':');
      return isKey(key) && isKey(secret) && more.length === 0 ? { key, secret } : undefined;
    },
    secrets: ({ key, secret }) => [key, secret],
  },
  secret: { ...BASIC_SECRET, example: 'mailjet:otpost:<a password>', written: 'mailjet:user:password' },
  endpoint: () => 'https://api.mailjet.com',
  idempotent: false,
  // https://dev.mailjet.com/email/guides/send-api-v31/
  limit: { messageBytes: 15 * MIB },
  rows: [
    { condition: 'the sender is not authorized', when: { code: /^send-000[678]$/ }, then: senderRefused },
    { condition: 'key suspended', when: { code: /^mj-0001$/ }, then: keyRefused },
  ],

  request(message, { account: { key, secret }, endpoint }) {
    const { id, from, replyTo, subject, text, html, attachments } = message;
    const { to, cc, bcc } = addressed(message);
    return jsonRequest(
      `${endpoint}/v3.1/send`,
      { authorization: basicAuth(key, secret) },
      {
        Messages: [
          {
            From: written(mailboxOf(from)),
            To: to.map(written),
            ...filled('Cc', cc.map(written)),
            ...filled('Bcc', bcc.map(written)),
            // It takes one.
            ...(replyTo[0] === undefined ? {} : { ReplyTo: written(mailboxOf(replyTo[0])) }),
            Subject: oneLine(subject),
            ...(text ? { TextPart: text } : {}),
            ...(html ? { HTMLPart: html } : {}),
            ...filled('Attachments', attachments.filter((file) => !isPicture(file)).map(attached)),
            ...filled(
              'InlinedAttachments',
              attachments.filter(isPicture).map((file) => ({ ...attached(file), ContentID: file.contentId })),
            ),
            Headers: headersOf(message),
            CustomID: id,
          },
        ],
      },
    );
  },

  read({ status, json, text }) {
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
  },

  relay: { hosts: /^in(-v3)?\.mailjet\.com$/ },
  /** Mailjet signs nothing: the address it is given carries a user and a password. */
  hook: { provenByHeader: true, prove: proveBasic, read },

  /** https://dev.mailjet.com/email/reference/settings/ */
  probe: {
    question: (api) => look(api, '/v3/REST/apikey', { authorization: basicAuth(api.account.key, api.account.secret) }),
    judge(json, { key }) {
      const found = listAt(json, 'Data').find((one) => textAt(one, 'APIKey') === key);
      const level = textAt(found, 'Runlevel');
      if (at(found, 'IsActive') === false)
        return {
          status: 'fail',
          summary: 'takes the key, which is not active',
          remedy: 'Activate it at https://app.mailjet.com/account/apikeys.',
        };
      return level !== undefined && level !== 'Normal'
        ? { status: 'fail', summary: `takes the key, which is locked (${level})`, remedy: 'Ask Mailjet why.' }
        : { status: 'ok', summary: 'takes the key' };
    },
    judgeRefusal: ({ status }) =>
      status === 403 ? { status: 'ok', summary: 'takes the key, which may not look at itself' } : undefined,
  },
};

/** What the HTML shows. */
function isPicture({ inline, contentId }: ComposedAttachment): boolean {
  return inline && contentId !== undefined;
}

function attached(file: ComposedAttachment): object {
  return { ContentType: file.contentType, Filename: file.filename, Base64Content: base64Of(file) };
}

function written({ name, address }: Mailbox): object {
  return name === '' ? { Email: address } : { Email: address, Name: name };
}

/** https://dev.mailjet.com/email/guides/webhooks/; one event, or a list where they are grouped. @throws SyntaxError */
function read({ body, now }: HookRequest): ProviderEvent[] {
  // Its ids do not fit a double.
  const exact = body.toString('utf8').replace(/("MessageID"\s*:\s*)(\d+)/g, '$1"$2"');
  return listOf(JSON.parse(exact)).flatMap((fields) => {
    const meaning = meaningOf(fields);
    if (!meaning) return [];
    return {
      ...meaning,
      dedupeKey: keyOf(
        fields['event'],
        fields['MessageID'],
        fields['Message_GUID'],
        fields['email'],
        fields['time'],
        fields['error'],
      ),
      emailId: idOf(fields['CustomID']),
      providerMessageId: idOf(fields['MessageID']),
      recipient: textOf(fields['email']),
      detail: wordsOf(fields['smtp_reply'], fields['comment'], fields['error']),
      occurredAt: secondsOf(fields['time'], now),
    };
  });
}

function meaningOf({ event, hard_bounce: hard, error, comment }: Fields): Meaning | undefined {
  const reason = REASONS.get(textOf(error));
  switch (event) {
    case 'sent': // the receiving server took it
      return { kind: 'delivered' };
    case 'bounce':
      if (hard !== true) return { kind: 'deferred', reason: 'other' };
      return {
        kind: 'bounced',
        reason: reason && reason !== 'bounced' ? reason : hardBounce(undefined, textOf(comment)),
      };
    case 'blocked':
      return { kind: 'rejected', reason: reason ?? 'other' };
    case 'spam':
      return { kind: 'complained', reason: 'spam' };
    case 'unsub':
      return { kind: 'unsubscribed', reason: 'unsubscribed' };
    default:
      return undefined;
  }
}

/** https://dev.mailjet.com/email/guides/webhooks/#possible-values-for-errors */
const REASONS: ReadonlyMap<string | undefined, EventReason> = new Map([
  ['user unknown', 'bounced'],
  ['mailbox inactive', 'bounced'],
  ['quota exceeded', 'other'],
  ['blacklisted', 'blocked'],
  ['spam reporter', 'spam'],
  ['invalid domain', 'bounced'],
  ['no mail host', 'bounced'],
  ['relay/access denied', 'blocked'],
  ['greylisted', 'other'],
  ['typofix', 'invalid'],
  ['sender blocked', 'blocked'],
  ['content blocked', 'blocked'],
  ['policy issue', 'blocked'],
  ['preblocked', 'blocked'],
]);
