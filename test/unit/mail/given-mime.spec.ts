import { fieldNamesOf, takenApart, withFieldsBefore, withMessageId } from '../../../src/mail/transport/given-mime.js';
import type { ComposedMessage } from '../../../src/mail/transport/transport.js';

const crlf = (...lines: string[]): Buffer => Buffer.from(lines.map((line) => `${line}\r\n`).join(''));

function message(mime: Buffer): ComposedMessage {
  return {
    ...{ id: '1', messageId: '<1@x.example>', from: 'a@x.example', to: ['b@x.example'], cc: [], replyTo: [] },
    ...{ recipients: [{ kind: 'to', address: 'b@x.example', name: '' }], date: new Date(0), subject: 'S' },
    ...{ text: '', html: '', headers: {}, attachments: [], mime },
  };
}

const multipart = (kind: string, ...parts: string[][]): Buffer =>
  crlf(`Content-Type: multipart/${kind}; boundary=q`, '', ...parts.flatMap((part) => ['--q', ...part]), '--q--');

describe('a message that its sender composed', () => {
  it('names its fields, folded ones once, and nothing of its body', () => {
    const mime = crlf('From: a', 'Subject: one', ' two: three', '\tfour', 'X-Last: 1', '', 'Not-A-Field: 1');
    expect(fieldNamesOf(mime)).toEqual(['from', 'subject', 'x-last']);
    expect(fieldNamesOf(crlf('From: a'))).toEqual(['from']);
    expect(fieldNamesOf(Buffer.alloc(0))).toEqual([]);
  });

  it('gets another Message-ID, folded or not, and keeps every other byte', () => {
    const rest = ['X-Raw: \xe9', '', 'Message-ID: <in the body>', '\xff\x00'];
    const latin1 = (...lines: string[]): Buffer => Buffer.from(lines.map((line) => `${line}\r\n`).join(''), 'latin1');
    const expected = latin1('From: a', 'Message-ID: <new@x>', ...rest);
    expect(withMessageId(latin1('From: a', 'message-id:', ' <old@x>', ...rest), '<new@x>').equals(expected)).toBe(true);
  });

  it('takes fields before its own', () => {
    expect(withFieldsBefore(crlf('From: a', '', 'x'), { 'List-Id': '<l>' })).toEqual(
      crlf('List-Id: <l>', 'From: a', '', 'x'),
    );
    const same = crlf('From: a', '', 'x');
    expect(withFieldsBefore(same, {})).toBe(same);
  });

  const invitation = ['Content-Type: text/calendar; method=REQUEST', '', 'BEGIN:VCALENDAR'];
  const plain = ['Content-Type: text/plain', '', 'Hello'];
  it.each<[string, Buffer, string | undefined]>([
    ['text', crlf('From: a', '', 'Hello'), undefined],
    ['an invitation as another form', multipart('alternative', plain, invitation), 'text/calendar'],
    [
      'an invitation as a file',
      multipart('mixed', plain, [
        invitation[0]!,
        'Content-Disposition: attachment; filename=i.ics',
        '',
        'BEGIN:VCALENDAR',
      ]),
      undefined,
    ],
    [
      'a signature',
      multipart('signed; protocol="application/pgp-signature"', plain, [
        'Content-Type: application/pgp-signature',
        '',
        'x',
      ]),
      'multipart/signed',
    ],
    [
      'a signature further in',
      multipart('mixed', plain, ['Content-Type: application/pkcs7-signature', '', 'x']),
      'application/pkcs7-signature',
    ],
    [
      'what is encrypted',
      crlf('Content-Type: application/pkcs7-mime; smime-type=enveloped-data', '', 'x'),
      'application/pkcs7-mime',
    ],
    [
      'a report',
      multipart('report; report-type=delivery-status', plain, ['Content-Type: message/delivery-status', '', 'x']),
      'multipart/report',
    ],
    [
      'a form for AMP',
      multipart('alternative', plain, ['Content-Type: text/x-amp-html', '', '<html amp4email>']),
      'text/x-amp-html',
    ],
  ])('says what fields cannot express of %s', async (_, mime, lost) => {
    const taken = await takenApart(message(mime));
    if (lost === undefined) expect(taken.lost).toBeUndefined();
    else expect(taken.lost).toContain(lost);
  });

  it('keeps the words of a forwarded message, and has words where there are none', async () => {
    const inner = ['Content-Type: message/rfc822', '', 'From: c@x.example', 'Subject: inner', '', 'Inner words'];
    const { message: taken, lost } = await takenApart(message(multipart('mixed', inner)));
    expect([lost, taken.text, taken.attachments.map(({ filename, bytes }) => [filename, bytes.toString()])]).toEqual([
      undefined,
      '\n',
      [['message.eml', expect.stringContaining('Inner words')]],
    ]);
  });

  it('hands on the fields that are its own, as they were written', async () => {
    const mime = crlf(
      ...[
        'From: a@x.example',
        'To: b@x.example',
        'Bcc: c@x.example',
        'Received: by x',
        'DKIM-Signature: v=1',
        'Sender: d@x.example',
      ],
      ...[
        'X-Words: =?utf-8?q?Gr=C3=BC=C3=9Fe?=',
        'In-Reply-To: <1@x>',
        'List-Id: News',
        ' <news.x.example>',
        'X-Twice: 1',
        'X-Twice: 2',
      ],
      ...['X-SMTPAPI: {}', '', 'Hello'],
    );
    const { headers } = (await takenApart(message(mime))).message;
    expect(headers).toEqual({
      'X-Words': '=?utf-8?q?Gr=C3=BC=C3=9Fe?=',
      'In-Reply-To': '<1@x>',
      'List-Id': 'News <news.x.example>',
      'X-Twice': '1',
    });
  });

  it('of a thousand parts in each other comes apart as well', async () => {
    const depth = 1_000;
    const open = Array.from({ length: depth }, (_, n) => [
      `Content-Type: multipart/mixed; boundary=q${n}`,
      '',
      `--q${n}`,
    ]).flat();
    const { message: taken } = await takenApart(message(crlf(...open, ...plain)));
    expect(typeof taken.text).toBe('string');
  });
});
