import { resolve } from 'node:path';
import { domainOf, parseEmailAddress } from '../core/email-address.js';
import { LANES, type Lane } from '../core/lanes.js';
import { parseRate, type Rate } from '../core/rate.js';
import { isHostName } from './hosts.js';
import { fault, type Parsed, type Parser, value } from './parsed.js';

export const MIN_SECRET_LENGTH = 32;

export const DEFAULT_CONCURRENCY: Readonly<Record<Lane, number>> = { critical: 8, default: 8, bulk: 4 };

/** 0 is accepted: the system then chooses a free port. */
export function parsePort(text: string): Parsed<number> {
  const port = wholeNumber(text);
  if (port === undefined || port > 65_535) return fault('must be a port from 1 to 65535, such as PORT=3000.');
  return value(port);
}

/** The same, for the probes of a worker. */
export function parseWorkerPort(text: string): Parsed<number> {
  const port = parsePort(text);
  return port.kind === 'value' ? port : fault('must be a port from 1 to 65535, such as WORKER_PORT=3001.');
}

export function parsePoolSize(text: string): Parsed<number> {
  const size = wholeNumber(text);
  if (size === undefined || size < 1 || size > 100) {
    return fault('must be a number from 1 to 100, such as DATABASE_POOL=10.');
  }
  return value(size);
}

/** A reader of numbers of days; the name and the example are for the remedy. */
export function retentionDaysOf(name: string, example: number): Parser<number> {
  return (text) => {
    const days = wholeNumber(text);
    if (days === undefined || days < 1 || days > 3_650) {
      return fault(`must be a number of days from 1 to 3650, such as ${name}=${example}.`);
    }
    return value(days);
  };
}

export const parseRetentionDays = retentionDaysOf('RETENTION_DAYS', 30);

export function parseHost(text: string): Parsed<string> {
  return isHostName(text)
    ? value(text)
    : fault('must be an address to listen on, without scheme and port, such as HOST=0.0.0.0.');
}

export function parseFolder(text: string): Parsed<string> {
  // Only a shell expands the tilde; here it would silently create a folder of that name.
  if (text.startsWith('~')) return fault('must be a path without ~, such as DATA_DIR=/var/lib/otpost.');
  return value(resolve(text));
}

/** A reader of on/off switches; `name` is for the example in the remedy. */
export function switchOf(name: string): Parser<boolean> {
  return (text) => {
    const word = text.toLowerCase();
    if (word === 'on' || word === 'true') return value(true);
    if (word === 'off' || word === 'false') return value(false);
    return fault(`must be on or off, such as ${name}=off.`);
  };
}

export function parseLanes(text: string): Parsed<Lane[]> {
  const named = list(text);
  if (named.length === 0 || !named.every(isLane)) {
    return fault(`must name lanes out of ${LANES.join(', ')}, such as WORKER_LANES=critical,default.`);
  }
  return value(LANES.filter((lane) => named.includes(lane)));
}

/** Lanes that the text leaves out keep their default. */
export function parseConcurrency(text: string): Parsed<Record<Lane, number>> {
  const remedy =
    `must give lanes out of ${LANES.join(', ')} a number from 1 to 100, each once, ` +
    'such as WORKER_CONCURRENCY=critical:8,bulk:2.';
  const concurrency = new Map<Lane, number>();
  for (const entry of list(text)) {
    const [lane = '', digits = '', ...more] = entry.split(':').map((part) => part.trim());
    const count = wholeNumber(digits);
    if (!isLane(lane) || concurrency.has(lane) || more.length > 0) return fault(remedy);
    if (count === undefined || count < 1 || count > 100) return fault(remedy);
    concurrency.set(lane, count);
  }
  if (concurrency.size === 0) return fault(remedy);
  return value({ ...DEFAULT_CONCURRENCY, ...Object.fromEntries(concurrency) });
}

