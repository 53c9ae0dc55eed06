import { setDefaultResultOrder } from 'node:dns';
import { domainOf } from '../core/email-address.js';
import { quote } from '../core/quote.js';
import { endpointOf, type HttpSettings } from '../mail/transport/http/endpoints.js';
import { textAt } from '../mail/transport/http/provider.js';
import type { Check } from './check.js';
import { type Answer, type Question, questionFor, secondQuestionFor, secondVerdict, type Verdict, verdictOf } from './provider-policy.js';
import { transportSecrets } from './secrets.js';

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
export async function providerCheck(name: string, settings: HttpSettings, { sender, now, signal }: ProviderLook): Promise<Check> {
  const base = { area: 'http' as const, name };
  const startedAt = performance.now();
  try {
    const answer = await ask(questionFor(settings, now), settings, signal);
    const ms = Math.round(performance.now() - startedAt);
    const second = secondQuestionFor(settings, answer);
    const verdict = second ? secondVerdict(settings, await ask(second, settings, signal)) : verdictOf(settings, answer, domainOf(sender).toLowerCase());
    return { ...base, ms, ...verdict, details: { endpoint: endpointOf(settings), httpStatus: answer.status, ...verdict.details } };
  } catch (error) {
    return { ...base, ms: Math.round(performance.now() - startedAt), ...unreachable(codeOf(error), endpointOf(settings)) };
  }
}

/** Whether anything answers at all, whatever it says. No key is shown. */
export async function reachCheck(name: string, settings: HttpSettings, signal: AbortSignal): Promise<Check> {
  const startedAt = performance.now();
  const done = (verdict: Verdict): Check => ({ area: 'http', name, ms: Math.round(performance.now() - startedAt), ...verdict });
  try {
    const { status } = await ask({ method: 'GET', url: endpointOf(settings), headers: { 'user-agent': 'otpost' } }, settings, signal);
    return done({ status: 'ok', summary: `${new URL(endpointOf(settings)).host} answers`, details: { httpStatus: status } });
  } catch (error) {
    return done(unreachable(codeOf(error), endpointOf(settings)));
  }
}

async function ask({ method, url, headers }: Question, settings: HttpSettings, signal: AbortSignal): Promise<Answer> {
  setDefaultResultOrder('ipv4first'); // as the transport does: see http-transport.ts
  const response = await fetch(url, { method, headers, redirect: 'manual', signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_WITHIN_MS)]) });
  const text = (await response.text()).slice(0, LONGEST);
  const json = jsonOf(text);
  const type = response.headers.get('x-amzn-errortype')?.split(':', 1)[0];
  const said = [type, textAt(json, 'message') ?? textAt(json, 'Message') ?? textAt(json, 'ErrorMessage') ?? textAt(json, 'errors', 0, 'message') ?? (json === undefined ? text : '')];
  return { status: response.status, json, words: quote(said.filter(Boolean).join(': '), transportSecrets(settings)) };
}

function unreachable(code: string, endpoint: string): Verdict {
  const { host } = new URL(endpoint);
  switch (code) {
    case 'TimeoutError':
    case 'UND_ERR_CONNECT_TIMEOUT':
    case 'ETIMEDOUT':
      return { status: 'fail', summary: `${host} does not answer`, remedy: 'Look whether this host may open connections to port 443 of the internet at all.' };
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return { status: 'fail', summary: `no name server tells the address of ${host} (${code})`, remedy: 'Look at the DNS of this host: /etc/resolv.conf, and whether port 53 is open.' };
    case 'ECONNREFUSED':
      return { status: 'fail', summary: `${host} refuses connections`, remedy: 'A firewall or a proxy of this host says no: open port 443.' };
    default:
      return { status: 'fail', summary: `${host} cannot be reached (${code})`, remedy: 'Look whether a firewall or a proxy stands between this host and the internet.' };
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // Proxies answer in HTML: no JSON is an answer too.
    return undefined;
  }
}

/** fetch wraps what happened, and Happy Eyeballs wraps it once more. */
function codeOf(error: unknown): string {
  const { name, code, cause, errors } = (error ?? {}) as { name?: string; code?: unknown; cause?: unknown; errors?: unknown[] };
  if (typeof code === 'string') return code;
  if (cause !== undefined) return codeOf(cause);
  return errors?.length ? codeOf(errors[0]) : (name ?? 'unknown');
}
