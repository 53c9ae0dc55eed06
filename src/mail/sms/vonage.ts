import { createHmac } from 'node:crypto';
import { hookSecretIn, isKey, MIN_HOOK_SECRET_LENGTH } from '../../config/provider-entries.js';
import { sameSecret } from '../../core/credentials.js';
import {
  AUTHENTIC,
  type Fields,
  fieldsOf,
  type HookRequest,
  idOf,
  isFresh,
  jsonOf,
  keyOf,
  type Meanings,
  momentOf,
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
  secondsLeft,
  SMS_LIMIT,
  type SmsProvider,
} from './sms-provider.js';
import { sizeOf } from './text-policy.js';

interface Account {
  key: string;
  secret: string;
  /** A number without its +, or a name. */
  from: string;
}

/**
 * https://developer.vonage.com/en/api/sms. It answers 200 to nearly everything; the status of the one message that is
 * in the answer counts.
 */
export const vonage: SmsProvider<Account, string> = {
  kind: 'vonage',
  entry: {
    example: 'vonage:api-key:api-secret:Acme',
    wants: 'the API key, the API secret, and a sender: a number without +, or a name of at most 11 letters and digits',
    read(body) {
      const [key = '', secret = '', from = '', ...more] = body.split(':');
      const isSender = /^[1-9]\d{2,14}$|^[A-Za-z0-9 ]{1,11}$/.test(from);
      return isKey(key) && isKey(secret) && isSender && more.length === 0 ? { key, secret, from } : undefined;
    },
    secrets: ({ secret }) => [secret],
  },
  endpoint: () => 'https://rest.nexmo.com',
  idempotent: false,
  limit: SMS_LIMIT,
  // https://developer.vonage.com/api-errors/sms; 29: a demo account sends to the numbers of its list alone.
  rows: [
    { condition: 'too fast', when: { code: /^1$/ }, then: tooFast },
    { condition: 'key refused', when: { code: /^(4|14|32)$/ }, then: keyRefused },
    { condition: 'account barred', when: { code: /^(8|11)$/ }, then: keyRefused },
    { condition: 'nothing left to send with', when: { code: /^9$/ }, then: quotaUsedUp },
    { condition: 'no such sender', when: { code: /^(15|29)$/ }, then: senderRefused },
    { condition: 'number barred', when: { code: /^(7|33)$/ }, then: numberRefused },
    { condition: 'no such network', when: { code: /^22$/ }, then: countryRefused },
  ],

  request(message, { account: { key, secret, from }, endpoint, callback }) {
    const { id, text } = message;
    const seconds = secondsLeft(message, 20, 604_800);
    return formRequest(
      `${endpoint}/sms/json`,
      {},
      {
        ...{ api_key: key, api_secret: secret, from },
        to: numberOf(message).slice(1),
        text,
        type: sizeOf(text).encoding === 'UCS-2' ? 'unicode' : 'text',
        ttl: seconds === undefined ? undefined : String(seconds * 1_000),
        'client-ref': id,
        'status-report-req': callback === undefined ? undefined : '1',
        callback,
      },
    );
  },

  read({ json, status }) {
    const code = textAt(json, 'messages', 0, 'status');
    const refused = code !== undefined && code !== '0';
    return {
      id: textAt(json, 'messages', 0, 'message-id'),
      code: refused ? code : undefined,
      message: textAt(json, 'messages', 0, 'error-text'),
      // 5: it broke. What no row knows is a refusal of the message.
      status: refused ? (code === '5' ? 503 : Math.max(status, 400)) : status,
    };
  },

  secret: {
    example: 'vonage:<the signature secret>',
    written: 'vonage: and the signature secret (SHA-256 HMAC)',
    wants: `must be the signature secret, of at least ${MIN_HOOK_SECRET_LENGTH} characters`,
    read: hookSecretIn,
  },
  hook: { prove, read: readReceipt },

  /** https://developer.vonage.com/en/api/account */
  probe: {
    question: (api) =>
      look(api, '/account/get-balance', { authorization: basicAuth(api.account.key, api.account.secret) }),
    judge(json) {
      const balance = Number(textAt(json, 'value'));
      return Number.isFinite(balance) && balance <= 0
        ? { status: 'fail', summary: 'takes the key; nothing is left to send with', remedy: 'Top the account up.' }
        : { status: 'ok', summary: 'takes the key' };
    },
  },
};

/**
 * HMAC-SHA256 over all fields but the signature, in the order of their names, with what separates them taken out of
 * their values (https://developer.vonage.com/en/getting-started/concepts/signing-messages).
 */
function prove(request: HookRequest, secret: string): Proof {
  const { sig, ...fields } = parametersOf(request);
  const given = textOf(sig);
  if (given === undefined) return unproven('unsigned');
  const signed = Object.keys(fields)
    .sort()
    .map((name) => `&${name}=${String(fields[name]).replaceAll(/[&=]/g, '_')}`)
    .join('');
  const own = createHmac('sha256', secret).update(signed).digest('hex');
  if (!sameSecret(given.toLowerCase(), own)) return unproven('forged');
  return isFresh(textOf(fields['timestamp']) ?? '', request.now) ? AUTHENTIC : unproven('stale');
}

/** As JSON, as a form, or in the address: that is a setting of the account. @throws SyntaxError */
function parametersOf({ url, body }: HookRequest): Fields {
  const query = url === undefined ? {} : Object.fromEntries(new URL(url).searchParams);
  const text = body.toString('utf8').trim();
  return {
    ...query,
    ...(text.startsWith('{') ? fieldsOf(jsonOf(body)) : Object.fromEntries(new URLSearchParams(text))),
  };
}

/** https://developer.vonage.com/en/messaging/sms/guides/delivery-receipts */
const MEANINGS: Meanings = new Map([
  ['delivered', { kind: 'delivered' }],
  ['expired', { kind: 'bounced', reason: 'timed_out' }],
  ['failed', { kind: 'bounced', reason: 'other' }],
  ['rejected', { kind: 'rejected', reason: 'other' }],
  ['buffered', { kind: 'deferred', reason: 'other' }],
]);

function readReceipt(request: HookRequest): ProviderEvent[] {
  const fields = parametersOf(request);
  const status = textOf(fields['status']);
  const meaning = MEANINGS.get(status);
  const id = idOf(fields['messageId']);
  if (!meaning || id === undefined) return [];
  const number = textOf(fields['msisdn']);
  const error = textOf(fields['err-code']);
  return [
    {
      ...meaning,
      dedupeKey: keyOf(id, status, error),
      emailId: idOf(fields['client-ref']),
      providerMessageId: id,
      recipient: number === undefined ? undefined : `+${number.replace(/^\+/, '')}`,
      detail:
        error === undefined || error === '0' ? `the operator says ${status}` : `the operator says ${status} (${error})`,
      occurredAt: momentOf(`${textOf(fields['message-timestamp'])?.replace(' ', 'T')}Z`, request.now),
    },
  ];
}