export function parseMailRate(text: string): Parsed<Rate> {
  const parsed = parseRate(text);
  return parsed ? value(parsed) : fault('must be a number of messages in a time, such as MAIL_RATE=50/min (s, min, h or day).');
}

/**
 * `Name <a@b>`, `"Name, Inc." <a@b>` or `a@b`; the name is empty in the last case. The domain comes in ASCII: Message-IDs,
 * envelopes and DKIM take no other where a server lacks SMTPUTF8 (RFC 6531), and nobody knows which server that will be.
 */
export function parseSender(text: string): Parsed<{ name: string; address: string }> {
  const remedy = 'must be an address with or without a name, such as MAIL_FROM=Acme <no-reply@example.com>.';
  // A line break would let the rest of the value become a header of its own.
  if (/[\p{Cc}\p{Zl}\p{Zp}]/u.test(text)) return fault(remedy);
  const parts = /^(?:"([^"]*)"\s*|([^"<>]*))<([^<>]+)>$/.exec(text);
  const name = parts ? (parts[1] ?? parts[2] ?? '').trim() : '';
  const typed = parts ? parts[3]!.trim() : text;
  const address = asciiAddress(typed);
  if (address !== undefined) return value({ name, address });
  return fault(whyNoSender(typed) ?? remedy);
}

/** Undefined for what is no address in any spelling. */
function whyNoSender(typed: string): string | undefined {
  const local = typed.slice(0, Math.max(0, typed.lastIndexOf('@')));
  const example = 'such as MAIL_FROM=Acme <no-reply@example.com>.';
  if (/[^\0-\x7f]/.test(local)) return `must have only ASCII before the @, because many servers take no other sender (SMTPUTF8), ${example}`;
  if (local.startsWith('"')) return `must have no quotes before the @, because mail systems disagree on which spellings mean one mailbox, ${example}`;
  return undefined;
}

/** The mailbox of bounces: what stands before its @ gets `+<id of the message>`. */
export function parseBounceAddress(text: string): Parsed<string> {
  const address = asciiAddress(text);
  const local = text.slice(0, text.lastIndexOf('@'));
  // RFC 5321 §4.5.3.1.1: 64 octets before the @, and an id takes 37 of them.
  return address !== undefined && /^[\w.-]{1,27}$/.test(local)
    ? value(address.toLowerCase())
    : fault('must be an address with at most 27 letters, digits, dots and dashes before the @, such as BOUNCE_ADDRESS=bounce@bounces.example.com.');
}

/** By the rules for recipients, with the domain in ASCII (UTS 46). A host of one label, such as `localhost`, will do here. */
function asciiAddress(typed: string): string | undefined {
  const at = typed.lastIndexOf('@');
  const isHost = /^[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?$/i.test(typed.slice(at + 1));
  const parsed = parseEmailAddress(isHost ? `${typed}.example` : typed);
  if (!parsed) return undefined;
  return isHost ? typed : `${typed.slice(0, at)}@${domainOf(parsed.canonical)}`;
}

export function parsePreviousSecrets(text: string): Parsed<string[]> {
  const secrets = list(text);
  if (secrets.length === 0 || secrets.some((secret) => secret.length < MIN_SECRET_LENGTH)) {
    return fault(
      `each must have at least ${MIN_SECRET_LENGTH} characters, as APP_SECRET had, ` +
        'such as APP_SECRET_PREVIOUS=<former>,<the one before>.',
    );
  }
  return value(secrets);
}

export function hasControlCharacter(text: string): boolean {
  return /[\u0000-\u001f\u007f]/.test(text);
}

/** The entries of a comma-separated list; empty ones (a trailing comma) don't count. */
export function list(text: string): string[] {
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}

function wholeNumber(text: string): number | undefined {
  return /^\d{1,6}$/.test(text) ? Number(text) : undefined;
}

function isLane(text: string): text is Lane {
  return (LANES as readonly string[]).includes(text);
}
