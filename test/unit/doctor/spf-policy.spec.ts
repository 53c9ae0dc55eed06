import { parseSpf, spfRecordsIn, spfVerdict } from '../../../src/doctor/sender-policy.js';

const FACTS = { domain: 'example.com', lookups: 1, missing: [] as string[] };

describe('SPF', () => {
  it.each([
    ['none', [], {}, 'warn', /no SPF record/],
    ['one that ends in ~all', ['v=spf1 include:_spf.example.net ~all'], {}, 'ok', /by _spf\.example\.net; 1 of 10/],
    ['one that ends in -all', ['v=spf1 ip4:192.0.2.1 -all'], { lookups: 0 }, 'ok', /SPF; 0 of 10/],
    ['one that hands over to another', ['v=spf1 redirect=_spf.example.net'], {}, 'ok', /by _spf\.example\.net/],
    ['two of them', ['v=spf1 -all', 'v=spf1 ~all'], {}, 'fail', /2 SPF records/],
    ['one that lets everybody', ['v=spf1 +all'], {}, 'fail', /\+all/],
    ['one that lets everybody, as it was read before signs', ['v=spf1 all'], {}, 'fail', /\+all/],
    ['one without an end', ['v=spf1 a mx'], { lookups: 2 }, 'warn', /says nothing about everybody else$/],
    ['one with an open end', ['v=spf1 a ?all'], {}, 'warn', /\(\?all\)/],
    ['one that costs too much', ['v=spf1 include:a.example ~all'], { lookups: 11 }, 'fail', /11 DNS lookups/],
    [
      'one that costs all there is',
      ['v=spf1 include:a.example ~all'],
      { lookups: 10 },
      'warn',
      /the next include breaks it/,
    ],
    [
      'one that leads nowhere',
      ['v=spf1 include:gone.example ~all'],
      { missing: ['gone.example'] },
      'fail',
      /gone\.example, which has no SPF/,
    ],
  ])('%s', (_what, records, more, status, says) => {
    const verdict = spfVerdict({ ...FACTS, records, ...more });
    expect([verdict.status, verdict.summary]).toEqual([status, expect.stringMatching(says)]);
    expect(verdict.remedy === undefined).toBe(status === 'ok');
  });

  it.each([
    [
      'v=spf1 a mx ptr exists:%{i}.example include:one.example ?include:two.example -all',
      6,
      ['one.example', 'two.example'],
      '-',
    ],
    ['v=spf1 a:mail.example.com/28 mx/24 ip4:192.0.2.0/24 ip6:2001:db8::/32 ~all', 2, [], '~'],
    ['v=spf1 redirect=other.example', 1, ['other.example'], undefined],
    ['v=spf1 redirect=other.example -all', 0, [], '-'],
    ['v=spf1 include:%{d}.example ~all', 1, [], '~'],
    ['v=spf1  ALL', 0, [], '+'],
  ])('%s costs %d lookups', (record, lookups, referred, all) => {
    expect(parseSpf(record)).toMatchObject({ lookups, referred, all });
  });

  it('is told from other TXT records', () => {
    expect(
      spfRecordsIn(['google-site-verification=1', 'v=spf1', 'V=SPF1 -all', 'v=spf10 -all', 'spf2.0/pra -all']),
    ).toEqual(['v=spf1', 'V=SPF1 -all']);
  });
});
