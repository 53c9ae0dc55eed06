import type { EventReason } from './provider-event.js';

/**
 * Whose fault a permanent refusal is, by its enhanced status code (RFC 3463, and RFC 7505 §4 for 5.1.10); undefined when
 * the code does not say. The table of outgoing replies, smtp-reply-table.ts, judges alike: only an address that does not
 * exist, or was shut, is suppressed; a full mailbox and a blocklist are not its fault.
 */
export function reasonOfStatus(status: string): EventReason | undefined {
  if (!/^[245]\.\d{1,3}\.\d{1,3}$/.test(status)) return undefined;
  if (/^5\.1\.3$/.test(status)) return 'invalid';
  if (/^5\.1\.(1|2|6|10)$|^5\.2\.1$/.test(status)) return 'bounced';
  if (/^[45]\.7\./.test(status)) return 'blocked';
  if (/^[45]\.4\.7$|^4\.4\./.test(status)) return 'timed_out';
  return /^[245]\.0\.0$/.test(status) ? undefined : 'other';
}

/** The enhanced code in a reply such as `smtp; 550-5.1.1 no such user`. */
export function enhancedCodeIn(reply: string): string | undefined {
  return /(?:^|[\s;])[45]\d\d[ -]#?([45]\.\d{1,3}\.\d{1,3})(?!\d)/.exec(reply)?.[1] ?? /(?:^|[\s;(#])([45]\.\d{1,3}\.\d{1,3})(?![\d.])/.exec(reply)?.[1];
}

/** What the server said goes before what the provider makes of it, where it puts the blame elsewhere than on the address. */
export function hardBounce(status: string | undefined, reply: string | undefined): EventReason {
  const code = status && !/^\d\.0\.0$/.test(status) ? status : (enhancedCodeIn(reply ?? '') ?? '');
  return reasonOfStatus(code) ?? 'bounced';
}
