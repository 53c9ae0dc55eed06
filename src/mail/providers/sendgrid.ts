import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { KEY_ENTRY } from '../../config/provider-entries.js';
import { DAY_MS } from '../../core/durations.js';
import { type Mailbox, mailboxOf, oneLine } from '../transport/mailbox.js';
import {
  AUTHENTIC,
  type EventReason,
  type Fields,
  hardBounce,
  headerOf,
  type HookRequest,
  idOf,
  isFresh,
  jsonOf,
  keyOf,
  listOf,
  type Meaning,
  type Meanings,
  OUR_ID,
  type Proof,
  type ProviderEvent,
  refused,
  secondsOf,
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
  listAt,
  look,
  oneOrMore,
  type Provider,
  textAt,
} from './provider.js';
import { quotaUsedUp, senderRefused } from './replies.js';
import { MIB } from './size-policy.js';

/**
 * https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send. 202 has no body; the id is in X-Message-Id.
 */
export const sendgrid: Provider<{ key: string }, { publicKey: KeyObject }> = {
  kind: 'sendgrid',
  entry: { ...KEY_ENTRY, example: 'sendgrid:SG.123' },
  familiarKey: 'SENDGRID_API_KEY',
  secret: {
    example: 'sendgrid:<the verification key of the signed event webhook>',
    written: 'sendgrid: and the verification key',
    wants: 'must be the verification key, an ECDSA P-256 key in base64',
    read: verificationKey,
  },
  endpoint: () => 'https://api.sendgrid.com',
  idempotent: false,
  // https://docs.sendgrid.com/api-reference/mail-send/limitations: of the whole JSON document.
  limit: { messageBytes: 30 * MIB },
  rows: [
    // https://www.twilio.com/docs/api/errors/60603: a used up plan is a 401, told from a wrong key by its words alone.
    {
      condition: 'credits used up',
      when: { status: [401, 403, 429], message: /^maximum credits exceeded/i },
      then: quotaUsedUp,
    },
    // https://www.twilio.com/docs/sendgrid/api-reference/mail-send/errors: 400 for from.email.
    {
      condition: 'the sender is not valid or not verified',
      when: { status: [400, 403], code: /^from(\.|$)/ },
      then: senderRefused,
    },
  ],

  request(message, { account, endpoint }) {
    const { id, messageId, from, replyTo, subject, text, html } = message;
    const { to, cc, bcc } = addressed(message);
    return jsonRequest(
      `${endpoint}/v3/mail/send`,
      { authorization: `Bearer ${account.key}` },
      {
        personalizations: [
          { to: to.map(written), ...filled('cc', cc.map(written)), ...filled('bcc', bcc.map(written)) },
        ],
        from: written(mailboxOf(from)),
        ...oneOrMore(
          'reply_to',
          'reply_to_list',
          replyTo.map((one) => written(mailboxOf(one))),
        ),
        subject: oneLine(subject),
        // Plain text has to come first.
        content: [
          ...(text ? [{ type: 'text/plain', value: text }] : []),
          ...(html ? [{ type: 'text/html', value: html }] : []),
        ],
        headers: { 'Message-ID': messageId, ...headersOf(message) },
        custom_args: { [ID_NAME]: id },
        ...filled(
          'attachments',
          message.attachments.map((file) => ({
            ...{ filename: file.filename, content: base64Of(file), type: file.contentType },
            disposition: file.inline ? 'inline' : 'attachment',
            ...(file.contentId === undefined ? {} : { content_id: file.contentId }),
          })),
        ),
      },
    );
  },

  /** Its errors have no code; the field that is wrong stands for one. */
  read: ({ headers, json }) => ({
    id: headers.get('x-message-id') ?? undefined,
    code: textAt(json, 'errors', 0, 'field'),
    message: textAt(json, 'errors', 0, 'message'),
  }),

  relay: {
    hosts: /^smtp\.(eu\.)?sendgrid\.net$/,
    remedy: 'With SendGrid the user is the word apikey, and the password the API key.',
  },
  hook: { prove, read },

  /** https://www.twilio.com/docs/sendgrid/api-reference/api-key-permissions */
  probe: {
    question: (api) => look(api, '/v3/scopes', { authorization: `Bearer ${api.account.key}` }),
    judge: (json) =>
      listAt(json, 'scopes').includes('mail.send')
        ? { status: 'ok', summary: 'takes the key, which may send' }
        : {
            status: 'fail',
            summary: 'takes the key, which may not send',
            remedy: 'Give the key the permission Mail Send, or make another one.',
          },
  },
};

