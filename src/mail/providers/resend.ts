import { Webhook } from 'standardwebhooks';
import { KEY_ENTRY } from '../../config/provider-entries.js';
import { sameSecret } from '../../core/credentials.js';
import { mailboxOf, oneLine, writeMailbox } from '../transport/mailbox.js';
import {
  AUTHENTIC,
  type Fields,
  fieldsOf,
  hardBounce,
  headerOf,
  type HookRequest,
  idOf,
  isFresh,
  jsonOf,
  keyOf,
  type Meaning,
  type Meanings,
  momentOf,
  OUR_ID,
  type Proof,
  type ProviderEvent,
  refused,
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
  SENDS_ONLY,
  textAt,
} from './provider.js';
import { quotaUsedUp, senderRefused, takenBefore } from './replies.js';
import { MIB } from './size-policy.js';

/**
 * https://resend.com/docs/api-reference/emails/send-email, /errors, and /docs/dashboard/emails/idempotency-keys: a key
 * of at most 256 characters is kept for 24 h, and the same request gets the same answer. Writes a Message-ID of its
 * own.
 */
export const resend: Provider<{ key: string }, { key: string }> = {
  kind: 'resend',
  entry: { ...KEY_ENTRY, example: 'resend:re_123' },
  secret: {
    example: 'resend:whsec_<the signing secret>',
    written: 'resend:whsec_…',
    wants: 'must be the signing secret, whsec_ and base64',
    read(rest) {
      const key = /^whsec_([A-Za-z0-9+/]{22,}={0,2})$/.exec(rest)?.[1];
      return key === undefined ? undefined : { key };
    },
  },
  endpoint: () => 'https://api.resend.com',
  idempotent: true,
  // https://resend.com/docs/api-reference/emails/send-email
  limit: { messageBytes: 40 * MIB },
  rows: [
    {
      condition: 'daily or monthly quota used up',
      when: { code: /^(daily|monthly)_quota_exceeded$/ },
      then: quotaUsedUp,
    },
    {
      condition: 'the domain of the sender is not verified',
      when: { status: [403], code: /^validation_error$/ },
      then: senderRefused,
    },
    // https://resend.com/docs/api-reference/errors
    { condition: 'the sender is not valid', when: { code: /^invalid_from_address$/ }, then: senderRefused },
    {
      condition: 'the sender is not valid, in words',
      when: { code: /^validation_error$/, message: /^Invalid [`']from/ },
      then: senderRefused,
    },
    {
      condition: 'sent before, or being sent',
      when: { code: /^(invalid_idempotent_request|concurrent_idempotent_requests)$/ },
      then: takenBefore,
    },
  ],

  request(message, { account, endpoint }) {
    const { id, from, replyTo, subject, text, html } = message;
    const { to, cc, bcc } = addressed(message);
    return jsonRequest(
      `${endpoint}/emails`,
      { authorization: `Bearer ${account.key}`, 'idempotency-key': id, 'user-agent': 'otpost' }, // without an agent: 403
      {
        from: writeMailbox(mailboxOf(from)),
        to: to.map(writeMailbox),
        ...filled('cc', cc.map(writeMailbox)),
        ...filled('bcc', bcc.map(writeMailbox)),
        ...oneOrMore(
          'reply_to',
          'reply_to',
          replyTo.map((one) => writeMailbox(mailboxOf(one))),
        ),
        subject: oneLine(subject),
        ...(text ? { text } : {}),
        ...(html ? { html } : {}),
        headers: headersOf(message),
        ...filled(
          'attachments',
          message.attachments.map((file) => ({
            ...{ filename: file.filename, content: base64Of(file), content_type: file.contentType },
            ...(file.contentId === undefined ? {} : { content_id: file.contentId }),
          })),
        ),
        tags: [{ name: ID_NAME, value: id }],
      },
    );
  },

  read: ({ json }) => ({ id: textAt(json, 'id'), code: textAt(json, 'name'), message: textAt(json, 'message') }),

  relay: { hosts: /^smtp\.resend\.com$/ },
  hook: { prove, read },

  /** https://resend.com/docs/api-reference/domains/list-domains */
  probe: {
    question: (api) => look(api, '/domains', { authorization: `Bearer ${api.account.key}` }),
    judge(json, _, senderDomain) {
      const domain = listAt(json, 'data').findLast((one) => textAt(one, 'name')?.toLowerCase() === senderDomain);
      const state = textAt(domain, 'status');
      if (state === 'verified') return { status: 'ok', summary: `takes the key; ${senderDomain} is verified` };
      const why =
        state === undefined
          ? `${senderDomain}, the domain of MAIL_FROM, is not among its domains`
          : `${senderDomain} is not verified (${state})`;
      return {
        status: 'fail',
        summary: `takes the key; ${why}`,
        remedy:
          'Add the domain at https://resend.com/domains and set the DNS records that it shows; until then it refuses the mail.',
      };
    },
    judgeRefusal: ({ json }) => (textAt(json, 'name') === 'restricted_api_key' ? SENDS_ONLY : undefined),
  },
};

/**
 * Svix: each attempt is signed anew, so an old timestamp is a replay.
 * https://docs.svix.com/receiving/verifying-payloads/how-manual
 */
function prove(request: HookRequest, { key }: { key: string }): Proof {
  const id = headerOf(request, 'svix-id');
  const timestamp = headerOf(request, 'svix-timestamp');
  const signatures = headerOf(request, 'svix-signature');
  if (id === undefined || timestamp === undefined || signatures === undefined) return refused('unsigned');
  // Its `verify` knows neither these names of headers nor a clock of ours.
  const scheme = new Webhook(Buffer.from(key, 'base64'), { format: 'raw' });
  const expected = scheme.sign(id, new Date(Number(timestamp) * 1_000), request.body);
  // While a secret is being replaced there is one by each.
  if (!signatures.split(' ').some((signature) => sameSecret(signature, expected))) return refused('forged');
  return isFresh(timestamp, request.now) ? AUTHENTIC : refused('stale');
}

/** https://resend.com/docs/webhooks/event-types @throws SyntaxError */
function read(request: HookRequest): ProviderEvent[] {
  const document = fieldsOf(jsonOf(request.body));
  const fields = fieldsOf(document['data']);
  const bounce = fieldsOf(fields['bounce']);
  const meaning = meaningOf(document['type'], bounce);
  if (!meaning) return [];
  return [
    {
      ...meaning,
      dedupeKey: headerOf(request, 'svix-id') ?? keyOf(document),
      emailId: ourIdIn(fields['tags']),
      providerMessageId: idOf(fields['email_id']),
      messageId: idOf(fields['message_id']),
      recipient: onlyOne(fields['to']),
      detail: wordsOf(
        diagnosticOf(bounce),
        bounce['message'],
        fieldsOf(fields['failed'])['reason'],
        fieldsOf(fields['suppressed'])['message'],
      ),
      occurredAt: momentOf(document['created_at'], request.now),
    },
  ];
}

const MEANINGS: Meanings = new Map([
  ['email.delivered', { kind: 'delivered' }],
  ['email.delivery_delayed', { kind: 'deferred' }],
  ['email.suppressed', { kind: 'rejected', reason: 'bounced' }],
  ['email.failed', { kind: 'rejected', reason: 'other' }],
  ['email.complained', { kind: 'complained', reason: 'spam' }],
]);

/** The types of bounces are those of Amazon SES. */
function meaningOf(event: unknown, bounce: Fields): Meaning | undefined {
  if (event !== 'email.bounced') return MEANINGS.get(event);
  if (bounce['type'] === 'Transient') return { kind: 'deferred', reason: 'other' };
  if (bounce['subType'] === 'Suppressed') return { kind: 'rejected', reason: 'bounced' };
  if (bounce['type'] !== 'Permanent') return { kind: 'bounced', reason: 'other' };
  return { kind: 'bounced', reason: hardBounce(undefined, diagnosticOf(bounce)) };
}

function diagnosticOf({ diagnosticCode: code }: Fields): string | undefined {
  return textOf(Array.isArray(code) ? code.map(String).join(' ') : code);
}

/** Documented as a list of name and value, and shown in the examples as an object. */
function ourIdIn(tags: unknown): string | undefined {
  if (!Array.isArray(tags)) return idOf(fieldsOf(tags)[OUR_ID]);
  return idOf(tags.map(fieldsOf).find(({ name }) => name === OUR_ID)?.['value']);
}

function onlyOne(to: unknown): string | undefined {
  return Array.isArray(to) && to.length === 1 ? textOf(to[0]) : undefined;
}
