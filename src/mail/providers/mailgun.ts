import { isKey, MIN_HOOK_SECRET_LENGTH } from '../../config/provider-entries.js';
import { isHostName } from '../../config/values.js';
import { sameSecret } from '../../core/credentials.js';
import { HOUR_MS } from '../../core/durations.js';
import { mailboxOf, oneLine, writeMailbox } from '../transport/mailbox.js';
import { withFieldsBefore } from '../transport/given-mime.js';
import type { ComposedAttachment, ComposedMessage } from '../transport/transport.js';
import {
  AUTHENTIC,
  type Fields,
  fieldsOf,
  hardBounce,
  hmacSha256,
  type HookRequest,
  idOf,
  isFresh,
  jsonOf,
  keyOf,
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
  basicAuth,
  headersOf,
  ID_NAME,
  look,
  type Provider,
  type ProviderRequest,
  SENDS_ONLY,
  textAt,
} from './provider.js';
import { keyRefused, senderRefused, tooFast, until } from './replies.js';
import { MIB } from './size-policy.js';

interface Account {
  domain: string;
  key: string;
  region: string;
}

/** https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/messages. */
export const mailgun: Provider<Account, { signingKey: string }> = {
  kind: 'mailgun',
  entry: {
    example: 'mailgun:key-123@mg.example.com',
    wants: 'a key and a domain',
    choices: { region: ['us', 'eu'] },
    /** `key@domain`, or `domain:key`. */
    read(body, { region }) {
      const at = body.lastIndexOf('@');
      const colon = body.indexOf(':');
      const [domain, key] =
        at >= 0 ? [body.slice(at + 1), body.slice(0, at)] : [body.slice(0, Math.max(colon, 0)), body.slice(colon + 1)];
      return domain.includes('.') && isHostName(domain) && isKey(key)
        ? { domain: domain.toLowerCase(), key, region: region! }
        : undefined;
    },
    name: ({ domain }) => `mailgun:${domain}`,
    secrets: ({ key }) => [key],
  },
  secret: {
    example: 'mailgun:<the HTTP webhook signing key>',
    written: 'mailgun: and the HTTP webhook signing key',
    wants: `must have at least ${MIN_HOOK_SECRET_LENGTH} characters`,
    read: (rest) => (rest.length >= MIN_HOOK_SECRET_LENGTH ? { signingKey: rest } : undefined),
  },
  endpoint: ({ region }) => (region === 'eu' ? 'https://api.eu.mailgun.net' : 'https://api.mailgun.net'),
  idempotent: false,
  takesMime: true,
  // https://documentation.mailgun.com/docs/mailgun/user-manual/sending-messages
  limit: { messageBytes: 25 * MIB },
  rows: [
    // 420 is not documented; https://github.com/mailgun/mailgun-java/issues/50 has its words and what support said.
    { condition: 'the domain has sent as much as it may, for now', when: { status: [420, 429] }, then: tooFast },
    // "from parameter is not a valid address", "from parameter is missing".
    { condition: 'the sender is not valid', when: { status: [400], message: /^'?from\b/ }, then: senderRefused },
    { condition: 'no such domain with this key, or in this region', when: { status: [404] }, then: keyRefused },
  ],

  async request(message, { account: { domain, key }, endpoint }) {
    if (message.mime) return mimeRequest(message, message.mime, `${endpoint}/v3/${domain}/messages.mime`, key);
    const { id, messageId, from, replyTo, subject, text, html, attachments } = message;
    const { to, cc, bcc } = addressed(message);
    const headers = {
      'Message-Id': messageId,
      ...(replyTo.length > 0 ? { 'Reply-To': replyTo.map((one) => writeMailbox(mailboxOf(one))).join(', ') } : {}),
      ...headersOf(message),
    };
    const fields: [string, string][] = [
      ['from', writeMailbox(mailboxOf(from))],
      ...to.map((one): [string, string] => ['to', writeMailbox(one)]),
      ...cc.map((one): [string, string] => ['cc', writeMailbox(one)]),
      ...bcc.map((one): [string, string] => ['bcc', writeMailbox(one)]),
      ['subject', oneLine(subject)],
      ...(text ? [['text', text] as [string, string]] : []),
      ...(html ? [['html', html] as [string, string]] : []),
      ...Object.entries(headers).map(([name, value]): [string, string] => [`h:${name}`, value]),
      [`v:${ID_NAME}`, id],
    ];
    const { body, contentType } = await formOf(fields, attachments);
    return {
      url: `${endpoint}/v3/${domain}/messages`,
      headers: { authorization: basicAuth('api', key), accept: 'application/json', 'content-type': contentType },
      body,
    };
  },

  read({ json }, now) {
    const message = textAt(json, 'message');
    const date = /try again after (.+)$/.exec(message ?? '')?.[1];
    return { id: textAt(json, 'id'), message, retryAfterMs: date === undefined ? undefined : until(date, now) };
  },

  relay: { hosts: /^smtp\.(eu\.)?mailgun\.(org|net)$/ },
  hook: { prove, read },

  /** https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/domains */
  probe: {
    question: (api) =>
      look(api, `/v4/domains/${api.account.domain}`, { authorization: basicAuth('api', api.account.key) }),
    judge(json, { domain }) {
      const state = textAt(json, 'domain', 'state') ?? textAt(json, 'state');
      if (state === undefined) return { status: 'ok', summary: 'takes the key' };
      if (state === 'active') return { status: 'ok', summary: `takes the key; ${domain} is active` };
      const summary = `takes the key; ${domain} is ${state}`;
      return state === 'disabled'
        ? { status: 'fail', summary, remedy: 'Ask Mailgun why it is disabled.' }
        : { status: 'warn', summary, remedy: 'Set the DNS records that Mailgun shows for the domain.' };
    },
    judgeRefusal: ({ status }, { domain, region }) =>
      status === 404
        ? {
            status: 'fail',
            summary: `knows no domain ${domain} with this key in the region ${region}`,
            remedy: 'Correct the domain, or the region: ?region=eu for domains in the EU.',
          }
        : undefined,
    // Its sending keys may call /messages and nothing else, so that a 401 elsewhere proves nothing. A request to send
    // that has no recipient, no sender and no text is refused with 400 where the key is good, and with 401 where it is
    // not.
    second: {
      question: ({ account: { domain, key }, endpoint }) => ({
        method: 'POST',
        url: `${endpoint}/v3/${domain}/messages`,
        headers: { authorization: basicAuth('api', key), ...FORM },
      }),
      judge: ({ status }) => (status === 400 ? SENDS_ONLY : undefined),
    },
  },
};

/** https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/messages: `to` is the envelope. */
async function mimeRequest(message: ComposedMessage, mime: Buffer, url: string, key: string): Promise<ProviderRequest> {
  const form = new FormData();
  for (const { address } of message.recipients) form.append('to', mailboxOf(address).address);
  form.append('message', new Blob([withFieldsBefore(mime, message.headers)]), 'message.eml');
  form.append(`v:${ID_NAME}`, message.id);
  const encoded = new Response(form);
  return {
    url,
    headers: {
      ...{ authorization: basicAuth('api', key), accept: 'application/json' },
      'content-type': encoded.headers.get('content-type')!,
    },
    body: Buffer.from(await encoded.arrayBuffer()),
  };
}

/**
 * Files want multipart (RFC 7578). Mailgun knows an inline picture by its file name, which stands for the Content-ID.
 */
async function formOf(
  fields: [string, string][],
  attachments: readonly ComposedAttachment[],
): Promise<{ body: Buffer; contentType: string }> {
  if (attachments.length === 0) {
    return { body: Buffer.from(new URLSearchParams(fields).toString()), contentType: FORM['content-type'] };
  }
  const form = new FormData();
  for (const [name, value] of fields) form.append(name, value);
  for (const { filename, contentType, contentId, inline, bytes } of attachments) {
    const shown = inline && contentId !== undefined;
    const blob = new Blob([bytes], { type: contentType });
    form.append(shown ? 'inline' : 'attachment', blob, shown ? contentId : filename);
  }
  const encoded = new Response(form);
  return { body: Buffer.from(await encoded.arrayBuffer()), contentType: encoded.headers.get('content-type')! };
}

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

/**
 * Milliseconds. Mailgun tries again for eight hours and does not say whether it signs anew for that. A replay gains
 * nothing, not even with another body, which the signature does not cover: a token counts once.
 */
const RETRIES_FOR = 9 * HOUR_MS;

/** https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks @throws SyntaxError */
function prove({ body, now }: HookRequest, { signingKey }: { signingKey: string }): Proof {
  const signature = fieldsOf(fieldsOf(jsonOf(body))['signature']);
  const timestamp = textOf(signature['timestamp']);
  const token = textOf(signature['token']);
  // Events of a subaccount are signed with the key of the account above it too.
  const given = [textOf(signature['signature']), textOf(signature['parent-signature'])].filter(
    (text) => text !== undefined,
  );
  if (timestamp === undefined || token === undefined || given.length === 0) return refused('unsigned');
  const expected = hmacSha256(signingKey, timestamp, token).toString('hex');
  if (!given.some((hex) => sameSecret(hex.toLowerCase(), expected))) return refused('forged');
  return isFresh(timestamp, now, RETRIES_FOR) ? AUTHENTIC : refused('stale');
}

/** https://documentation.mailgun.com/docs/mailgun/user-manual/events/event-structure @throws SyntaxError */
function read({ body, now }: HookRequest): ProviderEvent[] {
  const document = fieldsOf(jsonOf(body));
  const fields = fieldsOf(document['event-data']);
  const status = fieldsOf(fields['delivery-status']);
  const messageId = idOf(fieldsOf(fieldsOf(fields['message'])['headers'])['message-id']);
  return [
    {
      ...meaningOf(fields, status),
      dedupeKey: keyOf(fieldsOf(document['signature'])['token']),
      emailId: idOf(fieldsOf(fields['user-variables'])[OUR_ID]),
      providerMessageId: messageId,
      messageId,
      recipient: textOf(fields['recipient']),
      detail: wordsOf(status['message'], status['description'], fieldsOf(fields['reject'])['reason'], fields['reason']),
      occurredAt: secondsOf(fields['timestamp'], now),
    },
  ];
}

const MEANINGS: Meanings = new Map([
  ['delivered', { kind: 'delivered' }],
  ['failed', { kind: 'deferred' }],
  ['rejected', { kind: 'rejected', reason: 'other' }],
  ['complained', { kind: 'complained', reason: 'spam' }],
  ['unsubscribed', { kind: 'unsubscribed', reason: 'unsubscribed' }],
]);
/** By the reason of a failure for good. `suppress-…`: Mailgun had the address on a list of its own and sent nothing. */
const FAILURES: Meanings = new Map([
  ['suppress-bounce', { kind: 'rejected', reason: 'bounced' }],
  ['suppress-complaint', { kind: 'rejected', reason: 'spam' }],
  ['suppress-unsubscribe', { kind: 'rejected', reason: 'unsubscribed' }],
  ['espblock', { kind: 'bounced', reason: 'blocked' }],
  ['old', { kind: 'bounced', reason: 'timed_out' }],
]);

function meaningOf({ event, severity, reason }: Fields, status: Fields): Meaning | { kind: 'ignored' } {
  if (event !== 'failed' || severity !== 'permanent') return MEANINGS.get(event) ?? { kind: 'ignored' };
  if (reason === 'bounce')
    return { kind: 'bounced', reason: hardBounce(textOf(status['enhanced-code']), textOf(status['message'])) };
  return FAILURES.get(reason) ?? { kind: 'bounced', reason: 'other' };
}
