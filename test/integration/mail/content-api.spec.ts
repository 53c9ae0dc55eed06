import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApiKey } from '../../support/service/api-key.js';
import type { Answer, ProblemBody } from '../../support/service/api.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';
import { eventually } from '../../support/signals/wait.js';
import { SmtpSink } from '../../support/smtp/smtp-sink.js';
import { MailService } from '../../../src/mail/submission/mail-service.js';

interface Accepted {
  id: string;
  status: string;
}

const PDF = Buffer.from('%PDF-1.7 of nobody');
const MAIL = {
  to: ['Ada <ada@example.com>', 'grace@example.com'],
  cc: 'alan@example.com',
  bcc: ['eve@example.com'],
  replyTo: ['help@example.com', 'Desk <desk@example.com>'],
  subject: 'Your invoice',
  text: 'It is attached.',
  headers: { 'X-Order': '7', References: '<a@example.com>' },
  attachments: [{ filename: 'invoice.pdf', content: PDF.toString('base64') }],
  tags: ['invoice'],
  metadata: { order: '7' },
};

/** It tells how long it is good, and carries no code. */
const TICKET = {
  'meta.yaml': `description: A seat that is kept.
lane: default
tellsExpiry: true
variables:
  seat:
    type: line
    required: true
    sample: '1'
    description: Its number
`,
  'en/subject.liquid': 'Seat {{ seat }} is yours for {{ minutes }} minutes',
  'en/body.mjml': '<mj-text>Seat {{ seat }} is yours for {{ minutes }} minutes.</mj-text>',
};

