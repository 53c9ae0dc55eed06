/**
 * A connection string whose sessions start with these settings, beside those it has already.
 * Sent with the connection (`options`, as in libpq) and not by a later SET, which a transaction pooler would lose.
 */
export function withSessionOptions(url: string, settings: Record<string, string>): string {
  const parsed = new URL(url);
  const given = parsed.searchParams.get('options');
  const ours = Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`);
  parsed.searchParams.set('options', [...(given ? [given] : []), ...ours].join(' '));
  // pg decodes percent-escapes only; URLSearchParams writes a space as +.
  parsed.search = parsed.search.replaceAll('+', '%20');
  return parsed.href;
}

/**
 * Prisma's driver adapter writes times without their offset and drops it when it reads (measured on 7.10.0): in a
 * session of another zone all times shift.
 */
export const UTC = { TimeZone: 'UTC' };
