import { createHash } from 'node:crypto';
import { Problem } from '../../../../src/core/problems.js';
import { decodedWords, fieldsOf } from '../../../../src/mail/smtp-submission/header-policy.js';
import { type Arrival, readHeader } from '../../../../src/mail/smtp-submission/message-policy.js';

const ARRIVAL: Arrival = {
  envelope: { from: 'bounces@example.com', to: ['ada@example.com'] },
  id: '0193-id',
  now: new Date('2026-01-31T09:00:00Z'),
  host: 'mail.example.com',
  client: 'client.example.com',
  protocol: 'ESMTPSA',
};
const RECEIVED =
  'Received: from client.example.com\r\n by mail.example.com (Otpost) with ESMTPSA id 0193-id;\r\n Sat, 31 Jan 2026 09:00:00 +0000\r\n';
const DATED = 'Date: Fri, 30 Jan 2026 10:00:00 +0100\r\nMessage-ID: <order-1@shop.example.com>\r\n';
const HEADER = `From: Shop <shop@example.com>\r\nTo: Ada <ada@example.com>\r\nSubject: Hello\r\n${DATED}`;

const read = (header: string, more: Partial<Arrival> = {}) => readHeader(Buffer.from(header), { ...ARRIVAL, ...more });
const to = (...addresses: string[]) => ({ envelope: { from: '', to: addresses } });

function faultsOf(header: string, more: Partial<Arrival> = {}): { field: string; code: string }[] {
  try {
    read(header, more);
  } catch (error) {
    if (error instanceof Problem) return error.toDocument('').errors!.map(({ field, code }) => ({ field, code }));
    throw error;
  }
  return [];
}

