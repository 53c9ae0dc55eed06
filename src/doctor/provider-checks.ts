import { setDefaultResultOrder } from 'node:dns';
import type { HttpSettings } from '../config/settings.js';
import { domainOf } from '../core/email-address.js';
import { quote } from '../core/mask.js';
import { jsonOf } from '../mail/providers/exchange.js';
import {
  type AccountVerdict,
  type ProbeAnswer,
  type Provider,
  type Question,
  textAt,
} from '../mail/providers/provider.js';
import { providerOf } from '../mail/providers/providers.js';
import { smsProviderOf } from '../mail/sms/sms-providers.js';
import { type Check, transportSecrets } from './report.js';

/** Milliseconds for an answer. */
const ANSWER_WITHIN_MS = 10_000;
/** Characters of an answer that are of use. */
const LONGEST = 200_000;

export interface ProviderLook {
  /** Address of MAIL_FROM. */
  sender: string;
  now: Date;
  signal: AbortSignal;
}

/** Whether a provider can be reached and takes the key. Sends nothing. */
export async function providerCheck(
  name: string,
  settings: HttpSettings,
  { sender, now, signal }: ProviderLook,
): Promise<Check> {
  const { probe } = known(settings);
  if (!probe) return reachCheck(name, settings, signal);
  const { account } = settings;
  const endpoint = endpointOf(settings);
  const api = { account, endpoint, now };
  return timed(name, endpoint, async () => {
    const answer = await ask(await probe.question(api), settings, signal);
    const { second } = probe;
    const again = second && isRefusal(answer) ? await ask(second.question(api), settings, signal) : undefined;
    const verdict =
      again && again.status !== 404
        ? (second?.judge(again) ?? refused(again))
        : accountVerdict(settings, again ?? answer, domainOf(sender).toLowerCase());
    return { ...verdict, details: { endpoint, httpStatus: answer.status, ...verdict.details } };
  });
}

/** Whether anything answers at all, whatever it says. No key is shown. */
export async function reachCheck(name: string, settings: HttpSettings, signal: AbortSignal): Promise<Check> {
  const endpoint = endpointOf(settings);
  return timed(name, endpoint, async () => {
    const question = { method: 'GET' as const, url: endpoint, headers: { 'user-agent': 'otpost' } };
    const { status } = await ask(question, settings, signal);
    return { status: 'ok', summary: `${new URL(endpoint).host} answers`, details: { httpStatus: status } };
  });
}

/** What an answer says of the account. @param senderDomain the domain of MAIL_FROM */
export function accountVerdict(settings: HttpSettings, answer: ProbeAnswer, senderDomain: string): AccountVerdict {
  const { status, json, words } = answer;
  const probe = known(settings).probe!; // asked by it
  if (status >= 200 && status < 300) return probe.judge(json, settings.account, senderDomain);
  const own = probe.judgeRefusal?.(answer, settings.account);
  if (own) return own;
  if (isRefusal(answer)) return refused(answer);
  if (status === 429)
    return {
      status: 'warn',
      summary: 'answers, and has had enough questions for now (429)',
      remedy: 'Ask again in a minute; mail waits as long as it asks.',
    };
  if (status >= 500)
    return {
      status: 'warn',
      summary: `can be reached, and is in trouble itself (${status} ${words})`.trim(),
      remedy: "Look at the provider's status page; mail is kept and tried again.",
    };
  return {
    status: 'warn',
    summary: `can be reached, and answers unexpectedly (${status} ${words})`.trim(),
    remedy: 'Something in between may answer in its place: a proxy, or a captive portal.',
  };
}

function isRefusal({ status }: ProbeAnswer): boolean {
  return status === 401 || status === 403;
}

function refused({ status, words }: ProbeAnswer): AccountVerdict {
  return {
    status: 'fail',
    summary: `refuses the key (${status} ${words})`.trim(),
    remedy:
      "Correct the key in MAIL_TRANSPORTS; look whether it was revoked, or is bound to other IP addresses, in the provider's settings.",
  };
}

function endpointOf(settings: HttpSettings): string {
  return settings.endpoint ?? known(settings).endpoint(settings.account);
}

/** Of mail or of SMS, whose gateways by file have no account to look at. */
function known(settings: HttpSettings): Pick<Provider, 'endpoint'> & { probe?: Provider['probe'] } {
  return settings.channel === 'sms' ? smsProviderOf(settings) : providerOf(settings.provider);
}

async function timed(name: string, endpoint: string, look: () => Promise<AccountVerdict>): Promise<Check> {
  const startedAt = performance.now();
  const verdict = await look().catch((error: unknown) => unreachable(codeOf(error), endpoint));
  return { area: 'http', name, ms: Math.round(performance.now() - startedAt), ...verdict };
}

async function ask(
  { method, url, headers }: Question,
  settings: HttpSettings,
  signal: AbortSignal,
): Promise<ProbeAnswer> {
  setDefaultResultOrder('ipv4first'); // as the transport does: see http-transport.ts
  const response = await fetch(url, {
    method,
    headers,
    redirect: 'manual',
    signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_WITHIN_MS)]),
  });
  const text = (await response.text()).slice(0, LONGEST);
  const json = jsonOf(text);
  const type = response.headers.get('x-amzn-errortype')?.split(':', 1)[0];
  const said = [
    type,
    textAt(json, 'message') ??
      textAt(json, 'Message') ??
      textAt(json, 'ErrorMessage') ??
      textAt(json, 'errors', 0, 'message') ??
      (json === undefined ? text : ''),
  ];
  return { status: response.status, json, words: quote(said.filter(Boolean).join(': '), transportSecrets(settings)) };
}

function unreachable(code: string, endpoint: string): AccountVerdict {
  const { host } = new URL(endpoint);
  switch (code) {
    case 'TimeoutError':
    case 'UND_ERR_CONNECT_TIMEOUT':
    case 'ETIMEDOUT':
      return {
        status: 'fail',
        summary: `${host} does not answer`,
        remedy: 'Look whether this host may open connections to port 443 of the internet at all.',
      };
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return {
        status: 'fail',
        summary: `no name server tells the address of ${host} (${code})`,
        remedy: 'Look at the DNS of this host: /etc/resolv.conf, and whether port 53 is open.',
      };
    case 'ECONNREFUSED':
      return {
        status: 'fail',
        summary: `${host} refuses connections`,
        remedy: 'A firewall or a proxy of this host says no: open port 443.',
      };
    default:
      return {
        status: 'fail',
        summary: `${host} cannot be reached (${code})`,
        remedy: 'Look whether a firewall or a proxy stands between this host and the internet.',
      };
  }
}

/** fetch wraps what happened, and Happy Eyeballs wraps it once more. */
function codeOf(error: unknown): string {
  const { name, code, cause, errors } = (error ?? {}) as {
    name?: string;
    code?: unknown;
    cause?: unknown;
    errors?: unknown[];
  };
  if (typeof code === 'string') return code;
  if (cause !== undefined) return codeOf(cause);
  return errors?.length ? codeOf(errors[0]) : (name ?? 'unknown');
}
