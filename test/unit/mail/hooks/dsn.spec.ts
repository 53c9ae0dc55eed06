import { meaningOf, readDsn } from '../../../../src/mail/events/dsn.js';
import { exchangeDsn, gmailDsn, postfixDsn, qmailBounce } from '../../../support/smtp/bounces.js';

const ID = '019abcde-0000-7000-8000-000000000001';
const about = { id: ID, recipient: 'ada@example.org' };

describe('a bounce as servers write it', () => {
  it('by Postfix', async () => {
    const dsn = readDsn(postfixDsn(about));
    expect(dsn).toMatchObject({
      id: expect.stringMatching(/@mx\.example\.com$/) as string,
      emailIds: [ID],
      reports: [{ recipients: ['ada@example.org', 'ada@example.org'], action: 'failed', status: '5.1.1' }],
    });
    expect(dsn!.reports[0]!.diagnostic).toBe(
      'smtp; 550 5.1.1 <ada@example.org>: Recipient address rejected: User unknown in virtual mailbox table',
    );
    expect(meaningOf(dsn!.reports[0]!)).toEqual({ kind: 'bounced', reason: 'bounced' });
  });

  it('by Exchange, which returns the whole message and writes its status one word further', async () => {
    const dsn = readDsn(exchangeDsn(about));
    expect(dsn).toMatchObject({
      emailIds: [ID],
      reports: [{ recipients: ['ada@example.org'], action: 'failed', status: '5.1.10' }],
    });
    expect(meaningOf(dsn!.reports[0]!)).toEqual({ kind: 'bounced', reason: 'bounced' });
  });

  it('by Gmail, with a picture among its parts', async () => {
    const dsn = readDsn(gmailDsn(about));
    expect(dsn).toMatchObject({
      emailIds: [ID],
      reports: [{ recipients: ['ada@example.org'], action: 'failed', status: '5.1.1' }],
    });
    expect(dsn!.reports[0]!.diagnostic).toMatch(
      /^smtp; 550-5\.1\.1 The email account that you tried to reach does not exist/,
    );
  });

  it('that came to an address with the id in it, the surest of all', async () => {
    const other = '019abcde-0000-7000-8000-000000000002';
    expect(readDsn(postfixDsn({ ...about, to: `bounce+${other}@example.com` }))!.emailIds).toEqual([other, ID]);
    expect(
      readDsn(postfixDsn({ ...about, headers: `X-Original-To: bounce+${other}@example.com\n` }))!.emailIds,
    ).toEqual([other, ID]);
  });

  it('that names the envelope', async () => {
    const other = '019abcde-0000-7000-8000-000000000002';
    expect(readDsn(postfixDsn({ ...about, perMessage: `Original-Envelope-Id: ${other}\n` }))!.emailIds).toEqual([
      other,
      ID,
    ]);
  });

  it('with a report in an encoding of its own', () => {
    const [head, report, rest] = postfixDsn(about)
      .toString()
      .split(
        /(?<=message\/delivery-status\r\n)|(?=\r\n--4F1C2A0B\.1\/mx\.example\.com\r\nContent-Description: Undelivered)/,
      );
    for (const [encoding, encoded] of [
      [
        'base64',
        Buffer.from(report!.trim())
          .toString('base64')
          .replace(/(.{76})/g, '$1\r\n'),
      ],
      [
        'Quoted-Printable',
        report!.trim().replaceAll('=', '=3D').replaceAll('@', '=40').replaceAll('Diagnostic', 'Dia=\r\ngnostic'),
      ],
    ]) {
      const source = Buffer.from(`${head}Content-Transfer-Encoding: ${encoding}\r\n\r\n${encoded}\r\n${rest}`);
      expect([encoding, readDsn(source)]).toEqual([encoding, readDsn(postfixDsn(about))]);
    }
  });

  it('with odd bytes in its words, and with words beyond ASCII', () => {
    const dsn = readDsn(
      Buffer.concat([
        ...postfixDsn(about)
          .toString()
          .split('User unknown')
          .flatMap((part, index) => [
            ...(index > 0 ? [Buffer.from('\0\xff caf\u00e9 User unknown')] : []),
            Buffer.from(part),
          ]),
      ]),
    );
    expect(dsn).toMatchObject({ emailIds: [ID], reports: [{ recipients: ['ada@example.org', 'ada@example.org'] }] });
    expect(dsn!.reports[0]!.diagnostic).toContain('caf\u00e9 User unknown');
  });

  it('with bare line feeds, as a pipe brings it', async () => {
    const source = Buffer.from(postfixDsn(about).toString().replaceAll('\r\n', '\n'));
    expect(readDsn(source)).toMatchObject({ emailIds: [ID], reports: [{ status: '5.1.1' }] });
  });
});

