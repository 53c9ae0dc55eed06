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

describe('what messages say', () => {
  let sink: SmtpSink;
  let otpost: Otpost;
  let key: string;

  beforeAll(async () => {
    sink = await SmtpSink.start();
    otpost = await startOtpost({ MAIL_TRANSPORTS: sink.url });
    key = await createApiKey(otpost.database.url, ['emails:send', 'emails:read', 'verifications']);
  });
  afterAll(async () => {
    await otpost.stop();
    await sink.stop();
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
