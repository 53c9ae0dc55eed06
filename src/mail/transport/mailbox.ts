import { domainToASCII } from 'node:url';
import addressparser from 'nodemailer/lib/addressparser';
import { domainOf, type EmailAddress, parseEmailAddress, parseSenderAddress } from '../../core/email-address.js';
import { isOneLine } from '../../core/one-line.js';

export interface Mailbox {
  name: string;
  address: string;
}

/**
 * An address and nothing else, as most recipients are: unquoted (RFC 5322 §3.2.3), its domain in ASCII and small
 * letters.
 */
const BARE = /^[\w.!#$%&'*+/=?^`{|}~-]+@[a-z\d.-]+\.[a-z]+$/;

/** Reads `Ada <ada@example.com>`. Providers want domains in ASCII. */
export function mailboxOf(text: string): Mailbox {
  if (BARE.test(text) && !text.includes('@xn--') && !text.includes('.xn--')) return { name: '', address: text };
  if (text !== last.text) last = { text, mailbox: parsed(text) };
  return { ...last.mailbox };
}

/** Most messages, and all of a batch, come from one sender. */
let last = { text: '', mailbox: { name: '', address: '' } };

function parsed(text: string): Mailbox {
  const [mailbox] = addressparser(oneLine(text), { flatten: true });
  const { name = '', address = '' } = mailbox ?? {};
  const at = address.lastIndexOf('@');
  const domain = domainToASCII(address.slice(at + 1));
  return { name, address: domain === '' ? address : address.slice(0, at + 1) + domain };
}

/** All mailboxes that a field such as To names, those in its groups too; names and addresses as they stand there. */
export function mailboxesOf(text: string): Mailbox[] {
  return addressparser(text, { flatten: true }).map(({ name = '', address = '' }) => ({ name, address }));
}

/** The name quoted (RFC 5322 §3.2.4): unquoted, a comma in it would begin another address. */
export function writeMailbox({ name, address }: Mailbox): string {
  return name === '' ? address : `"${name.replaceAll(/["\\]/g, '\\$&')}" <${address}>`;
}

/**
 * A Message-ID of our own (RFC 5322 §3.6.4), at the domain of its sender. @param from such as `Ada <ada@example.com>`
 */
export function messageIdFor(id: string, from: string): string {
  return `<${id}@${domainOf(mailboxOf(from).address)}>`;
}

/** JSON carries line breaks, and not every provider folds them away before it writes a header. */
export function oneLine(text: string): string {
  return text.replaceAll(/[\r\n\0]+\s*/g, ' ').trim();
}

/** CRLF, LF, and CR on its own; a reader of mail may take each of them for the end of a line. */
export const LINE_END = /\r\n?|\n/g;

/** The form in which content is kept and given to HTTP providers: LF alone ends a line. */
export function inLines(text: string): string {
  return text.replaceAll(LINE_END, '\n');
}

/** Characters of a display name. */
const LONGEST_NAME = 200;

export interface NamedAddress {
  /** Empty where there is none. */
  name: string;
  /** The stored form. */
  address: string;
  canonical: string;
}

/**
 * Reads `ada@example.com` and `Ada <ada@example.com>` (RFC 5322 §3.4); undefined where it is another thing than one of
 * these.
 */
export function readNamedAddress(text: string): NamedAddress | undefined {
  return readNamed(text, parseEmailAddress);
}

/** The same for a sender, who may be at a host of one label, such as `localhost`. */
export function readNamedSender(text: string): NamedAddress | undefined {
  return readNamed(text, parseSenderAddress);
}

function readNamed(text: string, parse: (address: string) => EmailAddress | undefined): NamedAddress | undefined {
  if (!isOneLine(text)) return undefined;
  const bare = parse(text);
  if (bare) return { name: '', address: bare.stored, canonical: bare.canonical };
  const [mailbox, ...others] = addressparser(text);
  if (!mailbox || others.length > 0 || 'group' in mailbox) return undefined;
  const parsed = parse(mailbox.address ?? '');
  const name = (mailbox.name ?? '').trim();
  // The parser is lenient: what it makes of unbalanced words is not what somebody meant.
  if (!parsed || name.length > LONGEST_NAME || !text.trimEnd().endsWith('>')) return undefined;
  return { name, address: parsed.stored, canonical: parsed.canonical };
}
