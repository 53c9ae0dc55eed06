import { randomUUID } from 'node:crypto';
import { hookSecretIn, KEY_ENTRY, MIN_HOOK_SECRET_LENGTH } from '../../config/provider-entries.js';
import { type Mailbox, mailboxOf, oneLine } from '../transport/mailbox.js';
import {
  type Fields,
  hardBounce,
  type HookRequest,
  idOf,
  jsonOf,
  keyOf,
  listOf,
  type Meaning,
  type Meanings,
  millisecondsOf,
  proveBearer,
  type ProviderEvent,
  secondsOf,
  textOf,
  wordsOf,
} from './hook.js';
import {
  addressed,
  at,
  base64Of,
  filled,
  headersOf,
  ID_NAME,
  jsonRequest,
  listAt,
  look,
  type Provider,
  textAt,
} from './provider.js';
import { keyRefused, quotaUsedUp, senderRefused, takenBefore } from './replies.js';
import { MIB } from './size-policy.js';

/**
 * https://developers.brevo.com/reference/sendtransacemail, and /docs/heterogenous-versions-batch-emails for the key: a
 * UUID, known for 30 minutes (15 by the changelog), and a request with a known one is refused as `duplicate_parameter`.
 * Whether a refused request uses its key up is not said, so each attempt has its own. Writes a Message-ID of its own.
 */
export const brevo: Provider<{ key: string }, { token: string }> = {
  kind: 'brevo',
  entry: { ...KEY_ENTRY, example: 'brevo:xkeysib-123' },
  secret: {
    example: 'brevo:<a token>',
    written: 'brevo: and a bearer token',
    wants: `the token must have at least ${MIN_HOOK_SECRET_LENGTH} characters, special ones percent-encoded`,
    read(rest) {
      const token = hookSecretIn(rest);
      return token === undefined ? undefined : { token };
    },
  },
  endpoint: () => 'https://api.brevo.com',
  idempotent: true,
  // "The size limit for transactional emails is 20MB": https://help.brevo.com/hc/en-us/articles/4402811730962
  limit: { messageBytes: 20 * MIB, fileBytes: 4 * MIB },
  rows: [
    { condition: 'credits used up', when: { code: /^not_enough_credits$/ }, then: quotaUsedUp },
    { condition: 'the key was used before', when: { code: /^duplicate_(parameter|request)$/ }, then: takenBefore },
    {
      condition: 'key refused, or account under validation',
      when: { code: /^(unauthorized|permission_denied|account_under_validation)$/ },
      then: keyRefused,
    },
    {
      // "Sender is invalid / inactive", "sender is missing", "email is not valid in sender": one code for any field.
      condition: 'the sender is not valid or not verified',
      when: { code: /^(invalid|missing)_parameter$/, message: /\bsender\b/i },
      then: senderRefused,
    },
  ],

  request(message, { account, endpoint }) {
    const { id, from, replyTo, subject, text, html } = message;
    const { to, cc, bcc } = addressed(message);
    return jsonRequest(
      `${endpoint}/v3/smtp/email`,
      { 'api-key': account.key },
      {
        sender: written(mailboxOf(from)),
        to: to.map(written),
        ...filled('cc', cc.map(written)),
        ...filled('bcc', bcc.map(written)),
        // It takes one.
        ...(replyTo[0] === undefined ? {} : { replyTo: written(mailboxOf(replyTo[0])) }),
        subject: oneLine(subject),
        ...(text ? { textContent: text } : {}),
        ...(html ? { htmlContent: html } : {}),
        ...filled(
          'attachment',
          message.attachments.map((file) => ({ name: file.filename, content: base64Of(file) })),
        ),
        headers: {
          ...headersOf(message),
          'X-Mailin-custom': JSON.stringify({ [ID_NAME]: id }),
          idempotencyKey: randomUUID(),
        },
      },
    );
  },

  read: ({ json }) => ({
    id: textAt(json, 'messageId'),
    code: textAt(json, 'code'),
    message: textAt(json, 'message'),
  }),

  relay: { hosts: /^smtp-relay\.(brevo|sendinblue)\.com$/ },
  /** The token is given when the webhook is made: https://developers.brevo.com/reference/create-webhook */
  hook: { provenByHeader: true, prove: (request, { token }) => proveBearer(request, token), read },

  /** https://developers.brevo.com/reference/get-account */
  probe: {
    question: (api) => look(api, '/v3/account', { 'api-key': api.account.key }),
    judge(json) {
      // The credits of the plan that sends, as opposed to text messages.
      const plan = listAt(json, 'plan').find(
        (one) => textAt(one, 'creditsType') === 'sendLimit' && textAt(one, 'type') !== 'sms',
      );
      const credits = at(plan, 'credits');
      if (typeof credits !== 'number') return { status: 'ok', summary: 'takes the key' };
      const details = { plan: textAt(plan, 'type'), credits };
      return credits > 0
        ? { status: 'ok', summary: `takes the key; ${credits} credits left`, details }
        : {
            status: 'fail',
            summary: 'takes the key; no credits are left',
            remedy: 'Wait until they are renewed (the free plan: every day), or buy some.',
            details,
          };
    },
  },
};

function written({ name, address }: Mailbox): object {
  return name === '' ? { email: address } : { email: address, name };
}

/**
 * https://developers.brevo.com/docs/transactional-webhooks; several at once where they are batched. @throws SyntaxError
 */
function read({ body, now }: HookRequest): ProviderEvent[] {
  return listOf(jsonOf(body)).flatMap((fields) => {
    const meaning = meaningOf(fields);
    if (!meaning) return [];
    const messageId = idOf(fields['message-id']);
    return {
      ...meaning,
      dedupeKey: keyOf(fields['event'], messageId, fields['email'], fields['ts_event'], fields['ts_epoch']),
      emailId: ourIdIn(textOf(fields['X-Mailin-custom'])),
      providerMessageId: messageId,
      messageId,
      recipient: textOf(fields['email']),
      detail: wordsOf(fields['reason']),
      // `date` and `ts` are in the account's own zone.
      occurredAt: secondsOf(fields['ts_event'], millisecondsOf(fields['ts_epoch'], now)),
    };
  });
}

const MEANINGS: Meanings = new Map([
  ['delivered', { kind: 'delivered' }],
  ['soft_bounce', { kind: 'deferred', reason: 'other' }],
  ['deferred', { kind: 'deferred' }],
  ['invalid_email', { kind: 'rejected', reason: 'invalid' }],
  ['blocked', { kind: 'rejected', reason: 'blocked' }],
  ['error', { kind: 'rejected', reason: 'other' }],
  ['spam', { kind: 'complained', reason: 'spam' }],
  ['unsubscribed', { kind: 'unsubscribed', reason: 'unsubscribed' }],
  ['unsubscribe', { kind: 'unsubscribed', reason: 'unsubscribed' }],
]);

function meaningOf({ event, reason }: Fields): Meaning | undefined {
  return event === 'hard_bounce'
    ? { kind: 'bounced', reason: hardBounce(undefined, textOf(reason)) }
    : MEANINGS.get(event);
}

/** The id alone, or named as in Brevo's own examples of this header: `otpost_id:<id>`. */
function ourIdIn(custom: string | undefined): string | undefined {
  return /^(?:.*\botpost_id\W{1,4})?([\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})(?![\w-])/i.exec(
    custom?.slice(0, 500) ?? '',
  )?.[1];
}
