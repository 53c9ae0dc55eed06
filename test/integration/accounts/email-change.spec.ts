import type { Answer, IssuedBody, ProblemBody } from '../../support/service/api.js';
import { HeldClock, type Otpost, startOtpost } from '../../support/service/otpost.js';
import { bearer, type Session, Visitors } from '../../support/service/visitors.js';
import { SmtpSink } from '../../support/smtp/smtp-sink.js';

const PASSWORD = 'seventeen green bottles';

describe('a change of address', () => {
  let sink: SmtpSink;
  let clock: HeldClock;
  let otpost: Otpost;
  let people: Visitors;
  let number = 0;

  beforeAll(async () => {
    sink = await SmtpSink.start();
    clock = new HeldClock();
    otpost = await startOtpost({ MAIL_TRANSPORTS: sink.url, APP_URL: 'http://localhost:3000' }, clock);
    people = new Visitors(otpost, sink);
  });
  afterAll(async () => {
    await otpost.stop();
    await sink.stop();
  });

  const fresh = (): string => `hedy${++number}@example.com`;
  const ask = (session: Session, email: string, more: object = {}): Promise<Answer<IssuedBody & ProblemBody>> =>
    otpost.api.post('/v1/me/email', { email, ...more }, bearer(session.accessToken));

  async function emailOf(session: Session): Promise<string | undefined> {
    const [row] = await otpost.database.query<{ email: string }>('SELECT email FROM accounts WHERE id = $1', [
      session.account.id,
    ]);
    return row?.email;
  }

  it('happens when the code to the new address comes back from the same session, and both addresses are told', async () => {
    const [before, after] = [fresh(), fresh()];
    const session = await people.signUp(before);
    const { status, body } = await ask(session, after);
    expect([status, body.challenge.purpose]).toEqual([202, 'change_email']);
    expect(await emailOf(session)).toBe(before);
    const changed = await people.verify(body, await people.codeOf(body), {}, bearer(session.accessToken));
    expect([changed.status, changed.body.account.email]).toEqual([200, after]);
    const [, notice] = await sink.waitForMailTo(before, 2);
    expect(notice!.mail.text).toMatch(/http:\/\/localhost:3000\/l\/undo\/[\w-]{22}\b/);
    const toNew = await sink.waitForMailTo(after, 2);
    expect(toNew[1]!.mail.text).not.toContain('/l/undo/');
    expect((await people.signInByCode(after)).account.id).toBe(session.account.id);
  });

  it('ends all other sessions and keeps the one that made it, with new tokens', async () => {
    const email = fresh();
    const [session, other] = [await people.signUp(email), await people.signInByCode(email)];
    const { body } = await ask(session, fresh());
    const changed = await people.verify(body, await people.codeOf(body), {}, bearer(session.accessToken));
    expect((await otpost.api.get('/v1/me', other.accessToken)).status).toBe(401);
    expect((await otpost.api.get('/v1/me', changed.body.accessToken)).status).toBe(200);
    expect((await otpost.api.post('/v1/sessions/refresh', { refreshToken: session.refreshToken })).status).toBe(401);
  });

  it('needs a proof that is not ten minutes old, or the current password', async () => {
    const email = fresh();
    await people.signUp(email, { password: PASSWORD });
    const session = await people.signInByCode(email);
    clock.advance(601);
    const stale = await ask(session, fresh());
    expect([stale.status, stale.body.code]).toEqual([403, 'reauthentication_required']);
    expect((await ask(session, fresh(), { currentPassword: 'wrong and long enough' })).status).toBe(403);
    expect((await ask(session, fresh(), { currentPassword: PASSWORD })).status).toBe(202);
    const again = await people.ask('reauthenticate', undefined, bearer(session.accessToken));
    const fresher = await people.verify(again.body, await people.codeOf(again.body), {}, bearer(session.accessToken));
    expect((await ask(fresher.body, fresh())).status).toBe(202);
  });

  it('is not finished by anybody else: without the session, or with another one, the code opens nothing', async () => {
    const email = fresh();
    const [session, other] = [await people.signUp(email), await people.signInByCode(email)];
    const { body } = await ask(session, fresh());
    const code = await people.codeOf(body);
    expect((await people.verify(body, code)).status).toBe(401);
    expect((await people.verify(body, code, {}, bearer(other.accessToken))).status).toBe(401);
    expect(await emailOf(session)).toBe(email);
    const { mail } = await people.mailOf(body);
    expect(mail.text).not.toMatch(/\/l\/[\w-]{22}(?!\/not-me)\b(?!\/)/);
  });

  it('to an address that is somebody’s gets the same answer, and a mail there that says so', async () => {
    const [mine, free, taken] = [fresh(), fresh(), fresh()];
    const session = await people.signUp(mine);
    const holder = await people.signUp(taken);
    const [toFree, toTaken] = [await ask(session, free), await ask(session, taken)];
    const shape = ({ status, headers, body }: Answer<IssuedBody>) => [
      status,
      [...headers.keys()],
      Object.keys(body.challenge),
      body.challenge.purpose,
      body.delivery,
    ];
    expect(shape(toTaken)).toEqual(shape(toFree));
    const { mail } = await people.mailOf(toTaken.body);
    expect(mail.text).toContain('already has an account');
    expect(mail.text).not.toMatch(/\b\d{6}\b/);
    expect((await people.verify(toTaken.body, '000000', {}, bearer(session.accessToken))).body).toMatchObject({
      code: 'otp_invalid',
      attemptsLeft: 4,
    });
    expect(await emailOf(holder)).toBe(taken);
  });

  it('that two accounts want at the same moment has one winner', async () => {
    for (let round = 0; round < 5; round++) {
      const wanted = fresh();
      const [one, two] = [await people.signUp(fresh()), await people.signUp(fresh())];
      const asked = [await ask(one, wanted), await ask(two, wanted)];
      const codes = [await people.codeOf(asked[0]!.body), await people.codeOf(asked[1]!.body)];
      const answers = await Promise.all(
        [one, two].map((session, i) => people.verify(asked[i]!.body, codes[i]!, {}, bearer(session.accessToken))),
      );
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 410]);
      expect(await otpost.database.query('SELECT 1 FROM accounts WHERE email_canonical = $1', [wanted])).toHaveLength(
        1,
      );
    }
  });

  it('and a registration for one address at the same moment have one winner', async () => {
    for (let round = 0; round < 5; round++) {
      const wanted = fresh();
      const session = await people.signUp(fresh());
      const registering = await otpost.api.register(wanted, { password: PASSWORD, name: 'Eve' });
      const { body } = await ask(session, wanted);
      const codes = [await people.codeOf(registering), await people.codeOf(body)];
      const [registered, changed] = await Promise.all([
        people.verify(registering, codes[0]!),
        people.verify(body, codes[1]!, {}, bearer(session.accessToken)),
      ]);
      const rows = await otpost.database.query<{ id: string; password_hash: string | null }>(
        'SELECT id, password_hash FROM accounts WHERE email_canonical = $1',
        [wanted],
      );
      expect(rows).toHaveLength(1);
      if (changed.status === 200) {
        // The mailbox is one person's: the code signs in to whatever account the address has, and brings no password to
        // it.
        expect(rows[0]).toEqual({ id: session.account.id, password_hash: null });
        expect(registered.status).toBe(200);
      } else {
        expect([changed.status, changed.body.code]).toEqual([409, 'email_taken']);
        expect(rows[0]!.id).toBe(registered.body.account.id);
      }
    }
  });

  it('is refused for what is no address, and costs nothing', async () => {
    const session = await people.signUp(fresh());
    expect((await ask(session, 'nobody')).status).toBe(422);
    expect((await otpost.api.post('/v1/me/email', { email: fresh() })).status).toBe(401);
  });
});