describe('what is no delivery status notification', () => {
  it.each([
    ['a bounce in words, as qmail writes it', qmailBounce(about)],
    [
      'a reply',
      Buffer.from(`From: ada@example.org\r\nIn-Reply-To: <${ID}@example.com>\r\n\r\n5.1.1 is a nice number.`),
    ],
    [
      'a read receipt',
      Buffer.from(
        postfixDsn(about).toString().replace('report-type=delivery-status', 'report-type=disposition-notification'),
      ),
    ],
    [
      'a forwarded one',
      Buffer.from(
        `From: ada@example.org\r\nContent-Type: multipart/mixed; boundary="f"\r\n\r\n--f\r\nContent-Type: message/rfc822\r\n\r\n${postfixDsn(about).toString()}\r\n--f--\r\n`,
      ),
    ],
    [
      'one without its report',
      Buffer.from(
        postfixDsn(about).toString().replace('Content-Type: message/delivery-status', 'Content-Type: text/plain'),
      ),
    ],
    [
      'one that speaks of nobody',
      Buffer.from(
        postfixDsn(about)
          .toString()
          .replace(/(Final|Original)-Recipient/g, 'X-$1'),
      ),
    ],
    ['nothing', Buffer.alloc(0)],
    ['noise', Buffer.from(Array.from({ length: 5_000 }, (_, n) => (n * 7_919) % 256))],
    ['a message of headers without end', Buffer.from('X: y\r\n'.repeat(100_000))],
    [
      'parts in parts in parts',
      Buffer.from(
        Array.from(
          { length: 60 },
          (_, n) => `Content-Type: multipart/report; report-type=delivery-status; boundary="b${n}"\r\n\r\n--b${n}\r\n`,
        ).join(''),
      ),
    ],
  ])('%s', async (_, source) => {
    expect(readDsn(source)).toBeUndefined();
  });

  it('one whose recipients nobody could count is cut short', async () => {
    const many = Array.from(
      { length: 5_000 },
      (_, n) => `Final-Recipient: rfc822; u${n}@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n`,
    ).join('\r\n');
    const dsn = readDsn(
      Buffer.from(
        postfixDsn(about)
          .toString()
          .replace(/Final-Recipient[^]*?table\r\n/, many),
      ),
    );
    expect(dsn!.reports).toHaveLength(50);
  });
});

describe('what a report comes to', () => {
  const report = (action: string, status: string, diagnostic?: string) =>
    meaningOf({ recipients: ['a@example.org'], action, status, diagnostic });

  it.each([
    ['failed', '5.1.1', undefined, 'bounced', 'bounced'],
    ['failed', '5.1.3', undefined, 'bounced', 'invalid'],
    ['failed', '5.2.1', undefined, 'bounced', 'bounced'],
    [
      'failed',
      '5.2.1',
      'smtp; 550-5.2.1 The user is receiving mail at a rate that 550-5.2.1 prevents',
      'bounced',
      'other',
    ],
    ['failed', '5.2.2', 'smtp; 552 5.2.2 full', 'bounced', 'other'],
    ['failed', '5.1.1', 'smtp; 552 5.1.1 Recipient overquota', 'bounced', 'other'],
    ['failed', '5.0.0', 'smtp; 550  5.1.1 a blank too many', 'bounced', 'bounced'],
    ['failed', '5.0.0', 'smtp; 550 #5.7.1 listed', 'bounced', 'blocked'],
    ['failed', '5.0.0', 'smtp; 550 sorry, no mailbox here by that name (#5.1.1)', 'bounced', 'bounced'],
    ['failed', '5.7.1', 'smtp; 554 5.7.1 listed', 'bounced', 'blocked'],
    ['failed', '4.4.7', 'smtp; 451 4.4.7 gave up', 'bounced', 'timed_out'],
    ['failed', '5.0.0', 'smtp; 550 5.1.1 no such user', 'bounced', 'bounced'],
    ['failed', '', 'smtp; 550-5.1.1 no such user', 'bounced', 'bounced'],
    ['failed', '5.0.0', 'smtp; 550 see 5.1.1.2 of our rules', 'bounced', 'other'],
    [
      'failed',
      '5.0.0',
      'smtp; 550-Requested action not taken: mailbox unavailable 550 Sender address is not allowed.',
      'bounced',
      'blocked',
    ],
    ['failed', '5.1.1', 'smtp; 550 5.1.1 no such user on this block list', 'bounced', 'bounced'],
    ['failed', '5.0.0', undefined, 'bounced', 'other'],
    ['delayed', '4.4.1', undefined, 'deferred', 'other'],
    ['delivered', '2.0.0', undefined, 'delivered', undefined],
  ])('%s %s (%s) → %s, %s', (action, status, diagnostic, kind, reason) => {
    expect(report(action, status, diagnostic)).toEqual({ kind, ...(reason ? { reason } : {}) });
  });

  it.each(['relayed', 'expanded', ''])('nothing where it was %s', (action) => {
    expect(report(action, '2.0.0')).toBeUndefined();
  });
});
