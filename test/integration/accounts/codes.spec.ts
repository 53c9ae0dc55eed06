import type { IssuedBody } from '../../support/service/api.js';
import { HeldClock, type Otpost, startOtpost } from '../../support/service/otpost.js';
import { bearer, Visitors } from '../../support/service/visitors.js';
import { SmtpSink } from '../../support/smtp/smtp-sink.js';
import { wrongCode } from '../../support/text/wrong-code.js';

const PASSWORD = 'seventeen green bottles';
const OTHER = 'a wall of paper lanterns';

describe('a code', () => {
  let sink: SmtpSink;
  let clock: HeldClock;
  let otpost: Otpost;
  let people: Visitors;
  let number = 0;

  beforeAll(async () => {
    sink = await SmtpSink.start();
    clock = new HeldClock();
    otpost = await startOtpost({ MAIL_TRANSPORTS: sink.url }, clock);
    people = new Visitors(otpost, sink);
  });
  afterAll(async () => {
    await otpost.stop();
    await sink.stop();
  });

  const fresh = (): string => `joan${++number}@example.com`;

  describe('to sign in', () => {
    it('signs in an account that has no password', async () => {
      const email = fresh();
      const { account } = await people.signUp(email);
      expect((await people.signInByCode(email)).account).toEqual(account);
    });

    it('signs in an account that has one', async () => {
      const email = fresh();
      const { account } = await people.signUp(email, { password: PASSWORD });
      expect((await people.signInByCode(email)).account.id).toBe(account.id);
    });

    it('makes no account', async () => {
      const email = fresh();
      const { body } = await people.ask('login', email);
      const { mail } = await people.mailOf(body);
      expect(mail.text).toContain('no account');
      expect(mail.text).not.toMatch(/\b\d{6}\b/);
      expect(await otpost.database.query('SELECT 1 FROM accounts WHERE email = $1', [email])).toEqual([]);
    });

    it('of an address without an account is never right, not even the one that is sealed', async () => {
      const email = fresh();
      const { body } = await people.ask('login', email);
      // All codes there are would take too long: the hash is set to that of a code we know.
      const { body: known } = await people.ask('login', (await people.signUp(fresh())).account.email);
      const code = await people.codeOf(known);
      await otpost.database.query('UPDATE otp_challenges SET decoy = true WHERE id = $1', [known.challenge.id]);
      expect((await people.verify(known, code)).body).toMatchObject({ code: 'otp_invalid', attemptsLeft: 4 });
      expect((await people.verify(body, '000000')).body).toMatchObject({ code: 'otp_invalid', attemptsLeft: 4 });
    });
  });

  it('to confirm the address signs in and notes when', async () => {
    const email = fresh();
    await people.signUp(email);
    clock.advance(3_600);
    const { body } = await people.ask('verify_email', email);
    const answer = await people.verify(body, await people.codeOf(body));
    expect(answer.status).toBe(200);
    expect(answer.body.account).toMatchObject({ email, emailVerifiedAt: clock.now().toISOString() });
  });

  describe('for a new password', () => {
    it('sets it, ends every session, tells the owner, and signs in', async () => {
      const email = fresh();
      const before = await people.signUp(email, { password: PASSWORD });
      const { body } = await people.ask('reset_password', email);
      const answer = await people.verify(body, await people.codeOf(body), { newPassword: OTHER });
      expect(answer.status).toBe(200);
      expect((await otpost.api.get('/v1/me', before.accessToken)).status).toBe(401);
      expect((await otpost.api.get('/v1/me', answer.body.accessToken)).status).toBe(200);
      expect((await people.signInByPassword(email, PASSWORD)).status).toBe(401);
      expect((await people.signInByPassword(email, OTHER)).status).toBe(200);
      await sink.waitForMailTo(email, 3);
      expect(
        people
          .mailsTo(email)
          .some(({ mail }) => /password/i.test(mail.subject ?? '') && !mail.subject!.includes('reference')),
      ).toBe(true);
    });

    it('gives a first password to an account that had none', async () => {
      const email = fresh();
      await people.signUp(email);
      const { body } = await people.ask('reset_password', email);
      expect((await people.verify(body, await people.codeOf(body), { newPassword: PASSWORD })).status).toBe(200);
      expect((await people.signInByPassword(email, PASSWORD)).status).toBe(200);
    });

    it('spends no try on a password that is missing or weak', async () => {
      const email = fresh();
      await people.signUp(email);
      const { body } = await people.ask('reset_password', email);
      const code = await people.codeOf(body);
      for (const more of [
        {},
        { newPassword: 'short' },
        { newPassword: 'password1' },
        { newPassword: 'x'.repeat(129) },
        { newPassword: email },
        { newPassword: 7 },
      ]) {
        const answer = await people.verify(body, wrongCode(code), more);
        expect([answer.status, answer.body.errors?.[0]?.field]).toEqual([422, 'newPassword']);
      }
      expect((await people.verify(body, wrongCode(code), { newPassword: PASSWORD })).body.attemptsLeft).toBe(4);
    });

    it('and no other purpose takes a password', async () => {
      const email = fresh();
      await people.signUp(email);
      const { body } = await people.ask('login', email);
      expect((await people.verify(body, await people.codeOf(body), { newPassword: PASSWORD })).status).toBe(422);
    });
  });

  describe('to reauthenticate', () => {
    it('is asked for by somebody who is signed in, without an address', async () => {
      expect((await people.ask('reauthenticate')).status).toBe(401);
      expect((await people.ask('reauthenticate', fresh())).status).toBe(401);
      const { accessToken } = await people.signUp(fresh());
      expect((await people.ask('reauthenticate', fresh(), bearer(accessToken))).status).toBe(422);
    });

    it('gives the session new tokens, and the former refresh token is good for nothing', async () => {
      const { accessToken, refreshToken } = await people.signUp(fresh());
      const { status, body } = await people.ask('reauthenticate', undefined, bearer(accessToken));
      expect(status).toBe(202);
      const answer = await people.verify(body, await people.codeOf(body), {}, bearer(accessToken));
      expect(answer.status).toBe(200);
      expect((await otpost.api.post('/v1/sessions/refresh', { refreshToken })).status).toBe(401);
      expect((await otpost.api.post('/v1/sessions/refresh', { refreshToken: answer.body.refreshToken })).status).toBe(
        200,
      );
    });

    it('is taken from the session that asked and from no other, and costs no try there', async () => {
      const email = fresh();
      const [asking, other] = [await people.signUp(email), await people.signInByCode(email)];
      const { body } = await people.ask('reauthenticate', undefined, bearer(asking.accessToken));
      const code = await people.codeOf(body);
      expect((await people.verify(body, code)).status).toBe(401);
      expect((await people.verify(body, code, {}, bearer(other.accessToken))).status).toBe(401);
      expect((await people.verify(body, code, {}, bearer(asking.accessToken))).status).toBe(200);
    });
  });

  it('for one purpose never works for another, nor for another address', async () => {
    const [email, other] = [fresh(), fresh()];
    await people.signUp(email);
    await people.signUp(other);
    const purposes: [string, object][] = [
      ['login', {}],
      ['verify_email', {}],
      ['reset_password', { newPassword: PASSWORD }],
    ];
    const issued: { body: IssuedBody; more: object; code: string }[] = [];
    for (const address of [email, other]) {
      for (const [purpose, more] of purposes) {
        const { body } = await people.ask(purpose, address);
        issued.push({ body, more, code: await people.codeOf(body) });
      }
    }
    const [mine, ...others] = issued;
    for (const { body, more, code } of others) {
      if (code === mine!.code) continue; // one in a million
      expect((await people.verify(body, mine!.code, more)).body.code).toBe('otp_invalid');
    }
    expect((await people.verify(mine!.body, mine!.code)).status).toBe(200);
  });

  it('that its starter disowned opens nothing and is not sent again', async () => {
    const email = fresh();
    await people.signUp(email);
    const { body } = await people.ask('login', email);
    const code = await people.codeOf(body);
    clock.advance(31);
    expect((await otpost.api.post(`/v1/otp/${body.challenge.id}/disown`, {})).status).toBe(204);
    expect((await people.verify(body, code)).body).toMatchObject({ status: 410, code: 'otp_disowned' });
    expect((await otpost.api.post(`/v1/otp/${body.challenge.id}/resend`, {})).body).toMatchObject({
      code: 'otp_disowned',
    });
    expect((await otpost.api.post(`/v1/otp/${body.challenge.id}/disown`, {})).status).toBe(204);
    expect((await otpost.api.post(`/v1/otp/${'A'.repeat(22)}/disown`, {})).status).toBe(404);
  });

  it.each([
    ['a purpose of its own making', { purpose: 'hack', email: 'ada@example.com' }, 'purpose'],
    ['a purpose that arises elsewhere', { purpose: 'change_email', email: 'ada@example.com' }, 'purpose'],
    ['no address', { purpose: 'login' }, 'email'],
    ['what is no address', { purpose: 'login', email: 'ada' }, 'email'],
  ])('is not sent for %s', async (_, request, field) => {
    const { status, body } = await otpost.api.post<{ errors: { field: string }[] }>('/v1/otp', request);
    expect([status, body.errors[0]!.field]).toEqual([422, field]);
  });
});
