import { endpointOf, type HttpSettings } from '../mail/transport/http/endpoints.js';
import { at, basicAuth, textAt } from '../mail/transport/http/provider.js';
import { signingHeaders } from '../mail/transport/ses-signature.js';
import type { Check } from './check.js';

/** A request that changes nothing and sends nothing. */
export interface Question {
  method: 'GET' | 'POST';
  url: string;
  headers: Record<string, string>;
}

export interface Answer {
  status: number;
  json: unknown;
  /** What it says of an error, without secrets. */
  words: string;
}

export type Verdict = Pick<Check, 'status' | 'summary' | 'remedy' | 'details'>;

/** Share of a day's quota from which on it is worth a warning. */
const NEARLY_USED_UP = 0.8;

/**
 * What each provider's documentation has for looking at one's own account or key: https://resend.com/docs/api-reference/domains/list-domains,
 * https://www.twilio.com/docs/sendgrid/api-reference/api-key-permissions, https://postmarkapp.com/developer/api/server-api,
 * https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/domains, https://developers.brevo.com/reference/get-account,
 * https://dev.mailjet.com/email/reference/settings/, https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_GetAccount.html
 */
export function questionFor(settings: HttpSettings, now: Date): Question {
  const get = (path: string, headers: Record<string, string>): Question => ({ method: 'GET', url: endpointOf(settings) + path, headers: { accept: 'application/json', 'user-agent': 'otpost', ...headers } });
  switch (settings.kind) {
    case 'resend':
      return get('/domains', { authorization: `Bearer ${settings.key}` });
    case 'sendgrid':
      return get('/v3/scopes', { authorization: `Bearer ${settings.key}` });
    case 'postmark':
      return get('/server', { 'x-postmark-server-token': settings.key });
    case 'brevo':
      return get('/v3/account', { 'api-key': settings.key });
    case 'mailgun':
      return get(`/v4/domains/${settings.domain}`, { authorization: basicAuth('api', settings.key) });
    case 'mailjet':
      return get('/v3/REST/apikey', { authorization: basicAuth(settings.key, settings.secret) });
    case 'ses': {
      const question = get('/v2/email/account', {});
      const { credentials, region } = settings;
      if (!credentials) throw new Error('SES was asked without the credentials that the settings were to have.');
      const signed = signingHeaders({ ...question, body: Buffer.alloc(0) }, credentials, { region, service: 'ses' }, now);
      return { ...question, headers: { ...question.headers, ...signed } };
    }
  }
}

/**
 * Mailgun's sending keys may call /messages and nothing else, so that a 401 elsewhere proves nothing. A request to send
 * that has no recipient, no sender and no text is refused with 400 where the key is good, and with 401 where it is not.
 */
export function secondQuestionFor(settings: HttpSettings, { status }: Answer): Question | undefined {
  if (settings.kind !== 'mailgun' || ![401, 403].includes(status)) return undefined;
  return { method: 'POST', url: `${endpointOf(settings)}/v3/${settings.domain}/messages`, headers: { authorization: basicAuth('api', settings.key), 'content-type': 'application/x-www-form-urlencoded' } };
}

/** What the second answer means: see above. */
export function secondVerdict(settings: HttpSettings, answer: Answer): Verdict {
  if (answer.status === 400) return { status: 'ok', summary: 'takes the key, which may send and nothing else; the state of the domain cannot be seen with it' };
  return answer.status === 404 ? verdictOf(settings, answer, '') : refused(answer);
}

/** @param senderDomain the domain of MAIL_FROM */
export function verdictOf(settings: HttpSettings, answer: Answer, senderDomain: string): Verdict {
  const { status, json, words } = answer;
  if (status >= 200 && status < 300) return accountVerdict(settings, json, senderDomain);
  if (settings.kind === 'resend' && textAt(json, 'name') === 'restricted_api_key') {
    return { status: 'ok', summary: 'takes the key, which may send and nothing else; the state of the domain cannot be seen with it' };
  }
  if (settings.kind === 'ses' && /^AccessDenied/.test(sesCode(answer))) {
    return { status: 'ok', summary: 'takes the credentials; the quota cannot be seen without the right ses:GetAccount' };
  }
  if (settings.kind === 'mailjet' && status === 403) return { status: 'ok', summary: 'takes the key, which may not look at itself' };
  if (settings.kind === 'mailgun' && status === 404) {
    return { status: 'fail', summary: `knows no domain ${settings.domain} with this key in the region ${settings.region}`, remedy: 'Correct the domain, or the region: ?region=eu for domains in the EU.' };
  }
  if (status === 401 || status === 403) return refused(answer);
  if (status === 429) return { status: 'warn', summary: 'answers, and has had enough questions for now (429)', remedy: 'Ask again in a minute; mail waits as long as it asks.' };
  if (status >= 500) return { status: 'warn', summary: `can be reached, and is in trouble itself (${status} ${words})`.trim(), remedy: "Look at the provider's status page; mail is kept and tried again." };
  return { status: 'warn', summary: `can be reached, and answers unexpectedly (${status} ${words})`.trim(), remedy: 'Something in between may answer in its place: a proxy, or a captive portal.' };
}

function refused({ status, words }: Answer): Verdict {
  return { status: 'fail', summary: `refuses the key (${status} ${words})`.trim(), remedy: "Correct the key in MAIL_TRANSPORTS; look whether it was revoked, or is bound to other IP addresses, in the provider's settings." };
}

