import { isIP, isIPv4 } from 'node:net';
import { parseRate, type Rate } from '../core/rate.js';

/**
 * What reading a variable's text gave. A remedy is shown to the operator and never repeats the text:
 * the text may hold a password. Several remedies in one are separated by line breaks.
 */
export type Parsed<T> = { kind: 'value'; value: T } | { kind: 'fault'; remedy: string };

/** What a reader may know besides the text. */
export interface Context {
  /** The example of the variable, as a remedy ends: `such as PORT=3000.` */
  such: string;
  production: boolean;
  /** Whether another variable is set, right or wrong. */
  isGiven(this: void, name: string): boolean;
  /** What another variable holds; undefined where it is wrong, or neither set nor with a default. */
  valueOf(this: void, name: string): unknown;
}

export type Reader<T> = (text: string, context: Context) => Parsed<T>;

export function value<T>(parsed: T): Parsed<T> {
  return { kind: 'value', value: parsed };
}

export function fault(remedy: string): Parsed<never> {
  return { kind: 'fault', remedy };
}

/** Text that something else has judged already. */
export function asText(text: string): Parsed<string> {
  return value(text);
}

export function wholeNumber(text: string): number | undefined {
  return /^\d{1,6}$/.test(text) ? Number(text) : undefined;
}

/** 0 is accepted: the system then chooses a free port. */
export function readPort(text: string, { such }: Context): Parsed<number> {
  const port = wholeNumber(text);
  return port === undefined || port > 65_535 ? fault(`must be a port from 1 to 65535, ${such}`) : value(port);
}

/** @param unit such as `of days`, or empty */
export function numberUpTo(most: number, unit: string): Reader<number> {
  return (text, { such }) => {
    const number = wholeNumber(text);
    return number === undefined || number < 1 || number > most
      ? fault(`must be a number${unit && ` ${unit}`} from 1 to ${most}, ${such}`)
      : value(number);
  };
}

export function readSwitch(text: string, { such }: Context): Parsed<boolean> {
  const word = text.toLowerCase();
  if (word === 'on' || word === 'true') return value(true);
  return word === 'off' || word === 'false' ? value(false) : fault(`must be on or off, ${such}`);
}

/** Rates, comma-separated, or `off`. Two of one window would be one counter, so they are refused. */
export function readLimit(text: string, { such }: Context): Parsed<readonly Rate[]> {
  if (text.toLowerCase() === 'off') return value([]);
  const rates = list(text).map(parseRate);
  const windows = new Set(rates.map((rate) => rate?.windowMs));
  return rates.length === 0 || windows.has(undefined) || windows.size < rates.length
    ? fault(`must be off, or rates with different times, comma-separated, ${such.slice(0, -1)} (s, min, h or day).`)
    : value(rates as Rate[]);
}

/** The entries of a comma-separated list; empty ones (a trailing comma) don't count. */
export function list(text: string): string[] {
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}

/**
 * Reads each entry of a list that has some. The remedy names every entry that is wrong.
 * @param none the remedy where the list is empty
 */
export function readEach<T>(text: string, none: string, read: (entry: string) => Parsed<T>): Parsed<T[]> {
  const outcomes = list(text).map(read);
  if (outcomes.length === 0) return fault(none);
  const remedies = outcomes.flatMap((outcome, index) =>
    outcome.kind === 'value' ? [] : [`${outcomes.length > 1 ? `entry ${index + 1}: ` : ''}${outcome.remedy}`],
  );
  return remedies.length > 0
    ? fault(remedies.join('\n'))
    : value(outcomes.flatMap((outcome) => (outcome.kind === 'value' ? [outcome.value] : [])));
}

/** What is percent-encoded; undefined where a % begins no escape. */
export function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined; // the URIError is the answer
  }
}

/**
 * Whether traffic to this host stays on the machine: 127.0.0.0/8 (RFC 1122 §3.2.1.3), ::1 and `localhost`.
 * Only exact notations count: `127.1` or a name that starts with 127. may lead elsewhere.
 */
export function isLoopback(host: string): boolean {
  return host.toLowerCase() === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}

/** Addresses and names, without port or brackets. Underscores pass because Compose allows them in service names. */
export function isHostName(host: string): boolean {
  if (isIP(host) !== 0) return true;
  return host.length <= 253 && /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?$/i.test(host);
}

/** `new URL` keeps the brackets of an IPv6 host; sockets want it without. */
export function withoutBrackets(host: string): string {
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
}

/** An unescaped password is why most URLs do not parse. */
export const ENCODING_HINT =
  'Special characters in user and password are percent-encoded: @ is %40, : is %3A, / is %2F, # is %23, ? is %3F, % is %25.';

