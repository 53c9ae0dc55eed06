import { COMMON_PARAMETERS, take, takeCommon } from './provider-entries.js';
import {
  LOGIN_MECHANISMS,
  type OAuthSettings,
  type SmtpOptions,
  type SmtpPort,
  type SmtpSettings,
} from './settings.js';
import {
  ENCODING_HINT,
  hintFor,
  fault,
  isHostName,
  isLoopback,
  list,
  type Context,
  type Parsed,
  parseUrl,
  value,
  withoutBrackets,
} from './values.js';

const EXAMPLE = 'such as MAIL_TRANSPORTS=smtp://user:password@smtp.example.com:587.';
/** By host: where its users' refresh tokens are exchanged. Others say it themselves. */
const TOKEN_URLS: Record<string, string> = { 'smtp.gmail.com': 'https://oauth2.googleapis.com/token' };
const TIMEOUTS = {
  connect: 'connect_timeout',
  greeting: 'greeting_timeout',
  reply: 'reply_timeout',
  finalReply: 'final_reply_timeout',
} as const;
const OAUTH = ['oauth_client_id', 'oauth_client_secret', 'oauth_refresh_token'] as const;
const PARAMETERS = [
  'tls',
  'helo',
  'auth',
  ...Object.values(TIMEOUTS),
  ...COMMON_PARAMETERS,
  ...OAUTH,
  'oauth_token_url',
].join(', ');
/** Milliseconds. */
const UNITS: Record<string, number> = { s: 1_000, min: 60_000 };
const LONGEST = 30 * 60_000;

export function readSmtpPorts(text: string, { such }: Context): Parsed<number[]> {
  const ports = list(text).map(Number);
  return ports.length === 0 || ports.some((port) => !Number.isInteger(port) || port < 1 || port > 65_535)
    ? fault(`must name ports from 1 to 65535, in the order in which to try them, ${such}`)
    : value([...new Set(ports)]);
}

/** Reads `smtp://` and `smtps://`. @param ports tried in this order where the URL names none */
export function readSmtp(entry: string, ports: readonly number[]): Parsed<SmtpSettings> {
  const url = parseUrl(entry);
  const host = url && withoutBrackets(url.hostname).toLowerCase();
  if (!url || !host || !isHostName(host) || !['', '/'].includes(url.pathname)) {
    return fault(`must be smtp:// or smtps:// with a host and nothing after it, ${EXAMPLE}\n${hintFor(entry)}`);
  }
  if (url.port === '0') return fault(`the port must be from 1 to 65535, ${EXAMPLE}`);
  const parameters = new URLSearchParams(url.search);
  const common = takeCommon(parameters);
  if (common.kind === 'fault') return common;
  const oauth = takeOAuth(parameters, host);
  if (oauth.kind === 'fault') return oauth;
  const credentials = credentialsOf(url, oauth.value);
  if (credentials.kind === 'fault') return credentials;
  const security = chooseTls(url, host, take(parameters, 'tls')?.toLowerCase());
  if (security.kind === 'fault') return security;
  const options = takeOptions(parameters);
  if (options.kind === 'fault') return options;
  if (parameters.size > 0) return fault(`understands no parameters but ${PARAMETERS}, each once.\n${ENCODING_HINT}`);

  const candidates = portsOf(url, security.value, ports);
  const shown = host.includes(':') ? `[${host}]` : host;
  return value({
    kind: 'smtp',
    name: candidates.length === 1 ? `${shown}:${candidates[0]!.port}` : shown,
    host,
    ports: candidates,
    ...credentials.value,
    ...options.value,
    ...common.value,
  });
}

/** 465 is TLS from the first byte (RFC 8314 §3.3), the others begin in plain text. */
function portsOf(url: URL, security: 'tls' | 'off', ports: readonly number[]): SmtpPort[] {
  const smtps = url.protocol === 'smtps:';
  const at = (port: number): SmtpPort => ({
    port,
    tls: security === 'off' ? 'off' : smtps || (url.port === '' && port === 465) ? 'implicit' : 'starttls',
  });
  if (url.port !== '') return [at(Number(url.port))];
  if (smtps) return [at(465)];
  const open = security === 'off' ? ports.filter((port) => port !== 465) : ports;
  return (open.length > 0 ? open : [25]).map(at);
}

/**
 * STARTTLS is required, never merely tried: whoever sits in between can remove the offer (RFC 3207 §6).
 * Loopback is the exception, because local catch-all servers seldom offer TLS and nobody is in between.
 */
