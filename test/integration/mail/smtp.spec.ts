import { TIMEOUTS } from '../../../src/mail/transport/timeouts.js';
import type { IssuedBody, ProblemBody } from '../../support/service/api.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';
import { putBackAfterwards } from '../../support/signals/put-back.js';
import { eventually } from '../../support/signals/wait.js';
import { codeIn, SmtpSink } from '../../support/smtp/smtp-sink.js';

/** An error that makes the server answer with this code. */
function reply(responseCode: number, message: string): Error {
  return Object.assign(new Error(message), { responseCode });
}

putBackAfterwards(TIMEOUTS);

describe('mail over SMTP', () => {
  let sink: SmtpSink;
  let otpost: Otpost;

  beforeAll(async () => {
    TIMEOUTS.statesMs = 0; // a way out is open again as soon as its row says so
    sink = await SmtpSink.start();
    otpost = await startOtpost({ MAIL_TRANSPORTS: sink.url, MAIL_FROM: "Ada's Post <post@example.com>" });
  });
  afterAll(async () => {
    await otpost.stop();
    await sink.stop();
  });

  /** Another server in the place of the one before; nothing is left of what that one did. */
  async function start(options: Parameters<typeof SmtpSink.start>[0] = {}): Promise<Otpost> {
    await away();
    for (const table of ['outbound_emails', 'otp_challenges', 'suppressions', 'transport_states'])
      await otpost.database.query(`DELETE FROM ${table}`);
    sink = await SmtpSink.start(options, sink.port);
    return otpost;
  }

  async function away(): Promise<void> {
    sink.hangUp();
    await sink.stop();
  }

  async function timeline(
    issued: IssuedBody,
  ): Promise<{ status: string; reply: string | null; error_code: string | null }[]> {
    return otpost.database.query(
      `SELECT e.status, e.reply, e.error_code FROM email_events e JOIN outbound_emails m ON m.id = e.email_id
       WHERE m.supersede_key = 'otp:' || $1 ORDER BY e.id`,
      [issued.challenge.id],
    );
  }

  async function ended(issued: IssuedBody, status: string): Promise<string[]> {
    return eventually(async () => {
      const events = (await timeline(issued)).map((event) => event.status);
      return events.at(-1) === status && events;
    }, `the mail to be ${status}`);
  }

  it('has text and HTML, a sender, a stable Message-ID, and says that no person wrote it', async () => {
    const { api, database } = await start();
    const issued = await api.register('grace@example.com');
    const [received] = await sink.waitForMailTo('grace@example.com');
    const { mail, from } = received!;
    expect(from).toBe('post@example.com');
    expect(mail.from!.value[0]).toEqual({ name: "Ada's Post", address: 'post@example.com' });
    expect(mail.headers.get('auto-submitted')).toBe('auto-generated');
    const [row] = await database.query<{ message_id: string }>('SELECT message_id FROM outbound_emails');
    expect(mail.messageId).toBe(row!.message_id);
    expect(mail.messageId).toMatch(/^<[0-9a-f-]{36}@example\.com>$/);
    const code = codeIn(mail.text);
    expect(mail.html).toContain(code);
    expect(mail.text).toContain('10 minutes');
    expect(mail.html).toContain('Ada&#39;s Post'); // escaped in HTML
    expect(await ended(issued, 'sent')).toEqual(['queued', 'sending', 'sent']);
    expect((await timeline(issued)).at(-1)!.reply).toContain('2.0.0 taken');
  });

  it('tries again after a temporary refusal, and hands over once', async () => {
    let tries = 0;
    const { api } = await start({
      onRcptTo: (_address, _session, done) => (++tries === 1 ? done(reply(451, '4.7.1 greylisted')) : done()),
    });
    const issued = await api.register('grace@example.com');
    expect(await ended(issued, 'sent')).toEqual(['queued', 'sending', 'deferred', 'sending', 'sent']);
    expect((await timeline(issued))[2]).toMatchObject({ error_code: 'smtp_451' });
    expect(sink.received).toHaveLength(1);
  });

  it('stops at a permanent refusal', async () => {
    const { api } = await start({ onRcptTo: (_address, _session, done) => done(reply(550, '5.1.1 nobody here')) });
    const issued = await api.register('grace@example.com');
    expect(await ended(issued, 'failed')).toEqual(['queued', 'sending', 'failed']);
    const { body } = await api.get<{ status: string }>(`/v1/otp/${issued.challenge.id}/delivery`);
    expect(body.status).toBe('failed');
  });

  it('is sent when the server answers 4xx or 5xx after the whole message: refused, and known to be', async () => {
    const { api } = await start({
      onData: (stream, _session, done) => {
        stream.resume();
        stream.on('end', () => done(reply(554, '5.6.0 no')));
      },
    });
    const issued = await api.register('grace@example.com');
    expect(await ended(issued, 'failed')).toEqual(['queued', 'sending', 'failed']);
  });

  it('is unknown when the server goes after the last byte without an answer, and is not sent again', async () => {
    let taken = 0;
    const { api, database } = await start({
      onData: (stream) => {
        stream.resume();
        stream.on('end', () => {
          taken++;
          sink.hangUp();
        });
      },
    });
    const issued = await api.register('grace@example.com');
    expect(await ended(issued, 'unknown')).toEqual(['queued', 'sending', 'unknown']);
    const [row] = await database.query<{ offered: boolean }>(
      'SELECT offered_at IS NOT NULL AS offered FROM outbound_emails',
    );
    expect(row!.offered).toBe(true);
    const { body } = await api.get<{ status: string }>(`/v1/otp/${issued.challenge.id}/delivery`);
    expect(body.status).toBe('unknown');
    expect(taken).toBe(1);
  });

  it.each([
    ['at MAIL', 'onMailFrom'],
    ['at RCPT', 'onRcptTo'],
  ] as const)('is not offered while the server hesitates %s', async (_, stage) => {
    const held: (() => void)[] = [];
    const { api, database } = await start({
      [stage]: (_address: unknown, _session: unknown, done: () => void) => held.push(done),
    });
    const issued = await api.register('grace@example.com');
    await eventually(() => held.length > 0, `the client to wait`);
    const offered = async () =>
      (await database.query<{ at: Date | null }>('SELECT offered_at AS at FROM outbound_emails'))[0]!.at;
    expect(await offered()).toBeNull();
    held[0]!();
    await ended(issued, 'sent');
    expect(await offered()).not.toBeNull();
  });

  it('is aborted when its lease was lost on the way: the server gets no end of the message', async () => {
    const held: (() => void)[] = [];
    const { api, database } = await start({ onRcptTo: (_address, _session, done) => void held.push(done) });
    await api.register('grace@example.com');
    await eventually(() => held.length > 0, 'the client to wait');
    await database.query(`UPDATE outbound_emails SET lease_token = gen_random_uuid()`);
    held[0]!();
    await eventually(() => sink.aborted > 0, 'the transfer to be aborted');
    expect(sink.received).toEqual([]);
  });

  it('waits while the server is away, and arrives when it is back', async () => {
    const { api } = await start();
    const { port } = sink;
    await away();
    const issued = await api.register('grace@example.com');
    await ended(issued, 'deferred');
    sink = await SmtpSink.start({}, port);
    await sink.waitForMailTo('grace@example.com');
    expect(await ended(issued, 'sent')).toEqual(expect.arrayContaining(['deferred', 'sent']));
    expect(sink.received).toHaveLength(1);
  });

  it('is handed over at once by a full house: 100 registrations, 100 mails', async () => {
    const { api } = await start();
    const addresses = Array.from({ length: 100 }, (_, n) => `guest${n}@example.com`);
    await Promise.all(addresses.map((address) => api.register(address)));
    await eventually(() => sink.received.length >= 100, '100 mails');
    expect(sink.received.map(({ to }) => to[0]).sort()).toEqual([...addresses].sort());
  });

  it('waits for a worker that knows its template, which one of a former build does not in an upgrade', async () => {
    const { api, database } = await start();
    // As another build accepts it: nobody can claim it before its template is the other one's.
    await database.query(`INSERT INTO lane_pauses (lane) VALUES ('critical')`);
    try {
      await api.register('grace@example.com');
      await database.query(`UPDATE outbound_emails SET template = 'of-a-later-build'`);
      await database.query('DELETE FROM lane_pauses');
      const row = () =>
        database.query<{ status: string; error: string | null }>(
          'SELECT status, last_error_code AS error FROM outbound_emails',
        );
      await eventually(async () => (await row())[0]!.error === 'template_unknown', 'the worker to find no template');
      await database.query(`UPDATE outbound_emails SET template = 'register-code', next_attempt_at = now()`);
      const [received] = await sink.waitForMailTo('grace@example.com');
      expect(codeIn(received!.mail.text)).toMatch(/^\d{6}$/);
    } finally {
      await database.query('DELETE FROM lane_pauses');
    }
  });

  it('accepts nothing when the transaction does not hold', async () => {
    const { api, database } = await start();
    await database.query('ALTER TABLE email_events ADD CONSTRAINT broken CHECK (false) NOT VALID');
    const { status, body } = await api.post<ProblemBody>('/v1/accounts', { email: 'grace@example.com' });
    await database.query('ALTER TABLE email_events DROP CONSTRAINT broken');
    expect([status, body.code]).toEqual([500, 'internal']);
    expect(JSON.stringify(body)).not.toContain('broken');
    expect(await database.query('SELECT 1 FROM otp_challenges UNION ALL SELECT 1 FROM outbound_emails')).toEqual([]);
  });
});
