import { isIP } from 'node:net';
import type { Settings } from '../config/settings.js';
import { domainOf } from '../core/email-address.js';
import { NameError, type Names } from './network.js';
import { type Check, ok, skip, type Verdict, warn } from './report.js';
import {
  dkimName,
  dkimVerdict,
  dmarcNames,
  dmarcRecordsIn,
  dmarcVerdict,
  MOST_LOOKUPS,
  parseSpf,
  spfRecordsIn,
  spfVerdict,
} from './sender-policy.js';

/** Records that are followed from one domain; what is beyond is broken anyway. */
const MOST_RECORDS = 2 * MOST_LOOKUPS;

/** What DNS says of the domain of MAIL_FROM: whether it may send, signs, and takes bounces. */
export async function senderChecks({ mail }: Settings, names: Names): Promise<Check[]> {
  const domain = domainOf(mail.from.address).toLowerCase();
  const why = whyNot(
    domain,
    mail.transports.map(({ kind }) => kind),
  );
  if (why !== undefined) return [{ area: 'dns', name: domain, ...skip(why) }];
  const check = async (what: string, work: () => Promise<Verdict>): Promise<Check> => ({
    area: 'dns',
    name: `${what} ${domain}`,
    ...(await told(work)),
  });
  return Promise.all([
    check('SPF', () => spf(domain, names)),
    check('DKIM', () => dkim(mail, domain, names)),
    check('DMARC', () => dmarc(domain, names)),
    check('MX', () => mx(domain, names)),
  ]);
}

function whyNot(domain: string, kinds: readonly string[]): string | undefined {
  if (kinds.every((kind) => kind === 'capture' || kind === 'file'))
    return 'mail does not leave this machine: its sender needs no records';
  if (!domain.includes('.') || isIP(domain.replaceAll(/[[\]]/g, '')) !== 0)
    return 'a sender like this has no records in DNS; set MAIL_FROM to a domain of yours';
  return undefined;
}

async function told(work: () => Promise<Verdict>): Promise<Verdict> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof NameError)) throw error;
    return warn(
      `no name server tells (${error.code})`,
      'Look at the DNS of this host, or ask another name server: otpost doctor --dns 9.9.9.9',
    );
  }
}

async function spf(domain: string, names: Names): Promise<Verdict> {
  const records = spfRecordsIn(await names.txt(domain));
  return spfVerdict({
    domain,
    records,
    ...(records.length === 1 ? await followed(records[0]!, names) : { lookups: 0, missing: [] }),
  });
}

/** Reads what a record refers to, and what that refers to. */
async function followed(record: string, names: Names): Promise<{ lookups: number; missing: string[] }> {
  const waiting = [record];
  const missing: string[] = [];
  let lookups = 0;
  for (let read = 0; waiting.length > 0 && read < MOST_RECORDS; read++) {
    const parsed = parseSpf(waiting.shift()!);
    lookups += parsed.lookups;
    for (const target of parsed.referred) {
      const found = spfRecordsIn(await names.txt(target));
      if (found[0] === undefined) missing.push(target);
      else waiting.push(found[0]);
    }
  }
  return { lookups, missing };
}

async function dkim({ dkim: settings, transports }: Settings['mail'], sender: string, names: Names): Promise<Verdict> {
  if (settings) return dkimVerdict(settings, await names.txt(dkimName(settings)), sender);
  const smtp = transports.some(({ kind }) => kind === 'smtp');
  return skip(
    smtp
      ? 'not signed here: the SMTP server may do it. To sign here: DKIM_SELECTOR and DKIM_PRIVATE_KEY'
      : 'the provider signs, with records that it shows',
  );
}

async function dmarc(domain: string, names: Names): Promise<Verdict> {
  const malformed: string[] = [];
  for (const name of dmarcNames(domain)) {
    const txt = await names.txt(name);
    const records = dmarcRecordsIn(txt);
    if (records.length > 0) return dmarcVerdict({ domain, name, records, malformed });
    malformed.push(...txt.filter((record) => /dmarc|(^|;)\s*p\s*=/i.test(record)));
  }
  return dmarcVerdict({ domain, name: undefined, records: [], malformed });
}

async function mx(domain: string, names: Names): Promise<Verdict> {
  const [first] = await names.mx(domain);
  const remedy = 'Some receivers refuse senders that cannot be answered. Give the domain an MX record.';
  if (first === '.')
    return warn('the domain says that it takes no mail (null MX): bounces and replies are lost', remedy);
  if (first !== undefined) return ok(`bounces and replies go to ${first}`);
  const addresses = await names
    .addressesOf(domain)
    .catch((error: unknown) =>
      error instanceof NameError && error.code === 'ENOTFOUND' ? [] : Promise.reject(error as Error),
    );
  if (addresses.length > 0) return warn('no MX record: bounces and replies go to the web server of the domain', remedy);
  return warn('no MX record and no address: bounces and replies are lost, if the domain exists at all', remedy);
}
