/** Who may read the answer from a page of another origin. */
export type Audience =
  /** Public keys: there is nothing to protect. */
  | 'everybody'
  /** The origins of CORS_ORIGINS, with bearer tokens; never with cookies. */
  | 'listed'
  | 'nobody';

export interface CorsRequest {
  /** With or without a query. */
  url: string;
  origin: string | undefined;
}

/** The API is for the pages that are named, and everything that is a page of ours for no other page. */
export function audienceOf({ url, origin }: CorsRequest, allowed: readonly string[]): Audience {
  const path = url.split('?', 1)[0]!;
  if (path === '/.well-known/jwks.json') return 'everybody';
  if (!path.startsWith('/v1/') && !path.startsWith('/.well-known/')) return 'nobody';
  return origin !== undefined && allowed.includes(origin) ? 'listed' : 'nobody';
}
