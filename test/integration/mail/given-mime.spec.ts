import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { Problem } from '../../../src/core/problems.js';
import { TIMEOUTS } from '../../../src/mail/transport/timeouts.js';
import { MailService } from '../../../src/mail/submission/mail-service.js';
import type { SubmittedMessage } from '../../../src/mail/submission/draft-policy.js';
import { KEYS } from '../../support/http/provider-apis.js';
import { ProviderServer } from '../../support/http/provider-server.js';
import { createApiKey } from '../../support/service/api-key.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';
import { putBackAfterwards } from '../../support/signals/put-back.js';
import { eventually } from '../../support/signals/wait.js';
import { SmtpSink } from '../../support/smtp/smtp-sink.js';

putBackAfterwards(TIMEOUTS);

interface Email {
  id: string;
  status: string;
  lastErrorCode: string | null;
  transport: string | null;
  subject: string | null;
  recipients: { address: string; kind: string; status: string }[];
}

const crlf = (...lines: string[]): Buffer => Buffer.from(lines.join('\r\n') + '\r\n');

/** Fields as a program writes them, folded, and in its own order. */
const HEAD = [
  'Received: from app by shop.example; Sat, 28 Nov 2026 10:00:00 +0000',
  'DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=app; h=from:subject;',
  '\tbh=abc; b=def',
  'From: Shop <shop@example.com>',
  'To: "Ada L." <ada@example.com>, Nobody <nobody@example.com>',
  'Subject: =?utf-8?q?F=C3=BCr_Ada?=',
  'X-Campaign: spring',
  'References: <a@example.com>',
  ' <b@example.com>',
  'Date: Sat, 28 Nov 2026 10:00:00 +0000',
  'MIME-Version: 1.0',
];

const WITH_FILE = [
  'Content-Type: multipart/mixed; boundary="q"',
  '',
  '--q',
  'Content-Type: multipart/alternative; boundary="r"',
  '',
  '--r',
  'Content-Type: text/plain; charset=utf-8',
  'Content-Transfer-Encoding: 8bit',
  '',
  'Grüße.',
  '.',
  '..two dots',
  '--r',
  'Content-Type: text/html; charset=utf-8',
  'Content-Transfer-Encoding: quoted-printable',
  '',
  '<p>Gr=C3=BC=C3=9Fe.</p><img src=3D"cid:logo">',
  '--r--',
  '--q',
  'Content-Type: image/png',
  'Content-ID: <logo>',
  'Content-Disposition: inline; filename=logo.png',
  'Content-Transfer-Encoding: base64',
  '',
  'iVBORw0KGgo=',
  '--q',
  'Content-Type: application/pdf',
  'Content-Disposition: attachment; filename="invoice.pdf"',
  'Content-Transfer-Encoding: base64',
  '',
  'JVBERi0xLjQ=',
  '--q--',
];

const INVITATION = [
  'Content-Type: multipart/alternative; boundary="i"',
  '',
  '--i',
  'Content-Type: text/plain',
  '',
  'We meet at ten.',
  '--i',
  'Content-Type: text/calendar; method=REQUEST; charset=utf-8',
  '',
  'BEGIN:VCALENDAR',
  'METHOD:REQUEST',
  'END:VCALENDAR',
  '--i--',
];

