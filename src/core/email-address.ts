import { domainToASCII } from 'node:url';
import { isEmail } from 'class-validator';

export interface EmailAddress {
  /** Trimmed, otherwise as typed: where mail goes. */
  stored: string;
  /** Lower case, IDN domain in punycode: what makes two addresses the same. No provider's folding, plus-tags kept. */
  canonical: string;
}

/** RFC 5321 §4.5.3.1.3 allows a path of 256 octets with its brackets. */
export const MAX_ADDRESS_LENGTH = 254;

/**
 * Undefined when the address is not one we would mail: no domain, control characters, a trailing dot, over-long,
 * or a local part beyond ASCII (folding such as KELVIN SIGN → k has let one person receive another's codes).
 */
export function parseEmailAddress(input: string): EmailAddress | undefined {
  const stored = input.trim();
  if (stored.length > MAX_ADDRESS_LENGTH || !isEmail(stored, { allow_utf8_local_part: false })) return undefined;
  const at = stored.lastIndexOf('@');
  const domain = domainToASCII(stored.slice(at + 1));
  if (!domain) return undefined;
  const canonical = `${stored.slice(0, at).toLowerCase()}@${domain.toLowerCase()}`;
  return canonical.length > MAX_ADDRESS_LENGTH ? undefined : { stored, canonical };
}

/** The part of an address that logs may name. */
export function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1);
}
