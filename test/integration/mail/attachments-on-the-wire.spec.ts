import { execFile } from 'node:child_process';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { simpleParser } from 'mailparser';
import { createApiKey } from '../../support/service/api-key.js';
import type { Answer, ProblemBody } from '../../support/service/api.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';
import { verifyDkim } from '../../support/smtp/dkim.js';
import { SmtpSink } from '../../support/smtp/smtp-sink.js';
import { eventually } from '../../support/signals/wait.js';

interface PythonPart {
  type: string;
  filename: string | null;
  disposition: string | null;
  cid: string | null;
  method: string | null;
  sha: string | null;
  size: number;
}

/** What Python's `email` package makes of a message, the parts in the order in which they stand. */
const READER = `
import sys, json, hashlib
from email import message_from_bytes, policy
def told(part):
    data = None if part.is_multipart() else part.get_payload(decode=True)
    return dict(type=part.get_content_type(), filename=part.get_filename(), disposition=part.get_content_disposition(),
        cid=part['Content-ID'], method=part['Content-Type'].params.get('method'),
        sha=None if data is None else hashlib.sha256(data).hexdigest(), size=0 if data is None else len(data))
message = message_from_bytes(sys.stdin.buffer.read(), policy=policy.default)
defects = [str(one) for part in message.walk() for one in part.defects]
print(json.dumps(dict(parts=[told(part) for part in message.walk()], defects=defects)))`;

/** mailparser decodes it even where RFC 2231 says that nothing is left to decode; Python does not. */
const LOOKS_ENCODED = '=?utf-8?Q?looks_encoded?=.pdf';
const NAMES = [
  'invoice.pdf',
  'Rechnung für März.pdf',
  'счёт № 7.pdf',
  '請求書.pdf',
  'فاتورة.pdf',
  'चालान.pdf',
  '🧾 receipt 😀.pdf',
  'with "quotes" & ; = % * \' signs.pdf',
  LOOKS_ENCODED,
  `${'long '.repeat(49)}.pdf`,
  `${'ж'.repeat(200)}.pdf`,
];
const PIXEL = Buffer.from('R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==', 'base64');
const INVITATION = 'BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n';

const shaOf = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');

