import { parseEmailAddress } from '../../core/email-address.js';
import { LANGUAGE_TAG } from '../../core/locales.js';
import { Problem } from '../../core/problems.js';
import { textOf } from '../providers/hook.js';
import type { SubmittedMessage } from '../submission/draft-policy.js';

/** What an auth system hands in, as adapters make it of a body: they look at nothing else, and do nothing else. */
export interface HandedMail {
  /** Accepted together or not at all. */
  messages: SubmittedMessage[];
  /** The auth system's own id of it, 1 to 64 characters; undefined where it has none. */
  id?: string | undefined;
  /** The same, as JSON, for whatever is the same mail handed in again. It holds codes. */
  about: unknown;
}

/** Names one member of the body that cannot be. */
export function refusedMember(field: string, code: string, message: string): Problem {
  return new Problem('validation_failed', { errors: [{ field, code, message }] });
}

/**
 * An address alone: what carries a name before it is not what an auth system sends. @throws Problem that names `field`
 */
export function addressAt(value: unknown, field: string): string {
  const address = typeof value === 'string' ? parseEmailAddress(value) : undefined;
  if (!address) throw refusedMember(field, 'invalid_address', 'must be an e-mail address such as ada@example.com');
  return address.stored;
}

/** The first that is a language tag; `pt_BR` is one. Whoever has none reads English. */
export function localeIn(...values: unknown[]): string | undefined {
  return values
    .map((value) => textOf(value)?.replaceAll('_', '-'))
    .find((text) => text !== undefined && LANGUAGE_TAG.test(text));
}

/** Variables of a template without those that there is nothing for. */
export function filledIn(variables: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(variables).flatMap(([name, value]): [string, string][] => {
      const text = textOf(value);
      return text === undefined ? [] : [[name, text]];
    }),
  );
}

/** A mail that is to carry a code or a link. @throws Problem that names `field` where it has neither */
export function requireWay(variables: Readonly<Record<string, string>>, field: string): void {
  if (variables['code'] === undefined && variables['link'] === undefined)
    throw refusedMember(field, 'required', 'is needed: without a code or a link the mail is of no use');
}
