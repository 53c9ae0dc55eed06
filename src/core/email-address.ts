import { domainToASCII, domainToUnicode } from 'node:url';

export interface EmailAddress {
  /**
   * Where mail goes: trimmed, otherwise as typed. Only a domain beyond ASCII is in its normal form (UTS 46), for what
   * carries the mail encodes it and maps nothing: no `Ü` to `ü`, no ideographic dot, no soft hyphen.
   */
  stored: string;
  /** Lower case, IDN domain in punycode: what makes two addresses the same. No provider's folding, plus-tags kept. */
  canonical: string;
}

/** RFC 5321 §4.5.3.1.3 allows a path of 256 octets with its brackets. */
export const MAX_ADDRESS_LENGTH = 254;
/** RFC 5321 §4.5.3.1.1 */
const MAX_LOCAL_LENGTH = 64;

/** RFC 5321 §4.1.2, `Dot-string`. */
const LOCAL_PART = /^[a-z\d!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z\d!#$%&'*+/=?^_`{|}~-]+)*$/i;
/** Before its mapping: no percent-encoding, no bracket, no blank, nothing that a URL would drop. */
const TYPED_DOMAIN = /^[a-z\d.\-\u0080-\u{10ffff}]+$/iu;
/** RFC 1123 §2.1, with a top level that is no number: two labels at least, of 63 octets at most. */
const DOMAIN = /^(?:[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?\.)+(?:[a-z]{2,63}|xn--[a-z\d-]{0,58}[a-z\d])$/;

/** A host of one label. */
const HOST = /^[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?$/i;
/** Makes a domain of such a host, by which the rest of its address is judged. */
const UNDER_A_DOMAIN = '.example';

/**
 * Undefined when the address is not one we would mail: no domain, control characters, a trailing dot, over-long,
 * or a local part beyond ASCII (folding such as KELVIN SIGN → k has let one person receive another's codes).
 *
 * A quoted local part is refused, needlessly quoted or not. `"ada"@`, `"a\da"@` and `" ada "@` are spellings of one
 * mailbox, mail systems disagree on which of them are, and limits, budgets and suppressions would count each for
 * itself. RFC 5321 §4.1.2 tells hosts not to have mailboxes that need quotes.
 */
export function parseEmailAddress(input: string): EmailAddress | undefined {
  const typed = input.trim();
  if (typed.length > MAX_ADDRESS_LENGTH) return undefined;
  const at = typed.lastIndexOf('@');
  const local = typed.slice(0, Math.max(0, at));
  const domain = normalDomain(typed.slice(at + 1));
  if (domain === undefined || local.length > MAX_LOCAL_LENGTH || !LOCAL_PART.test(local)) return undefined;
  const stored = `${local}@${domain.stored}`;
  const canonical = `${local.toLowerCase()}@${domain.canonical}`;
  return Math.max(stored.length, canonical.length) > MAX_ADDRESS_LENGTH ? undefined : { stored, canonical };
}

/**
 * The same for a sender. A sender may be at a host of one label, such as `localhost`, where no recipient is. MAIL_FROM
 * is there by default.
 */
export function parseSenderAddress(input: string): EmailAddress | undefined {
  const typed = input.trim();
  if (!HOST.test(typed.slice(typed.lastIndexOf('@') + 1))) return parseEmailAddress(typed);
  const isAddress = parseEmailAddress(typed + UNDER_A_DOMAIN) !== undefined;
  return isAddress ? { stored: typed, canonical: typed.toLowerCase() } : undefined;
}

/**
 * `ada@example.com`, or `@example.com` for all addresses of exactly that domain; in canonical form. Undefined: it is
 * neither.
 */
export function parseSenderPattern(input: string): string | undefined {
  const typed = input.trim();
  if (typed.startsWith('*')) return undefined; // a mailbox may be called so, but all of the domain are meant
  if (!typed.startsWith('@')) return parseSenderAddress(typed)?.canonical;
  const domain = normalDomain(typed.slice(1));
  return domain && typed.length <= MAX_ADDRESS_LENGTH ? `@${domain.canonical}` : undefined;
}

function normalDomain(typed: string): EmailAddress | undefined {
  if (!TYPED_DOMAIN.test(typed)) return undefined;
  const canonical = domainToASCII(typed);
  if (!DOMAIN.test(canonical)) return undefined;
  const isAscii = /^[\x21-\x7e]+$/.test(typed);
  return { stored: isAscii ? typed : domainToUnicode(canonical), canonical };
}

/** The part of an address that logs may name. */
export function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1);
}

/** The same for people: `bücher.example`, where the address has its form in ASCII. */
export function readableDomainOf(address: string): string {
  return domainToUnicode(domainOf(address));
}
