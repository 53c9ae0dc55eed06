import { isHostName, withoutBrackets } from './hosts.js';
import { hasControlCharacter } from './parse-value.js';
import { fault, type Parsed, value } from './parsed.js';

/** Told wherever a URL does not parse, because an unescaped password is the usual cause. */
export const ENCODING_HINT =
  'Special characters in user and password are percent-encoded: @ is %40, : is %3A, / is %2F, # is %23, ? is %3F, % is %25.';

/**
 * Reads `scheme://…`, or undefined when there is a reason to think that it does not mean what was meant:
 * `new URL` drops line breaks silently, and takes `redis://user:12/34@host` for the host "user".
 */
export function parseUrl(text: string): URL | undefined {
  if (hasControlCharacter(text) || !/^[a-z][a-z0-9+.-]*:\/\//i.test(text) || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  if (url.pathname.includes('@') || url.hash !== '' || !decodes(url.username) || !decodes(url.password)) return undefined;
  return url;
}

export function parseDatabaseUrl(text: string): Parsed<string> {
  const url = parseUrl(text);
  const expected = 'such as DATABASE_URL=postgres://otpost:password@db.example.com:5432/otpost.';
  if (url && !['postgres:', 'postgresql:'].includes(url.protocol)) {
    return fault(`must start with postgres:// or postgresql://, ${expected}`);
  }
  return url ? value(text) : fault(`must be a Postgres URL, ${expected}\n${ENCODING_HINT}`);
}

export function parseRedisUrl(text: string): Parsed<string> {
  const url = parseUrl(text);
  const expected = 'such as REDIS_URL=redis://default:password@redis.example.com:6379.';
  if (url && !['redis:', 'rediss:'].includes(url.protocol)) {
    return fault(`must start with redis:// or rediss://, ${expected}`);
  }
  if (!url || !isHostName(withoutBrackets(url.hostname))) {
    return fault(`must be a Redis URL, ${expected}\n${ENCODING_HINT}`);
  }
  // The client would send it as it is in SELECT, and fail only then.
  if (!/^\/?\d*$/.test(url.pathname)) {
    return fault('the path of a Redis URL is the number of a database, such as REDIS_URL=redis://localhost:6379/0.');
  }
  return value(text);
}

/** The origin, without a trailing slash. That production wants https is a rule between variables: see `rules.ts`. */
export function parseAppUrl(text: string): Parsed<string> {
  const remedy =
    'must be http:// or https:// and a host, without user, path and query, such as APP_URL=https://accounts.example.com.';
  const url = parseUrl(text);
  if (!url || !['http:', 'https:'].includes(url.protocol)) return fault(remedy);
  if (url.username !== '' || url.password !== '' || url.pathname !== '/' || url.search !== '') return fault(remedy);
  return value(url.origin);
}

/** Without a trailing slash. Credentials go into OTEL_EXPORTER_OTLP_HEADERS, for this URL is written to the log. */
export function parseCollectorUrl(text: string): Parsed<string> {
  const url = parseUrl(text);
  const isPlain = url && ['http:', 'https:'].includes(url.protocol) && url.username === '' && url.password === '' && url.search === '';
  if (!isPlain) {
    return fault('must be http:// or https://, without user and query, such as OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318. Keys go into OTEL_EXPORTER_OTLP_HEADERS.');
  }
  if (url.port === '4317') return fault('port 4317 is for gRPC; Otpost speaks OTLP over HTTP, on 4318, such as OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318.');
  return value(`${url.origin}${url.pathname.replace(/\/$/, '')}`);
}

function decodes(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    // URIError is the answer here: a % that begins no escape.
    return false;
  }
}