describe('a message that its sender composed', () => {
  const received: { from: string; to: string[]; bytes: Buffer }[] = [];
  const providers = {} as Record<'resend' | 'mailgun' | 'ses', ProviderServer>;
  let sink: SmtpSink;
  let otpost: Otpost;
  let key: string;
  let smtp: string;
  let folder: string;
  let number = 0;

  beforeAll(async () => {
    Object.assign(TIMEOUTS, { statesMs: 0 });
    sink = await SmtpSink.start({
      size: 50 * 1024 * 1024,
      onRcptTo: ({ address }, _session, done) =>
        done(
          address.startsWith('gone') ? Object.assign(new Error('5.1.1 no such mailbox'), { responseCode: 550 }) : null,
        ),
      onData: (stream, { envelope: { mailFrom, rcptTo } }, done) => {
        buffer(stream).then(
          (bytes) => {
            const from = mailFrom ? mailFrom.address : '';
            received.push({ from, to: rcptTo.map(({ address }) => address), bytes });
            done(null, '2.0.0 taken');
          },
          (error: Error) => done(error),
        );
      },
    });
    for (const name of ['resend', 'mailgun', 'ses'] as const) providers[name] = await ProviderServer.start(name);
    folder = await mkdtemp(join(tmpdir(), 'otpost-mime-'));
    smtp = sink.url.replace('smtp://', '');
    const entries = [
      `resend:${KEYS.resend}?endpoint=${providers.resend.url}`,
      `mailgun:${KEYS.mailgun}@mg.example.com?endpoint=${providers.mailgun.url}`,
      `ses:eu-west-1?endpoint=${providers.ses.url}`,
      sink.url,
      'capture:',
    ];
    otpost = await startOtpost({
      MAIL_TRANSPORTS: entries.join(','),
      MAIL_FROM: 'Shop <shop@example.com>',
      ...KEYS.aws,
    });
    key = await createApiKey(otpost.database.url);
  });
  afterAll(async () => {
    await otpost.stop();
    await Promise.all([sink.stop(), ...Object.values(providers).map((server) => server.stop())]);
    await rm(folder, { recursive: true });
  });

  /** The others are having a long break. */
  const open = (...names: string[]) =>
    otpost.database.query(
      `UPDATE transport_states SET paused_at = NULL, pause_reason = NULL, trial_until = NULL,
         failures = CASE WHEN name = ANY($1) THEN 0 ELSE 1 END,
         backoff_until = CASE WHEN name = ANY($1) THEN NULL ELSE now() + interval '1 hour' END`,
      [names],
    );

  interface Sent {
    id: string;
    bytes: Buffer;
    messageId: string;
    to: string;
  }

  async function send(lines: readonly string[], more: Partial<SubmittedMessage> = {}, head = HEAD): Promise<Sent> {
    const messageId = `<m${++number}@app.example>`;
    const bytes = crlf(`Message-ID: ${messageId}`, ...head, ...lines);
    const to = `ada${number}@example.com`;
    const mime = { bytes, messageId, subject: 'Für Ada', ...more.mime };
    const service = otpost.process.get(MailService);
    const { id } = await service.send({ to, from: 'Shop <shop@example.com>', lane: 'critical', ...more, mime });
    return { id, bytes, messageId, to };
  }

  const about = async (id: string): Promise<Email> => (await otpost.api.get<Email>(`/v1/emails/${id}`, key)).body;

  const becomes = (id: string, status: string): Promise<Email> =>
    eventually(async () => {
      const email = await about(id);
      return email.status === status && email;
    }, `the message to be ${status}`);

  const arrived = (to: string) => eventually(() => received.find((one) => one.to.includes(to)), `the mail to ${to}`);

  function signedByOpenssl(content: string): string[] {
    const [keyFile, certificate, plain] = ['key.pem', 'cert.pem', 'plain.txt'].map((name) => join(folder, name));
    const newKey = ['-newkey', 'rsa:2048', '-nodes', '-keyout', keyFile!, '-out', certificate!];
    execFileSync('openssl', ['req', '-x509', '-days', '1', '-subj', '/CN=shop@example.com', ...newKey], {
      stdio: 'pipe',
    });
    const smime = ['smime', '-sign', '-in', plain!, '-signer', certificate!, '-inkey', keyFile!, '-text', '-crlfeol'];
    execFileSync('sh', ['-c', `printf '%s' "$1" > "$2"`, 'sh', content, plain!]);
    return execFileSync('openssl', smime).toString().trimEnd().split(/\r?\n/); // its own lines end as Unix' do
  }

  it('goes over SMTP byte for byte: fields, dots, 8 bit, a signature by S/MIME, an invitation', async () => {
    await open(smtp);
    const signed = signedByOpenssl('Signed, and not to be touched.\r\n');
    for (const lines of [WITH_FILE, INVITATION, signed.slice(1)]) {
      const { id, to, bytes } = await send(lines);
      const { from, bytes: got } = await arrived(to);
      expect(got.toString('latin1')).toBe(bytes.toString('latin1'));
      expect([from, (await becomes(id, 'sent')).subject]).toEqual(['shop@example.com', 'Für Ada']);
    }
    const letter = join(folder, 'letter.eml');
    await writeFile(letter, received.at(-1)!.bytes);
    const verified = [
      'smime',
      '-verify',
      '-in',
      letter,
      '-CAfile',
      join(folder, 'cert.pem'),
      '-text',
      '-purpose',
      'any',
    ];
    expect(execFileSync('openssl', verified, { stdio: 'pipe' }).toString()).toContain('not to be touched');
  });

  it('goes to those of the envelope, whoever stands in its fields, and comes back to the return path', async () => {
    await open(smtp);
    const { bytes, messageId } = await send(WITH_FILE, {
      ...{ to: 'ada-in-to@example.com', cc: 'in-cc@example.com', bcc: ['hidden@example.com', 'gone@example.com'] },
      mime: { returnPath: 'bounces@example.com' } as SubmittedMessage['mime'],
    });
    const { from, to, bytes: got } = await arrived('hidden@example.com');
    expect({ from, to }).toEqual({
      from: 'bounces@example.com',
      to: ['ada-in-to@example.com', 'in-cc@example.com', 'hidden@example.com'],
    });
    expect(got.equals(bytes)).toBe(true);
    expect(got.toString()).not.toContain('hidden@');
    const rows = await eventually(async () => {
      const found = await otpost.database.query<{ to: string; status: string; error: string | null }>(
        `SELECT to_address AS "to", status, last_error_code AS error FROM outbound_emails WHERE message_id = $1 ORDER BY status::text`,
        [messageId],
      );
      return found.every(({ status }) => ['sent', 'failed'].includes(status)) && found;
    }, 'all of them to be over');
    expect(rows.map(({ to, status, error }) => [to, status, error])).toEqual([
      ['gone@example.com', 'failed', 'smtp_550'],
      ['ada-in-to@example.com', 'sent', null],
    ]);
  });

  it('is refused where nobody is in the envelope, and where its words are given twice', async () => {
    const service = otpost.process.get(MailService);
    const mime = { bytes: crlf(...HEAD, ...WITH_FILE), messageId: '<m@app.example>', subject: 'Für Ada' };
    const faultsOf = (message: SubmittedMessage) =>
      service.send(message).then(
        () => [],
        (problem: Problem) => problem.toDocument('').errors!.map(({ field, code }) => `${field} ${code}`),
      );
    expect(await faultsOf({ to: [], mime })).toEqual(['to required']);
    const twice = { to: 'ada@example.com', mime, text: 'Hello', headers: {} };
    expect(await faultsOf(twice)).toEqual(['text not_with_mime', 'headers not_with_mime']);
    const bytes = Buffer.alloc(25 * 1024 * 1024 + 1, 'a');
    expect(await faultsOf({ to: 'ada@example.com', mime: { ...mime, bytes } })).toEqual(['mime too_large']);
  });

  it('reaches providers that take MIME as it is, and those that take fields in their fields', async () => {
    await open('mailgun:mg.example.com');
    const first = await send(WITH_FILE, { bcc: 'hidden@example.com' });
    await becomes(first.id, 'sent');
    const [form] = providers.mailgun.taken;
    expect(form!.path).toBe('/v3/mg.example.com/messages.mime');
    expect(form!.body).toContain(first.bytes.toString());
    expect(form!.body.match(/name="to"\r\n\r\n[^\r]+/g)).toEqual([
      `name="to"\r\n\r\n${first.to}`,
      'name="to"\r\n\r\nhidden@example.com',
    ]);

    await open('ses:eu-west-1');
    const second = await send(INVITATION);
    await becomes(second.id, 'sent');
    const { Content } = JSON.parse(providers.ses.taken[0]!.body) as { Content: { Raw: { Data: string } } };
    expect(Buffer.from(Content.Raw.Data, 'base64').equals(second.bytes)).toBe(true);

    await open('resend');
    const third = await send(WITH_FILE);
    await becomes(third.id, 'sent');
    expect(JSON.parse(providers.resend.taken[0]!.body)).toMatchObject({
      ...{ from: '"Shop" <shop@example.com>', to: [third.to], subject: 'Für Ada' },
      ...{ text: 'Grüße.\n.\n..two dots', html: '<p>Grüße.</p><img src="cid:logo">' },
      headers: { 'X-Campaign': 'spring', References: '<a@example.com> <b@example.com>' },
      attachments: [
        { filename: 'logo.png', content: 'iVBORw0KGgo=', content_id: 'logo' },
        { filename: 'invoice.pdf', content: 'JVBERi0xLjQ=' },
      ],
    });
  });

  it('whose parts fields cannot say waits for a way that takes MIME, and fails where there is none', async () => {
    const signed = signedByOpenssl('Signed.\r\n').slice(1);
    await open('resend', smtp);
    for (const lines of [INVITATION, signed]) {
      const { id, to, bytes } = await send(lines);
      expect((await arrived(to)).bytes.equals(bytes)).toBe(true);
      expect((await becomes(id, 'sent')).transport).toBe(smtp);
    }
    const alone = await startOtpost({
      MAIL_TRANSPORTS: `resend:${KEYS.resend}?endpoint=${providers.resend.url}`,
      MAIL_FROM: 'Shop <shop@example.com>',
    });
    const mime = { bytes: crlf('Message-ID: <i@app.example>', ...HEAD, ...INVITATION), messageId: '<i@app.example>' };
    const { lastErrorCode } = await alone.process
      .get(MailService)
      .sendNow({ to: 'ada@example.com', mime: { ...mime, subject: 'Für Ada' } }, { withinMs: 600_000 });
    expect(lastErrorCode).toBe('mime_not_expressible');
    await alone.stop();
  });

  it('of megabytes stands in a file, and is not held in the row', async () => {
    await open(smtp);
    const line = 'Every line of it is this long, and there are many of them in it.';
    const lines = ['Content-Type: text/plain', '', ...Array.from({ length: 80_000 }, () => line)];
    const { id, to, bytes } = await send(lines);
    expect((await arrived(to)).bytes.equals(bytes)).toBe(true);
    const [{ sealed, files }] = (await otpost.database.query<{ sealed: number; files: string }>(
      `SELECT length(c.sealed) AS sealed, (SELECT count(*) FROM email_content_files WHERE content_id = c.id) AS files
       FROM outbound_emails m JOIN email_contents c ON c.id = m.content_id WHERE m.id = $1`,
      [id],
    )) as [{ sealed: number; files: string }];
    expect([sealed < 1_000, files]).toEqual([true, '1']);
  });

  it('of lane bulk gets a way to leave before its first field, unless it has one', async () => {
    await open(smtp);
    const without = await send(WITH_FILE, { lane: 'bulk' });
    const got = (await arrived(without.to)).bytes.toString();
    expect(got).toMatch(
      /^List-Unsubscribe: <http[^>]+\/unsubscribe\?t=[^>]+>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n/,
    );
    expect(got.endsWith(without.bytes.toString())).toBe(true);
    const own = await send(WITH_FILE, { lane: 'bulk' }, [...HEAD, 'List-Unsubscribe: <mailto:leave@example.com>']);
    expect((await arrived(own.to)).bytes.equals(own.bytes)).toBe(true);
  });

  it('can be read, had as it came, and sent again under a Message-ID of its own', async () => {
    await open(smtp);
    const { id, bytes, messageId } = await send(WITH_FILE, { to: 'reader@example.com' });
    await becomes(id, 'sent');
    const { body } = await otpost.api.get<{ text: string; attachments: { filename: string }[] }>(
      `/v1/emails/${id}/content`,
      key,
    );
    expect([body.text, body.attachments.map(({ filename }) => filename)]).toEqual([
      'Grüße.\n.\n..two dots',
      ['logo.png', 'invoice.pdf'],
    ]);
    const { body: inResendsForm } = await otpost.api.get<{ html: string; text: string }>(`/emails/${id}`, key);
    expect([inResendsForm.text, inResendsForm.html]).toEqual([body.text, '<p>Grüße.</p><img src="cid:logo">']);
    const source = await fetch(`${otpost.process.url}/v1/emails/${id}/source`, {
      headers: { authorization: `Bearer ${key}` },
    });
    expect(Buffer.from(await source.arrayBuffer()).equals(bytes)).toBe(true);
    received.length = 0;
    const again = await otpost.api.post<{ id: string }>(
      `/v1/emails/${id}/send-again`,
      {},
      { authorization: `Bearer ${key}` },
    );
    const copy = (await arrived('reader@example.com')).bytes.toString('latin1');
    await becomes(again.body.id, 'sent');
    const own = /^Message-ID: (<.+>)\r\n/m.exec(copy)![1]!;
    expect(own).not.toBe(messageId);
    expect(copy.replace(own, messageId)).toBe(bytes.toString('latin1'));
  });

  it('is shown in the inbox where mail is captured', async () => {
    await open('capture');
    const { id } = await send(WITH_FILE);
    await becomes(id, 'sent');
    const [row] = await otpost.database.query<{ text: string; html: string }>(
      'SELECT text, html FROM captured_messages WHERE email_id = $1',
      [id],
    );
    expect(row).toEqual({ text: 'Grüße.\n.\n..two dots', html: '<p>Grüße.</p><img src="cid:logo">' });
  });
});