describe('the header of a message that comes by SMTP', () => {
  it('leaves as it came, byte for byte, behind a Received field of ours', () => {
    const odd =
      'DKIM-Signature: v=1; a=rsa-sha256;\r\n\tb=abc\r\n  def\r\nsubject : =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nX-Raw: \xe4\xff\r\nFROM:Shop <shop@example.com>\r\n' +
      `${DATED}MIME-Version: 1.0\r\n`;
    const { mime } = readHeader(Buffer.from(odd, 'latin1'), ARRIVAL);
    expect(mime!.bytes.toString('latin1')).toBe(`${RECEIVED}${odd}\r\n`);
    expect(mime).toMatchObject({ messageId: '<order-1@shop.example.com>', subject: 'Grüße' });
  });

  it('returns to the sender of its envelope, where that is another than From', () => {
    const returned = (from: string) => read(HEADER, { envelope: { from, to: ['ada@example.com'] } }).mime!.returnPath;
    expect(returned('Shop@example.com')).toBeUndefined();
    expect(returned('bounces@bücher.example')).toBe('bounces@xn--bcher-kva.example');
    expect(returned('')).toBe('');
  });

  it('loses Bcc and all that is for us, folds included', () => {
    const ours =
      'Bcc: Eve <eve@example.com>,\r\n mallory@example.com\r\nX-Otpost-Tag: a\r\n b\r\nX-PM-Metadata-Order: 7\r\nx-mailgun-tag: c\r\n' +
      'X-SMTPAPI: {"category":\r\n "d"}\r\nResend-Idempotency-Key: k\r\nX-SES-MESSAGE-TAGS: e=f\r\nX-Postal-Tag: g\r\nX-EE-Send-At: 2026-02-01T00:00:00Z\r\nX-Tags: h, i\r\n';
    const { mime, message } = read(`${ours}${HEADER}${ours.split('\r\n')[0]}\r\n`);
    expect(mime!.bytes.toString()).toBe(`${RECEIVED}${HEADER}\r\n`);
    expect(message).toMatchObject({
      tags: ['a b', 'c', 'd', 'g', 'h', 'i'],
      metadata: { Order: '7', e: 'f' },
      scheduledAt: '2026-02-01T00:00:00.000Z',
    });
  });

  it('gets a Date and a Message-ID where it has none, and where what it has is none', () => {
    const bare = 'From: shop@Shop.Example.com\r\nTo: ada@example.com\r\n';
    const added = 'Date: Sat, 31 Jan 2026 09:00:00 +0000\r\nMessage-ID: <0193-id@shop.example.com>\r\n\r\n';
    for (const [header, id] of [
      ['', undefined],
      ['Message-ID: order 1\r\n', undefined],
      ['Message-ID:\r\n', undefined],
      ['Message-ID: <a@example.com>\r\nMessage-ID: <b@example.com>\r\n', undefined],
    ] as const) {
      const { mime, idempotencyKey } = read(bare + header);
      expect(mime!.bytes.toString()).toBe(`${RECEIVED}${bare}${added}`);
      expect(mime!.messageId).toBe('<0193-id@shop.example.com>');
      expect(idempotencyKey).toBe(id);
    }
  });

  it('names in Received neither the client’s address nor what a client could write there', () => {
    const { mime } = read(HEADER, { client: 'evil (Otpost)\r\nX-Injected: <1>' });
    expect(mime!.bytes.toString().split('\r\n')[0]).toBe('Received: from evil??Otpost???X-Injected:??1?');
    expect(read(HEADER, { client: '' }).mime!.bytes.toString()).toMatch(/^Received: from unknown\r\n/);
  });

  it.each([
    ['two fields', 'From: shop@example.com\r\nFrom: eve@example.com\r\n'],
    ['two mailboxes', 'From: shop@example.com, eve@example.com\r\n'],
    ['an empty group', 'From: undisclosed:;\r\n'],
    ['no address', 'From: Shop\r\n'],
    ['two in angle brackets', 'From: <shop@example.com> <eve@example.com>\r\n'],
    ['one before, and one in them', 'From: shop@example.com, <eve@example.com>\r\n'],
    ['one behind them', 'From: <shop@example.com> eve@example.com\r\n'],
    ['two without anything between', 'From: shop@example.com eve@example.com\r\n'],
    ['a comma that nobody quoted', 'From: Shop, Inc. <shop@example.com>\r\n'],
    ['one in a group', 'From: shop: shop@example.com;\r\n'],
  ])('is refused without exactly one mailbox in From: %s', (_, from) => {
    expect(faultsOf(`${from}Subject: x\r\n`)).toEqual([{ field: 'From', code: 'invalid_from' }]);
  });

  it('is from the sender of its envelope where it has no From, and an address that can stand there', () => {
    const bare = (from: string) => read('Subject: Hi\r\n', { envelope: { from, to: ['ada@example.com'] } });
    const { message, mime } = bare('Shop+a@bücher.example');
    expect(message.from).toBe('Shop+a@xn--bcher-kva.example');
    expect(mime!.bytes.toString()).toContain('Subject: Hi\r\nFrom: Shop+a@xn--bcher-kva.example\r\nDate: ');
    expect(mime!.returnPath).toBeUndefined();
    for (const from of ['', 'ådå@example.com', '"a b"@example.com'])
      expect([from, faultsOf('Subject: Hi\r\n', { envelope: { from, to: ['ada@example.com'] } })]).toEqual([
        from,
        [{ field: 'From', code: 'invalid_from' }],
      ]);
  });

  it('tells From with its name decoded, and quoted so that it is read again as it was', () => {
    expect(read('From: =?utf-8?q?M=C3=BCller=2C_=22A=5C=22?= <shop@example.com>\r\n').message.from).toBe(
      '"Müller, \\"A\\\\\\"" <shop@example.com>',
    );
    expect(read('From: "Shop, Inc. <eve@example.com>" (a <b>) <shop@example.com>\r\n').message.from).toMatch(
      / <shop@example\.com>$/,
    );
    expect(read('From: shop@example.com <eve@example.org>\r\n').message.from).toBe(
      '"shop@example.com" <eve@example.org>',
    );
    expect(read('From: no-reply@localhost\r\n').message.from).toBe('no-reply@localhost');
  });

  it.each([
    ['a line without a colon', 'From: shop@example.com\r\nHello there\r\n'],
    ['a fold at the beginning', ' From: shop@example.com\r\n'],
    ['a name with a blank', 'From: shop@example.com\r\nX Y: z\r\n'],
    ['a name beyond ASCII', 'From: shop@example.com\r\nÜ: z\r\n'],
  ])('is refused where a line belongs to no field: %s', (_, header) => {
    expect(faultsOf(header)).toEqual([{ field: 'header', code: 'invalid_header' }]);
  });

  it('goes round in circles when it was here more than four times, or anywhere more than a hundred', () => {
    const ours = 'Received: from a\r\n by b (Otpost) with ESMTP id 1; now\r\n';
    expect(faultsOf(ours.repeat(4) + HEADER)).toEqual([]);
    expect(faultsOf(ours.repeat(5) + HEADER)).toEqual([{ field: 'Received', code: 'mail_loop' }]);
    expect(faultsOf('Received: from a by b\r\n'.repeat(100) + HEADER)).toEqual([]);
    expect(faultsOf('Received: from a by b\r\n'.repeat(101) + HEADER)).toEqual([
      { field: 'Received', code: 'mail_loop' },
    ]);
  });
});

