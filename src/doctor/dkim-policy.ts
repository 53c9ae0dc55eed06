import { createPublicKey } from 'node:crypto';
import type { DkimSettings } from '../config/settings.js';
import { tagsOf } from './dmarc-policy.js';
import type { Verdict } from './spf-policy.js';

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
  if (record === undefined) return { status: 'fail', summary: `mail is signed, and there is no key at ${name}: the signature counts for nothing`, remedy: add };
  const tags = tagsOf(record);
  const key = tags.get('p')!.replaceAll(/\s/g, '');
  const details = { name, record };
  if ((tags.get('v') ?? 'DKIM1') !== 'DKIM1') return { status: 'fail', summary: `the record at ${name} has to begin with v=DKIM1`, remedy: add, details };
  if (key === '') return { status: 'fail', summary: `the key at ${name} is revoked (p= is empty)`, remedy: add, details };
  if (key !== wanted && key !== pkcs1Form(settings.privateKey)) {
    return { status: 'fail', summary: `the key at ${name} is not the one of DKIM_PRIVATE_KEY: signatures do not verify`, remedy: add, details };
  }
  if (tags.get('t')?.split(':').some((flag) => flag.trim() === 'y')) {
    return { status: 'warn', summary: `the key at ${name} is marked as a test (t=y): receivers treat the mail as unsigned`, remedy: 'Remove t=y from the record.', details };
  }
  if (!isAligned(settings.domain, sender)) {
    return { status: 'warn', summary: `mail of ${sender} is signed by ${settings.domain}: DMARC takes no notice of it`, remedy: 'Let DKIM_DOMAIN be the domain of MAIL_FROM, or one above it.', details };
  }
  return { status: 'ok', summary: `DKIM key at ${name} is the one that signs`, details };
}

/** RFC 6376 §3.6.1 speaks of this form, everybody publishes the other one, and verifiers take both. */
function pkcs1Form(privateKey: string): string {
  return createPublicKey(privateKey).export({ type: 'pkcs1', format: 'der' }).toString('base64');
}

/** RFC 7489 §3.1.1, relaxed; without the list of public suffixes one has to be at or below the other. */
function isAligned(signer: string, sender: string): boolean {
  return signer === sender || sender.endsWith(`.${signer}`) || signer.endsWith(`.${sender}`);
}
