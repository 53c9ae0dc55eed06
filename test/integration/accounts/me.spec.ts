import { AccountHolders, type Holder, PASSWORD } from '../../support/service/account-holders.js';
import type { IssuedBody, ProblemBody } from '../../support/service/api.js';
import { HeldClock, type Otpost, startOtpost } from '../../support/service/otpost.js';
import { codeIn, SmtpSink } from '../../support/smtp/smtp-sink.js';

const ANOTHER = 'quite another battery';
/** Seconds after which a proof is not fresh any more. */
const STALE = 600;

describe('one’s own account', () => {
  let sink: SmtpSink;
  let clock: HeldClock;
  let otpost: Otpost;
  let people: AccountHolders;

  beforeAll(async () => {
    sink = await SmtpSink.start();
    clock = new HeldClock();
    otpost = await startOtpost({ MAIL_TRANSPORTS: sink.url, MAIL_FROM: 'Acme Mail <no-reply@acme.example>' }, clock);
    people = new AccountHolders(otpost, sink, 'mary');
  });
  afterAll(async () => {
    await otpost.stop();
    await sink.stop();
  });

  const alive = async (person: Holder) => {
    const { status } = await people.ask('GET', '/v1/me', person);
    expect([200, 401]).toContain(status);
    return status === 200;
  };
  const setPassword = (person: Holder, newPassword: string, currentPassword?: string) =>
    people.ask('POST', '/v1/me/password', person, { newPassword, currentPassword });
  const refused = ({ status, body }: { status: number; body: ProblemBody }) => [status, body.code];

  async function reauthenticate(person: Holder): Promise<Holder> {
    const before = people.mailsTo(person.account.email).length;
    const { body } = await people.ask<IssuedBody>('POST', '/v1/otp', person, { purpose: 'reauthenticate' });
    const mails = await sink.waitForMailTo(person.account.email, before + 1);
    const answer = await people.ask<Holder>('POST', `/v1/otp/${body.challenge.id}/verify`, person, {
      code: codeIn(mails[before]!.mail.text),
    });
    expect(answer.status).toBe(200);
    return answer.body;
  }

  describe('described', () => {
    it('changes its name and language, and keeps what is left out', async () => {
      const person = await people.signUp({ name: 'Mary' });
      expect((await people.ask('PATCH', '/v1/me', person, { locale: 'de-AT' })).body).toEqual({
        ...person.account,
        locale: 'de-AT',
      });
      expect((await people.ask('PATCH', '/v1/me', person, { name: null })).body).toEqual({
        ...person.account,
        name: null,
        locale: 'de-AT',
      });
      expect((await people.ask('PATCH', '/v1/me', person, {})).body).toEqual({
        ...person.account,
        name: null,
        locale: 'de-AT',
      });
    });

    it.each([
      { name: '' },
      { name: 'x'.repeat(101) },
      { name: 'a\nb' },
      { locale: 'no language' },
      { role: 'admin' },
      { email: 'mary@example.org' },
      { passwordHash: 'x' },
    ])('is not changed by %j', async (body) => {
      const person = await people.signUp();
      expect((await people.ask('PATCH', '/v1/me', person, body)).status).toBe(422);
      expect((await people.ask('GET', '/v1/me', person)).body).toEqual(person.account);
    });
  });

  describe('given a password', () => {
    it('that is its first one, soon after a code: other sessions end, and the owner is told', async () => {
      const other = await people.signUp();
      const { email, id } = other.account;
      const person = await people.signUp({ email });
      expect((await setPassword(person, PASSWORD)).status).toBe(204);
      expect([await alive(other), await alive(person)]).toEqual([false, true]);
      expect((await people.ask('GET', '/v1/me', person)).body).toMatchObject({ hasPassword: true });
      expect(await people.noticesFor(email)).toEqual(['notice-password-set']);
      expect(await people.auditOf(id)).toContain('password.set done');
      await people.signedIn(email);
    });

    it('by the current one, however old the session: others end, and the old one is good for nothing', async () => {
      const other = await people.signUp({ password: PASSWORD });
      const { email, id } = other.account;
      const person = await people.signedIn(email, PASSWORD, { 'otpost-device': other.deviceToken });
      clock.advance(STALE);
      expect((await setPassword(person, ANOTHER, PASSWORD)).status).toBe(204);
      expect([await alive(other), await alive(person)]).toEqual([false, true]);
      expect(await people.noticesFor(email)).toEqual(['notice-password-changed']);
      expect(await people.auditOf(id)).toContain('password.changed done');
      expect((await people.signIn(email, PASSWORD)).status).toBe(401);
      await people.signedIn(email, ANOTHER);
    });

    it('not by a code that is older than ten minutes, until another one comes back', async () => {
      const person = await people.signUp();
      clock.advance(STALE);
      expect(refused(await setPassword(person, PASSWORD))).toEqual([403, 'reauthentication_required']);
      expect(await people.noticesFor(person.account.email)).toEqual([]);
      const again = await reauthenticate(person);
      expect((await setPassword(again, PASSWORD)).status).toBe(204);
    });

    it('not because a password signed in a moment ago: it may be a stolen one', async () => {
      const { account, deviceToken } = await people.signUp({ password: PASSWORD });
      const person = await people.signedIn(account.email, PASSWORD, { 'otpost-device': deviceToken });
      expect(refused(await setPassword(person, ANOTHER))).toEqual([403, 'reauthentication_required']);
      clock.advance(1);
      expect((await setPassword(await reauthenticate(person), ANOTHER)).status).toBe(204);
    });

    it('not by a wrong one, which counts like a failed sign-in', async () => {
      const person = await people.signUp({ password: PASSWORD });
      const { email, id } = person.account;
      for (let n = 0; n < 20; n++)
        expect(refused(await setPassword(person, ANOTHER, `wrong ${n}`))).toEqual([403, 'wrong_password']);
      const blocked = await setPassword(person, ANOTHER, PASSWORD);
      expect([...refused(blocked), blocked.headers.get('retry-after')]).toEqual([429, 'too_many_failures', '60']);
      expect((await people.signIn(email, PASSWORD)).status).toBe(429);
      expect(await people.auditOf(id)).toContain('password.refused refused');
      expect(await people.noticesFor(email)).toEqual([]);
      clock.advance(61);
      expect((await setPassword(person, ANOTHER, PASSWORD)).status).toBe(204);
    });

    it.each([
      ['seven77', 'password_too_short'],
      ['x'.repeat(129), 'password_too_long'],
      ['Password123!', 'password_common'],
      ['acme over the hill', undefined],
      ['AcmeMail2026', 'password_contextual'],
      ['lovelace1815', 'password_contextual'],
    ])('of %s: %s, before a try of the current one is spent', async (newPassword, code) => {
      const person = await people.signUp({ name: 'Ada Lovelace' });
      const { status, body } = await setPassword(person, newPassword, 'whatever');
      if (code === undefined) expect(status).toBe(204);
      else
        expect([status, body.errors]).toEqual([
          422,
          [{ field: 'newPassword', code, message: expect.any(String) as string }],
        ]);
      expect(
        await otpost.database.query('SELECT 1 FROM failure_budgets WHERE destination = $1', [person.account.email]),
      ).toEqual([]);
    });

    it('by two sessions at once is given one, and the other session is over', async () => {
      for (let round = 0; round < 4; round++) {
        const first = await people.signUp({ password: PASSWORD });
        const second = await people.signedIn(first.account.email);
        const answers = await Promise.all([
          setPassword(first, `${ANOTHER} first`, PASSWORD),
          setPassword(second, `${ANOTHER} second`, PASSWORD),
        ]);
        expect(answers.map(({ status }) => status).sort()).toEqual([204, 401]);
        const winner = answers[0].status === 204 ? 'first' : 'second';
        await people.signedIn(first.account.email, `${ANOTHER} ${winner}`);
      }
    });
  });

  describe('without its password again', () => {
    it('signs in by code only; other sessions end, and the owner is told', async () => {
      const other = await people.signUp({ password: PASSWORD });
      const { email, id } = other.account;
      const person = await people.signedIn(email, PASSWORD, { 'otpost-device': other.deviceToken });
      expect(refused(await people.ask('DELETE', '/v1/me/password', person))).toEqual([
        403,
        'reauthentication_required',
      ]);
      expect((await people.ask('DELETE', '/v1/me/password', person, { currentPassword: PASSWORD })).status).toBe(204);
      expect([await alive(other), await alive(person)]).toEqual([false, true]);
      expect((await people.ask('GET', '/v1/me', person)).body).toMatchObject({ hasPassword: false });
      expect((await people.signIn(email, PASSWORD)).status).toBe(401);
      expect(await people.noticesFor(email)).toEqual(['notice-password-removed']);
      expect(await people.auditOf(id)).toContain('password.removed done');
    });

    it('is as before when there was none', async () => {
      const person = await people.signUp();
      expect((await people.ask('DELETE', '/v1/me/password', person)).status).toBe(204);
      expect(await people.noticesFor(person.account.email)).toEqual([]);
    });
  });

  describe('deleted', () => {
    const rowsOf = async (id: string) =>
      (
        await otpost.database.query<{ n: number }>(
          'SELECT ((SELECT count(*) FROM accounts WHERE id = $1) + (SELECT count(*) FROM sessions WHERE account_id = $1))::int AS n',
          [id],
        )
      )[0]!.n;

    it('soon after a sign-in: gone with its sessions, the last mail to its address', async () => {
      const first = await people.signUp({ password: PASSWORD });
      const { email, id } = first.account;
      const person = await people.signedIn(email, PASSWORD, { 'otpost-device': first.deviceToken });
      const { status } = await people.ask('DELETE', '/v1/me', person);
      expect([status, await rowsOf(id)]).toEqual([204, 0]);
      expect([await alive(first), await alive(person)]).toEqual([false, false]);
      expect(
        (await otpost.api.post<ProblemBody>('/v1/sessions/refresh', { refreshToken: first.refreshToken })).body.code,
      ).toBe('refresh_invalid');
      expect((await people.signIn(email, PASSWORD)).status).toBe(401);
      expect(await people.auditOf(id)).toContain('account.deleted done');
      const mails = await sink.waitForMailTo(email, 2);
      expect(mails.at(-1)!.mail.subject).toBe('Your Acme Mail account was deleted');
      expect((await people.signUp({ email })).account.id).not.toBe(id);
    });

    it('not by an old session, unless it shows the current password', async () => {
      const person = await people.signUp({ password: PASSWORD });
      clock.advance(STALE);
      expect(refused(await people.ask('DELETE', '/v1/me', person))).toEqual([403, 'reauthentication_required']);
      expect(refused(await people.ask('DELETE', '/v1/me', person, { currentPassword: ANOTHER }))).toEqual([
        403,
        'wrong_password',
      ]);
      expect(await rowsOf(person.account.id)).toBe(2);
      expect((await people.ask('DELETE', '/v1/me', person, { currentPassword: PASSWORD })).status).toBe(204);
      expect(await rowsOf(person.account.id)).toBe(0);
    });

    it('by several calls at once is deleted once, and the others find nobody', async () => {
      for (let round = 0; round < 8; round++) {
        const person = await people.signUp();
        const answers = await Promise.all(Array.from({ length: 12 }, () => people.ask('DELETE', '/v1/me', person)));
        expect(answers.map(({ status }) => status).sort()).toEqual([204, ...Array<number>(11).fill(401)]);
        expect(await people.noticesFor(person.account.email)).toEqual(['notice-account-deleted']);
      }
    });
  });
});
