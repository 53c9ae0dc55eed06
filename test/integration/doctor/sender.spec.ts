import { generateKeyPairSync } from 'node:crypto';
import { readSettings } from '../../../src/configuration.js';
import { Names } from '../../../src/doctor/network.js';
import { senderChecks } from '../../../src/doctor/sender-checks.js';
import { publishedForm } from '../../../src/doctor/sender-policy.js';
import { DnsServer, type Zone } from '../../support/network/dns-server.js';

const KEY = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({
  type: 'pkcs8',
  format: 'pem',
}) as string;
const ENV = {
  MAIL_FROM: 'Acme <no-reply@example.test>',
  MAIL_TRANSPORTS: 'smtp://u:p@smtp.example.test:587',
  DKIM_SELECTOR: 'otpost',
  DKIM_PRIVATE_KEY: Buffer.from(KEY).toString('base64'),
};
const GOOD: Zone = {
  'example.test': {
    TXT: ['hello', 'v=spf1 include:_spf.provider.test ~all'],
    MX: ['20 second.example.test', '10 mail.example.test'],
  },
  '_spf.provider.test': { TXT: ['v=spf1 a mx include:_more.provider.test -all'] },
  '_more.provider.test': { TXT: ['v=spf1 ip4:192.0.2.0/24 -all'] },
  '_dmarc.example.test': { TXT: ['v=DMARC1; p=quarantine; rua=mailto:dmarc@example.test'] },
  'otpost._domainkey.example.test': { TXT: [`v=DKIM1; k=rsa; p=${publishedForm(KEY)}`] },
};

describe("the doctor and the sender's domain", () => {
  let server: DnsServer;
  beforeAll(async () => void (server = await DnsServer.start({})));
  afterAll(() => server.stop());

  async function look(
    zone: Zone,
    env: Record<string, string> = ENV,
  ): Promise<Record<string, [status: string, summary: string]>> {
    server.zone = zone;
    server.questions.length = 0;
    const checks = await senderChecks(readSettings(env).settings, new Names([server.address]));
    return Object.fromEntries(checks.map(({ name, status, summary }) => [name.split(' ')[0]!, [status, summary]]));
  }

  it('finds nothing wrong with one that is in order, down to what its SPF refers to', async () => {
    expect(await look(GOOD)).toEqual({
      SPF: ['ok', 'SPF, by _spf.provider.test; 4 of 10 lookups'],
      DKIM: ['ok', 'DKIM key at otpost._domainkey.example.test is the one that signs'],
      DMARC: ['ok', 'DMARC, quarantine'],
      MX: ['ok', 'bounces and replies go to mail.example.test'],
    });
    expect(server.questions).toContain('TXT _more.provider.test');
  });

  it('tells what one lacks that has nothing', async () => {
    const found = await look({ 'example.test': {} });
    expect(Object.entries(found).map(([what, [status]]) => [what, status])).toEqual([
      ['SPF', 'warn'],
      ['DKIM', 'fail'],
      ['DMARC', 'warn'],
      ['MX', 'warn'],
    ]);
  });

  it('counts lookups through includes, those in a circle too', async () => {
    const circle = { TXT: ['v=spf1 a include:example.test ~all'] };
    expect(
      (
        await look({
          ...GOOD,
          'example.test': { TXT: ['v=spf1 include:_spf.provider.test ~all'] },
          '_spf.provider.test': circle,
        })
      )['SPF'],
    ).toEqual(['fail', expect.stringMatching(/receivers stop at 10/)]);
  });

  it('tells of an include that leads nowhere', async () => {
    const zone = Object.fromEntries(Object.entries(GOOD).filter(([name]) => name !== '_more.provider.test'));
    expect((await look(zone))['SPF']).toEqual([
      'fail',
      expect.stringContaining('_more.provider.test, which has no SPF record'),
    ]);
  });

  it('takes the DMARC record of the domain above', async () => {
    const found = await look(GOOD, { ...ENV, MAIL_FROM: 'a@mail.example.test' });
    expect(found['DMARC']).toEqual(['ok', 'DMARC, quarantine, from _dmarc.example.test']);
  });

  it('tells of a domain that takes no mail', async () => {
    expect((await look({ 'example.test': { MX: ['0 .'] } }))['MX']).toEqual([
      'warn',
      expect.stringContaining('null MX'),
    ]);
    expect((await look({ 'example.test': { A: ['192.0.2.1'] } }))['MX']).toEqual([
      'warn',
      expect.stringContaining('web server'),
    ]);
  });

  it('says so, and blames nobody, where no name server tells', async () => {
    const found = await look({
      'example.test': 'refuse',
      '_dmarc.example.test': 'refuse',
      'otpost._domainkey.example.test': 'refuse',
    });
    expect(Object.values(found)).toEqual(Array(4).fill(['warn', 'no name server tells (ESERVFAIL)']));
  });

  it.each([
    ['the sender is of this machine', { MAIL_FROM: 'a@localhost' }, /no records in DNS/],
    ['mail does not leave this machine', { MAIL_TRANSPORTS: 'capture:' }, /does not leave this machine/],
  ])('asks nothing where %s', async (_what, env, says) => {
    const checks = await senderChecks(
      readSettings({ ...ENV, DKIM_DOMAIN: 'example.test', ...env }).settings,
      new Names(['127.0.0.1:9']),
    );
    expect(checks).toEqual([
      expect.objectContaining({ status: 'skip', summary: expect.stringMatching(says) as string }),
    ]);
  });
});
