import { parseEmailAddress } from '../core/email-address.js';
import { isStorable } from '../core/input.js';
import { LANGUAGE_TAG } from '../core/locales.js';
import { isOneLine } from '../core/one-line.js';
import type { FieldError } from '../core/problems.js';

/** What may be said of one subscriber. */
export const MOST_ATTRIBUTES = 20;
/** Characters. */
export const LONGEST_NAME = 50;
export const LONGEST_VALUE = 500;
/** As Liquid names it after a dot. */
const ATTRIBUTE_NAME = /^[A-Za-z][A-Za-z0-9_]{0,49}$/;
/** What the words of a broadcast know of every subscriber. */
const RESERVED_NAMES: readonly string[] = ['email', 'locale'];

/** Somebody to be written, checked. */
export interface NewSubscriber {
  address: string;
  addressCanonical: string;
  attributes: Record<string, string>;
  locale: string | null;
}

/** What is wrong with attributes, by name. @param place such as `attributes` */
export function attributeFaults(attributes: Readonly<Record<string, unknown>>, place: string): FieldError[] {
  const names = Object.keys(attributes);
  if (names.length > MOST_ATTRIBUTES) {
    return [{ field: place, code: 'too_many', message: `must be at most ${MOST_ATTRIBUTES}` }];
  }
  return names.flatMap((name) => {
    const field = `${place}.${name.slice(0, LONGEST_NAME)}`;
    const message = nameFault(name);
    if (message !== undefined) return [{ field, code: 'invalid_name', message }];
    return isValue(attributes[name]) ? [] : [{ field, code: 'invalid_value', message: VALUE_WORDS }];
  });
}

export function nameFault(name: string): string | undefined {
  if (RESERVED_NAMES.includes(name)) return 'is known of every subscriber, and no attribute';
  return ATTRIBUTE_NAME.test(name)
    ? undefined
    : `its name must be 1 to ${LONGEST_NAME} of A-Z, a-z, 0-9 and _, a letter first`;
}

const VALUE_WORDS = `must be a text of at most ${LONGEST_VALUE} characters in one line`;

function isValue(value: unknown): value is string {
  return typeof value === 'string' && value.length <= LONGEST_VALUE && isStorable(value) && isOneLine(value);
}

/** Why a row of a file is not taken. Stable codes, and words that name no address: reports are kept. */
export interface RowFault {
  code: string;
  message: string;
}

/** A row of a file, its cells by name. */
export interface Row {
  email: unknown;
  locale: unknown;
  attributes: Readonly<Record<string, unknown>>;
}

/** The subscriber that a row is, or what is wrong with it. */
export function subscriberIn({ email, locale, attributes }: Row): NewSubscriber | RowFault {
  if (email === undefined || email === null || email === '') {
    return { code: 'address_missing', message: 'has no address' };
  }
  const address = typeof email === 'string' ? parseEmailAddress(email) : undefined;
  if (!address) return { code: 'invalid_address', message: 'its address is not an e-mail address' };
  const hasLocale = locale !== undefined && locale !== null && locale !== '';
  if (hasLocale && !(typeof locale === 'string' && LANGUAGE_TAG.test(locale.trim()))) {
    return { code: 'invalid_locale', message: 'its locale is not a language tag such as en or pt-BR' };
  }
  const given = Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== '' && value !== null));
  const [fault] = attributeFaults(given, 'attributes');
  if (fault) return { code: 'invalid_attribute', message: `${fault.field}: ${fault.message}` };
  return {
    address: address.stored,
    addressCanonical: address.canonical,
    attributes: given as Record<string, string>,
    locale: hasLocale ? locale.trim() : null,
  };
}
