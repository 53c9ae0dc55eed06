import type { Verdict } from './spf-policy.js';

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

export interface DmarcFacts {
  domain: string;
  /** The name under which records were found; undefined where there are none. */
  name: string | undefined;
  records: readonly string[];
  /** TXT records of the domain's own name that look like DMARC and are none. */
  malformed: readonly string[];
}

/** What receivers make of it. Gmail and Yahoo want a record from senders of 5,000 a day on; p=none is enough for them. */
export function dmarcVerdict({ domain, name, records, malformed }: DmarcFacts): Verdict {
  const [record, ...more] = records;
  if (record === undefined || name === undefined) {
    const [wrong] = malformed;
    if (wrong !== undefined) return { status: 'fail', summary: 'the DMARC record cannot be read: it has to begin with v=DMARC1;', remedy: `Correct the TXT record of _dmarc.${domain}, such as: v=DMARC1; p=quarantine`, details: { records: malformed } };
    return { status: 'warn', summary: 'no DMARC record: Gmail, Yahoo and Outlook want one of who sends much', remedy: `Add a TXT record to _dmarc.${domain}: v=DMARC1; p=none; rua=mailto:<where reports go>` };
  }
  const details = { name, records };
  if (more.length > 0) return { status: 'fail', summary: `${records.length} DMARC records at ${name}: receivers then act as if there were none`, remedy: 'Keep one of them.', details };
  const tags = tagsOf(record);
  const inherited = name !== `_dmarc.${domain}`;
  const policy = ((inherited ? tags.get('sp') : undefined) ?? tags.get('p'))?.toLowerCase();
  if (policy === undefined || !POLICIES.includes(policy)) {
    return { status: 'fail', summary: `the DMARC record at ${name} has no policy that is one (${policy === undefined ? 'no p=' : `p=${policy}`})`, remedy: `p= is none, quarantine or reject, such as: v=DMARC1; p=quarantine`, details };
  }
  if (policy === 'none') {
    return { status: 'warn', summary: 'DMARC asks for nothing (p=none): forgeries of this domain are let through', remedy: 'Go on to p=quarantine once the reports show that your own mail passes.', details };
  }
  return { status: 'ok', summary: `DMARC, ${policy}${inherited ? `, from ${name}` : ''}`, details };
}
