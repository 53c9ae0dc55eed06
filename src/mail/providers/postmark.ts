import { BASIC_SECRET, KEY_ENTRY } from '../../config/provider-entries.js';
import { mailboxOf, oneLine, writeMailbox } from '../transport/mailbox.js';
import {
  type Fields,
  fieldsOf,
  hardBounce,
  type HookRequest,
  idOf,
  jsonOf,
  keyOf,
  type Meaning,
  type Meanings,
  momentOf,
  OUR_ID,
  proveBasic,
  type ProviderEvent,
  textOf,
  wordsOf,
} from './hook.js';
import {
  addressed,
  base64Of,
  filled,
  headersOf,
  ID_NAME,
  jsonRequest,
  look,
  type Provider,
  textAt,
} from './provider.js';
import { keyRefused, quotaUsedUp, refused, senderRefused } from './replies.js';
import { MIB } from './size-policy.js';

/** https://postmarkapp.com/developer/api/email-api and /developer/api/overview#error-codes. */
export const postmark: Provider<{ key: string }, { user: string; password: string }> = {
  kind: 'postmark',
  entry: { ...KEY_ENTRY, example: 'postmark:3f0c9c2e-server-token' },
  secret: { ...BASIC_SECRET, example: 'postmark:otpost:<a password>', written: 'postmark:user:password' },
  endpoint: () => 'https://api.postmarkapp.com',
  idempotent: false,
  // https://postmarkapp.com/support/article/1056-what-are-the-attachment-and-email-size-limits
  limit: { messageBytes: 10 * MIB },
  // By ErrorCode, mostly under status 422.
  rows: [
    {
      condition: 'inactive recipient: bounced or complained before',
      when: { code: /^406$/ },
      then: ({ told }) => ({ kind: 'failed', suppress: true, ...told }),
    },
    { condition: 'out of credits', when: { code: /^405$/ }, then: quotaUsedUp },
    { condition: 'bad or missing token, account that may not send', when: { code: /^(10|413)$/ }, then: keyRefused },
    // 412: while an account is pending, From and To have to share a domain.
    {
      condition: 'the sender is unknown, not confirmed or pending',
      when: { code: /^(400|401|412)$/ },
      then: senderRefused,
    },
    {
      // https://postmarkapp.com/support/article/troubleshooting-422-unprocessable-entity-errors: "Invalid 'From'
      // address: 'sender@example.com' is not a verified sender signature." Also "Error parsing 'From': Illegal email
      // address". The same code is for what is wrong with 'To'.
      condition: 'the sender is not valid or not verified',
      when: { code: /^300$/, message: /^(?:Invalid|Error parsing) 'From'/ },
      then: senderRefused,
    },
    { condition: 'invalid message', when: { code: /^300$/ }, then: refused },
  ],

  request(message, { account, endpoint }) {
    const { id, messageId, from, replyTo, subject, text, html } = message;
    const { to, cc, bcc } = addressed(message);
    // Without X-PM-KeepID it writes a Message-ID of its own.
    const headers = { 'Message-ID': messageId, 'X-PM-KeepID': 'true', ...headersOf(message) };
    return jsonRequest(
      `${endpoint}/email`,
      { 'x-postmark-server-token': account.key },
      {
        From: writeMailbox(mailboxOf(from)),
        To: to.map(writeMailbox).join(', '),
        ...(cc.length > 0 ? { Cc: cc.map(writeMailbox).join(', ') } : {}),
        ...(bcc.length > 0 ? { Bcc: bcc.map(writeMailbox).join(', ') } : {}),
        ...(replyTo.length > 0 ? { ReplyTo: replyTo.map((one) => writeMailbox(mailboxOf(one))).join(', ') } : {}),
        Subject: oneLine(subject),
        ...(text ? { TextBody: text } : {}),
        ...(html ? { HtmlBody: html } : {}),
        Headers: Object.entries(headers).map(([Name, Value]) => ({ Name, Value })),
        Metadata: { [ID_NAME]: id },
        ...filled(
          'Attachments',
          message.attachments.map((file) => ({
            ...{ Name: file.filename, Content: base64Of(file), ContentType: file.contentType },
            ...(file.contentId === undefined ? {} : { ContentID: `cid:${file.contentId}` }),
          })),
        ),
      },
    );
  },

  read: ({ json }) => ({
    id: textAt(json, 'MessageID'),
    code: textAt(json, 'ErrorCode'),
    message: textAt(json, 'Message'),
    inactive: inactiveIn(textAt(json, 'Message')),
  }),

  relay: { hosts: /^smtp(-broadcasts)?\.postmarkapp\.com$/ },
  /** Postmark signs nothing: the address it is given carries a user and a password. */
  hook: { provenByHeader: true, prove: proveBasic, read },

  /** https://postmarkapp.com/developer/api/server-api */
  probe: {
    question: (api) => look(api, '/server', { 'x-postmark-server-token': api.account.key }),
    judge: (json) =>
      textAt(json, 'DeliveryType') === 'Sandbox'
        ? {
            status: 'warn',
            summary: 'takes the token, which is of a sandbox server: its mail reaches nobody',
            remedy: 'Use the token of a live server.',
          }
        : { status: 'ok', summary: 'takes the token' },
  },
};