describe('the recipients of a message that comes by SMTP', () => {
  it('are those of the envelope, each where the header shows it, else in Bcc', () => {
    const header =
      'From: shop@example.com\r\nTo: "Lovelace, Ada" <ADA@Example.com>, team: bob@example.com;, not-sent@example.com\r\nTo: second@example.com\r\nCc: =?utf-8?b?w4ltaWxl?= <emile@example.com>, ada@example.com\r\nBcc: eve@example.com\r\n';
    const all = [
      'ada@example.com',
      'bob@example.com',
      'second@example.com',
      'emile@example.com',
      'eve@example.com',
      'x@example.com',
    ];
    expect(read(header, to(...all, 'Ada@example.com')).message).toMatchObject({
      to: ['"Lovelace, Ada" <ada@example.com>', 'bob@example.com', 'second@example.com'],
      cc: ['"Émile" <emile@example.com>'],
      bcc: ['eve@example.com', 'x@example.com'],
    });
  });

  it('have no name that could not be read again', () => {
    const name = 'x'.repeat(300);
    const { message } = read(`From: shop@example.com\r\nTo: ${name} <ada@example.com>\r\n`);
    expect(message.to).toEqual([`"${'x'.repeat(200)}" <ada@example.com>`]);
    const hidden = read('From: shop@example.com\r\nTo: =?utf-8?q?a=0D=0ABcc=3A=00b?= <ada@example.com>\r\n');
    expect(hidden.message.to).toEqual(['"a  Bcc: b" <ada@example.com>']);
  });

  it('may all be blind', () => {
    expect(read('From: shop@example.com\r\nTo: list@example.com\r\n').message).toMatchObject({
      to: [],
      cc: [],
      bcc: ['ada@example.com'],
    });
  });
});

describe('the same message again', () => {
  const key = (header: string, more: Partial<Arrival> = {}) => read(header, more).idempotencyKey;

  it('is known by its Message-ID and its envelope, in whatever order the recipients are', () => {
    const made = key(HEADER, to('a@example.com', 'b@example.com'));
    expect(made).toBe(
      `smtp:${createHash('sha256')
        .update(JSON.stringify(['<order-1@shop.example.com>', '', ['a@example.com', 'b@example.com']]))
        .digest('hex')}`,
    );
    expect(key(HEADER, to('B@example.com', 'a@EXAMPLE.com'))).toBe(made);
    expect(key(HEADER, to('a@example.com'))).not.toBe(made);
    expect(key(HEADER.replace('order-1', 'order-2'), to('a@example.com', 'b@example.com'))).not.toBe(made);
  });

  it('is known by a key of its own, which may be written twice and not be two', () => {
    expect(key(`X-Otpost-Idempotency-Key: order 1\r\n${HEADER}`)).toBe('order 1');
    expect(key(`Resend-Idempotency-Key: k\r\nX-EE-Idempotency-Key: k\r\n${HEADER}`)).toBe('k');
    expect(faultsOf(`Resend-Idempotency-Key: k\r\nX-EE-Idempotency-Key: l\r\n${HEADER}`)).toEqual([
      { field: 'Idempotency-Key', code: 'repeated' },
    ]);
    expect(faultsOf(`X-Otpost-Idempotency-Key: ${'x'.repeat(257)}\r\n${HEADER}`)).toEqual([
      { field: 'Idempotency-Key', code: 'invalid_key' },
    ]);
  });

  it('is compared by envelope, From, Subject and what it asks of us: not by boundaries and times', () => {
    const compared = (header: string, more: Partial<Arrival> = {}) => read(header, more).compared;
    const first = compared(`${HEADER}Content-Type: multipart/mixed; boundary=a\r\n`);
    expect(
      compared(`${HEADER}Content-Type: multipart/mixed; boundary=b\r\n`, { now: new Date(0), id: 'other' }),
    ).toEqual(first);
    for (const other of [
      HEADER.replace('Hello', 'Hallo'),
      HEADER.replace('Shop <', 'Shop 2 <'),
      `${HEADER}X-Otpost-Lane: bulk\r\n`,
      `${HEADER}X-Tags: x\r\n`,
    ])
      expect(compared(other)).not.toEqual(first);
    expect(compared(HEADER, to('eve@example.com'))).not.toEqual(first);
  });
});