describe('what messages say', () => {
  let sink: SmtpSink;
  let otpost: Otpost;
  let folder: string;
  let key: string;

  beforeAll(async () => {
    sink = await SmtpSink.start();
    folder = mkdtempSync(join(tmpdir(), 'otpost-templates-'));
    mkdirSync(join(folder, 'ticket/en'), { recursive: true });
    for (const [file, text] of Object.entries(TICKET)) writeFileSync(join(folder, 'ticket', file), text);
    otpost = await startOtpost({ MAIL_TRANSPORTS: sink.url, TEMPLATES_DIR: folder });
    key = await createApiKey(otpost.database.url, ['emails:send', 'emails:read', 'verifications']);
  });
  afterAll(async () => {
    await otpost.stop();
    await sink.stop();
    rmSync(folder, { recursive: true });
  });

  const headers = () => ({ authorization: `Bearer ${key}` });
  const send = (body: object): Promise<Answer<Accepted>> => otpost.api.post<Accepted>('/v1/emails', body, headers());

  async function sent(id: string): Promise<void> {
    await eventually(async () => {
      const { body } = await otpost.api.get<{ recipients: { status: string }[] }>(`/v1/emails/${id}`, key);
      return body.recipients.every(({ status }) => status === 'sent');
    }, 'the message to be sent');
  }

  it('reaches all whom it is for in one envelope, and shows nobody who stands in bcc', async () => {
    const { status, body } = await send(MAIL);
    expect(status).toBe(202);
    await sent(body.id);
    const [received] = await sink.waitForMailTo('eve@example.com');
    expect(received!.to).toEqual(['ada@example.com', 'grace@example.com', 'alan@example.com', 'eve@example.com']);
    expect(JSON.stringify(received!.mail.headerLines)).not.toContain('eve@example.com');
    const [to, cc] = [received!.mail.to, received!.mail.cc].map((field) =>
      [field]
        .flat()
        .map((one) => one?.text)
        .join(),
    );
    expect([to, cc]).toEqual(['"Ada" <ada@example.com>, grace@example.com', 'alan@example.com']);
    expect(received!.mail.replyTo?.text).toBe('help@example.com, "Desk" <desk@example.com>');
    expect(received!.mail.headers.get('x-order')).toBe('7');
    expect(received!.mail.references).toBe('<a@example.com>');
    expect(
      received!.mail.attachments.map(({ filename, contentType, content }) => [filename, contentType, content]),
    ).toEqual([['invoice.pdf', 'application/pdf', PDF]]);
  });

  it('is told while it is kept, as its recipients have it', async () => {
    const { body } = await send(MAIL);
    const content = await otpost.api.get<object>(`/v1/emails/${body.id}/content`, key);
    expect([content.status, content.body]).toEqual([
      200,
      expect.objectContaining({
        id: body.id,
        to: ['"Ada" <ada@example.com>', 'grace@example.com'],
        cc: ['alan@example.com'],
        subject: 'Your invoice',
        text: 'It is attached.',
        html: expect.stringContaining('It is attached.') as string,
        attachments: [
          { filename: 'invoice.pdf', contentType: 'application/pdf', contentId: null, inline: false, size: PDF.length },
        ],
      }),
    ]);
    const source = await fetch(`${otpost.process.url}/v1/emails/${body.id}/source`, { headers: headers() });
    expect([source.status, source.headers.get('content-type')]).toEqual([200, 'message/rfc822']);
    const mime = await source.text();
    expect(mime).toContain('Subject: Your invoice');
    expect(mime).not.toContain('eve@example.com');
  });

  it('is sent again as a new message to the same people', async () => {
    const { body } = await send({ ...MAIL, subject: 'Once more' });
    await sent(body.id);
    const again = await otpost.api.post<Accepted>(`/v1/emails/${body.id}/send-again`, undefined, headers());
    expect([again.status, again.body.id === body.id]).toEqual([202, false]);
    await sent(again.body.id);
    const received = await eventually(() => {
      const both = sink.received.filter(({ mail }) => mail.subject === 'Once more');
      return both.length === 2 && both;
    }, 'both to arrive');
    expect(received.map(({ to, mail }) => [to.length, mail.attachments.length])).toEqual([
      [4, 1],
      [4, 1],
    ]);
    const [audited] = await otpost.database.query(
      `SELECT target_id AS id, details FROM audit_events WHERE action = 'email.sent_again'`,
    );
    expect(audited).toEqual({ id: body.id, details: { as: again.body.id } });
  });

  describe('that expires, is sent again', () => {
    const MINUTE_MS = 60_000;
    const DAY_MS = 86_400_000;
    const at = (ms: number): string => new Date(Date.now() + ms).toISOString();
    const ticket = (to: string, more: object) => send({ to, template: 'ticket', variables: { seat: '7' }, ...more });
    const again = (id: string, more: object = {}) =>
      otpost.api.post<Accepted & ProblemBody>(`/v1/emails/${id}/send-again`, undefined, { ...headers(), ...more });
    const subjectsTo = async (to: string, count: number): Promise<string[]> =>
      (await sink.waitForMailTo(to, count)).map(({ mail }) => mail.subject!);
    /** Minutes from its acceptance on. */
    const livesOf = async (id: string): Promise<number> => {
      const { body } = await otpost.api.get<{ createdAt: string; expiresAt: string }>(`/v1/emails/${id}`, key);
      return (Date.parse(body.expiresAt) - Date.parse(body.createdAt)) / MINUTE_MS;
    };

    it('for as long as it was good for, and says so', async () => {
      const { body } = await ticket('minutes@example.com', { expiresAt: at(30 * MINUTE_MS) });
      await sent(body.id);
      const { status, body: next } = await again(body.id);
      expect(status).toBe(202);
      const said = expect.stringMatching(/^Seat 7 is yours for \d+ minutes$/) as string;
      expect(await subjectsTo('minutes@example.com', 2)).toEqual([said, said]);
      const [first, second] = [await livesOf(body.id), await livesOf(next.id)];
      expect(Math.abs(first - second)).toBeLessThan(1);
    });

    it('for as long as it was to be good for once it was due', async () => {
      const times = { scheduledAt: at(DAY_MS), expiresAt: at(DAY_MS + 20 * MINUTE_MS) };
      const { body } = await ticket('later@example.com', times);
      expect(Math.round(await livesOf((await again(body.id)).body.id))).toBe(20);
      expect(await subjectsTo('later@example.com', 1)).toHaveLength(1);
    });

    it('with words of its own too', async () => {
      const { body } = await send({ ...MAIL, expiresAt: at(45 * MINUTE_MS) });
      const [first, second] = [await livesOf(body.id), await livesOf((await again(body.id)).body.id)];
      expect(Math.abs(first - second)).toBeLessThan(1);
    });

    it.each([
      ['has no expiry', 'expires_at = NULL', 'expiresAt', 'required'],
      ['lacks a variable', `template = 'notice-new-device'`, 'variables.when', 'required'],
      ['is of a template that is gone', `template = 'nowhere'`, 'template', 'unknown_template'],
    ])('and is refused before it is accepted where it %s', async (_what, change, field, code) => {
      const { body } = await ticket('changed@example.com', { expiresAt: at(30 * MINUTE_MS) });
      await sent(body.id);
      const first = await again(body.id, { 'idempotency-key': `before ${code} ${field}` });
      await otpost.database.query(`UPDATE outbound_emails SET ${change} WHERE id = $1`, [body.id]);
      const count = 'SELECT count(*)::int FROM outbound_emails';
      const before = await otpost.database.query(count);
      const { status, body: problem } = await again(body.id);
      expect([status, problem.code, problem.errors![0]]).toEqual([
        422,
        'validation_failed',
        expect.objectContaining({ field, code }),
      ]);
      expect(problem.detail).toContain('has changed');
      for (const call of ['content', 'source']) {
        const told = await otpost.api.get<ProblemBody>(`/v1/emails/${body.id}/${call}`, key);
        expect([call, told.status, told.body.code]).toEqual([call, 409, 'template_changed']);
      }
      const repeated = await again(body.id, { 'idempotency-key': `before ${code} ${field}` });
      expect([repeated.status, repeated.body]).toEqual([202, first.body]);
      expect(await otpost.database.query(count)).toEqual(before);
    });
  });

  it('is never told of codes', async () => {
    const verification = { to: 'ada@example.com', purpose: 'checkout' };
    expect((await otpost.api.post('/v1/verifications', verification, headers())).status).toBe(202);
    const [row] = await otpost.database.query<{ id: string }>('SELECT id FROM outbound_emails WHERE secret');
    for (const call of ['content', 'source']) {
      const { status, body } = await otpost.api.get<ProblemBody>(`/v1/emails/${row!.id}/${call}`, key);
      expect([call, status, body.code]).toEqual([call, 403, 'content_secret']);
    }
    const again = await otpost.api.post<ProblemBody>(`/v1/emails/${row!.id}/send-again`, undefined, headers());
    expect([again.status, again.body.code]).toEqual([403, 'content_secret']);
  });

  it('is told no more once it was erased', async () => {
    const { body } = await send({ ...MAIL, subject: 'Gone' });
    await sent(body.id);
    await otpost.database.query('UPDATE outbound_emails SET sealed_variables = NULL WHERE id = $1', [body.id]);
    const { status, body: problem } = await otpost.api.get<ProblemBody>(`/v1/emails/${body.id}/content`, key);
    expect([status, problem.code]).toEqual([409, 'content_erased']);
  });

  it('a key that would mean nothing is refused, and nothing is done', async () => {
    const { body } = await send({ ...MAIL, scheduledAt: new Date(Date.now() + 3_600_000).toISOString() });
    const keyed = { ...headers(), 'idempotency-key': 'once' };
    const refused = await otpost.api.post<ProblemBody>(`/v1/emails/${body.id}/cancel`, undefined, keyed);
    expect([refused.status, refused.body.errors![0]!.field]).toEqual([422, 'Idempotency-Key']);
    expect((await otpost.api.get<Accepted>(`/v1/emails/${body.id}`, key)).body.status).toBe('scheduled');
  });

  it('many go in one commit: each by itself, or all or none', async () => {
    const good = { to: 'ada@example.com', subject: 'One of many', text: 'Hello' };
    const batch = [good, { ...good, to: 'nobody' }, good, { ...good, surprise: true }, 7];
    const each = await otpost.api.post<{ items: { id?: string; code?: string; errors?: { field: string }[] }[] }>(
      '/v1/emails/batch',
      batch,
      headers(),
    );
    expect(each.status).toBe(202);
    expect(each.body.items.map(({ id, code, errors }) => [id !== undefined, code, errors?.[0]?.field])).toEqual([
      [true, undefined, undefined],
      [false, 'validation_failed', 'to'],
      [true, undefined, undefined],
      [false, 'validation_failed', 'surprise'],
      [false, 'validation_failed', 'body'],
    ]);
    const all = await otpost.api.post<ProblemBody>('/v1/emails/batch?atomic=true', batch, headers());
    expect([all.status, all.body.errors!.map(({ field }) => field)]).toEqual([422, ['1.to', '3.surprise', '4.body']]);
    const thousand = Array.from({ length: 1_000 }, (_, n) => ({ ...good, to: `many${n}@example.com` }));
    const accepted = await otpost.api.post<{ items: Accepted[] }>('/v1/emails/batch?atomic=true', thousand, headers());
    expect([accepted.status, new Set(accepted.body.items.map(({ id }) => id)).size]).toEqual([202, 1_000]);
    const rows = await otpost.database.query<{ to: string }>(
      `SELECT to_address AS to FROM outbound_emails WHERE id = ANY($1::uuid[]) ORDER BY array_position($1::uuid[], id)`,
      [accepted.body.items.map(({ id }) => id)],
    );
    expect(rows.map(({ to }) => to)).toEqual(thousand.map(({ to }) => to));
  });

  it('code in the process sends by the same way, and waits for what becomes of it', async () => {
    const mail = otpost.process.get(MailService);
    const message = { to: 'now@example.com', subject: 'Now', text: 'At once.', lane: 'critical' as const };
    await expect(mail.send({ ...message, to: 'nobody' })).rejects.toMatchObject({ code: 'validation_failed' });
    const record = await mail.sendNow(message, { withinMs: 600_000 });
    expect(record.status).toBe('sent');
    const later = { ...message, scheduledAt: new Date(Date.now() + 3_600_000).toISOString() };
    expect((await mail.sendNow(later, { withinMs: 0 })).status).toBe('scheduled');
  });
});
