/** What was asked for, and by what. */
export interface Asked {
  /** The header Accept. */
  accept: string | undefined;
  /** Path and query, as in the request line. */
  url: string;
}

/** Where programs ask: a person who opens one of these builds on it, and is told what the program is told. */
const FOR_PROGRAMS = /^\/(v1|health|metrics|\.well-known|docs\/json|inbox\/messages)(?=[/?]|$)/;

/**
 * Whether a problem is for a person and is to be a page. Browsers that open an address name text/html before all else;
 * scripts of a page, curl and other programs say any type or JSON, and so does nobody who names nothing.
 */
export function wantsPage({ accept, url }: Asked): boolean {
  if (accept === undefined || FOR_PROGRAMS.test(url)) return false;
  const ranges = rangesOf(accept);
  const html = ranges.get('text/html') ?? ranges.get('application/xhtml+xml') ?? 0;
  const json = Math.max(ranges.get('application/problem+json') ?? 0, ranges.get('application/json') ?? 0, ranges.get('application/*') ?? 0);
  return html > json;
}

/** Media ranges and their weights, which are 1 unless said (RFC 9110 §12.4.2, §12.5.1). A weight that is none counts as 0. */
function rangesOf(accept: string): Map<string, number> {
  return new Map(
    accept.split(',').map((one) => {
      const [range = '', ...parameters] = one.split(';').map((part) => part.trim().toLowerCase());
      const weight = parameters.find((part) => part.startsWith('q='))?.slice(2) ?? '1';
      return [range, /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(weight) ? Number(weight) : 0];
    }),
  );
}