describe('attachments on the wire', () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const received: { to: string; bytes: Buffer }[] = [];
  let sink: SmtpSink;
  let otpost: Otpost;
  let key: string;
  let number = 0;

  beforeAll(async () => {
    sink = await SmtpSink.start({
      size: 50 * 1024 * 1024,
      onData: (stream, { envelope }, done) => {
        buffer(stream).then(
          (bytes) => {
            received.push({ to: envelope.rcptTo[0]!.address, bytes });
            done(null, '2.0.0 taken');
          },
          (error: Error) => done(error),
        );
      },
    });
    otpost = await startOtpost({
      MAIL_TRANSPORTS: sink.url,
      MAIL_FROM: 'Shop <shop@example.com>',
      DKIM_DOMAIN: 'example.com',
      DKIM_SELECTOR: 'otpost',
      DKIM_PRIVATE_KEY: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    });
    key = await createApiKey(otpost.database.url);
  });
  afterAll(async () => {
    await otpost.stop();
    await sink.stop();
  });

  function send(more: object): Promise<Answer<ProblemBody & { id: string }>> {
    const mail = { to: `ada${++number}@example.com`, subject: 'Files', text: 'They are attached.', ...more };
    return otpost.api.post('/v1/emails', mail, { authorization: `Bearer ${key}` });
  }

  /** The bytes as the server got them, whose signature is good. */
  async function carried(more: object): Promise<Buffer> {
    const { status, body } = await send(more);
    expect([status, body.errors]).toEqual([202, undefined]);
    const to = `ada${number}@example.com`;
    const { bytes } = await eventually(() => received.find((one) => one.to === to), `the mail to ${to}`);
    expect(verifyDkim(bytes, publicKey.export({ type: 'spki', format: 'pem' }))).toEqual({ body: true, fields: true });
    return bytes;
  }

  function inPython(bytes: Buffer): Promise<PythonPart[]> {
    return new Promise((resolve, reject) => {
      const child = execFile('python3', ['-c', READER], { maxBuffer: 1e8 }, (error, out) => {
        if (error) return reject(new Error('python3 failed', { cause: error }));
        const { parts, defects } = JSON.parse(out) as { parts: PythonPart[]; defects: string[] };
        expect(defects).toEqual([]);
        resolve(parts);
      });
      child.stdin!.end(bytes);
    });
  }

  const base64 = (bytes: Buffer | string): string => Buffer.from(bytes).toString('base64');

  it('keep their names in any script, and their bytes', async () => {
    const attachments = NAMES.map((filename) => ({ filename, content: base64(filename) }));
    const bytes = await carried({ attachments });
    const mail = await simpleParser(bytes);
    expect(mail.attachments.map(({ filename, content }) => [filename, content.toString()])).toEqual(
      NAMES.map((name) => [name === LOOKS_ENCODED ? 'looks encoded.pdf' : name, name]),
    );
    const parts = (await inPython(bytes)).filter(({ disposition }) => disposition === 'attachment');
    expect(parts.map(({ filename, type, sha }) => [filename, type, sha])).toEqual(
      NAMES.map((name) => [name, 'application/pdf', shaOf(name)]),
    );
    const longest = Math.max(
      ...bytes
        .toString('latin1')
        .split('\r\n')
        .map(({ length }) => length),
    );
    expect(longest).toBeLessThanOrEqual(998); // RFC 5322 §2.1.1
  });

  it('are pictures that the HTML shows, related to it, and files beside them', async () => {
    const bytes = await carried({
      html: '<p><img src="cid:logo"></p>',
      attachments: [
        { filename: 'logo.gif', content: base64(PIXEL), contentId: 'logo' },
        { filename: 'terms.txt', content: base64('Terms.') },
      ],
    });
    const parts = await inPython(bytes);
    expect(parts.map(({ type }) => type)).toEqual([
      ...['multipart/mixed', 'multipart/alternative', 'text/plain', 'multipart/related', 'text/html'],
      ...['image/gif', 'text/plain'],
    ]);
    expect(parts[5]).toMatchObject({ cid: '<logo>', disposition: 'inline', filename: 'logo.gif', sha: shaOf(PIXEL) });
    const { attachments, html } = await simpleParser(bytes, { skipImageLinks: true });
    expect(attachments.map(({ cid, related }) => [cid, related ?? false])).toEqual([
      ['logo', true],
      [undefined, false],
    ]);
    expect(html).toContain('src="cid:logo"');
  });

  it('are an invitation that calendars see', async () => {
    const parts = await inPython(
      await carried({
        attachments: [
          {
            filename: 'invite.ics',
            content: base64(INVITATION),
            contentType: 'text/calendar; method=REQUEST; charset=utf-8',
          },
        ],
      }),
    );
    expect(parts.find(({ type }) => type === 'text/calendar')).toMatchObject({
      ...{ method: 'REQUEST', filename: 'invite.ics', sha: shaOf(INVITATION) },
    });
  });

  it('may be empty', async () => {
    const bytes = await carried({ attachments: [{ filename: 'empty.txt', content: '' }] });
    expect((await inPython(bytes)).at(-1)).toMatchObject({ filename: 'empty.txt', size: 0 });
    expect((await simpleParser(bytes)).attachments[0]).toMatchObject({ filename: 'empty.txt', size: 0 });
  });

  it('may have 25 MB, uploaded or in the request', async () => {
    const file = Buffer.alloc(25 * 1024 * 1024, 'otpost');
    const uploaded = await fetch(`${otpost.api.url}/v1/uploads`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/octet-stream' },
      body: file,
    });
    const { uploadId } = (await uploaded.json()) as { uploadId: string };
    for (const source of [{ uploadId }, { content: base64(file) }]) {
      const bytes = await carried({ attachments: [{ filename: 'large.bin', ...source }] });
      expect((await inPython(bytes)).at(-1)).toMatchObject({
        filename: 'large.bin',
        size: file.length,
        sha: shaOf(file),
      });
    }
  });

  it.each([
    ['a line break in its name', { filename: 'a\r\nBcc: eve@example.com.pdf' }, 'filename', 'invalid_filename'],
    ['a path', { filename: '../../etc/passwd' }, 'filename', 'invalid_filename'],
    ['characters that turn the direction', { filename: 'a\u202efdp.exe' }, 'filename', 'invalid_filename'],
    ['too long a name', { filename: 'x'.repeat(256) }, 'filename', 'invalid_filename'],
    ['a program', { filename: 'invoice.pdf.EXE' }, 'filename', 'attachment_type_refused'],
    ['base64 with a character that is none', { content: 'aGVsbG8*' }, 'content', 'invalid_base64'],
    ['base64 without its padding', { content: 'aGVsbG8' }, 'content', 'invalid_base64'],
    ['base64 in lines', { content: 'aGVs\r\nbG8=' }, 'content', 'invalid_base64'],
    ['base64 of URLs', { content: '_-8=' }, 'content', 'invalid_base64'],
    ['a data: URL', { content: 'data:text/plain;base64,aGVsbG8=' }, 'content', 'invalid_base64'],
    ['what is no id of an upload', { content: undefined, uploadId: 'invoice' }, 'uploadId', 'upload_not_found'],
    ['another header in its type', { contentType: 'text/plain\r\nX-Evil: 1' }, 'contentType', 'invalid_content_type'],
    ['another header in its id', { contentId: 'logo>\r\nX-Evil: 1' }, 'contentId', 'invalid_content_id'],
  ])('are refused with %s', async (_, fault, field, code) => {
    const { status, body } = await send({ attachments: [{ filename: 'a.pdf', content: 'aGVsbG8=', ...fault }] });
    expect([status, body.errors?.map((error) => [error.field, error.code])]).toEqual([
      422,
      [[`attachments.0.${field}`, code]],
    ]);
  });
});