function accountVerdict(settings: HttpSettings, json: unknown, senderDomain: string): Verdict {
  switch (settings.kind) {
    case 'resend':
      return resendVerdict(json, senderDomain);
    case 'sendgrid':
      return listAt(json, 'scopes').includes('mail.send')
        ? { status: 'ok', summary: 'takes the key, which may send' }
        : { status: 'fail', summary: 'takes the key, which may not send', remedy: 'Give the key the permission Mail Send, or make another one.' };
    case 'postmark':
      return textAt(json, 'DeliveryType') === 'Sandbox'
        ? { status: 'warn', summary: 'takes the token, which is of a sandbox server: its mail reaches nobody', remedy: 'Use the token of a live server.' }
        : { status: 'ok', summary: 'takes the token' };
    case 'brevo':
      return brevoVerdict(json);
    case 'mailgun':
      return mailgunVerdict(textAt(json, 'domain', 'state') ?? textAt(json, 'state'), settings.domain);
    case 'mailjet':
      return mailjetVerdict(listAt(json, 'Data').find((one) => textAt(one, 'APIKey') === settings.key));
    case 'ses':
      return sesVerdict(json);
  }
}

function resendVerdict(json: unknown, senderDomain: string): Verdict {
  const states = new Map(listAt(json, 'data').map((domain) => [textAt(domain, 'name')?.toLowerCase(), textAt(domain, 'status')]));
  const state = states.get(senderDomain);
  if (state === 'verified') return { status: 'ok', summary: `takes the key; ${senderDomain} is verified` };
  return {
    status: 'fail',
    summary: `takes the key; ${state === undefined ? `${senderDomain}, the domain of MAIL_FROM, is not among its domains` : `${senderDomain} is not verified (${state})`}`,
    remedy: 'Add the domain at https://resend.com/domains and set the DNS records that it shows; until then it refuses the mail.',
  };
}

/** The credits of the plan that sends, as opposed to text messages. */
function brevoVerdict(json: unknown): Verdict {
  const plan = listAt(json, 'plan').find((one) => textAt(one, 'creditsType') === 'sendLimit' && textAt(one, 'type') !== 'sms');
  const credits = at(plan, 'credits');
  if (typeof credits !== 'number') return { status: 'ok', summary: 'takes the key' };
  const details = { plan: textAt(plan, 'type'), credits };
  return credits > 0
    ? { status: 'ok', summary: `takes the key; ${credits} credits left`, details }
    : { status: 'fail', summary: 'takes the key; no credits are left', remedy: 'Wait until they are renewed (the free plan: every day), or buy some.', details };
}

function mailgunVerdict(state: string | undefined, domain: string): Verdict {
  if (state === 'active') return { status: 'ok', summary: `takes the key; ${domain} is active` };
  if (state === undefined) return { status: 'ok', summary: 'takes the key' };
  return {
    status: state === 'disabled' ? 'fail' : 'warn',
    summary: `takes the key; ${domain} is ${state}`,
    remedy: state === 'disabled' ? 'Ask Mailgun why it is disabled.' : 'Set the DNS records that Mailgun shows for the domain.',
  };
}

function mailjetVerdict(key: unknown): Verdict {
  const level = textAt(key, 'Runlevel');
  if (at(key, 'IsActive') === false) return { status: 'fail', summary: 'takes the key, which is not active', remedy: 'Activate it at https://app.mailjet.com/account/apikeys.' };
  if (level !== undefined && level !== 'Normal') return { status: 'fail', summary: `takes the key, which is locked (${level})`, remedy: 'Ask Mailjet why.' };
  return { status: 'ok', summary: 'takes the key' };
}

function sesVerdict(json: unknown): Verdict {
  const [most, sent, rate] = ['Max24HourSend', 'SentLast24Hours', 'MaxSendRate'].map((name) => at(json, 'SendQuota', name));
  const details = { max24HourSend: most, sentLast24Hours: sent, maxSendRate: rate, productionAccess: at(json, 'ProductionAccessEnabled') };
  const enforcement = textAt(json, 'EnforcementStatus');
  if (at(json, 'SendingEnabled') === false || enforcement === 'SHUTDOWN') {
    return { status: 'fail', summary: 'takes the credentials; sending is turned off for this account', remedy: 'Look at the account dashboard of SES in this region.', details };
  }
  if (at(json, 'ProductionAccessEnabled') === false) {
    return { status: 'warn', summary: 'takes the credentials; the account is in the sandbox: only verified addresses get mail', remedy: 'Request production access in the SES console, in this region.', details };
  }
  const share = typeof most === 'number' && typeof sent === 'number' && most > 0 ? sent / most : 0;
  const used = typeof most === 'number' && most >= 0 ? `; ${Number(sent)} of ${most} a day are used` : '';
  if (share >= 1) return { status: 'fail', summary: `takes the credentials${used}`, remedy: 'The quota is of the last 24 h: some of it comes back every minute. Request a higher one.', details };
  if (share >= NEARLY_USED_UP) return { status: 'warn', summary: `takes the credentials${used}`, remedy: 'Request a higher quota.', details };
  if (enforcement === 'PROBATION') return { status: 'warn', summary: 'takes the credentials; the account is under review', remedy: 'See the reputation dashboard of SES.', details };
  return { status: 'ok', summary: `takes the credentials${used}`, details };
}

/** As the transport reads it. */
function sesCode({ json, words }: Answer): string {
  return textAt(json, '__type')?.split('#').at(-1) ?? words;
}

function listAt(json: unknown, ...path: string[]): unknown[] {
  const found = at(json, ...path);
  return Array.isArray(found) ? (found as unknown[]) : [];
}
