import { runScheduled } from '../../support/database/scheduled-run.js';
import type { IssuedBody, SignedInBody } from '../../support/service/api.js';
import { HeldClock, type Otpost, startOtpost } from '../../support/service/otpost.js';
import { eventually } from '../../support/signals/wait.js';
import { codeIn, SmtpSink } from '../../support/smtp/smtp-sink.js';

const DAY_S = 86_400;

/**
 * Codes go by the clock that is injected, their mail by that of Postgres: what the one hands to the other is a length
 * of time.
 */
describe.each([
  ['years ahead of Postgres', 800 * DAY_S],
  ['years behind Postgres', -800 * DAY_S],
])('a code, where the clock is %s', (_, seconds) => {
  let sink: SmtpSink;
  let clock: HeldClock;
  let otpost: Otpost;
  /** Answers to RCPT that come before the mail is taken. */
  let refusals: number;

  beforeAll(async () => {
    sink = await SmtpSink.start({
      onRcptTo: (_address, _session, done) =>
        done(refusals-- > 0 ? Object.assign(new Error('later'), { responseCode: 450 }) : undefined),
    });
    clock = new HeldClock();
    clock.advance(seconds);
    otpost = await startOtpost({ MAIL_TRANSPORTS: sink.url }, clock);
  });
  beforeEach(() => {
    refusals = 0;
  });
  afterAll(async () => {
    await otpost.stop();
    await sink.stop();
  });

  async function expectToOpen({ challenge }: IssuedBody, code: string): Promise<void> {
    const { status, body } = await otpost.api.post<SignedInBody>(`/v1/otp/${challenge.id}/verify`, { code });
    expect(status).toBe(200);
    expect((await otpost.api.get('/v1/me', body.accessToken)).status).toBe(200);
  }

  it('arrives, tells how long it works, and works', async () => {
    const issued = await otpost.api.register('ada@example.com');
    const [received] = await sink.waitForMailTo('ada@example.com');
    expect(received!.mail.text).toContain('10 minutes');
    await expectToOpen(issued, codeIn(received!.mail.text));
  });

  it('arrives again when it is asked for, for as long as it still works', async () => {
    const issued = await otpost.api.register('grace@example.com');
    await sink.waitForMailTo('grace@example.com');
    clock.advance(7 * 60);
    expect((await otpost.api.post(`/v1/otp/${issued.challenge.id}/resend`, {})).status).toBe(202);
    const [, again] = await sink.waitForMailTo('grace@example.com', 2);
    expect(again!.mail.text).toContain('3 minutes');
    await expectToOpen(issued, codeIn(again!.mail.text));
  });

  it('is tried again when the mail server says later', async () => {
    refusals = 2; // on a connection that was kept, and on a new one
    const issued = await otpost.api.register('edith@example.com');
    const [received] = await sink.waitForMailTo('edith@example.com');
    const told = await otpost.database.query<{ path: string }>(
      `SELECT string_agg(e.status::text, ' ' ORDER BY e.id) AS path FROM email_events e JOIN outbound_emails m ON m.id = e.email_id WHERE m.to_address = 'edith@example.com'`,
    );
    expect(told[0]!.path).toMatch(/^queued sending deferred sending/);
    await expectToOpen(issued, codeIn(received!.mail.text));
  });

  it('is not taken away by the scheduled work before its time', async () => {
    const issued = await otpost.api.register('joan@example.com', { name: 'Joan' });
    const [received] = await sink.waitForMailTo('joan@example.com');
    for (const task of ['otp.codes', 'otp.challenges', 'accounts.registrations'])
      await runScheduled(otpost.database, task);
    await expectToOpen(issued, codeIn(received!.mail.text));
    const [account] = await otpost.database.query(`SELECT name FROM accounts WHERE email = 'joan@example.com'`);
    expect(account).toEqual({ name: 'Joan' });
  });

  it('ends by the same clock that it began by', async () => {
    const { challenge } = await otpost.api.register('hedy@example.com');
    const [received] = await sink.waitForMailTo('hedy@example.com');
    clock.advance(601);
    const code = codeIn(received!.mail.text);
    await eventually(
      async () => (await otpost.api.post(`/v1/otp/${challenge.id}/verify`, { code })).status === 410,
      'it to have ended',
    );
  });
});