/**
 * "Message OK, but will not deliver to these inactive addresses: a@example.com, b@example.com. Inactive recipients are
 * …"
 */
function inactiveIn(message: string | undefined): string[] | undefined {
  const list = /\binactive (?:recipient|address)\w*: (.*)/i.exec(message ?? '')?.[1];
  const words = list?.split(/[\s,;<>]/).filter((word) => word.includes('@'));
  return words?.map((address) => address.replace(/\.$/, '').toLowerCase());
}

/** https://postmarkapp.com/developer/webhooks/webhooks-overview @throws SyntaxError */
function read({ body, now }: HookRequest): ProviderEvent[] {
  const fields = fieldsOf(jsonOf(body));
  const meaning = meaningOf(fields);
  if (!meaning) return [];
  const at = wordsOf(fields['DeliveredAt'], fields['BouncedAt'], fields['ChangedAt']);
  const recipient = wordsOf(fields['Recipient'], fields['Email']);
  return [
    {
      ...meaning,
      dedupeKey: keyOf(fields['RecordType'], fields['MessageID'], fields['ID'], recipient, fields['Type'], at),
      emailId: idOf(fieldsOf(fields['Metadata'])[OUR_ID]),
      providerMessageId: idOf(fields['MessageID']),
      recipient,
      detail: wordsOf(fields['Details'], fields['Description'], fields['SuppressionReason']),
      occurredAt: momentOf(at, now),
    },
  ];
}

function meaningOf(fields: Fields): Meaning | undefined {
  switch (fields['RecordType']) {
    case 'Delivery':
      return { kind: 'delivered' };
    case 'Bounce':
      return fields['Type'] === 'HardBounce'
        ? { kind: 'bounced', reason: hardBounce(undefined, textOf(fields['Details'])) }
        : BOUNCES.get(fields['Type']);
    case 'SpamComplaint':
      return { kind: 'complained', reason: 'spam' };
    case 'SubscriptionChange':
      // A bounce and a complaint are told by events of their own as well.
      return fields['SuppressSending'] === true && fields['SuppressionReason'] === 'ManualSuppression'
        ? { kind: 'unsubscribed', reason: 'unsubscribed' }
        : undefined;
    default:
      return undefined;
  }
}

/** https://postmarkapp.com/developer/api/bounce-api#bounce-types; automatic replies and the like are none. */
const BOUNCES: Meanings = new Map([
  ['BadEmailAddress', { kind: 'rejected', reason: 'invalid' }],
  ['Transient', { kind: 'deferred', reason: 'other' }],
  ['SoftBounce', { kind: 'deferred', reason: 'other' }],
  ['DnsError', { kind: 'deferred', reason: 'other' }],
  ['SpamNotification', { kind: 'bounced', reason: 'blocked' }],
  ['Blocked', { kind: 'bounced', reason: 'blocked' }],
  ['DMARCPolicy', { kind: 'bounced', reason: 'blocked' }],
  ['VirusNotification', { kind: 'bounced', reason: 'other' }],
  ['Unknown', { kind: 'bounced', reason: 'other' }],
  ['Undeterminable', { kind: 'bounced', reason: 'other' }],
  ['SpamComplaint', { kind: 'complained', reason: 'spam' }],
  ['ManuallyDeactivated', { kind: 'rejected', reason: 'other' }],
  ['Unconfirmed', { kind: 'rejected', reason: 'other' }],
  ['SMTPApiError', { kind: 'rejected', reason: 'other' }],
  ['TemplateRenderingFailed', { kind: 'rejected', reason: 'other' }],
  ['Unsubscribe', { kind: 'unsubscribed', reason: 'unsubscribed' }],
]);
