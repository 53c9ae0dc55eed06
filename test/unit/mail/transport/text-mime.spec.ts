import fc from 'fast-check';
import MailComposer from 'nodemailer/lib/mail-composer';
import { writeTextMail } from '../../../../src/mail/transport/text-mime.js';
import { fieldsOf } from '../../../../src/mail/transport/wire-form.js';
import { message } from './message.js';

/** Of which quoted-printable, folding and line ends make something else. */
const PIECE = fc.oneof(
  fc.constantFrom(
    '\r\n',
    '\r\n\r\n',
    ' ',
    '\t',
    '  \r\n',
    '.',
    '=',
    '=20',
    '\x7f',
    '\x1b',
    '\0',
    'é',
    '€',
    '🙂',
    '\u0301',
  ),
  fc.constantFrom(
    'a',
    'Hello, world! ',
    'x'.repeat(75),
    'x'.repeat(77),
    'y'.repeat(300),
    'wörd'.repeat(40),
    '√'.repeat(60),
    '-- ',
    'From ',
    '<p class="x">',
  ),
  fc.string({ unit: 'grapheme', maxLength: 100 }).map((text) => text.toWellFormed().replaceAll(/[\r\n]/g, '')),
);
const TEXT = fc.array(PIECE, { minLength: 1, maxLength: 12 }).map((pieces) => pieces.join(''));
const HEADERS = fc.array(
  fc.record({
    key: fc.constantFrom(
      'Auto-Submitted',
      'X-Order',
      'x-campaign-id',
      'LIST-Unsubscribe',
      'In-Reply-To',
      'References',
      'Importance',
    ),
    value: fc.constantFrom(
      '',
      'auto-generated',
      '<a@example.com>',
      '<a@example.com> <b@example.com>',
      'a b',
      'w'.repeat(200),
      'é '.repeat(40),
      '=?utf-8?Q?a?=',
    ),
  }),
  { maxLength: 4 },
);
const MAIL = fc.record({
  text: TEXT,
  html: TEXT,
  subject: fc.constantFrom('', 'Hello', 'Grüße '.repeat(20)),
  headers: HEADERS,
  cc: fc.boolean(),
});

/** What differs each time. */
const withoutBoundary = (bytes: Buffer): string =>
  bytes.toString('latin1').replaceAll(/_NmP-[0-9a-f]{16}-/g, '_NmP-0-');

describe('text and HTML', () => {
  it('are written as nodemailer writes them, byte for byte', async () => {
    let atOnce = 0;
    await fc.assert(
      fc.asyncProperty(MAIL, async ({ cc, headers, ...words }) => {
        const given = message({
          ...words,
          cc: cc ? ['Ünal <cc@example.com>'] : [],
          headers: Object.fromEntries(headers.map(({ key, value }) => [key, value])),
        });
        const mail = { ...given, headers: Object.entries(given.headers).map(([key, value]) => ({ key, value })) };
        const fields = fieldsOf(given);
        const written = writeTextMail({ ...mail, fields });
        if (!written) return; // nodemailer does it
        atOnce++;
        const mime = new MailComposer(mail as object).compile();
        const encode = mime.encodeHeaderValue.bind(mime);
        mime.encodeHeaderValue = (key, value) => fields.get(key.toLowerCase()) ?? encode(key, value);
        expect(withoutBoundary(written)).toBe(withoutBoundary(await mime.build()));
      }),
      {
        numRuns: 500,
        examples: [
          [{ text: `${'a'.repeat(76)}\r\n`, html: `${'a'.repeat(77)}\r\n`, subject: 'Hello', headers: [], cc: false }],
          [{ text: 'a'.repeat(65_536), html: '<p>\r\n', subject: 'Hello', headers: [], cc: false }],
        ],
      },
    );
    expect(atOnce).toBeGreaterThan(250);
  });

  it.each([
    ['no text', { text: '' }],
    ['a blank at the end', { text: 'Hello ' }],
    ['more than one piece', { html: 'é'.repeat(40_000) }],
  ])('are left to nodemailer where there is %s', (_what, words) => {
    const given = { ...message(words), headers: [] };
    expect(writeTextMail({ ...given, fields: fieldsOf(message(words)) })).toBeUndefined();
  });
});
