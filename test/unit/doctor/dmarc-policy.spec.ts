import { dmarcNames, dmarcRecordsIn, dmarcVerdict } from '../../../src/doctor/sender-policy.js';

describe('DMARC', () => {
  it.each([
    ['none', undefined, [], 'warn', /no DMARC record/],
    ['one that rejects', '_dmarc.mail.example.com', ['v=DMARC1; p=reject'], 'ok', /^DMARC, reject$/],
    [
      'one that puts aside',
      '_dmarc.mail.example.com',
      ['v=DMARC1;p=Quarantine;rua=mailto:d@example.com'],
      'ok',
      /quarantine/,
    ],
    ['one that asks for nothing', '_dmarc.mail.example.com', ['v=DMARC1; p=none'], 'warn', /p=none/],
    ['one without a policy', '_dmarc.mail.example.com', ['v=DMARC1; rua=mailto:d@example.com'], 'fail', /no p=/],
    ['one with a policy that is none', '_dmarc.mail.example.com', ['v=DMARC1; p=refuse'], 'fail', /p=refuse/],
    ['two of them', '_dmarc.mail.example.com', ['v=DMARC1; p=none', 'v=DMARC1; p=reject'], 'fail', /2 DMARC records/],
    [
      'one of the domain above',
      '_dmarc.example.com',
      ['v=DMARC1; p=reject'],
      'ok',
      /reject, from _dmarc\.example\.com/,
    ],
    [
      'one of the domain above, which thinks otherwise of those below',
      '_dmarc.example.com',
      ['v=DMARC1; p=reject; sp=none'],
      'warn',
      /p=none/,
    ],
  ])('%s', (_what, name, records, status, says) => {
    const verdict = dmarcVerdict({ domain: 'mail.example.com', name, records, malformed: [] });
    expect([verdict.status, verdict.summary]).toEqual([status, expect.stringMatching(says)]);
    expect(verdict.remedy === undefined).toBe(status === 'ok');
  });

  it('one that does not begin as it must is no record, and is shown', () => {
    const malformed = ['p=reject; v=DMARC1'];
    expect(dmarcRecordsIn(malformed)).toEqual([]);
    expect(dmarcVerdict({ domain: 'example.com', name: undefined, records: [], malformed })).toMatchObject({
      status: 'fail',
      summary: expect.stringContaining('cannot be read') as string,
    });
  });

  it('is looked for at the domain and above it, but for the top', () => {
    expect(dmarcNames('a.mail.example.com')).toEqual([
      '_dmarc.a.mail.example.com',
      '_dmarc.mail.example.com',
      '_dmarc.example.com',
    ]);
  });
});