function chooseTls(url: URL, host: string, asked: string | undefined): Parsed<'tls' | 'off'> {
  if (asked !== undefined && !['on', 'true', 'off', 'false'].includes(asked)) {
    return fault('tls must be on or off, such as MAIL_TRANSPORTS=smtp://mail.internal:25?tls=off.');
  }
  const off = asked === 'off' || asked === 'false';
  if (url.protocol === 'smtps:')
    return off ? fault('smtps:// is TLS. Remove ?tls=off, or write smtp://.') : value('tls');
  if (isLoopback(host)) return value(asked === undefined || off ? 'off' : 'tls');
  if (off && url.username !== '') {
    return fault('credentials are never sent without TLS. Remove ?tls=off, or the user and the password.');
  }
  return value(off ? 'off' : 'tls');
}

function credentialsOf(
  url: URL,
  oauth: OAuthSettings | undefined,
): Parsed<Pick<SmtpSettings, 'user' | 'password' | 'oauth'>> {
  const user = decodeURIComponent(url.username);
  const password = decodeURIComponent(url.password);
  if (oauth) {
    return user === '' || password !== ''
      ? fault(
          'OAuth2 takes a user and no password, such as smtp://me%40gmail.com@smtp.gmail.com:587?oauth_client_id=….',
        )
      : value({ user, oauth });
  }
  if ((user === '') !== (password === '')) return fault(`a user needs a password and a password a user, ${EXAMPLE}`);
  return value(user === '' ? {} : { user, password });
}

function takeOAuth(parameters: URLSearchParams, host: string): Parsed<OAuthSettings | undefined> {
  const [clientId, clientSecret, refreshToken] = OAUTH.map((name) => take(parameters, name));
  const tokenUrl = take(parameters, 'oauth_token_url') ?? TOKEN_URLS[host];
  if (clientId === undefined && clientSecret === undefined && refreshToken === undefined) return value(undefined);
  if (!clientId || !clientSecret || !refreshToken) {
    return fault('OAuth2 needs oauth_client_id, oauth_client_secret and oauth_refresh_token together.');
  }
  const url = tokenUrl === undefined ? undefined : parseUrl(tokenUrl);
  if (!url || (url.protocol !== 'https:' && !isLoopback(withoutBrackets(url.hostname)))) {
    return fault(
      'oauth_token_url must be the https:// address where the provider exchanges refresh tokens, such as ?oauth_token_url=https://login.example.com/token; only smtp.gmail.com has a default.',
    );
  }
  return value({ clientId, clientSecret, refreshToken, tokenUrl: url.href });
}

function takeOptions(parameters: URLSearchParams): Parsed<SmtpOptions> {
  const options: SmtpOptions = {};
  const helo = take(parameters, 'helo');
  if (helo !== undefined) {
    if (!isHeloName(helo))
      return fault(
        'helo must be the full name of this host as the server sees it, such as ?helo=mail.example.com, or an address in brackets.',
      );
    options.helo = helo.toLowerCase();
  }
  const auth = take(parameters, 'auth');
  if (auth !== undefined) {
    const mechanism = LOGIN_MECHANISMS.find((one) => one === auth.toUpperCase());
    if (!mechanism)
      return fault(
        'auth must be plain, login or cram-md5, such as ?auth=login; without it every one that the server offers is tried.',
      );
    options.auth = mechanism;
  }
  for (const [key, name] of Object.entries(TIMEOUTS)) {
    const text = take(parameters, name);
    if (text === undefined) continue;
    const [, count, unit] = /^(\d{1,4})(s|min)$/.exec(text) ?? [];
    const ms = Number(count) * UNITS[unit ?? 's']!;
    if (!(ms >= 1_000 && ms <= LONGEST))
      return fault(
        `${name} must be a time from 1s to 30min, such as ?${name}=${key === 'finalReply' ? '10min' : '30s'}.`,
      );
    options.timeouts = { ...options.timeouts, [key]: ms };
  }
  return value(options);
}

/**
 * What this host calls itself: its own name where that is fully qualified, else the host of APP_URL. Strict servers
 * refuse a bare name or an address, and Google's relay answers 421 to `[127.0.0.1]`.
 */
export function heloName(hostname: string, appUrl: string): string {
  const candidates = [hostname, new URL(appUrl).hostname].map((name) => name.toLowerCase().replace(/\.$/, ''));
  return candidates.find(isFullyQualified) ?? '[127.0.0.1]';
}

function isFullyQualified(name: string): boolean {
  return (
    /^(?=.{1,255}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(name) &&
    !/\.(localhost|localdomain)$/.test(name)
  );
}

/** RFC 5321 §4.1.3 has the form of an address. */
function isHeloName(name: string): boolean {
  return isFullyQualified(name.toLowerCase()) || /^\[(?:\d{1,3}(?:\.\d{1,3}){3}|IPv6:[0-9a-f:.]{2,45})\]$/i.test(name);
}