describe('a message of a template', () => {
  it('is asked for by headers, and carries no MIME', () => {
    const { mime, message } = read(
      `${HEADER}Reply-To: Help <help@example.com>\r\nX-Otpost-Template: welcome\r\nX-Otpost-Locale: pt-BR\r\nX-Otpost-Variables: {"name":\r\n "Ada =?utf-8?q?=C3=89?="}\r\n`,
    );
    expect(mime).toBeUndefined();
    expect(message).toEqual({
      to: ['"Ada" <ada@example.com>'],
      cc: [],
      bcc: [],
      from: '"Shop" <shop@example.com>',
      replyTo: ['"Help" <help@example.com>'],
      mostRecipients: 1_000,
      template: 'welcome',
      locale: 'pt-BR',
      variables: { name: 'Ada É' },
    });
  });
});

describe('what a header asks of us', () => {
  it('is read from our own fields', () => {
    const { message } = read(
      `${HEADER}X-Otpost-Lane: Bulk\r\nX-Otpost-Tag: spring\r\nx-otpost-tag: sale\r\nX-Otpost-Metadata-Order-No: 7\r\nX-Otpost-Send-At: 2026-02-01T10:00:00+01:00\r\nX-Otpost-Expires-At: 2026-03-01T00:00:00Z\r\nX-Otpost-Unsubscribe: off\r\n`,
    );
    expect(message).toMatchObject({
      lane: 'bulk',
      tags: ['spring', 'sale'],
      metadata: { 'Order-No': '7' },
      scheduledAt: '2026-02-01T09:00:00.000Z',
      expiresAt: '2026-03-01T00:00:00Z',
      unsubscribe: false,
    });
  });

  it.each([
    ['X-PM-Message-Stream: broadcast', { lane: 'bulk' }],
    ['X-PM-Message-Stream: outbound', { lane: 'default' }],
    ['X-PM-Message-Stream: invoices', { metadata: { 'message-stream': 'invoices' } }],
    ['X-PM-Message-Stream: constructor', { metadata: { 'message-stream': 'constructor' } }],
    ['X-PM-Tag: welcome', { tags: ['welcome'] }],
    ['X-PM-Metadata-color: blue', { metadata: { color: 'blue' } }],
    ['X-Mailgun-Tag: =?utf-8?q?caf=C3=A9?=', { tags: ['café'] }],
    ['X-Mailgun-Variables: {"a":"b","n":1}', { metadata: { a: 'b', n: '1' } }],
    ['X-Mailgun-Deliver-By: Sun, 01 Feb 2026 10:00:00 +0100', { scheduledAt: '2026-02-01T09:00:00.000Z' }],
    [
      'X-SMTPAPI: {"category":["a","b"],"unique_args":{"id":"7"},"send_at":1769936400,"filters":{}}',
      { tags: ['a', 'b'], metadata: { id: '7' }, scheduledAt: '2026-02-01T09:00:00.000Z' },
    ],
    ['X-SES-MESSAGE-TAGS: campaign=spring, kind = sale', { metadata: { campaign: 'spring', kind: 'sale' } }],
    ['X-Postal-Tag: welcome', { tags: ['welcome'] }],
    ['X-EE-Send-At: 2026-02-01T10:00:00+01:00', { scheduledAt: '2026-02-01T09:00:00.000Z' }],
    ['X-Tags: a, b ,a', { tags: ['a', 'b'] }],
    ['X-Otpost-Metadata-__proto__: x', { metadata: JSON.parse('{"__proto__":"x"}') as object }],
  ])('is read from %s', (header, expected) => {
    expect(read(`${HEADER}${header}\r\n`).message).toMatchObject(expected);
  });

  it.each(['Constructor: x', '__proto__: x'])(
    'is nothing, and what every object has is a field as others: %s',
    (header) => {
      expect(faultsOf(`${HEADER}${header}\r\n`)).toEqual([]);
      expect(read(`${HEADER}${header}\r\n`).message).toEqual(read(HEADER).message);
    },
  );

  it.each([
    ['X-Otpost-Lanes: bulk', 'X-Otpost-Lanes', 'unknown_header'],
    ['X-Otpost-Metadata-: x', 'X-Otpost-Metadata-', 'unknown_header'],
    ['X-Otpost-Language: de', 'X-Otpost-Language', 'unknown_header'],
    ['X-Otpost-Template: a\r\nX-Otpost-Locale: de_AT', 'X-Otpost-Locale', 'invalid_header'],
    ['X-Otpost-Locale: de', 'X-Otpost-Locale', 'only_with_template'],
    ['X-Otpost-Lane: fast', 'X-Otpost-Lane', 'invalid_header'],
    ['X-Otpost-Lane:', 'X-Otpost-Lane', 'required'],
    ['X-Otpost-Lane: bulk\r\nX-Otpost-Lane: bulk', 'X-Otpost-Lane', 'repeated'],
    ['X-Otpost-Send-At: tomorrow', 'X-Otpost-Send-At', 'invalid_header'],
    ['X-Otpost-Send-At: 2026-02-01T10:00:00', 'X-Otpost-Send-At', 'invalid_header'],
    ['X-Otpost-Expires-At: 1769936400', 'X-Otpost-Expires-At', 'invalid_header'],
    ['X-Otpost-Unsubscribe: maybe', 'X-Otpost-Unsubscribe', 'invalid_header'],
    ['X-Otpost-Variables: {"a":1}', 'X-Otpost-Variables', 'only_with_template'],
    ['X-Otpost-Template: a\r\nX-Otpost-Variables: [1]', 'X-Otpost-Variables', 'invalid_header'],
    ['X-Otpost-Metadata-a: 1\r\nX-PM-Metadata-A: 2', 'X-PM-Metadata-A', 'invalid_header'],
    ['X-Otpost-Send-At: 2026-02-01T10:00:00Z\r\nX-EE-Send-At: 2026-02-02T10:00:00Z', 'X-EE-Send-At', 'invalid_header'],
    ['X-Mailgun-Deliver-By: soon', 'X-Mailgun-Deliver-By', 'invalid_header'],
    ['X-SMTPAPI: {"to":["a@example.com"]}', 'X-SMTPAPI', 'recipients_in_header'],
    ['X-SMTPAPI: {"sub":{}}', 'X-SMTPAPI', 'recipients_in_header'],
    ['X-SMTPAPI: {"asm_group_id":1}', 'X-SMTPAPI', 'invalid_header'],
    ['X-SMTPAPI: {"category":1}', 'X-SMTPAPI', 'invalid_header'],
    ['X-SMTPAPI: nonsense', 'X-SMTPAPI', 'invalid_header'],
    ['X-SES-MESSAGE-TAGS: a', 'X-SES-MESSAGE-TAGS', 'invalid_header'],
  ])('is refused, and named, where it cannot be kept: %s', (header, field, code) => {
    expect(faultsOf(`${HEADER}${header}\r\n`)).toEqual([{ field, code }]);
  });
});

