import { parsePhoneNumberFromString } from 'libphonenumber-js/min';

export interface PhoneNumber {
  /** E.164, such as +639171234567: what makes two numbers the same. */
  e164: string;
  /** ISO 3166-1 alpha-2; undefined for numbers of no country, such as those of satellites. */
  country: string | undefined;
}

/** With its +: E.164 has 15 digits at most. Written with blanks and brackets it is somewhat longer. */
export const MAX_NUMBER_LENGTH = 32;

/** Digits, and what people write between them. */
const WRITTEN = /^\+[\d\s().\u2010-\u2015-]+$/;

/**
 * A number with its country, however it is written otherwise; undefined for everything else. A national number is none:
 * which country it is of depends on who reads it, and a code for the wrong one goes to a stranger.
 */
export function parsePhoneNumber(input: string): PhoneNumber | undefined {
  const typed = input.trim();
  if (typed.length > MAX_NUMBER_LENGTH || !WRITTEN.test(typed)) return undefined;
  const parsed = parsePhoneNumberFromString(typed);
  if (!parsed?.isPossible() || parsed.ext !== undefined) return undefined;
  return { e164: parsed.number, country: parsed.country };
}

/** Whether somebody meant a number, be it one that can be used or not. No address of mail looks like one. */
export function looksLikeNumber(input: string): boolean {
  return /^[\s(+]*\d[\d\s().\u2010-\u2015-]*$/.test(input);
}

/** Whether a destination of ours, in its canonical form, is a number and no address. */
export function isNumber(destination: string): boolean {
  return destination.startsWith('+') && !destination.includes('@');
}

/** As people read it: `+63 917 123 4567`, with blanks at which no line ends. */
export function shownNumber(e164: string): string {
  return parsePhoneNumberFromString(e164)?.formatInternational().replaceAll(' ', '\u00a0') ?? e164;
}
