import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { type AddressObject, simpleParser } from 'mailparser';
import { FileTransport } from '../../../src/mail/routing/capture.js';
import { SmtpTransport } from '../../../src/mail/transport/smtp.js';
import { TIMEOUTS } from '../../../src/mail/transport/timeouts.js';
import type { ComposedMessage } from '../../../src/mail/transport/transport.js';
import { MailBuilder } from '../../../src/mail/transport/wire-form.js';
import { createApiKey } from '../../support/service/api-key.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';
import { eventually } from '../../support/signals/wait.js';
import { verifyDkim } from '../../support/smtp/dkim.js';
import { MisbehavingSmtp } from '../../support/smtp/misbehaving-smtp.js';
import { SmtpSink } from '../../support/smtp/smtp-sink.js';
import { message } from '../../unit/mail/transport/message.js';

const KEYS = generateKeyPairSync('rsa', {
  modulusLength: 1024,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});

/**
 * Pieces of which text breaks on its way: line ends, what may be taken for one, dots, blanks, and what looks encoded.
 */
const PIECE = fc.oneof(
  fc.constantFrom(
    '\r',
    '\n',
    '\r\n',
    '\r\r\n',
    '\n\r',
    '\u2028',
    '\u2029',
    '\u0085',
    '\f',
    '\v',
    '\t',
    ' ',
    '  ',
    '.',
    '..',
    '\n.\n',
    '\r.\r',
    '=',
    '=20',
    '\x7f',
    '\x1b',
    '€',
    '🙂',
    '\u0301',
  ),
  fc.constantFrom(
    'a',
    'Hello',
    'x'.repeat(80),
    'y'.repeat(1_100),
    'wörd'.repeat(300),
    '-- ',
    'From ',
    '<p>',
    '</p>',
    '--_NmP',
  ),
);
const TEXT = fc.array(PIECE, { minLength: 1, maxLength: 12 }).map((pieces) => pieces.join(''));

/** One line, as a subject is: what looks encoded, what is quoted, blanks where they get lost, and any other text. */
const LINE = fc
  .oneof(
    fc
      .array(
        fc.constantFrom(
          '=?utf-8?Q?hello?=',
          '=?UTF-8?B?aGk=?=',
          '=?',
          '?=',
          '?',
          '=',
          '=?utf-8?Q?a b?=',
          '=?iso-8859-1?q?=E9?=',
          ' ',
          '  ',
          '"',
          "'",
          '\\',
          ',',
          ';',
          ':',
          '<',
          '>',
          '(',
          ')',
          '@',
          '[',
          ']',
          'Ada',
          'Ä',
          '🙂',
          '\u0301',
          'z'.repeat(90),
          '_',
          'ada@example.com',
          '\u00a0',
        ),
        { minLength: 1, maxLength: 8 },
      )
      .map((pieces) => pieces.join('')),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 120 }),
  )
  .map((text) =>
    text
      .toWellFormed()
      .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]/gu, '')
      .slice(0, 500)
      .toWellFormed(),
  )
  .filter((text) => text !== '');

/** Nobody's name begins or ends with blanks once MAIL_FROM is read. */
const NAME = LINE.map((text) => text.trim()).filter((text) => text !== '');

/** What RFC 2047 §6 makes of a value; mailparser leaves fields alone that it does not know. */
function decoded(value: string): string {
  return value
    .replaceAll(/(=\?UTF-8\?B\?[^?]*\?=)\s+(?==\?)/g, '$1')
    .replaceAll(/=\?UTF-8\?B\?([^?]*)\?=/g, (_, base64: string) => Buffer.from(base64, 'base64').toString());
}

