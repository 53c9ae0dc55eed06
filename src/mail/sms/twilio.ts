import { createHmac } from 'node:crypto';
import { hookSecretIn, MIN_HOOK_SECRET_LENGTH } from '../../config/provider-entries.js';
import { sameSecret } from '../../core/credentials.js';
import {
  AUTHENTIC,
  headerOf,
  type HookRequest,
  idOf,
  keyOf,
  type Meanings,
  type Proof,
  type ProviderEvent,
  refused as unproven,
  textOf,
} from '../providers/hook.js';
import { basicAuth, look, textAt } from '../providers/provider.js';
import { keyRefused, quotaUsedUp, senderRefused, tooFast } from '../providers/replies.js';
import {
  countryRefused,
  formRequest,
  numberOf,
  numberRefused,
  optedOut,
  secondsLeft,
  SMS_LIMIT,
  type SmsProvider,
} from './sms-provider.js';

interface Account {
  sid: string;
  token: string;
  /** A number, a sender's name, or a messaging service (`MG…`). */
  from: string;
}

/** https://www.twilio.com/docs/messaging/api/message-resource */
export const twilio: SmsProvider<Account, string> = {
  kind: 'twilio',
  entry: {
    example: 'twilio:ACxxx:auth-token:+15005550006',
    wants: 'the account SID, the auth token, and a sender: a number, a name, or a messaging service MG…',
    read(body) {
      const [sid = '', token = '', from = '', ...more] = body.split(':');
      const isAccount = /^AC\w{2,62}$/.test(sid) && /^[\x21-\x7e]+$/.test(token);
      return isAccount && isSender(from) && more.length === 0 ? { sid, token, from } : undefined;
    },
    secrets: ({ token }) => [token],
  },
  endpoint: () => 'https://api.twilio.com',
  idempotent: false,
  limit: SMS_LIMIT,
  // https://www.twilio.com/docs/api/errors, with a page for each code: https://www.twilio.com/docs/api/errors/21211
  rows: [
    { condition: 'no such number', when: { code: /^(21211|21214|21217|21265|21614|21635)$/ }, then: numberRefused },
    { condition: 'the number wants no messages', when: { code: /^21610$/ }, then: optedOut },
    { condition: 'no messages to that country', when: { code: /^(21408|21612)$/ }, then: countryRefused },
    {
      condition: 'no such sender',
      // 21401 is of the sender too, and 21704 says that the messaging service has no numbers.
      when: { code: /^(21212|21401|21603|21606|21608|21659|21660|21701|21703|21704|21705)$/ },
      then: senderRefused,
    },
    { condition: 'account suspended', when: { code: /^(10001|20005|20006|30002|90010)$/ }, then: keyRefused },
    { condition: 'nothing left to send with', when: { code: /^(30027|63038)$/ }, then: quotaUsedUp },
    { condition: 'queue full', when: { code: /^(20429|21611|30001|30022)$/ }, then: tooFast },
  ],

  request(message, { account: { sid, token, from }, endpoint, callback }) {
    const seconds = secondsLeft(message, 1, 36_000);
    return formRequest(
      `${endpoint}/2010-04-01/Accounts/${sid}/Messages.json`,
      { authorization: basicAuth(sid, token) },
      {
        To: numberOf(message),
        ...(from.startsWith('MG') ? { MessagingServiceSid: from } : { From: from }),
        Body: message.text,
        ValidityPeriod: seconds === undefined ? undefined : String(seconds),
        StatusCallback: callback,
      },
    );
  },

  read: ({ json, status }) => ({
    id: status < 300 ? textAt(json, 'sid') : undefined,
    code: textAt(json, 'code') ?? textAt(json, 'error_code'),
    message: textAt(json, 'message') ?? textAt(json, 'error_message'),
  }),

  secret: {
    example: 'twilio:<the auth token>',
    written: 'twilio: and the auth token',
    wants: `must be the auth token, of at least ${MIN_HOOK_SECRET_LENGTH} characters`,
    read: hookSecretIn,
  },
  hook: { prove, read: readReceipt },

  /** https://www.twilio.com/docs/iam/api/account */
  probe: {
    question: (api) =>
      look(api, `/2010-04-01/Accounts/${api.account.sid}.json`, {
        authorization: basicAuth(api.account.sid, api.account.token),
      }),
    judge: (json) =>
      textAt(json, 'status') === 'active'
        ? { status: 'ok', summary: 'takes the auth token; the account is active' }
        : {
            status: 'fail',
            summary: `takes the auth token; the account is ${textAt(json, 'status') ?? 'in no state that it tells'}`,
            remedy: 'Look at https://console.twilio.com why.',
          },
  },
};

/** Names have 11 characters at most, and a letter among them. */
function isSender(text: string): boolean {
  return (
    /^\+[1-9]\d{6,14}$|^MG\w{2,62}$|^\d{3,8}$/.test(text) ||
    (/^[A-Za-z0-9 &_+-]{1,11}$/.test(text) && /[A-Za-z]/.test(text))
  );
}

/**
 * HMAC-SHA1 over the address that was called and all fields, in the order of their names
 * (https://www.twilio.com/docs/usage/security#validating-requests). It carries no time: a receipt that is played once
 * more is the same receipt, and changes nothing.
 */
function prove(request: HookRequest, token: string): Proof {
  const given = headerOf(request, 'x-twilio-signature');
  if (given === undefined) return unproven('unsigned');
  const fields = [...new URLSearchParams(request.body.toString('utf8'))].sort(([one], [other]) =>
    one < other ? -1 : one > other ? 1 : 0,
  );
  const signed = (request.url ?? '') + fields.map(([name, text]) => name + text).join('');
  return sameSecret(given, createHmac('sha1', token).update(signed).digest('base64')) ? AUTHENTIC : unproven('forged');
}

/** https://www.twilio.com/docs/messaging/guides/track-outbound-message-status */
const MEANINGS: Meanings = new Map([
  ['delivered', { kind: 'delivered' }],
  ['read', { kind: 'delivered' }],
  ['undelivered', { kind: 'bounced', reason: 'other' }],
  ['failed', { kind: 'rejected', reason: 'other' }],
]);

function readReceipt({ body, now }: HookRequest): ProviderEvent[] {
  const fields = new URLSearchParams(body.toString('utf8'));
  const status = textOf(fields.get('MessageStatus')) ?? textOf(fields.get('SmsStatus'));
  const meaning = MEANINGS.get(status);
  const id = idOf(fields.get('MessageSid') ?? fields.get('SmsSid'));
  if (!meaning || id === undefined) return [];
  const error = textOf(fields.get('ErrorCode'));
  return [
    {
      ...meaning,
      dedupeKey: keyOf(id, status, error),
      providerMessageId: id,
      recipient: textOf(fields.get('To')),
      detail: error === undefined ? `the operator says ${status}` : `the operator says ${status} (${error})`,
      occurredAt: now,
    },
  ];
}
