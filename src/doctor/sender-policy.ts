import { createPublicKey } from 'node:crypto';
import type { DkimSettings } from '../config/settings.js';
import { fail, ok, type Verdict, warn } from './report.js';

/** Mechanisms and modifiers that cost whoever checks a DNS lookup (RFC 7208 §4.6.4). */
const COSTS_A_LOOKUP = /^[+?~-]?(include:|a([:/]|$)|mx([:/]|$)|ptr(:|$)|exists:)|^redirect=/i;
/** More lookups, and the record counts as broken. */
export const MOST_LOOKUPS = 10;

interface SpfRecord {
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
  return {
    terms,
    all: sign,
    referred: targets.filter((target) => !target.includes('%')),
    lookups: terms.filter((term) => COSTS_A_LOOKUP.test(term) && !(sign !== undefined && /^redirect=/i.test(term)))
      .length,
  };
}

interface SpfFacts {
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
    return warn(
      'no SPF record: receivers cannot tell whether this mail is yours',
      `Add a TXT record to ${domain}: v=spf1 include:<what your provider names> ~all`,
    );
  }
  const details = { records, lookups, ...(missing.length > 0 ? { missing } : {}) };
  if (more.length > 0) {
    return fail(
      `${records.length} SPF records: receivers treat that as an error and as none (RFC 7208 §4.5)`,
      'Join them into one TXT record.',
      details,
    );
  }
  if (lookups > MOST_LOOKUPS) {
    return fail(
      `SPF needs ${lookups} DNS lookups, and receivers stop at ${MOST_LOOKUPS} and treat it as an error`,
      'Remove includes of services that no longer send for this domain.',
      details,
    );
  }
  if (missing.length > 0) {
    return fail(
      `SPF refers to ${missing.join(', ')}, which has no SPF record: receivers treat that as an error`,
      'Correct or remove that include.',
      details,
    );
  }
  const { all, referred } = parseSpf(record);
  if (all === '+') return fail('SPF ends in +all: anybody may send as this domain', 'End it in ~all or -all.', details);
  if (all === '?' || (all === undefined && !/(^| )redirect=/i.test(record))) {
    return warn(
      `SPF says nothing about everybody else${all === '?' ? ' (?all)' : ''}`,
      'End it in ~all or -all.',
      details,
    );
  }
  if (lookups === MOST_LOOKUPS)
    return warn(
      `SPF needs ${lookups} DNS lookups, as many as receivers do: the next include breaks it`,
      'Remove includes of services that no longer send for this domain.',
      details,
    );
  const through = referred.length > 0 ? `, by ${referred.join(', ')}` : '';
  return ok(`SPF${through}; ${lookups} of ${MOST_LOOKUPS} lookups`, details);
}

const POLICIES = ['none', 'quarantine', 'reject'];

/**
 * Where the record may stand: the domain itself, then the domains above it, but for the last label. Receivers that go
 * by RFC 7489 ask the organizational domain, which is among them.
 */
export function dmarcNames(domain: string): string[] {
  const labels = domain.split('.');
  return labels.slice(0, -1).map((_, index) => `_dmarc.${labels.slice(index).join('.')}`);
}

/** Of all TXT records, those that are DMARC's (RFC 7489 §6.6.3). */
export function dmarcRecordsIn(txt: readonly string[]): string[] {
  return txt.filter((record) => /^v\s*=\s*DMARC1\s*(;|$)/.test(record));
}

/** `tag=value; tag=value`, as DMARC and DKIM have it. A tag that stands twice counts once, the first time. */
export function tagsOf(record: string): Map<string, string> {
  const tags = new Map<string, string>();
  for (const part of record.split(';')) {
    const [name, ...value] = part.split('=');
    const tag = name!.trim().toLowerCase();
    if (tag !== '' && !tags.has(tag)) tags.set(tag, value.join('=').trim());
  }
  return tags;
}

interface DmarcFacts {
  domain: string;
  /** The name under which records were found; undefined where there are none. */
  name: string | undefined;
  records: readonly string[];
  /** TXT records of the domain's own name that look like DMARC and are none. */
  malformed: readonly string[];
}

/**
 * What receivers make of it. Gmail and Yahoo want a record from senders of 5,000 a day on; p=none is enough for them.
 */