describe('a message on the wire', () => {
  const taken: Buffer[] = [];
  let sink: SmtpSink;
  let transport: SmtpTransport;
  let file: FileTransport;
  let folder: string;

  beforeAll(async () => {
    sink = await SmtpSink.start({
      onData: (stream, _session, done) => {
        const chunks: Buffer[] = [];
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.on('end', () => {
          taken.push(Buffer.concat(chunks));
          done(null, '2.0.0 taken');
        });
      },
    });
    folder = await mkdtemp(join(tmpdir(), 'otpost-wire-'));
    const dkim = { domain: 'example.com', selector: 'otpost', privateKey: KEYS.privateKey };
    const settings = {
      kind: 'smtp' as const,
      name: 'wire',
      host: '127.0.0.1',
      ports: [{ port: sink.port, tls: 'off' as const }],
    };
    transport = new SmtpTransport(settings, {
      ordinary: 1,
      builder: new MailBuilder(dkim),
      timeouts: TIMEOUTS,
      helo: 'otpost.example.com',
    });
    file = new FileTransport('file:', folder, new MailBuilder(dkim), { now: () => new Date() });
  });
  afterAll(async () => {
    await transport.close();
    await sink.stop();
    await rm(folder, { recursive: true });
  });

  /** What the server and the folder got; the same but for the boundary between the parts. */
  async function bytesOf(more: Partial<ComposedMessage>): Promise<{ smtp: Buffer; eml: Buffer }> {
    taken.length = 0;
    const mail = message(more);
    for (const way of [transport, file])
      expect(await way.send(mail, async () => undefined)).toMatchObject({ kind: 'sent' });
    const [name] = await readdir(folder);
    const eml = await readFile(join(folder, name!));
    await rm(join(folder, name!));
    return { smtp: taken[0]!, eml };
  }

  /** Lines as RFC 5322 §2.1.1 and §2.3 want them, and a signature that holds. Returns what was sent. */
  async function whole(more: Partial<ComposedMessage>): Promise<Buffer[]> {
    const both = Object.values(await bytesOf(more));
    for (const bytes of both) {
      const lines = bytes.toString('latin1').split('\r\n');
      expect([more, lines.filter((line) => /[\r\n\0]/.test(line) || line.length > 998)]).toEqual([more, []]);
      expect([more, verifyDkim(bytes, KEYS.publicKey)]).toEqual([more, { body: true, fields: true }]);
    }
    return both;
  }

  it.each([
    ['a CR on its own', 'a\rb\n'],
    ['CR CR LF', 'a\r\r\nb\r\r\n'],
    ['nothing but a CR', '\r'],
    ['dots at the beginning of lines', 'a\n.\n.b\r.\rc'],
    ['no end of its last line', 'no end'],
    ['blanks at the end', 'blanks  \t\r\nat the end \n\n\n'],
    ['line separators that are none in mail', 'a\u2028b\u0085c\fd'],
    ['a long line', 'x'.repeat(2_000)],
    ['a long line beyond ASCII', `${'€'.repeat(2_000)}\r`],
  ])(
    'has lines that end in CRLF and nothing else, and is signed as it is, with %s',
    async (_, text) => void (await whole({ text, html: `<p>${text}</p>\r<p>b</p>` })),
  );

  it('is signed as it is whatever the text', async () => {
    await fc.assert(
      fc.asyncProperty(TEXT, TEXT, async (text, html) => void (await whole({ text, html }))),
      { numRuns: 40 },
    );
  });

  it('has the text that was sent, line by line', async () => {
    const { smtp } = await bytesOf({ text: 'a\rb\r\nc\n.d\n..e  \n\nf', html: '<p>a</p>\r<p>b</p>' });
    const mail = await simpleParser(smtp);
    expect([mail.text, mail.html]).toEqual(['a\nb\nc\n.d\n..e  \n\nf', '<p>a</p>\n<p>b</p>']);
  });

  it('has the subject, the names and the X- fields that were given, also where they look encoded', async () => {
    await fc.assert(
      fc.asyncProperty(LINE, NAME, LINE, async (subject, name, other) => {
        const quoted = `"${name.replaceAll(/[\\"]/g, '\\$&')}" <post@example.com>`;
        for (const bytes of await whole({
          subject,
          from: quoted,
          to: [quoted],
          replyTo: [quoted],
          headers: { 'X-Words': other },
        })) {
          const mail = await simpleParser(bytes);
          const names = [mail.from, mail.to as AddressObject, mail.replyTo].map((field) => field!.value);
          const as = [{ name, address: 'post@example.com' }];
          expect([mail.subject, names, decoded(mail.headers.get('x-words') as string)]).toEqual([
            subject,
            [as, as, as],
            other,
          ]);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('has one line for each field, whatever came in', async () => {
    const evil = 'x\r\nBcc: everybody@example.com\rX-Evil: 1\nX-More: 2\u2028X-Last: 3';
    for (const bytes of Object.values(
      await bytesOf({
        subject: evil,
        from: `"${evil}" <a@b.example>`,
        headers: { 'X-Words': evil, 'List-Unsubscribe': `<${evil}>` },
      }),
    )) {
      const { headers } = await simpleParser(bytes);
      expect(['bcc', 'x-evil', 'x-more', 'x-last'].filter((name) => headers.has(name))).toEqual([]);
    }
  });
});

describe('mail that Otpost sends', () => {
  let sink: SmtpSink;
  let otpost: Otpost;
  let key: string;
  const taken: string[] = [];

  beforeAll(async () => {
    sink = await SmtpSink.start({
      onData: (stream, _session, done) => {
        let source = '';
        stream.on('data', (chunk: Buffer) => (source += chunk.toString('latin1')));
        stream.on('end', () => {
          taken.push(source);
          done(null, '2.0.0 taken');
        });
      },
    });
    otpost = await startOtpost({
      MAIL_TRANSPORTS: sink.url,
      MAIL_FROM: '=?utf-8?Q?Post?= <post@bücher.example>',
      DKIM_SELECTOR: 'otpost',
      DKIM_PRIVATE_KEY: Buffer.from(KEYS.privateKey).toString('base64'),
    });
    key = await createApiKey(otpost.database.url);
  });
  afterAll(async () => {
    await otpost.stop();
    await sink.stop();
  });

  const nextMail = async () => eventually(() => taken.shift(), 'the mail');

  it.each(['critical', 'default', 'bulk'])(
    'is signed, in ASCII and as it was written, in the lane %s of a sender with a domain beyond ASCII',
    async (lane) => {
      const draft = { to: 'grace@bücher.example', subject: '=?utf-8?Q?hello?=', text: 'a\rb\n.c', lane };
      expect((await otpost.api.post('/v1/emails', draft, { authorization: `Bearer ${key}` })).status).toBe(202);
      const source = await nextMail();
      expect(source).toMatch(/^Message-ID: <[0-9a-f-]{36}@xn--bcher-kva\.example>\r$/m);
      expect(source).toMatch(/ d=xn--bcher-kva\.example;/);
      expect(/[^\0-\x7f]|[^\r]\n|\r[^\n]/.exec(source)).toBeNull();
      expect(verifyDkim(Buffer.from(source, 'latin1'), KEYS.publicKey)).toEqual({ body: true, fields: true });
      const mail = await simpleParser(source);
      // Behind it, bulk mail says how it is left.
      const [text, leave] = mail.text!.split('\n\n-- \n');
      expect(leave !== undefined).toBe(lane === 'bulk');
      expect([mail.subject, text, mail.from!.value]).toEqual([
        draft.subject,
        'a\nb\n.c',
        [{ name: '=?utf-8?Q?Post?=', address: 'post@bücher.example' }],
      ]); // mailparser reads the form in ASCII
      // [MS-OXCMAIL] §2.1.3.2.20: all but NDR, which tells us of an address that does not exist.
      expect(mail.headers.get('x-auto-response-suppress')).toBe('DR, RN, NRN, OOF, AutoReply');
    },
  );

  it('calls the product by the domain as people write it, and the sender in the envelope by its form in ASCII', async () => {
    // A server that shows what it was told: smtp-server makes Unicode of it.
    const raw = await MisbehavingSmtp.start();
    const unnamed = await startOtpost({ MAIL_TRANSPORTS: raw.url, MAIL_FROM: 'post@bücher.example' });
    try {
      await unnamed.api.register('grace@example.com');
      await eventually(() => raw.taken.length > 0, 'the mail');
      expect(raw.lines).toContain('MAIL FROM:<post@xn--bcher-kva.example>');
      expect(await (await fetch(`${unnamed.api.url}/account`)).text()).toContain('bücher.example');
    } finally {
      await unnamed.stop();
      await raw.stop();
    }
  });
});
