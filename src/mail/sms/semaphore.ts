import { isKey } from '../../config/provider-entries.js';
import { at, look, textAt } from '../providers/provider.js';
import { keyRefused, quotaUsedUp, senderRefused } from '../providers/replies.js';
import { formRequest, numberOf, numberRefused, SMS_LIMIT, type SmsProvider } from './sms-provider.js';

interface Account {
  key: string;
  /** One that was registered there; undefined: the default of the account. */
  from: string | undefined;
  route: string;
}

/**
 * https://api.semaphore.co/docs, for numbers of the Philippines. That page names no errors; these are what its users
 * met. It refuses by field, with 200: `{"number":["The number format is invalid."]}`; and with 500 what the account
 * lacks: `[{"senderName":"No active sender name found. …"}]`, `["Your current balance of 0 credits is not sufficient.
 * …"]`. It tells nothing later, and drops what begins with "TEST"; codes begin with digits.
 */
export const semaphore: SmsProvider<Account> = {
  kind: 'semaphore',
  entry: {
    example: 'semaphore:api-key:ACME',
    wants: 'the API key and, where there is one, the registered sender name',
    // Codes pass the queue of other messages there.
    choices: { route: ['priority', 'messages'] },
    read(body, { route }) {
      const [key = '', from, ...more] = body.split(':');
      const isSender = from === undefined || /^[A-Za-z0-9 ._-]{1,11}$/.test(from);
      return isKey(key) && isSender && more.length === 0 ? { key, from, route: route! } : undefined;
    },
    secrets: ({ key }) => [key],
  },
  endpoint: () => 'https://api.semaphore.co',
  idempotent: false,
  limit: SMS_LIMIT,
  rows: [
    { condition: 'key refused', when: { code: /^apikey$/ }, then: keyRefused },
    { condition: 'no such number', when: { code: /^number$/ }, then: numberRefused },
    { condition: 'no such sender', when: { code: /^sendername$/i }, then: senderRefused },
    { condition: 'nothing left to send with', when: { message: /\b(credit|balance|load)s?\b/i }, then: quotaUsedUp },
  ],

  request(message, { account: { key, from, route }, endpoint }) {
    return formRequest(
      `${endpoint}/api/v4/${route}`,
      {},
      {
        apikey: key,
        number: numberOf(message).slice(1),
        message: message.text,
        sendername: from,
      },
    );
  },

  read({ json, status, text }) {
    const id = textAt(json, 0, 'message_id');
    const state = textAt(json, 0, 'status')?.toLowerCase();
    if (id !== undefined && state !== 'failed' && state !== 'refunded') return { id };
    const refusal: unknown = Array.isArray(json) ? json[0] : json;
    const [field] = id === undefined && refusal !== null && typeof refusal === 'object' ? Object.keys(refusal) : [];
    const isRefused = status < 300 && (field !== undefined || state !== undefined);
    return {
      code: field,
      message:
        (field === undefined ? undefined : (textAt(refusal, field) ?? textAt(refusal, field, 0))) ?? text.slice(0, 500),
      status: isRefused ? 422 : status,
    };
  },

  probe: {
    question: (api) => look(api, `/api/v4/account?${new URLSearchParams({ apikey: api.account.key }).toString()}`, {}),
    judge(json) {
      const credits = Number(at(json, 'credit_balance'));
      return credits > 0
        ? { status: 'ok', summary: `takes the key; ${credits} credits are left` }
        : { status: 'fail', summary: 'takes the key; no credits are left', remedy: 'Top the account up.' };
    },
  },
};
