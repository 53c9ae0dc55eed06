import type { FastifyRequest } from 'fastify';
import { Html, html, type HtmlValue } from '../../core/html.js';
import { BUILT_IN_LOCALES, FALLBACK_LOCALE, localeAskedFor, nearestLocaleIn } from '../../core/locales.js';
import { DE } from './words/de.js';
import { EN, type Word, type Words } from './words/en.js';
import { ES } from './words/es.js';
import { FIL } from './words/fil.js';
import { FR } from './words/fr.js';
import { PT } from './words/pt.js';

export type { Word } from './words/en.js';

type Locale = (typeof BUILT_IN_LOCALES)[number];

export const WORDS: Readonly<Record<Locale, Words>> = { de: DE, en: EN, es: ES, fil: FIL, fr: FR, pt: PT };

type NamesIn<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}` ? Name | NamesIn<Rest> : never;
type Given<W extends Word> = Exclude<NamesIn<(typeof EN)[W]>, 'product'>;

/** Those into which nothing has to be put. */
export type PlainWord = { [W in Word]: [Given<W>] extends [never] ? W : never }[Word];

/** Says something in the language of whoever reads it. What is put in is escaped. */
export interface Say {
  <W extends Word>(word: W, ...given: [Given<W>] extends [never] ? [] : [Readonly<Record<Given<W>, HtmlValue>>]): Html;
  readonly locale: Locale;
  /** How mails call the product. */
  readonly product: string;
}

/** What is said once the language is known. */
export type Saying = (say: Say) => Html;

/** @param locale any tag (RFC 5646): the nearest of ours is spoken */
export function sayIn(locale: string, product: string): Say {
  const known = nearestLocaleIn(BUILT_IN_LOCALES, locale) as Locale;
  const say = (word: Word, given: Readonly<Record<string, HtmlValue>> = {}): Html => {
    const values: Readonly<Record<string, HtmlValue>> = { ...given, product };
    return new Html(WORDS[known][word].replace(/\{(\w+)\}/g, (_, name: string) => html`${values[name]}`.toString()));
  };
  return Object.assign(say, { locale: known, product });
}

const SIGNED_IN = new WeakMap<FastifyRequest, string>();

/** Somebody is signed in: their pages speak the language of their account. @param locale null: they never chose one */
export function speakAs(request: FastifyRequest, { locale }: { locale: string | null }): void {
  if (locale !== null) SIGNED_IN.set(request, locale);
}

/** Of the account that is signed in, else what Accept-Language asks for, else English. */
export function pageLocaleOf(request: FastifyRequest): string {
  return SIGNED_IN.get(request) ?? localeAskedFor(request.headers['accept-language']) ?? FALLBACK_LOCALE;
}
