/** What stands where a secret was. */
export const MASK = '***';

/** Query parameters that explain a fault and are never secret; the values of all others are hidden. */
const OPEN_PARAMETERS = new Set([
  'tls',
  'helo',
  'auth',
  'connect_timeout',
  'greeting_timeout',
  'reply_timeout',
  'final_reply_timeout',
  'rate',
  'daily',
  'connections',
  'sslmode',
  'schema',
]);

/**
 * A URL for logs and error texts: scheme, user, host, port and path stay, the password goes.
 *
 * It works on text, not on a parsed URL, because a URL with an unescaped password often does not parse, or parses
 * wrongly, and is then about to be shown in an error. In doubt it hides: everything before the last `@` is taken for
 * credentials, a user without a password may be a token, and what looks like no host or no port may be the end of a
 * password. Text that begins with no `scheme://` in lower case is hidden whole.
 */
export function maskUrl(text: string): string {
  const parts = /^([a-z][a-z+]{1,15}:\/\/)(.*)$/s.exec(text);
  if (!parts) return MASK;
  const scheme = parts[1]!;
  const rest = parts[2]!;
  const at = rest.lastIndexOf('@');
  const credentials = at < 0 ? '' : `${maskCredentials(rest.slice(0, at))}@`;
  return scheme + credentials + maskLocation(rest.slice(at + 1));
}

function maskCredentials(credentials: string): string {
  const colon = credentials.indexOf(':');
  if (colon < 0) return MASK;
  const user = credentials.slice(0, colon);
  // Some providers (Postmark's SMTP) take the same token for both, and an unescaped colon in it moves the border.
  const userIsSecret = user.length >= 4 && credentials.slice(colon + 1).includes(user);
  return `${userIsSecret ? MASK : user}:${MASK}`;
}

function maskLocation(location: string): string {
  const [, authority = '', path = '', query = '', fragment = ''] =
    /^([^/?#]*)([^?#]*)(\?[^#]*)?(#.*)?$/s.exec(location) ?? [];
  const [, host = '', port] = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/s.exec(authority) ?? [];
  if (!looksLikeHost(host)) return MASK;
  if (port !== undefined && !isPort(port)) return `${host}:${MASK}`;
  return authority + path + maskQuery(query) + (fragment ? `#${MASK}` : '');
}

function looksLikeHost(text: string): boolean {
  return /^(\[[^\]]*\]|[\p{L}\p{N}_.%-]*)$/u.test(text);
}

function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) <= 65_535;
}

function maskQuery(query: string): string {
  if (query.length < 2) return query;
  const parameters = query.slice(1).split('&');
  return `?${parameters.map(maskParameter).join('&')}`;
}

function maskParameter(parameter: string): string {
  const equals = parameter.indexOf('=');
  const name = equals < 0 ? parameter : parameter.slice(0, equals);
  if (OPEN_PARAMETERS.has(name)) return parameter;
  return equals < 0 ? MASK : `${name}=${MASK}`;
}

/** An address for those who need not know whose it is: `a***@example.com`. */
export function maskAddress(address: string): string {
  const at = address.lastIndexOf('@');
  // Of a local part of one character, that one would be all.
  return `${at > 1 ? address.slice(0, 1) : ''}${MASK}${address.slice(at)}`;
}

/** For logs and people who need not know whose number it is: `+63********67`. */
export function maskNumber(e164: string): string {
  return `${e164.slice(0, 3)}${'*'.repeat(Math.max(0, e164.length - 5))}${e164.slice(-2)}`;
}

/** The same of whichever a message goes to. */
export function maskDestination(destination: string): string {
  return /^\+\d+$/.test(destination) ? maskNumber(destination) : maskAddress(destination);
}

/** Characters of somebody else's words that are shown. */
const LONGEST = 240;

/**
 * Somebody else's words on one line, without what must not be shown: the secrets given, in clear text and in base64, as
 * SMTP's AUTH writes them, and the local part of any address.
 */
export function quote(words: string, secrets: readonly string[] = []): string {
  const hidden = secrets.filter((secret) => secret !== '').flatMap((secret) => [secret, base64(secret)]);
  const open = hidden.reduce((text, secret) => text.replaceAll(secret, MASK), words);
  const line = open
    .replaceAll(/[^\s<>()"',;:@]+(@(?=[\w[]))?/g, (word, at: string | undefined) =>
      at === undefined ? word : `${MASK}@`,
    )
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim();
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line;
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

/**
 * What a terminal obeys instead of showing (control characters, C1 among them), what breaks a line, and what reorders
 * or hides the characters around it. Tags and joiners of emoji and scripts stay: they change nothing but their
 * neighbours.
 */
const OBEYED = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]/gu;
const NAMES: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** One line of text, safe to print wherever its words came from; in JSON it stays the same string. */
export function visible(text: string): string {
  return text.replaceAll(
    OBEYED,
    (character) => NAMES[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** The same, of a text that has lines of its own. */
export function visibleLines(text: string): string {
  return text.split('\n').map(visible).join('\n');
}
