import { parseDestination } from '../../core/destination.js';
import { parseEmailAddress } from '../../core/email-address.js';
import type { Lane } from '../../core/lanes.js';
import type { EmailStatus } from '../../generated/prisma/enums.js';
import type { EmailFilter } from './search-statement.js';

/**
 * A filter in the caller's words, validated; so it is kept with an action, too. What is left out matches everything.
 */
export interface AskedFilter {
  /** One or several, with commas between them. */
  status?: string;
  /** An address, or a number with its country. */
  to?: string;
  from?: string;
  template?: string;
  tag?: string;
  lane?: Lane;
  transport?: string;
  errorCode?: string;
  apiKey?: string;
  broadcast?: string;
  q?: string;
  since?: string;
  until?: string;
}

export function statusesIn(text: string): EmailStatus[] {
  return text.split(',') as EmailStatus[];
}

/** What a search is given for it. @param owners see {@link EmailFilter} */
export function filterOf(asked: AskedFilter, owners?: readonly string[]): EmailFilter {
  const { status, to, from, template, tag, lane, transport, errorCode, apiKey, broadcast, q, since, until } = asked;
  return {
    statuses: status === undefined ? undefined : statusesIn(status),
    to: to === undefined ? undefined : parseDestination(to)!.canonical,
    from: from === undefined ? undefined : parseEmailAddress(from)!.stored.toLowerCase(),
    ...{ template, tag, lane, transport, errorCode, q, owners },
    apiKey: apiKey?.toLowerCase(),
    broadcast: broadcast?.toLowerCase(),
    since: since === undefined ? undefined : new Date(since),
    until: until === undefined ? undefined : new Date(until),
  };
}