/** What to look at where a URL does not parse. */
export function hintFor(text: string): string {
  const [, before, after] = /^([^/]*\/\/[^/?#]*):[^:@/?#\]]*((?:[/?#][^@]*)?)$/.exec(text) ?? [];
  const isPort = before !== undefined && parseUrl(before + after!) !== undefined;
  return isPort ? 'Its port must be a number from 1 to 65535.' : ENCODING_HINT;
}

/**
 * Reads `scheme://…`, or undefined when there is a reason to think that it does not mean what was meant:
 * `new URL` drops line breaks silently, and takes `redis://user:12/34@host` for the host "user".
 */
export function parseUrl(text: string): URL | undefined {
  if (/[\u0000-\u001f\u007f]/.test(text) || !/^[a-z][a-z0-9+.-]*:\/\//i.test(text) || !URL.canParse(text))
    return undefined;
  const url = new URL(text);
  const meant =
    !url.pathname.includes('@') &&
    url.hash === '' &&
    decoded(url.username) !== undefined &&
    decoded(url.password) !== undefined;
  return meant ? url : undefined;
}

/** Whether it is scheme, host and port alone, of http or https. */
export function isOrigin(url: URL | undefined): url is URL {
  return isPlainHttp(url) && url.pathname === '/';
}

/** Whether it is http or https, without user and query. */
function isPlainHttp(url: URL | undefined): url is URL {
  return (
    url !== undefined &&
    ['http:', 'https:'].includes(url.protocol) &&
    url.username === '' &&
    url.password === '' &&
    url.search === ''
  );
}

const TLS_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'];

export function readDatabaseUrl(text: string, { such }: Context): Parsed<string> {
  const url = parseUrl(text);
  if (!url) return fault(`must be a Postgres URL, ${such}\n${hintFor(text)}`);
  if (!['postgres:', 'postgresql:'].includes(url.protocol))
    return fault(`must start with postgres:// or postgresql://, ${such}`);
  const mode = url.searchParams.get('sslmode');
  if (mode !== null && !TLS_MODES.includes(mode))
    return fault(
      `sslmode must be one of ${TLS_MODES.join(', ')}, such as DATABASE_URL=postgres://otpost:password@db.example.com/otpost?sslmode=verify-full.`,
    );
  return value(url.searchParams.get('uselibpqcompat') === 'true' ? text : withStrictTls(text));
}

/**
 * The driver takes these modes for verify-full, warns of it on stderr at each start and command, and announces that its
 * next major version will verify less. Written out, it stays as strict as it is.
 */
function withStrictTls(text: string): string {
  return text.replace(/([?&]sslmode=)(?:allow|prefer|require|verify-ca)(?=&|$)/, '$1verify-full');
}

export function readRedisUrl(text: string, { such }: Context): Parsed<string> {
  const url = parseUrl(text);
  if (url && !['redis:', 'rediss:'].includes(url.protocol)) {
    return fault(`must start with redis:// or rediss://, ${such}`);
  }
  if (!url || !isHostName(withoutBrackets(url.hostname)))
    return fault(`must be a Redis URL, ${such}\n${hintFor(text)}`);
  // The client would send it as it is in SELECT, and fail only then.
  return /^\/?\d*$/.test(url.pathname)
    ? value(text)
    : fault('the path of a Redis URL is the number of a database, such as REDIS_URL=redis://localhost:6379/0.');
}

/** The origin, without a trailing slash. */
export function readAppUrl(text: string, { such, production }: Context): Parsed<string> {
  const url = parseUrl(text);
  if (!isOrigin(url)) return fault(`must be http:// or https:// and a host, without user, path and query, ${such}`);
  return production && url.protocol === 'http:' && !isLoopback(withoutBrackets(url.hostname))
    ? fault(`must be https in production, except on loopback, ${such}`)
    : value(url.origin);
}

/** Without a trailing slash. Credentials go into OTEL_EXPORTER_OTLP_HEADERS, for this URL is written to the log. */
export function readCollectorUrl(text: string, { such }: Context): Parsed<string> {
  const url = parseUrl(text);
  if (!isPlainHttp(url)) {
    return fault(
      `must be http:// or https://, without user and query, ${such} Keys go into OTEL_EXPORTER_OTLP_HEADERS.`,
    );
  }
  return url.port === '4317'
    ? fault(`port 4317 is for gRPC; Otpost speaks OTLP over HTTP, on 4318, ${such}`)
    : value(`${url.origin}${url.pathname.replace(/\/$/, '')}`);
}

/** Kept as it was written: what it becomes with an id in it is what has to be an address. */
export function readTraceUrl(text: string, { such }: Context): Parsed<string> {
  const url = parseUrl(text.replaceAll('{traceId}', '0'.repeat(32)));
  const isAddress = url !== undefined && ['http:', 'https:'].includes(url.protocol) && url.username === '';
  return isAddress && text.includes('{traceId}')
    ? value(text)
    : fault(`must be an http:// or https:// address with {traceId} in it, ${such}`);
}

/** A variable of the environment: all that is known of it, for validation, masks, the README and remedies. */
export interface Variable<T = unknown> {
  name: string;
  /** What holds when it is not set, in words; `fallback` says it where there is no more to say. */
  default?: string;
  /** The text that is read when it is not set; without it, such a variable is undefined. */
  fallback?: string | ((context: Context) => string);
  meaning: string;
  /** What must never be shown: all of it, the password in a URL, or what a mask of its own hides. Absent: nothing. */
  secret?: 'whole' | 'url' | ((text: string) => string);
  /** A value that is accepted, or in angle brackets where to get one. */
  example: string;
  /** Why it has to be set, as a remedy begins; undefined where it need not be. */
  needed?(context: Context): string | undefined;
  /** Decorators of class-validator that judge the text. */
  checks?: readonly PropertyDecorator[];
  read: Reader<T>;
}

/** Development has a default for each of those that need it, and that would lose data, codes or mail in production. */
export function inProduction({ production }: Context): string | undefined {
  return production ? 'is required in production' : undefined;
}