/** Of the signed event webhook: SubjectPublicKeyInfo, DER in base64. */
function verificationKey(text: string): { publicKey: KeyObject } | undefined {
  try {
    const publicKey = createPublicKey({ key: Buffer.from(text, 'base64'), format: 'der', type: 'spki' });
    return publicKey.asymmetricKeyDetails?.namedCurve === 'prime256v1' ? { publicKey } : undefined;
  } catch {
    return undefined; // no key at all: the operator is told what one looks like
  }
}

function written({ name, address }: Mailbox): object {
  return name === '' ? { email: address } : { email: address, name };
}

/**
 * Milliseconds. SendGrid tries again for 24 hours and does not say whether it signs anew for that, so an old timestamp
 * may be an honest retry after an outage of ours. A replay gains nothing: the signature covers the whole body, and each
 * event in it counts once.
 */
const RETRIES_FOR = DAY_MS;

/**
 * https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features
 */
function prove(request: HookRequest, { publicKey }: { publicKey: KeyObject }): Proof {
  const signature = headerOf(request, 'x-twilio-email-event-webhook-signature');
  const timestamp = headerOf(request, 'x-twilio-email-event-webhook-timestamp');
  if (signature === undefined || timestamp === undefined) return refused('unsigned');
  const signed = Buffer.concat([Buffer.from(timestamp), request.body]);
  if (!verify('sha256', signed, publicKey, Buffer.from(signature, 'base64'))) return refused('forged');
  return isFresh(timestamp, request.now, RETRIES_FOR) ? AUTHENTIC : refused('stale');
}

/** https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event @throws SyntaxError */
function read({ body, now }: HookRequest): ProviderEvent[] {
  return listOf(jsonOf(body)).flatMap((fields) => {
    const meaning = meaningOf(fields);
    if (!meaning) return [];
    return {
      ...meaning,
      dedupeKey: idOf(fields['sg_event_id']) ?? keyOf(fields),
      emailId: idOf(fields[OUR_ID]),
      // The id in the answer to the send is its beginning.
      providerMessageId: idOf(fields['sg_message_id'])?.replace(/\.(filter|recvd).*$/, ''),
      messageId: idOf(fields['smtp-id']),
      recipient: textOf(fields['email']),
      detail: wordsOf(fields['response'], fields['reason'], fields['type']),
      occurredAt: secondsOf(fields['timestamp'], now),
    };
  });
}

const MEANINGS: Meanings = new Map([
  ['delivered', { kind: 'delivered' }],
  ['deferred', { kind: 'deferred' }],
  ['spamreport', { kind: 'complained', reason: 'spam' }],
  ['unsubscribe', { kind: 'unsubscribed', reason: 'unsubscribed' }],
  ['group_unsubscribe', { kind: 'unsubscribed', reason: 'unsubscribed' }],
]);

function meaningOf({ event, type, status, reason }: Fields): Meaning | undefined {
  if (event === 'dropped') return { kind: 'rejected', reason: dropped(textOf(reason) ?? '') };
  if (event !== 'bounce') return MEANINGS.get(event);
  // `blocked` is given up too, and not the address's fault.
  return { kind: 'bounced', reason: type === 'blocked' ? 'blocked' : hardBounce(textOf(status), textOf(reason)) };
}

function dropped(reason: string): EventReason {
  if (/invalid/i.test(reason)) return 'invalid';
  if (/bounce/i.test(reason)) return 'bounced';
  if (/spam/i.test(reason)) return 'spam';
  return /unsubscribe/i.test(reason) ? 'unsubscribed' : 'other';
}
