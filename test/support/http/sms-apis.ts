import { createHmac } from 'node:crypto';
import { eventually } from '../signals/wait.js';
import { note } from '../text/test-logs.js';
import type { Api, ReceivedRequest, Reply } from './provider-apis.js';
import type { ProviderServer } from './provider-server.js';

export type SmsProviderName = 'twilio' | 'vonage' | 'semaphore';

/** What each provider lets in, as an entry of SMS_TRANSPORTS has it. */
export const SMS_ENTRIES: Record<SmsProviderName, string> = {
  twilio: 'twilio:ACtest0123456789:twilio-token-0123456789:+15005550006',
  vonage: 'vonage:vonage-key:vonage-secret:Acme',
  semaphore: 'semaphore:semaphore-key:ACME',
};

export const SMS_SECRETS = { twilio: 'twilio-token-0123456789', vonage: 'vonage-signature-secret' };

/** A text as it left, whichever form its provider has. */
export interface SentText {
  to: string;
  text: string;
  fields: URLSearchParams;
}

/** Of a form. */
export function textIn({ body }: ReceivedRequest): SentText {
  const fields = new URLSearchParams(body);
  const to = fields.get('To') ?? fields.get('to') ?? fields.get('number') ?? '';
  const text = fields.get('Body') ?? fields.get('text') ?? fields.get('message') ?? '';
  return { to: `+${to.replace(/^\+/, '')}`, text, fields };
}

/** What a provider has for a number, once there are so many texts. */
export async function textsTo({ requests }: ProviderServer, number: string, count = 1): Promise<string[]> {
  const texts = () => requests.map(textIn).filter(({ to }) => to === number);
  await eventually(() => texts().length >= count, `${count} texts to ${number}`);
  return texts().map(({ text }) => text);
}

/** The code of a text, which stands at its end for browsers. */
export function codeInText(text: string): string {
  const code = /#(\d{6})$/.exec(text)?.[1];
  if (!code) throw new Error(`no code in: ${text}`);
  note('code', code);
  return code;
}

/** A fresh one for each server. */
export function smsApi(name: SmsProviderName): Api {
  return { twilio, vonage, semaphore }[name]();
}

/** https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource */
function twilio(): Api {
  let count = 0;
  const error = (status: number, code: number, message: string): Reply => ({
    status,
    body: { code, message, more_info: `https://www.twilio.com/docs/errors/${code}`, status },
  });
  return ({ path, headers, body }) => {
    const [, sid, token] = SMS_ENTRIES.twilio.split(':');
    if (headers.authorization !== `Basic ${Buffer.from(`${sid}:${token}`).toString('base64')}`)
      return error(401, 20003, 'Authenticate');
    if (path !== `/2010-04-01/Accounts/${sid}/Messages.json`)
      return error(404, 20404, 'The requested resource was not found');
    if (headers['content-type'] !== 'application/x-www-form-urlencoded')
      return error(400, 21604, "A 'To' phone number is required.");
    const form = new URLSearchParams(body);
    if (!/^\+[1-9]\d{6,14}$/.test(form.get('To') ?? '')) return error(400, 21211, "Invalid 'To' Phone Number");
    if (!form.get('From') && !form.get('MessagingServiceSid'))
      return error(400, 21603, "A 'From' phone number is required.");
    if (!form.get('Body')) return error(400, 21602, 'Message body is required.');
    const validity = Number(form.get('ValidityPeriod') ?? 1);
    if (!Number.isInteger(validity) || validity < 1 || validity > 36_000)
      return error(400, 21626, 'ValidityPeriod is invalid');
    return {
      status: 201,
      body: { sid: `SM${String(++count).padStart(32, '0')}`, status: 'queued', error_code: null, error_message: null },
    };
  };
}

/** https://developer.vonage.com/en/api/sms#send-an-sms: 200, whatever it says. */
function vonage(): Api {
  let count = 0;
  const refused = (status: string, text: string): Reply => ({
    status: 200,
    body: { 'message-count': '1', messages: [{ status, 'error-text': text }] },
  });
  return ({ path, body }) => {
    if (path !== '/sms/json') return { status: 404, body: 'Not found' };
    const form = new URLSearchParams(body);
    if (form.get('api_key') !== 'vonage-key' || form.get('api_secret') !== 'vonage-secret')
      return refused('4', 'Bad Credentials');
    const missing = ['from', 'to', 'text'].find((field) => !form.get(field));
    if (missing) return refused('2', `Missing ${missing} param`);
    if (!/^[1-9]\d{6,14}$/.test(form.get('to')!)) return refused('3', 'to address is not numeric');
    if (form.get('type') === 'text' && /[^\x20-\x7e\n]/.test(form.get('text')!))
      return refused('6', 'not in that alphabet');
    const to = form.get('to')!;
    const message = {
      to,
      'message-id': `VON${++count}`,
      status: '0',
      'remaining-balance': '3.14',
      'message-price': '0.03',
      network: '51503',
    };
    return { status: 200, body: { 'message-count': '1', messages: [message] } };
  };
}

/** https://semaphore.co/docs */
function semaphore(): Api {
  let count = 0;
  return ({ path, body }) => {
    if (path !== '/api/v4/priority' && path !== '/api/v4/messages') return { status: 404, body: 'Not Found' };
    const form = new URLSearchParams(body);
    if (form.get('apikey') !== 'semaphore-key')
      return { status: 401, body: { apikey: ['The selected apikey is invalid.'] } };
    if (!/^639\d{9}$/.test(form.get('number') ?? ''))
      return { status: 200, body: { number: ['The number format is invalid.'] } };
    if (form.get('sendername') !== 'ACME')
      return { status: 200, body: { sendername: ['The selected sendername is invalid.'] } };
    if (!form.get('message')) return { status: 200, body: { message: ['The message field is required.'] } };
    return {
      status: 200,
      body: [
        {
          message_id: 5_000_000 + ++count,
          recipient: form.get('number'),
          network: 'Smart',
          status: 'Pending',
          type: 'priority',
        },
      ],
    };
  };
}

/** As Twilio signs what it posts to an address. */
export function twilioReceipt(url: string, fields: Record<string, string>, token = SMS_SECRETS.twilio) {
  const signed =
    url +
    Object.keys(fields)
      .sort()
      .map((name) => name + fields[name])
      .join('');
  return {
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      'x-twilio-signature': createHmac('sha1', token).update(signed).digest('base64'),
    },
    body: new URLSearchParams(fields).toString(),
  };
}

/** As Vonage signs, with SHA-256 HMAC. */
export function vonageReceipt(fields: Record<string, string>, at: Date, secret = SMS_SECRETS.vonage) {
  const all: Record<string, string> = {
    ...fields,
    timestamp: String(Math.floor(at.getTime() / 1_000)),
    nonce: 'n0nce',
  };
  const signed = Object.keys(all)
    .sort()
    .map((name) => `&${name}=${all[name]!.replaceAll(/[&=]/g, '_')}`)
    .join('');
  const sig = createHmac('sha256', secret).update(signed).digest('hex');
  return { headers: { 'content-type': 'application/json' }, body: JSON.stringify({ ...all, sig }) };
}