export function dmarcVerdict({ domain, name, records, malformed }: DmarcFacts): Verdict {
  const [record, ...more] = records;
  if (record === undefined || name === undefined) {
    const [wrong] = malformed;
    if (wrong !== undefined)
      return fail(
        'the DMARC record cannot be read: it has to begin with v=DMARC1;',
        `Correct the TXT record of _dmarc.${domain}, such as: v=DMARC1; p=quarantine`,
        { records: malformed },
      );
    return warn(
      'no DMARC record: Gmail, Yahoo and Outlook want one of who sends much',
      `Add a TXT record to _dmarc.${domain}: v=DMARC1; p=none; rua=mailto:<where reports go>`,
    );
  }
  const details = { name, records };
  if (more.length > 0)
    return fail(
      `${records.length} DMARC records at ${name}: receivers then act as if there were none`,
      'Keep one of them.',
      details,
    );
  const tags = tagsOf(record);
  const inherited = name !== `_dmarc.${domain}`;
  const policy = ((inherited ? tags.get('sp') : undefined) ?? tags.get('p'))?.toLowerCase();
  if (policy === undefined || !POLICIES.includes(policy)) {
    return fail(
      `the DMARC record at ${name} has no policy that is one (${policy === undefined ? 'no p=' : `p=${policy}`})`,
      `p= is none, quarantine or reject, such as: v=DMARC1; p=quarantine`,
      details,
    );
  }
  if (policy === 'none') {
    return warn(
      'DMARC asks for nothing (p=none): forgeries of this domain are let through',
      'Go on to p=quarantine once the reports show that your own mail passes.',
      details,
    );
  }
  return ok(`DMARC, ${policy}${inherited ? `, from ${name}` : ''}`, details);
}

export function dkimName({ domain, selector }: DkimSettings): string {
  return `${selector}._domainkey.${domain}`;
}

/** The value of `p=` that goes with a private key in PEM. */
export function publishedForm(privateKey: string): string {
  return createPublicKey(privateKey).export({ type: 'spki', format: 'der' }).toString('base64');
}

/**
 * What receivers make of the record at the selector.
 * @param txt its TXT records
 * @param sender the domain of MAIL_FROM
 */
export function dkimVerdict(settings: DkimSettings, txt: readonly string[], sender: string): Verdict {
  const name = dkimName(settings);
  const record = txt.find((text) => tagsOf(text).has('p'));
  const wanted = publishedForm(settings.privateKey);
  const add = `The TXT record of ${name} has to be: v=DKIM1; k=rsa; p=${wanted}`;
  if (record === undefined)
    return fail(`mail is signed, and there is no key at ${name}: the signature counts for nothing`, add);
  const tags = tagsOf(record);
  const key = tags.get('p')!.replaceAll(/\s/g, '');
  const details = { name, record };
  if ((tags.get('v') ?? 'DKIM1') !== 'DKIM1')
    return fail(`the record at ${name} has to begin with v=DKIM1`, add, details);
  if (key === '') return fail(`the key at ${name} is revoked (p= is empty)`, add, details);
  if (key !== wanted && key !== pkcs1Form(settings.privateKey)) {
    return fail(`the key at ${name} is not the one of DKIM_PRIVATE_KEY: signatures do not verify`, add, details);
  }
  if (
    tags
      .get('t')
      ?.split(':')
      .some((flag) => flag.trim() === 'y')
  ) {
    return warn(
      `the key at ${name} is marked as a test (t=y): receivers treat the mail as unsigned`,
      'Remove t=y from the record.',
      details,
    );
  }
  if (!isAligned(settings.domain, sender)) {
    return warn(
      `mail of ${sender} is signed by ${settings.domain}: DMARC takes no notice of it`,
      'Let DKIM_DOMAIN be the domain of MAIL_FROM, or one above it.',
      details,
    );
  }
  return ok(`DKIM key at ${name} is the one that signs`, details);
}

/** RFC 6376 §3.6.1 speaks of this form, everybody publishes the other one, and verifiers take both. */
function pkcs1Form(privateKey: string): string {
  return createPublicKey(privateKey).export({ type: 'pkcs1', format: 'der' }).toString('base64');
}

/** RFC 7489 §3.1.1, relaxed; without the list of public suffixes one has to be at or below the other. */
function isAligned(signer: string, sender: string): boolean {
  return signer === sender || sender.endsWith(`.${signer}`) || signer.endsWith(`.${sender}`);
}
