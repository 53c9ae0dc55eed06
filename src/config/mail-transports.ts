import { MASK, maskUrl } from '../core/mask.js';
import { isHostName, isLoopback, withoutBrackets } from './hosts.js';
import { list } from './parse-value.js';
import { ENCODING_HINT, parseUrl } from './parse-url.js';
import { fault, type Parsed, value } from './parsed.js';
import type { TransportSettings } from './settings.js';
import { distance } from './spelling.js';

type SmtpTransport = Extract<TransportSettings, { kind: 'smtp' }>;

const KINDS = ['smtp', 'smtps', 'capture'];
const LATER_KINDS = ['resend', 'sendgrid', 'postmark', 'brevo', 'mailgun', 'mailjet', 'ses', 'file'];
const EXAMPLE = 'such as MAIL_TRANSPORTS=smtp://user:password@smtp.example.com:587.';

/** Reads MAIL_TRANSPORTS, in order of preference. The remedy names every entry that is wrong. */
export function parseTransports(text: string): Parsed<TransportSettings[]> {
  const entries = list(text);
  if (entries.length === 0) return fault(`must name a transport, ${EXAMPLE}`);
  const transports: TransportSettings[] = [];
  const remedies: string[] = [];
  entries.forEach((entry, index) => {
    const outcome = parseTransport(entry);
    if (outcome.kind === 'value') transports.push(outcome.value);
    else remedies.push(entries.length > 1 ? `entry ${index + 1}: ${outcome.remedy}` : outcome.remedy);
  });
  return remedies.length > 0 ? fault(remedies.join('\n')) : value(transports);
}

/** MAIL_TRANSPORTS for an error text. */
export function maskTransports(text: string): string {
  const entries = list(text).map(maskTransport);
  // An entry that begins with no kind may be the rest of a password with a comma in it, and so may its neighbours.
  return entries.includes(MASK) ? MASK : entries.join(',');
}

function maskTransport(entry: string): string {
  const kind = kindOf(entry);
  if (kind === undefined) return MASK;
  if (entry.slice(kind.length).startsWith('://')) return maskUrl(kind.toLowerCase() + entry.slice(kind.length));
  const rest = entry.slice(kind.length + 1);
  return entry.length > kind.length ? `${kind}:${rest === '' ? '' : MASK}` : kind;
}

/** The kind as written, when it is ours or nearly so; anything else might be a piece of a secret. */
function kindOf(entry: string): string | undefined {
  const kind = entry.split(':', 1)[0]!;
  return [...KINDS, ...LATER_KINDS].some((known) => distance(kind.toLowerCase(), known) <= 1) ? kind : undefined;
}

function parseTransport(entry: string): Parsed<TransportSettings> {
  const kind = entry.split(':', 1)[0]!.toLowerCase();
  if (LATER_KINDS.includes(kind)) {
    return fault(`${kind}: is not built into this version; it sends through smtp:// and smtps://, ${EXAMPLE}`);
  }
  if (kind === 'capture') {
    return entry.toLowerCase() === 'capture:'
      ? value({ kind: 'capture', name: 'capture' })
      : fault('the built-in inbox takes nothing after the colon: MAIL_TRANSPORTS=capture:');
  }
  if (kind === 'smtp' || kind === 'smtps') return parseSmtp(entry);
  return fault(`must begin with smtp://, smtps:// or capture:, ${EXAMPLE} A comma inside a password is written %2C.`);
}

function parseSmtp(entry: string): Parsed<SmtpTransport> {
  const url = parseUrl(entry);
  const host = url && withoutBrackets(url.hostname).toLowerCase();
  if (!url || !host || !isHostName(host) || !['', '/'].includes(url.pathname)) {
    return fault(`must be smtp:// or smtps:// with a host and nothing after it, ${EXAMPLE}\n${ENCODING_HINT}`);
  }
  if (url.port === '0') return fault(`the port must be from 1 to 65535, ${EXAMPLE}`);
  if ((url.username === '') !== (url.password === '')) {
    return fault(`a user needs a password and a password a user, ${EXAMPLE}`);
  }
  const tls = chooseTls(url, host);
  if (tls.kind === 'fault') return tls;

  const port = url.port === '' ? (tls.value === 'implicit' ? 465 : 587) : Number(url.port);
  const transport: SmtpTransport = {
    kind: 'smtp',
    name: `${host.includes(':') ? `[${host}]` : host}:${port}`,
    host,
    port,
    tls: tls.value,
  };
  if (url.username !== '') {
    transport.user = decodeURIComponent(url.username);
    transport.password = decodeURIComponent(url.password);
  }
  return value(transport);
}

/**
 * STARTTLS is required, never merely tried: whoever sits in between can remove the offer (RFC 3207 §6).
 * Loopback is the exception, because local catch-all servers seldom offer TLS and nobody is in between.
 */
function chooseTls(url: URL, host: string): Parsed<SmtpTransport['tls']> {
  const parameters = [...url.searchParams];
  if (parameters.length > 1 || parameters.some(([name]) => name !== 'tls')) {
    return fault(`understands no parameter but one tls=on or tls=off.\n${ENCODING_HINT}`);
  }
  const asked = parameters[0]?.[1].toLowerCase();
  if (asked !== undefined && !['on', 'true', 'off', 'false'].includes(asked)) {
    return fault('tls must be on or off, such as MAIL_TRANSPORTS=smtp://mail.internal:25?tls=off.');
  }
  const off = asked === 'off' || asked === 'false';
  if (url.protocol === 'smtps:') {
    return off ? fault('smtps:// is TLS. Remove ?tls=off, or write smtp://.') : value('implicit');
  }
  if (isLoopback(host)) return value(asked === undefined || off ? 'off' : 'starttls');
  if (off && url.username !== '') {
    return fault('credentials are never sent without TLS. Remove ?tls=off, or the user and the password.');
  }
  return value(off ? 'off' : 'starttls');
}
