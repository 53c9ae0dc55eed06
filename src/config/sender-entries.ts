import { domainOf, parseSenderAddress, parseSenderPattern } from '../core/email-address.js';
import { isOneLine } from '../core/one-line.js';
import { type Context, fault, type Parsed, readEach, value } from './values.js';

/**
 * `Name <a@b>`, `"Name, Inc." <a@b>` or `a@b`; the name is empty in the last case. The domain comes in ASCII:
 * Message-IDs, envelopes and DKIM take no other where a server lacks SMTPUTF8 (RFC 6531), and nobody knows which server
 * that will be.
 */
export function readSender(text: string, { such }: Context): Parsed<{ name: string; address: string }> {
  const remedy = `must be an address with or without a name, ${such}`;
  // A line break would let the rest of the value become a header of its own.
  if (!isOneLine(text)) return fault(remedy);
  const parts = /^(?:"([^"]*)"\s*|([^"<>]*))<([^<>]+)>$/.exec(text);
  const typed = parts ? parts[3]!.trim() : text;
  const address = asciiAddress(typed);
  if (address !== undefined) return value({ name: (parts?.[1] ?? parts?.[2] ?? '').trim(), address });
  const local = typed.slice(0, Math.max(0, typed.lastIndexOf('@')));
  if (/[^\0-\x7f]/.test(local))
    return fault(`must have only ASCII before the @, because many servers take no other sender (SMTPUTF8), ${such}`);
  return local.startsWith('"')
    ? fault(
        `must have no quotes before the @, because mail systems disagree on which spellings mean one mailbox, ${such}`,
      )
    : fault(remedy);
}

/** In canonical form. */
export function readSenders(text: string, { such }: Context): Parsed<string[]> {
  const senders = readEach(text, `must name addresses or domains, ${such}`, (entry) => {
    const sender = parseSenderPattern(entry);
    return sender === undefined ? fault(`must be an address, or a domain with an @ before it, ${such}`) : value(sender);
  });
  return senders.kind === 'value' ? value([...new Set(senders.value)]) : senders;
}

/** The mailbox of bounces: what stands before its @ gets `+<id of the message>`. */
export function readBounceAddress(text: string, { such }: Context): Parsed<string> {
  const address = asciiAddress(text);
  const local = text.slice(0, text.lastIndexOf('@'));
  // RFC 5321 §4.5.3.1.1: 64 octets before the @, and an id takes 37 of them.
  return address !== undefined && /^[\w.-]{1,27}$/.test(local)
    ? value(address.toLowerCase())
    : fault(`must be an address with at most 27 letters, digits, dots and dashes before the @, ${such}`);
}

/** With the domain in ASCII (UTS 46). */
function asciiAddress(typed: string): string | undefined {
  const parsed = parseSenderAddress(typed);
  return parsed && `${parsed.stored.slice(0, parsed.stored.lastIndexOf('@'))}@${domainOf(parsed.canonical)}`;
}
