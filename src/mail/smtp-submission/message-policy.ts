import { createHash } from 'node:crypto';
import { domainOf, parseEmailAddress } from '../../core/email-address.js';
import { cut, storable } from '../../core/input.js';
import { inOneLine } from '../../core/one-line.js';
import { type FieldError, MOST_NAMED, Problem } from '../../core/problems.js';
import type { SubmittedMessage } from '../submission/draft-policy.js';
import { readIdempotencyKey } from '../submission/idempotency-policy.js';
import { type Mailbox, mailboxesOf, mailboxOf, readNamedAddress, writeMailbox } from '../transport/mailbox.js';
import { SMTP_BOUNDS } from './bounds-policy.js';
import { decodedWords, fieldsOf, type HeaderField } from './header-policy.js';
import { isOption, type MessageOptions, optionsOf } from './options-policy.js';

type GivenMime = NonNullable<SubmittedMessage['mime']>;

/** What is known of a message besides what stands in it. */
export interface Arrival {
  /** `from` is empty for the null sender. */
  envelope: { from: string; to: readonly string[] };
  /** Of this transfer; in logs, and in the Received field. */
  id: string;
  now: Date;
  /** What this host calls itself. */
  host: string;
  /** What the client calls itself in EHLO. */
  client: string;
  /** Such as ESMTPSA (RFC 3848). */
  protocol: string;
}

/** What the header of a message comes to. */
export interface ReadHeader {
  message: SubmittedMessage;
  /**
   * With the header in place of all of it, to which the body is added; undefined: the message is a template's, and its
   * body nothing.
   */
  mime: GivenMime | undefined;
  idempotencyKey: string | undefined;
  /** What a repeat is compared by: a program that builds a message anew gives its parts other boundaries. */
  compared: unknown;
}

