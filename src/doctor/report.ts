import type { Settings, TransportSettings } from '../config/settings.js';
import { isLoopback, withoutBrackets } from '../config/values.js';
import { visible } from '../core/mask.js';
import { providerOf } from '../mail/providers/providers.js';
import { allTransports } from '../mail/routing/routes.js';
import { findSmsProvider } from '../mail/sms/sms-providers.js';

type CheckStatus = 'ok' | 'warn' | 'fail' | 'skip';

/** What is looked at, in the order in which it is told. */
const AREAS = [
  'configuration',
  'database',
  'clock',
  'broker',
  'workers',
  'smtp',
  'http',
  'local',
  'dns',
  'mail',
] as const;
export type Area = (typeof AREAS)[number];

type Details = Record<string, unknown>;

/** One answer. No secrets, and no address of a person: reports are pasted into tickets. */
export interface Check {
  area: Area;
  /** Of what, such as `smtp.example.com:587`. */
  name: string;
  /**
   * fail: mail, or something that was configured, does not work. warn: it works, and asks for a look. skip: not looked
   * at.
   */
  status: CheckStatus;
  /** Milliseconds it took, where that says something. */
  ms?: number;
  /** In plain words, one line. */
  summary: string;
  /** What to do about it. */
  remedy?: string;
  /** For programs. */
  details?: Details;
}

/** What was found out, without the name of what was looked at. */
export type Verdict = Omit<Check, 'area' | 'name'>;

export const ok = (summary: string, details?: Details): Verdict => verdict('ok', summary, undefined, details);
export const skip = (summary: string): Verdict => verdict('skip', summary);
export const warn = (summary: string, remedy?: string, details?: Details): Verdict =>
  verdict('warn', summary, remedy, details);
export const fail = (summary: string, remedy?: string, details?: Details): Verdict =>
  verdict('fail', summary, remedy, details);

function verdict(status: CheckStatus, summary: string, remedy?: string, details?: Details): Verdict {
  return { status, summary, ...(remedy !== undefined && { remedy }), ...(details && { details }) };
}

export interface Report {
  /** The machine or container that it speaks for. */
  host: string;
  /** As configured there; `unknown` where the configuration cannot be read. */
  role: string;
  /** ISO 8601 */
  at: string;
  checks: Check[];
  status: 'ok' | 'warn' | 'fail';
}

const WORST_FIRST: readonly CheckStatus[] = ['fail', 'warn', 'ok', 'skip'];

/** The worst of all; what was not looked at does not count. */
export function worstOf(checks: readonly Check[]): Report['status'] {
  if (checks.some(({ status }) => status === 'fail')) return 'fail';
  return checks.some(({ status }) => status === 'warn') ? 'warn' : 'ok';
}

/** In whole seconds, or minutes where it is long. */
export function timeWords(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}

/** By area; within one as they came. */
export function inOrder(checks: readonly Check[]): Check[] {
  return [...checks].sort((one, other) => AREAS.indexOf(one.area) - AREAS.indexOf(other.area));
}

function worstFirst(checks: readonly Check[]): Check[] {
  return [...checks].sort((one, other) => WORST_FIRST.indexOf(one.status) - WORST_FIRST.indexOf(other.status));
}

/**
 * A report for people: a line a check, what to do below it, and what is wrong once more at the end, the worst first.
 */
export function reportText({ host, role, at, checks }: Report): string {
  const areaWidth = Math.max(...checks.map(({ area }) => area.length));
  const nameWidth = Math.max(...checks.map(({ name }) => name.length));
  const lines = checks.flatMap(({ area, name, status, ms, summary, remedy }) => {
    const told = `${status.padEnd(4)}  ${area.padEnd(areaWidth)}  ${name.padEnd(nameWidth)}  ${summary}${ms === undefined ? '' : ` (${Math.round(ms)} ms)`}`;
    return remedy === undefined ? [told] : [told, `${' '.repeat(6 + areaWidth + 2)}→ ${remedy}`];
  });
  // Records of DNS and words of servers are among them.
  return [`This is ${host}, ROLE=${role}, ${at}.`, '', ...lines, '', ...closing(checks)].map(visible).join('\n');
}

function closing(checks: readonly Check[]): string[] {
  const wrong = worstFirst(checks.filter(({ status }) => status === 'fail' || status === 'warn'));
  if (wrong.length === 0) return ['Nothing is wrong, as far as this host can see.'];
  const failed = wrong.filter(({ status }) => status === 'fail').length;
  return [
    `${counted(failed, 'failure')}, ${counted(wrong.length - failed, 'warning')}:`,
    ...wrong.map(({ status, area, name, summary }) => `  ${status}  ${area} ${name}: ${summary}`),
  ];
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

/** What an answer of a transport's server must not repeat: keys and passwords, also as SMTP's AUTH PLAIN has them. */
export function transportSecrets(transport: TransportSettings): string[] {
  switch (transport.kind) {
    case 'capture':
    case 'file':
      return [];
    case 'smtp': {
      const { user, password, oauth } = transport;
      const plain =
        user !== undefined && password !== undefined
          ? [password, Buffer.from(`\0${user}\0${password}`).toString('base64')]
          : [];
      return oauth ? [...plain, oauth.clientSecret, oauth.refreshToken] : plain;
    }
    case 'http':
      return (findSmsProvider(transport.provider) ?? providerOf(transport.provider)).entry.secrets(transport.account);
  }
}

/** Everything that must not be told, whatever breaks. */
export function secretsOf(settings: Settings): string[] {
  const { database, redisUrl, appSecret, appSecretPrevious } = settings;
  const urls = [database.url, redisUrl].flatMap((url) =>
    url === undefined ? [] : [url, decodeURIComponent(new URL(url).password)],
  );
  return [...urls, appSecret ?? '', ...appSecretPrevious, ...allTransports(settings).flatMap(transportSecrets)];
}

/** What is allowed and yet probably not meant. @param warnings of reading the environment */
export function configurationVerdicts(
  { production, http, mail, role }: Settings,
  warnings: readonly string[],
): Check[] {
  const names = mail.transports.map(({ name }) => name).join(', ');
  const about = (name: string, verdict: Verdict): Check => ({ area: 'configuration', name, ...verdict });
  const sendsNothing = production && mail.transports.every(({ kind }) => kind === 'capture' || kind === 'file');
  return [
    about('settings', ok(`${production ? 'production' : 'development'}; mail goes out by ${names}`)),
    about('APP_URL', appUrlVerdict(http.appUrl, production, role)),
    ...(sendsNothing ? [about('MAIL_TRANSPORTS', SENDS_NOTHING)] : []),
    ...warnings.map((warning) => about('notice', warn(onOneLine(warning)))),
  ];
}

const SENDS_NOTHING = fail(
  'no mail leaves this deployment: there is no transport but capture: or file:',
  'Name one that sends, such as smtp://user:password@smtp.example.com:587.',
);

function appUrlVerdict(url: string, production: boolean, role: Settings['role']): Verdict {
  const { protocol, hostname } = new URL(url);
  const local = isLoopback(withoutBrackets(hostname));
  if (protocol === 'http:' && !local)
    return warn(
      `${url} is not https: links in mails and tokens go in clear text`,
      'Put a proxy with TLS in front, and write https.',
    );
  if (production && local && role !== 'worker')
    return warn(
      `${url} is this machine: links in mails lead nowhere`,
      'Set it to the address under which people reach the service.',
    );
  return ok(url);
}

function onOneLine(text: string): string {
  const lines = text.split('\n').map((line) => line.trim());
  return lines.filter(Boolean).join(' ');
}
