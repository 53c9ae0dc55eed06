import { html } from '../../../../src/core/html.js';
import { BUILT_IN_LOCALES } from '../../../../src/core/locales.js';
import { REGISTRY } from '../../../../src/core/problem-registry.js';
import { durationWords, momentOf } from '../../../../src/http/pages/page-parts.js';
import { sayIn, type Word, WORDS } from '../../../../src/http/pages/words.js';
import { EN } from '../../../../src/http/pages/words/en.js';

const OTHERS = BUILT_IN_LOCALES.filter((locale) => locale !== 'en');
/** The same in both languages. */
const SAME: Partial<Record<(typeof BUILT_IN_LOCALES)[number], Word[]>> = {
  de: ['code.label'],
  fr: ['code.label'],
  fil: ['code.label'],
};
/** Of pages that are no answer to a problem of the registry. */
const NO_PROBLEM = [
  'other_refusal',
  'unforeseen',
  'try_again',
  'to_inbox',
  'to_docs',
  'to_account',
  'to_start',
  'number',
];

const entries = (words: object) => Object.entries(words) as [Word, string][];
const marks = (text: string) => ({
  names: [...text.matchAll(/\{\w+\}/g)].map(String).sort(),
  tags: [...text.matchAll(/<[^>]+>/g)].map(String).sort(),
});

describe.each(OTHERS)('the words of pages in %s', (locale) => {
  const words = WORDS[locale];

  it('are all there, and no more', () => {
    expect(Object.keys(words).sort()).toEqual(Object.keys(EN).sort());
    expect(entries(words).filter(([, text]) => text.trim() === '')).toEqual([]);
  });

  it('are not English', () => {
    expect(
      entries(words)
        .filter(([word, text]) => text === EN[word])
        .map(([word]) => word),
    ).toEqual(SAME[locale] ?? []);
  });

  it('have the same places for values, and the same markup', () => {
    for (const [word, text] of entries(words))
      expect([word, withoutProduct(text)]).toEqual([word, withoutProduct(EN[word])]);
  });

  it('have times and durations of their own', () => {
    const at = new Date('2026-11-21T12:03:04Z');
    expect(momentOf(at, locale).toString()).toContain('12:03 UTC');
    expect(momentOf(at, locale).toString()).not.toBe(momentOf(at).toString());
    expect(durationWords(40, locale)).not.toBe(durationWords(40));
  });
});

/** A sentence may name the product elsewhere, or not once more. */
function withoutProduct(text: string): ReturnType<typeof marks> & { product: boolean } {
  return { ...marks(text.replaceAll('{product}', '')), product: text.includes('{product}') };
}

describe('what is said on a page', () => {
  it('has what is put in escaped, unless it is markup of ours', () => {
    const say = sayIn('de-AT', 'A & B');
    expect(say.locale).toBe('de');
    expect(say('leave.from', { what: '<script>' }).toString()).toBe('Von &lt;script&gt; abmelden?');
    expect(say('leave.from', { what: html`<i>x</i>` }).toString()).toBe('Von <i>x</i> abmelden?');
    expect(say('setup.heading').toString()).toBe('A &amp; B einrichten');
    expect(say('leave.from', { what: '{product}' }).toString()).toBe('Von {product} abmelden?');
  });

  it('is English where there is nothing nearer', () => {
    expect(sayIn('nl', 'Acme')('code.button').toString()).toBe('Continue');
  });

  it('of a problem belongs to one that there is, and has both a title and a text', () => {
    const codes = entries(EN).flatMap(([word]) => /^problem\.(\w+)$/.exec(word)?.[1] ?? []);
    expect(codes.filter((code) => !(code in REGISTRY)).sort()).toEqual([...NO_PROBLEM].sort());
    expect(codes.filter((code) => code in REGISTRY && !(`problem.${code}.text` in EN))).toEqual([]);
  });
});
