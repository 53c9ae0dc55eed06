import { domainOf, type EmailAddress, parseEmailAddress } from './email-address.js';
import type { Channel } from './lanes.js';
import { isNumber, parsePhoneNumber, shownNumber } from './phone-number.js';

/** Where a code can go: an address of mail, or a number, whose stored and canonical form is E.164. */
export type Destination = EmailAddress;

/** Undefined when it is neither an address nor a number with its country. */
export function parseDestination(input: string): Destination | undefined {
  const number = parsePhoneNumber(input);
  return number ? { stored: number.e164, canonical: number.e164 } : parseEmailAddress(input);
}

/** By which a destination is reached. @param canonical its canonical form */
export function channelTo(canonical: string): Channel {
  return isNumber(canonical) ? 'sms' : 'email';
}

/** As people read it, on a page of whoever asked for a code there. @param canonical its canonical form */
export function shownDestination(canonical: string): string {
  return channelTo(canonical) === 'sms' ? shownNumber(canonical) : canonical;
}

/**
 * The part of a destination that logs and the audit record may name: the domain of an address, the first digits of a
 * number.
 */
export function partOf(canonical: string): { domain: string } | { numbers: string } {
  return channelTo(canonical) === 'sms' ? { numbers: `${canonical.slice(0, 4)}…` } : { domain: domainOf(canonical) };
}
