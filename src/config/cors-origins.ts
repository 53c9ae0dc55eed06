import { isLoopback, withoutBrackets } from './hosts.js';
import { list } from './parse-value.js';
import { parseUrl } from './parse-url.js';
import { fault, type Parsed, value } from './parsed.js';

const REMEDY =
  'must be the origins of your pages, comma-separated, https:// or http:// on loopback, without path and without *, ' +
  'such as CORS_ORIGINS=https://app.example.com,http://localhost:5173.';

/** Reads CORS_ORIGINS. Plain http elsewhere is refused: whoever sits on the way there could speak as that page. */
export function parseCorsOrigins(text: string): Parsed<string[]> {
  const origins = list(text).map(originOf);
  return origins.length > 0 && !origins.includes(undefined) ? value([...new Set(origins as string[])]) : fault(REMEDY);
}

/** As browsers write it in the Origin header: lower case, without the port that the scheme implies. */
function originOf(text: string): string | undefined {
  const url = parseUrl(text);
  if (!url || url.username !== '' || url.password !== '' || url.pathname !== '/' || url.search !== '' || url.hostname.includes('*')) return undefined;
  const safe = url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(withoutBrackets(url.hostname)));
  return safe ? url.origin : undefined;
}