/** Bytes of a header, before which it has to end. */
export const LONGEST_HEADER = 256 * 1024;
/** Received fields of ours that a message may have: a relay or two may lead here twice, a loop does so without end. */
const MOST_ROUNDS = 4;
/** Received fields of anybody (RFC 5321 §6.3). */
const MOST_HOPS = 100;
/** How ours are known. */
const MARK = '(Otpost)';
/** RFC 5322 §3.6.4 */
const MESSAGE_ID = /^<[!-;=?-~]{1,498}>$/;
/** Of an envelope, written into a header as it is. */
const PLAIN_ADDRESS = /^[!#-'*+\-/-9=?A-Z^-~.]+@[A-Za-z0-9.-]+$/;
const LONGEST_NAME = 200;
/** Characters of one mailbox, its name encoded. */
const LONGEST_FROM = 2_000;
const LONGEST_SUBJECT = 998;

/**
 * Reads the header of a message and says what becomes of it. Bcc, and what is for us, does not leave; From, Date and
 * Message-ID are added where there are none (RFC 6409 §8), and a Received field before all others (RFC 5321 §4.4)
 * without the client's address, for the recipients read it. All else stays as it is, byte for byte, for somebody may
 * have signed it.
 * @param block up to the empty line, without it
 * @throws Problem `validation_failed` with all that is wrong
 */
export function readHeader(block: Buffer, arrival: Arrival): ReadHeader {
  const fields = fieldsOf(block.toString('latin1'));
  if (typeof fields === 'number')
    throw refusal([
      {
        field: 'header',
        code: 'invalid_header',
        message: `line ${fields} belongs to no field; an empty line ends the header`,
      },
    ]);
  const { options, faults } = optionsOf(fields.filter(isOption));
  const from = fromOf(fields, arrival.envelope.from, faults);
  faults.push(...loopFaults(fields));
  if (!from || faults.length > 0) throw refusal(faults);
  const idempotencyKey = readIdempotencyKey(options.idempotencyKeys);
  const messageId = idOf(fields);
  const subject = cut(oneLine(textOf(fields, 'subject') ?? ''), LONGEST_SUBJECT);
  const { tags, metadata, lane, template, variables, locale, scheduledAt, expiresAt, unsubscribe } = options;
  const message: SubmittedMessage = {
    ...recipientsOf(fields, arrival.envelope.to, options.template !== undefined),
    mostRecipients: SMTP_BOUNDS.recipients,
    from: writeMailbox(from),
    ...(options.template === undefined ? {} : { replyTo: mailboxesIn(fields, 'reply-to').map(writeMailbox) }),
    ...{ lane, template, variables, locale, scheduledAt, expiresAt, unsubscribe },
    ...(tags.length > 0 ? { tags } : {}),
    ...(Object.keys(metadata).length > 0 ? { metadata } : {}),
  };
  return {
    message,
    mime: options.template === undefined ? mimeOf(fields, { from, messageId, subject, arrival }) : undefined,
    idempotencyKey: idempotencyKey ?? keyOf(messageId, arrival.envelope),
    compared: comparedBy(arrival.envelope, from, subject, options),
  };
}

function refusal(faults: readonly FieldError[]): Problem {
  return new Problem('validation_failed', { errors: faults.slice(0, MOST_NAMED) });
}

/**
 * Exactly one, and nothing that another reader could take for a second: which may send is judged by this one. Without
 * any the envelope's.
 */
function fromOf(fields: readonly HeaderField[], sender: string, faults: FieldError[]): Mailbox | undefined {
  const [field, ...more] = fields.filter((one) => isNamed(one, 'from'));
  const { address } = mailboxOf(sender);
  if (!field && PLAIN_ADDRESS.test(address)) return { name: '', address };
  const [mailbox, ...others] = mailboxesIn(fields, 'from');
  const isOne = field !== undefined && more.length + others.length === 0 && mailbox !== undefined;
  if (isOne && looksLikeOne(field.line()) && /^[^\s@]+@[^\s@]+$/.test(mailbox.address)) return mailbox;
  const message =
    'must be there once, with exactly one mailbox, such as Ada <ada@example.com>; a name with a comma is quoted';
  faults.push({ field: 'From', code: 'invalid_from', message });
  return undefined;
}

/**
 * An address alone, or a name and an address in the only angle brackets; quoted strings and comments are looked over.
 */
function looksLikeOne(line: string): boolean {
  if (line.length > LONGEST_FROM) return false;
  const words = line
    .replaceAll(/\\./g, 'x')
    .replaceAll(/"[^"]*"/g, 'x')
    .replaceAll(/\([^()]*\)/g, '')
    .trim();
  return /^[^<>,;]*<[^<>,;]*>$/.test(words) || /^[^\s<>,;]+$/.test(words);
}

function isNamed({ name }: HeaderField, wanted: string): boolean {
  return name.toLowerCase() === wanted;
}

function loopFaults(fields: readonly HeaderField[]): FieldError[] {
  const received = fields.filter((one) => isNamed(one, 'received'));
  const rounds = received.filter(({ raw }) => raw.includes(MARK)).length;
  if (rounds <= MOST_ROUNDS && received.length <= MOST_HOPS) return [];
  return [
    {
      field: 'Received',
      code: 'mail_loop',
      message: `tells that the message goes round in circles: it was here ${rounds} times`,
    },
  ];
}

/**
 * The envelope's, each where the header shows it; whom it does not show gets a blind copy (RFC 5322 §3.6.3). A
 * template's message has no header of its own: where it goes to one alone, it is to them.
 */
function recipientsOf(
  fields: readonly HeaderField[],
  envelope: readonly string[],
  isTemplate: boolean,
): Pick<SubmittedMessage, 'to' | 'cc' | 'bcc'> {
  const shown = { to: namesIn(fields, 'to'), cc: namesIn(fields, 'cc') };
  const lists: Record<'to' | 'cc' | 'bcc', string[]> = { to: [], cc: [], bcc: [] };
  const seen = new Set<string>();
  for (const address of envelope) {
    const canonical = parseEmailAddress(address)?.canonical ?? address;
    if (seen.has(canonical)) continue;
    seen.add(canonical);
    const isAlone = isTemplate && envelope.length === 1 && !shown.cc.has(canonical);
    const kind = isAlone || shown.to.has(canonical) ? 'to' : shown.cc.has(canonical) ? 'cc' : 'bcc';
    const name = kind === 'bcc' ? '' : (shown[kind].get(canonical) ?? '');
    const written = writeMailbox({ name, address });
    // A name that cannot be read again as it was written is for lists alone: the message itself shows it.
    lists[kind].push(readNamedAddress(written)?.canonical === canonical ? written : address);
  }
  return lists;
}

/** Names by canonical address. */
function namesIn(fields: readonly HeaderField[], field: string): Map<string, string> {
  const names = new Map<string, string>();
  for (const { name, address } of mailboxesIn(fields, field)) {
    const canonical = parseEmailAddress(address)?.canonical;
    if (canonical !== undefined && !names.has(canonical)) names.set(canonical, name);
  }
  return names;
}

/** Words are decoded after the list is taken apart: a comma in a name that is encoded ends no mailbox. */
function mailboxesIn(fields: readonly HeaderField[], field: string): Mailbox[] {
  return fields
    .filter((one) => isNamed(one, field))
    .flatMap((one) => mailboxesOf(one.line()))
    .map(({ name, address }) => ({ name: cut(oneLine(decodedWords(name)), LONGEST_NAME), address: address.trim() }));
}

function textOf(fields: readonly HeaderField[], field: string): string | undefined {
  return fields.find((one) => isNamed(one, field))?.text();
}

function oneLine(text: string): string {
  return inOneLine(storable(text)).trim();
}

/** Undefined where there is none, or what is there is none. */
function idOf(fields: readonly HeaderField[]): string | undefined {
  const found = fields.filter((one) => isNamed(one, 'message-id'));
  const id = found[0]?.line();
  return found.length === 1 && id !== undefined && MESSAGE_ID.test(id) ? id : undefined;
}

/** A client whose connection broke before the answer sends the same Message-ID again, to the same recipients. */
function keyOf(messageId: string | undefined, { from, to }: Arrival['envelope']): string | undefined {
  if (messageId === undefined) return undefined;
  return `smtp:${createHash('sha256')
    .update(JSON.stringify([messageId, from, inOrder(to)]))
    .digest('hex')}`;
}

function comparedBy(
  { from: sender, to }: Arrival['envelope'],
  from: Mailbox,
  subject: string,
  options: MessageOptions,
): unknown {
  return { sender, to: inOrder(to), from: { ...from }, subject, ...options, idempotencyKeys: undefined };
}

function inOrder(addresses: readonly string[]): string[] {
  return [...new Set(addresses.map((one) => parseEmailAddress(one)?.canonical ?? one))].sort();
}

interface Outgoing {
  from: Mailbox;
  messageId: string | undefined;
  subject: string;
  arrival: Arrival;
}

function mimeOf(fields: readonly HeaderField[], { from, messageId, subject, arrival }: Outgoing): GivenMime {
  const id = messageId ?? `<${arrival.id}@${domainOf(parseEmailAddress(from.address)?.canonical ?? from.address)}>`;
  const leaving = fields.filter((field) => {
    const name = field.name.toLowerCase();
    return (
      name !== 'bcc' && name !== 'resent-bcc' && !isOption(field) && (name !== 'message-id' || messageId !== undefined)
    );
  });
  const has = (wanted: string): boolean => fields.some((one) => isNamed(one, wanted));
  const header = [
    receivedField(arrival),
    ...leaving.map(({ raw }) => raw),
    ...(has('from') ? [] : [`From: ${from.address}\r\n`]),
    ...(has('date') ? [] : [`Date: ${momentOf(arrival.now)}\r\n`]),
    ...(messageId === undefined ? [`Message-ID: ${id}\r\n`] : []),
    '\r\n',
  ];
  const returnPath = mailboxOf(arrival.envelope.from).address;
  const isOther = returnPath.toLowerCase() !== mailboxOf(from.address).address.toLowerCase();
  const bytes = Buffer.from(header.join(''), 'latin1');
  return { bytes, messageId: id, subject, ...(isOther ? { returnPath } : {}) };
}

/** What a client calls itself is written by whoever likes to: nothing of it may begin a comment, or a field. */
function receivedField({ client, host, protocol, id, now }: Arrival): string {
  const name = client.replaceAll(/[^A-Za-z0-9.:_[\]-]/g, '?').slice(0, 100) || 'unknown';
  return `Received: from ${name}\r\n by ${host} ${MARK} with ${protocol} id ${id};\r\n ${momentOf(now)}\r\n`;
}

/** RFC 5322 §3.3 */
function momentOf(moment: Date): string {
  return moment.toUTCString().replace('GMT', '+0000');
}
