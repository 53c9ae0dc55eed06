/** What stands where a secret was. */
export const MASK = '***';

/** Query parameters that explain a fault and are never secret; the values of all others are hidden. */
const OPEN_PARAMETERS = new Set(['tls', 'helo', 'auth', 'connect_timeout', 'greeting_timeout', 'reply_timeout', 'final_reply_timeout', 'rate', 'daily', 'connections', 'sslmode', 'schema']);

/**
 * A URL for logs and error texts: scheme, user, host, port and path stay, the password goes.
 *
 * It works on text, not on a parsed URL, because a URL with an unescaped password often does not parse, or parses
 * wrongly, and is then about to be shown in an error. In doubt it hides: everything before the last `@` is taken for
 * credentials, a user without a password may be a token, and what looks like no host or no port may be the end of a password.
 * Text that begins with no `scheme://` in lower case is hidden whole.
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
