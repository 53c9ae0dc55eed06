/** What every template of ours has words in. */
export const BUILT_IN_LOCALES = ['en', 'de', 'es', 'fil', 'fr', 'pt'] as const;
export const FALLBACK_LOCALE = 'en';
/** A language tag (RFC 5646 §2.1), as callers may write one. */
export const LANGUAGE_TAG = /^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}$/;

/** Codes that browsers and systems still send for a language that has another one now. */
const ALSO_CALLED: Readonly<Record<string, string>> = { tl: 'fil', iw: 'he', in: 'id', ji: 'yi' };
const RIGHT_TO_LEFT = new Set(['ar', 'ckb', 'dv', 'fa', 'he', 'ps', 'sd', 'ug', 'ur', 'yi']);

/** The language of a tag (RFC 5646 §2.2.1), in lower case: `de` of `de-AT`. */
function languageOf(tag: string): string {
  const language = tag.split(/[-_]/, 1)[0]!.toLowerCase();
  return ALSO_CALLED[language] ?? language;
}

/** The nearest that there is (RFC 4647 §3.4): `de-AT` → `de` → `en`. */
export function nearestLocaleIn(locales: readonly string[], wanted: string): string {
  const language = languageOf(wanted);
  const region = wanted.replaceAll('_', '-').toLowerCase();
  const find = (tag: string): string | undefined => locales.find((locale) => locale.toLowerCase() === tag);
  return find(region) ?? find(language) ?? find(FALLBACK_LOCALE) ?? locales[0] ?? FALLBACK_LOCALE;
}

export function directionOf(locale: string): 'ltr' | 'rtl' {
  return RIGHT_TO_LEFT.has(languageOf(locale)) ? 'rtl' : 'ltr';
}

/** Characters of a header that are read: browsers send some 50. */
const LONGEST_HEADER = 500;

/**
 * The language that a request asks for by Accept-Language (RFC 9110 §12.5.4): of those wanted most, the first that we
 * have; undefined where there is none, or no header.
 */
export function localeAskedFor(header: string | undefined): string | undefined {
  const ranges = (header ?? '')
    .slice(0, LONGEST_HEADER)
    .split(',')
    .flatMap((entry, index) => {
      const [tag = '', weight = 'q=1', ...others] = entry.split(';').map((piece) => piece.trim());
      const quality = Number(/^q=([01](?:\.\d{0,3})?)$/i.exec(weight)?.[1] ?? 0);
      const isTag = /^[a-z]{2,3}(?:-[a-z0-9]{1,8})*$/i.test(tag);
      return isTag && others.length === 0 && quality > 0 ? [{ tag, quality, index }] : [];
    })
    .sort((left, right) => right.quality - left.quality || left.index - right.index);
  const known: readonly string[] = BUILT_IN_LOCALES;
  return ranges.find(({ tag }) => known.includes(languageOf(tag)))?.tag;
}
