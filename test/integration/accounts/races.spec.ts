import pg from 'pg';
import { HeldClock, type Otpost, startOtpost } from '../../support/service/otpost.js';
import { bearer, type Session, Visitors } from '../../support/service/visitors.js';
import { eventually } from '../../support/signals/wait.js';
import { SmtpSink } from '../../support/smtp/smtp-sink.js';

const PASSWORD = 'seventeen green bottles';

describe('what an owner does while a stolen session is at work', () => {
  let sink: SmtpSink;
  let clock: HeldClock;
  let otpost: Otpost;
  let visitors: Visitors;
  let other: pg.Client;
  let number = 0;

  beforeAll(async () => {
    sink = await SmtpSink.start();
    clock = new HeldClock();
    otpost = await startOtpost({ MAIL_TRANSPORTS: sink.url }, clock);
    visitors = new Visitors(otpost, sink);
    other = new pg.Client({ connectionString: otpost.database.url });
    await other.connect();
  });
  afterAll(async () => {
    await other.end();
    await otpost.stop();
    await sink.stop();
  });

  const fresh = (): string => `lise${++number}@example.com`;

  async function emailOf({ account }: Session): Promise<string | undefined> {
    const [row] = await otpost.database.query<{ email: string }>('SELECT email FROM accounts WHERE id = $1', [
      account.id,
    ]);
    return row?.email;
  }

  /** Until somebody waits for a lock that `other` holds. */
  const whenSomebodyWaits = (): Promise<true> =>
    eventually(async () => {
      const rows = await otpost.database.query(
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
      );
      return rows.length > 0 && (true as const);
    }, 'somebody to wait for the lock');

  it('counts: a session that ends while its code is looked at changes no address', async () => {
    const owner = fresh();
    const thief = await visitors.signUp(owner);
    const mine = await visitors.signInByCode(owner);
    const { body } = await otpost.api.post<never>('/v1/me/email', { email: fresh() }, bearer(thief.accessToken));
    const code = await visitors.codeOf(body);
    await other.query('BEGIN');
    await other.query('SELECT 1 FROM otp_challenges WHERE id = $1 FOR UPDATE', [
      (body as { challenge: { id: string } }).challenge.id,
    ]);
    const verifying = visitors.verify(body, code, {}, bearer(thief.accessToken));
    await whenSomebodyWaits();
    const sessions = await otpost.api.get<{ items: { id: string; current: boolean }[] }>(
      '/v1/sessions',
      mine.accessToken,
    );
    const stolen = sessions.body.items.find(({ current }) => !current)!;
    expect((await otpost.api.delete(`/v1/sessions/${stolen.id}`, mine.accessToken)).status).toBe(204);
    await other.query('COMMIT');
    expect((await verifying).status).toBe(401);
    expect(await emailOf(mine)).toBe(owner);
  });

  it('counts: an account that is deleted while a code for it is looked at signs nobody in', async () => {
    const owner = fresh();
    const { account } = await visitors.signUp(owner);
    const { body } = await visitors.ask('login', owner);
    const code = await visitors.codeOf(body);
    await other.query('BEGIN');
    await other.query('DELETE FROM accounts WHERE id = $1', [account.id]);
    const verifying = visitors.verify(body, code);
    await whenSomebodyWaits();
    await other.query('COMMIT');
    const answer = await verifying;
    expect([answer.status, answer.body.code]).toEqual([410, 'otp_consumed']);
  });

  describe('to take a changed address back', () => {
    async function stolen(): Promise<{ owner: string; away: string; thief: Session; undo: string }> {
      const [owner, away] = [fresh(), fresh()];
      const session = await visitors.signUp(owner);
      // First a password of his own, then the address.
      const set = await otpost.api.post('/v1/me/password', { newPassword: PASSWORD }, bearer(session.accessToken));
      expect(set.status).toBe(204);
      clock.advance(1);
      const { body } = await otpost.api.post<never>('/v1/me/email', { email: away }, bearer(session.accessToken));
      const { body: thief } = await visitors.verify(body, await visitors.codeOf(body), {}, bearer(session.accessToken));
      const notice = await eventually(
        () => visitors.mailsTo(owner).find(({ mail }) => mail.text?.includes('/l/undo/')),
        'the notice to the former address',
      );
      return { owner, away, thief, undo: /\/l\/undo\/[\w-]{22}/.exec(notice.mail.text!)![0] };
    }

    const press = (path: string) =>
      fetch(otpost.api.url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      });

    it('leaves the thief no password either, though he set it before', async () => {
      const { owner, away, thief, undo } = await stolen();
      expect((await press(undo)).status).toBe(200);
      expect(await emailOf(thief)).toBe(owner);
      for (const email of [owner, away]) expect((await visitors.signInByPassword(email, PASSWORD)).status).toBe(401);
      expect((await otpost.api.get('/v1/me', thief.accessToken)).status).toBe(401);
    });

    it('is told to the former address when the account is deleted instead', async () => {
      const { owner, thief } = await stolen();
      const before = visitors.mailsTo(owner).length;
      expect((await otpost.api.send('DELETE', '/v1/me', bearer(thief.accessToken))).status).toBe(204);
      const mails = await sink.waitForMailTo(owner, before + 1);
      expect(mails.at(-1)!.mail.subject).toMatch(/deleted/i);
    });
  });
});

describe('changing one’s password', () => {
  it('over and over is within the limits of mail to the address', async () => {
    const sink = await SmtpSink.start();
    const otpost = await startOtpost({ MAIL_TRANSPORTS: sink.url, LIMIT_DESTINATION: '4/15min' });
    try {
      const visitors = new Visitors(otpost, sink);
      const { accessToken } = await visitors.signUp('maria@example.com');
      const answers: number[] = [];
      for (const word of ['one', 'two', 'three', 'four', 'five']) {
        answers.push(
          (await otpost.api.post('/v1/me/password', { newPassword: `${PASSWORD} ${word}` }, bearer(accessToken)))
            .status,
        );
      }
      expect(answers).toEqual([204, 204, 204, 204, 429]); // what a stranger asked to sign up is counted apart
    } finally {
      await otpost.stop();
      await sink.stop();
    }
  });
});
