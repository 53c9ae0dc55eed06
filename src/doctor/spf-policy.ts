import type { Check } from './check.js';

/** Mechanisms and modifiers that cost whoever checks a DNS lookup (RFC 7208 §4.6.4). */
const COSTS_A_LOOKUP = /^[+?~-]?(include:|a([:/]|$)|mx([:/]|$)|ptr(:|$)|exists:)|^redirect=/i;
/** More lookups, and the record counts as broken. */
export const MOST_LOOKUPS = 10;

export type Verdict = Pick<Check, 'status' | 'summary' | 'remedy' | 'details'>;

export interface SpfRecord {
  terms: string[];
  /** What the rest of the world gets; undefined where the record does not say. */
  all: '+' | '-' | '~' | '?' | undefined;
  /** Domains whose records are read too: of `include:`, and of `redirect=`. */
  referred: string[];
  /** DNS lookups of this record alone. */
  lookups: number;
}

/** Of all TXT records of a domain, those that are SPF's (RFC 7208 §4.5). */
export function spfRecordsIn(txt: readonly string[]): string[] {
  return txt.filter((record) => /^v=spf1( |$)/i.test(record));
}

export function parseSpf(record: string): SpfRecord {
  const terms = record.split(/ +/).slice(1).filter(Boolean);
  const all = terms.map((term) => /^([+?~-]?)all$/i.exec(term)).find(Boolean);
  // Without a sign a mechanism means +.
  const sign = all ? ((all[1] || '+') as SpfRecord['all']) : undefined;
  const targets = terms.flatMap((term) => {
    const [, include, redirect] = /^(?:[+?~-]?include:(.+)|redirect=(.+))$/i.exec(term) ?? [];
    // A redirect counts only where nothing says all (RFC 7208 §6.1).
    return include ?? (sign === undefined ? redirect : undefined) ?? [];
  });
  return { terms, all: sign, referred: targets.filter((target) => !target.includes('%')), lookups: terms.filter((term) => COSTS_A_LOOKUP.test(term) && !(sign !== undefined && /^redirect=/i.test(term))).length };
}

export interface SpfFacts {
  domain: string;
  /** SPF records of the domain itself. */
  records: readonly string[];
  /** Lookups of all records together, as far as they were followed. */
  lookups: number;
  /** Domains that are referred to and have no SPF record. */
  missing: readonly string[];
}

/** What receivers make of it. */
export function spfVerdict({ domain, records, lookups, missing }: SpfFacts): Verdict {
  const [record, ...more] = records;
  if (record === undefined) {
    return {
      status: 'warn',
      summary: 'no SPF record: receivers cannot tell whether this mail is yours',
      remedy: `Add a TXT record to ${domain}: v=spf1 include:<what your provider names> ~all`,
    };
  }
  const details = { records, lookups, ...(missing.length > 0 ? { missing } : {}) };
  if (more.length > 0) {
    return { status: 'fail', summary: `${records.length} SPF records: receivers treat that as an error and as none (RFC 7208 §4.5)`, remedy: 'Join them into one TXT record.', details };
  }
  if (lookups > MOST_LOOKUPS) {
    return { status: 'fail', summary: `SPF needs ${lookups} DNS lookups, and receivers stop at ${MOST_LOOKUPS} and treat it as an error`, remedy: 'Remove includes of services that no longer send for this domain.', details };
  }
  if (missing.length > 0) {
    return { status: 'fail', summary: `SPF refers to ${missing.join(', ')}, which has no SPF record: receivers treat that as an error`, remedy: 'Correct or remove that include.', details };
  }
  const { all, referred } = parseSpf(record);
  if (all === '+') return { status: 'fail', summary: 'SPF ends in +all: anybody may send as this domain', remedy: 'End it in ~all or -all.', details };
  if (all === '?' || (all === undefined && !/(^| )redirect=/i.test(record))) {
    return { status: 'warn', summary: `SPF says nothing about everybody else${all === '?' ? ' (?all)' : ''}`, remedy: 'End it in ~all or -all.', details };
  }
  if (lookups === MOST_LOOKUPS) return { status: 'warn', summary: `SPF needs ${lookups} DNS lookups, as many as receivers do: the next include breaks it`, remedy: 'Remove includes of services that no longer send for this domain.', details };
  const through = referred.length > 0 ? `, by ${referred.join(', ')}` : '';
  return { status: 'ok', summary: `SPF${through}; ${lookups} of ${MOST_LOOKUPS} lookups`, details };
}
