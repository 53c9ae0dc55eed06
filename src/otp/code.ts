import { randomBytes, randomInt, timingSafeEqual } from 'node:crypto';
import type { Keyring } from '../core/keyring.js';
import { CODE_DIGITS } from './otp-policy.js';

/** Without vowels, and without what is misread. */
const REFERENCE_ALPHABET = 'BCDFGHJKLMNPQRSTVWXZ23456789';
const REFERENCE_LENGTH = 4;
/** Bytes of the token in a mailed link. */
const LINK_BYTES = 16;

/** What a code is bound to. */
interface CodeBinding {
  challengeId: string;
  purpose: string;
  /** Canonical. */
  destination: string;
}

/** What a mail carries and nobody else may know; kept sealed, to be sent again. */
export interface Secrets {
  code: string;
  /** Stands in the link, 22 base64url characters. */
  linkToken: string;
}

/**
 * Uniform over all 10^digits codes, 000000 and 999999 among them.
 * @param draw a whole number from 0 up to, not including, its argument, each as likely (crypto.randomInt)
 */
export function generateCode(digits = CODE_DIGITS, draw: (bound: number) => number = randomInt): string {
  return String(draw(10 ** digits)).padStart(digits, '0');
}

export function generateLinkToken(): string {
  return randomBytes(LINK_BYTES).toString('base64url');
}

export function isLinkToken(text: string): boolean {
  return /^[\w-]{22}$/.test(text);
}

/** Shown on the page and in the mail, so that people pick the right mail; no secret. */
export function generateReference(): string {
  const characters = Array.from(
    { length: REFERENCE_LENGTH },
    () => REFERENCE_ALPHABET[randomInt(REFERENCE_ALPHABET.length)],
  );
  return characters.join('');
}

/** Characters that are looked at; a code of ten digits with something behind each of them has half as many. */
const TYPED_LIMIT = 64;

/**
 * A code as it was generated, of a code as people and machines give it: in the digits of any script, with blanks,
 * dashes and characters that have no width between them. Letters and everything else stay, so that whoever validates it
 * sees that it is no code. Linear in its length.
 */
export function normalCode(typed: string): string {
  if (typed.length > TYPED_LIMIT) return typed;
  return typed
    .normalize('NFKC')
    .replace(/[\s\p{Pd}\p{Cf}\u2212]/gu, '')
    .replace(/\p{Nd}/gu, digitOf);
}

/** Unicode keeps the ten digits of a script side by side, zero first (The Unicode Standard, §4.6). */
function digitOf(character: string): string {
  const point = character.codePointAt(0)!;
  let zero = point;
  while (point - zero < 9 && /^\p{Nd}$/u.test(String.fromCodePoint(zero - 1))) zero--;
  return String(point - zero);
}

/** HMAC-SHA-256 with the pepper `keyId`: a leaked table gives no code away. */
export function hashCode(keyring: Keyring, keyId: string, binding: CodeBinding, code: string): Uint8Array<ArrayBuffer> {
  return keyring.hash(keyId, ['otp', binding.challengeId, binding.purpose, binding.destination, code]);
}

/** Compares in constant time. */
export function codeMatches(
  keyring: Keyring,
  keyId: string,
  binding: CodeBinding,
  code: string,
  hash: Uint8Array,
): boolean {
  return timingSafeEqual(hashCode(keyring, keyId, binding, code), hash);
}
