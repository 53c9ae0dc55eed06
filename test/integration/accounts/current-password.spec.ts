import { AccountHolders, type Holder, PASSWORD } from '../../support/service/account-holders.js';
import type { Answer, ProblemBody } from '../../support/service/api.js';
import { HeldClock, type Otpost, startOtpost } from '../../support/service/otpost.js';
import { SmtpSink } from '../../support/smtp/smtp-sink.js';

/** More in a row than a budget of failures lets through. */
const MANY = 21;

/** What the calls that take a current password have in common. */
describe('the current password', () => {
  let sink: SmtpSink;
  let otpost: Otpost;
  let people: AccountHolders;

  const start = async (limits: Record<string, string> = {}): Promise<void> => {
    sink = await SmtpSink.start();
    otpost = await startOtpost({ MAIL_TRANSPORTS: sink.url, TRUSTED_PROXIES: '1', ...limits }, new HeldClock());
    people = new AccountHolders(otpost, sink, 'barbara');
  };
  afterEach(async () => {
    await otpost.stop();
    await sink.stop();
  });

  const from = (network: number) => ({ 'x-forwarded-for': `192.0.2.${network}` });
  /** Each of them as one call, told by what it does with the password that is shown. */
  const calls: Record<
    string,
    (person: Holder, currentPassword: string, network?: number) => Promise<Answer<ProblemBody>>
  > = {
    'POST /v1/me/email': (person, currentPassword, network = 1) =>
      people.ask('POST', '/v1/me/email', person, { email: people.fresh(), currentPassword }, from(network)),
    'POST /v1/me/password': (person, currentPassword, network = 1) =>
      people.ask('POST', '/v1/me/password', person, { newPassword: PASSWORD, currentPassword }, from(network)),
    'DELETE /v1/me/password': (person, currentPassword, network = 1) =>
      people.ask('DELETE', '/v1/me/password', person, { currentPassword }, from(network)),
    'DELETE /v1/me': (person, currentPassword, network = 1) =>
      people.ask('DELETE', '/v1/me', person, { currentPassword }, from(network)),
  };
  const outcomeOf = ({ status, body }: Answer<ProblemBody>) => (status < 300 ? status : body.code);
  const failures = () => otpost.database.query<{ failures: number }>('SELECT failures FROM failure_budgets');

  it('is no failure where it is right, however often it is shown', async () => {
    await start();
    const person = await people.signUp({ password: PASSWORD });
    for (const call of ['POST /v1/me/email', 'POST /v1/me/password']) {
      for (let time = 0; time < MANY; time++)
        expect(outcomeOf(await calls[call]!(person, PASSWORD))).toBe(call === 'POST /v1/me/email' ? 202 : 204);
      expect(await failures()).toEqual([]);
    }
  });

  it('is no failure where it is right and the request fails for another reason', async () => {
    await start();
    const person = await people.signUp({ password: PASSWORD });
    await otpost.database.query(`UPDATE accounts SET role = 'admin'`);
    for (let time = 0; time < MANY; time++)
      expect(outcomeOf(await calls['DELETE /v1/me']!(person, PASSWORD))).toBe('last_admin');
    expect(await failures()).toEqual([]);
    await otpost.database.query('ALTER TABLE pending_confirmations RENAME TO away');
    for (let time = 0; time < MANY; time++)
      expect((await calls['POST /v1/me/email']!(person, PASSWORD)).status).toBe(500);
    expect(await failures()).toEqual([]);
  });

  it('ends the row of failures that wrong ones began', async () => {
    await start();
    const person = await people.signUp({ password: PASSWORD });
    for (let round = 0; round < 2; round++) {
      for (let time = 0; time < 15; time++)
        expect(outcomeOf(await calls['POST /v1/me/email']!(person, `wrong ${time}`))).toBe('wrong_password');
      expect(await failures()).toEqual([{ failures: 15 }]);
      expect(outcomeOf(await calls['POST /v1/me/email']!(person, PASSWORD))).toBe(202);
      expect(await failures()).toEqual([]);
    }
  });

  it.each(Object.keys(calls))(
    'is compared within the limits of its network only, and counts once for each: %s',
    async (name) => {
      await start({ LIMIT_IP: '3/10min' });
      const person = await people.signUp({ password: PASSWORD }, from(9)); // its registration came from elsewhere
      const call = calls[name]!;
      const outcomes = [];
      for (let time = 0; time < 5; time++) outcomes.push(outcomeOf(await call(person, `wrong ${time}`)));
      expect(outcomes).toEqual([...Array<string>(3).fill('wrong_password'), 'rate_limited', 'rate_limited']);
      expect(await failures()).toEqual([{ failures: 3 }]);
      expect(outcomeOf(await call(person, PASSWORD))).toBe('rate_limited');
      expect(outcomeOf(await call(person, PASSWORD, 2))).toBeLessThan(300);
    },
  );

  it('costs no budget of an address where no proof is shown', async () => {
    await start({ LIMIT_DESTINATION: '1/15min' });
    const person = await people.signUp({ email: 'barbara@example.com', password: PASSWORD });
    await otpost.database.query(`UPDATE sessions SET authenticated_at = authenticated_at - interval '1 hour'`);
    const wanted = { email: 'liskov@example.com' };
    for (let time = 0; time < 3; time++)
      expect(outcomeOf(await people.ask('POST', '/v1/me/email', person, wanted))).toBe('reauthentication_required');
    expect(outcomeOf(await people.ask('POST', '/v1/me/email', person, { ...wanted, currentPassword: PASSWORD }))).toBe(
      202,
    );
  });
});