describe('encoded words', () => {
  it.each([
    ['=?utf-8?q?Gr=C3=BC=C3=9Fe_an?= alle', 'Grüße an alle'],
    ['=?UTF-8?B?w4k=?= =?utf-8?q?t=C3?=\r\n =?utf-8?q?=A9?=', 'Été'],
    ['=?iso-8859-1?q?=E4?= x =?iso-8859-1*de?q?=F6?=', 'ä x ö'],
    ['=?koi8-r?B?8NLJ18XU?=', 'Привет'],
    ['=?no-such-charset?q?x?= =?utf-8?q?y?=', '=?no-such-charset?q?x?=y'],
    ['=?utf-8?x?y?= plain =?', '=?utf-8?x?y?= plain =?'],
  ])('%s', (text, decoded) => {
    expect(decodedWords(text)).toBe(decoded);
  });

  it('and fields are read in a time that grows with their length alone', () => {
    for (const part of ['=?a?q?b?= ', '=?', '=?a?q?', '?= ', ' \r\n', 'a: b\r\n', '=?a?q??=']) {
      const long = part.repeat((256 * 1024) / part.length);
      expect(typeof decodedWords(long)).toBe('string');
      expect(fieldsOf(`x:${long}\r\n`)).toBeDefined();
    }
  });
});
