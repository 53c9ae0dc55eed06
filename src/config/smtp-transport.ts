import { isHostName, isLoopback, withoutBrackets } from './hosts.js';
import { ENCODING_HINT, parseUrl } from './parse-url.js';
import { list } from './parse-value.js';
import { fault, type Parsed, value } from './parsed.js';
import type { OAuthSettings, SmtpPort, SmtpSettings } from './settings.js';
import { takeSmtpManners } from './smtp-manners.js';
import { take, takeCommon } from './transport-parameters.js';

export const DEFAULT_SMTP_PORTS = [587, 465, 2525];
const EXAMPLE = 'such as MAIL_TRANSPORTS=smtp://user:password@smtp.example.com:587.';
const PARAMETERS =
  'tls, helo, auth, connect_timeout, greeting_timeout, reply_timeout, final_reply_timeout, rate, daily, connections, oauth_client_id, oauth_client_secret, oauth_refresh_token, oauth_token_url';
/** By host: where its users' refresh tokens are exchanged. Others say it themselves. */
const TOKEN_URLS: Record<string, string> = { 'smtp.gmail.com': 'https://oauth2.googleapis.com/token' };

export function parseSmtpPorts(text: string): Parsed<number[]> {
  const ports = list(text).map(Number);
  if (ports.length === 0 || ports.some((port) => !Number.isInteger(port) || port < 1 || port > 65_535)) {
    return fault('must name ports from 1 to 65535, in the order in which to try them, such as SMTP_PORTS=587,465,2525.');
  }
  return value([...new Set(ports)]);
}

/** Reads `smtp://` and `smtps://`. @param ports tried in this order where the URL names none */
export function parseSmtp(entry: string, ports: readonly number[]): Parsed<SmtpSettings> {
  const url = parseUrl(entry);
  const host = url && withoutBrackets(url.hostname).toLowerCase();
  if (!url || !host || !isHostName(host) || !['', '/'].includes(url.pathname)) {
    return fault(`must be smtp:// or smtps:// with a host and nothing after it, ${EXAMPLE}\n${ENCODING_HINT}`);
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
  const manners = takeSmtpManners(parameters);
  if (manners.kind === 'fault') return manners;
  if (parameters.size > 0) return fault(`understands no parameters but ${PARAMETERS}, each once.\n${ENCODING_HINT}`);

  const candidates = portsOf(url, security.value, ports);
  const shown = host.includes(':') ? `[${host}]` : host;
  return value({
    kind: 'smtp',
    name: candidates.length === 1 ? `${shown}:${candidates[0]!.port}` : shown,
    host,
    ports: candidates,
    ...credentials.value,
    ...manners.value,
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
  if (url.protocol === 'smtps:') return off ? fault('smtps:// is TLS. Remove ?tls=off, or write smtp://.') : value('tls');
  if (isLoopback(host)) return value(asked === undefined || off ? 'off' : 'tls');
  if (off && url.username !== '') {
    return fault('credentials are never sent without TLS. Remove ?tls=off, or the user and the password.');
  }
  return value(off ? 'off' : 'tls');
}

function credentialsOf(url: URL, oauth: OAuthSettings | undefined): Parsed<Pick<SmtpSettings, 'user' | 'password' | 'oauth'>> {
  const user = decodeURIComponent(url.username);
  const password = decodeURIComponent(url.password);
  if (oauth) {
    if (user === '' || password !== '') {
      return fault('OAuth2 takes a user and no password, such as smtp://me%40gmail.com@smtp.gmail.com:587?oauth_client_id=….');
    }
    return value({ user, oauth });
  }
  if ((user === '') !== (password === '')) return fault(`a user needs a password and a password a user, ${EXAMPLE}`);
  return value(user === '' ? {} : { user, password });
}

function takeOAuth(parameters: URLSearchParams, host: string): Parsed<OAuthSettings | undefined> {
  const clientId = take(parameters, 'oauth_client_id');
  const clientSecret = take(parameters, 'oauth_client_secret');
  const refreshToken = take(parameters, 'oauth_refresh_token');
  const tokenUrl = take(parameters, 'oauth_token_url') ?? TOKEN_URLS[host];
  if (clientId === undefined && clientSecret === undefined && refreshToken === undefined) return value(undefined);
  if (!clientId || !clientSecret || !refreshToken) {
    return fault('OAuth2 needs oauth_client_id, oauth_client_secret and oauth_refresh_token together.');
  }
  const url = tokenUrl === undefined ? undefined : parseUrl(tokenUrl);
  if (!url || (url.protocol !== 'https:' && !isLoopback(withoutBrackets(url.hostname)))) {
    return fault('oauth_token_url must be the https:// address where the provider exchanges refresh tokens, such as ?oauth_token_url=https://login.example.com/token; only smtp.gmail.com has a default.');
  }
  return value({ clientId, clientSecret, refreshToken, tokenUrl: url.href });
}
