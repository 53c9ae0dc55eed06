import { HeldClock, type Otpost, startOtpost } from '../../support/service/otpost.js';
import { bearer, Visitors } from '../../support/service/visitors.js';
import { SmtpSink } from '../../support/smtp/smtp-sink.js';

const HIS = 'the attacker knows this';
const HERS = 'seventeen green bottles';

/**
 * Sudhodanan and Paverd, "Pre-hijacked accounts" (USENIX Security 2022): what somebody does before an address’s owner
 * comes.
 */
describe('somebody who registers an address that is not his', () => {
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

  const fresh = (): string => `victim${++number}@example.com`;

  it('with a password and a name, before she does, leaves nothing in her account', async () => {
    const victim = fresh();
    await otpost.api.register(victim, { password: HIS, name: 'Owned' });
    const { account } = await people.signUp(victim, { password: HERS, name: 'Grace' });
    expect(account.name).toBe('Grace');
    expect((await people.signInByPassword(victim, HIS)).status).toBe(401);
    expect((await people.signInByPassword(victim, HERS)).status).toBe(200);
  });

  it('with a password, after she asked and before her code comes back, leaves nothing either', async () => {
    const victim = fresh();
    const own = await otpost.api.register(victim, { name: 'Grace' });
    const attack = await otpost.api.register(victim, { password: HIS, name: 'Owned' });
    expect((await people.verify(own, await people.codeOf(own))).body.account).toMatchObject({
      name: 'Grace',
      hasPassword: false,
    });
    expect((await people.signInByPassword(victim, HIS)).status).toBe(401);
    // Even with the code that she has of him.
    expect((await people.verify(attack, await people.codeOf(attack))).body.code).toBe('otp_consumed');
  });

  it('once she has an account, changes nothing in it, not even with the code', async () => {
    const victim = fresh();
    const { account } = await people.signUp(victim, { password: HERS, name: 'Grace' });
    const attack = await otpost.api.register(victim, { password: HIS, name: 'Owned', locale: 'de' });
    const { body } = await people.verify(attack, await people.codeOf(attack));
    expect(body.account).toEqual(account);
    expect((await people.signInByPassword(victim, HIS)).status).toBe(401);
    expect((await people.signInByPassword(victim, HERS)).status).toBe(200);
  });

  it('gets no text of his into her mail', async () => {
    const victim = fresh();
    const issued = await otpost.api.register(victim, { name: 'Click https://evil.example now' });
    const { mail } = await people.mailOf(issued);
    expect(`${mail.subject} ${mail.text} ${String(mail.html)}`).not.toMatch(/evil|Click/);
  });

  it('as the new address of his own account, does not make her account his', async () => {
    const victim = fresh();
    const attacker = await people.signUp(fresh());
    const { body } = await otpost.api.post<never>('/v1/me/email', { email: victim }, bearer(attacker.accessToken));
    const { mail } = await people.mailOf(body);
    // The mail has no link that would do it: only a code for a page she never saw.
    expect(mail.text!.match(/\/l\/[\w-]{22}\S*/g)!.every((link) => link.endsWith('/not-me'))).toBe(true);
    const { account } = await people.signUp(victim);
    expect(account.id).not.toBe(attacker.account.id);
    expect((await people.verify(body, await people.codeOf(body), {}, bearer(attacker.accessToken))).body.code).toBe(
      'email_taken',
    );
  });

  it('keeps no session in an account whose owner sets a new password', async () => {
    const email = fresh();
    const [, intruder] = [await people.signUp(email), await people.signInByCode(email)];
    const { body } = await people.ask('reset_password', email);
    await people.verify(body, await people.codeOf(body), { newPassword: HERS });
    expect((await otpost.api.get('/v1/me', intruder.accessToken)).status).toBe(401);
    expect((await otpost.api.post('/v1/sessions/refresh', { refreshToken: intruder.refreshToken })).status).toBe(401);
  });
});
