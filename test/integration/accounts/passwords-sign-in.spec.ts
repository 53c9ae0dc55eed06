import argon2 from 'argon2';
import pg from 'pg';
import { AccountHolders, PASSWORD } from '../../support/service/account-holders.js';
import type { ProblemBody } from '../../support/service/api.js';
import { HeldClock, type Otpost, startOtpost } from '../../support/service/otpost.js';
import { eventually } from '../../support/signals/wait.js';
import { SmtpSink } from '../../support/smtp/smtp-sink.js';

describe('signing in with a password', () => {
  let sink: SmtpSink;
  let clock: HeldClock;
  let otpost: Otpost;
  let people: AccountHolders;

  beforeAll(async () => {
    sink = await SmtpSink.start();
    clock = new HeldClock();
    otpost = await startOtpost({ MAIL_TRANSPORTS: sink.url, TRUSTED_PROXIES: '1' }, clock);
    people = new AccountHolders(otpost, sink);
  });
  afterAll(async () => {
    await otpost.stop();
    await sink.stop();
  });

  const hashOf = async (accountId: string) =>
    (
      await otpost.database.query<{ hash: string }>('SELECT password_hash AS hash FROM accounts WHERE id = $1', [
        accountId,
      ])
    )[0]!.hash;

  it('answers as giving a code back does, and leaves the other sessions alone', async () => {
    const first = await people.signUp({ password: PASSWORD });
    expect(first.account).toMatchObject({ hasPassword: true, role: 'user' });
    const second = await people.signedIn(first.account.email);
    expect(Object.keys(second).sort()).toEqual(Object.keys(first).sort());
    expect(second.account).toEqual(first.account);
    for (const person of [first, second]) expect((await people.ask('GET', '/v1/me', person)).status).toBe(200);
  });

  it('takes the address in other letters, and the password in every form of its characters', async () => {
    const { account } = await people.signUp({ password: 'Ångström – ﬁfty ①' });
    for (const form of ['NFC', 'NFD', 'NFKC', 'NFKD'])
      await people.signedIn(account.email.toUpperCase(), 'Ångström – ﬁfty ①'.normalize(form));
  });

  it('looks at all of 128 characters, and at blanks', async () => {
    const long = `${'abcdefghij '.repeat(11)}abcdefg`;
    const { account } = await people.signUp({ password: long });
    await people.signedIn(account.email, long);
    for (const almost of [`${long.slice(0, -1)}G`, long.slice(0, -1), `${long}h`, ` ${long}`]) {
      expect((await people.signIn(account.email, almost)).status).toBe(401);
    }
  });

  it('is refused with one answer for a wrong password, for none at all, and for an address that nobody has', async () => {
    const { account: known } = await people.signUp({ password: PASSWORD });
    const { account: without } = await people.signUp();
    const answers = [
      await people.signIn(known.email, 'wrong horse battery staple'),
      await people.signIn(without.email, PASSWORD),
      await people.signIn(people.fresh(), PASSWORD),
    ];
    const seen = answers.map(({ status, headers, body }) => ({
      status,
      headers: [...headers].filter(([name]) => !['date', 'x-request-id'].includes(name)),
      body: { ...body, requestId: '' },
    }));
    expect(seen[0]!.body).toMatchObject({ status: 401, code: 'invalid_credentials' });
    expect(seen[1]).toEqual(seen[0]);
    expect(seen[2]).toEqual(seen[0]);
    expect(await people.auditOf(known.id)).toContain('session.refused refused');
  });

  it('tells the owner of a device that is not known for the address, and of no other', async () => {
    const { account, deviceToken } = await people.signUp({ password: PASSWORD });
    const stranger = await people.signUp();
    const shown = await people.signedIn(account.email, PASSWORD, { 'otpost-device': deviceToken });
    expect(shown.deviceToken).toBe(deviceToken); // lest its budget begin anew with each sign-in
    expect(await people.noticesFor(account.email)).toEqual([]);
    const added = await people.signedIn(account.email, PASSWORD, { 'otpost-device': stranger.deviceToken });
    expect(await people.noticesFor(account.email)).toEqual(['notice-new-device']);
    await people.signedIn(account.email, PASSWORD, { 'otpost-device': added.deviceToken });
    expect(await people.noticesFor(account.email)).toHaveLength(1);
    expect(await people.auditOf(account.id)).toEqual([
      'account.created done',
      ...Array<string>(4).fill('session.started done'),
    ]);
  });

  it('is blocked after 20 failures in a row for known and unknown addresses alike, but not for a known device', async () => {
    const { account, deviceToken } = await people.signUp({ password: PASSWORD });
    const blocked: unknown[] = [];
    for (const email of [account.email, people.fresh()]) {
      for (let n = 0; n < 20; n++) expect((await people.signIn(email, `wrong ${n}`)).status).toBe(401);
      const { status, headers, body } = await people.signIn(email, PASSWORD);
      blocked.push({ status, retryAfter: headers.get('retry-after'), body: { ...body, requestId: '' } });
    }
    expect(blocked[0]).toMatchObject({ status: 429, retryAfter: '60', body: { code: 'too_many_failures' } });
    expect(blocked[1]).toEqual(blocked[0]);
    expect((await people.signIn(account.email, PASSWORD, { 'otpost-device': deviceToken })).status).toBe(200);
    // Its success ended the row of failures.
    expect((await people.signIn(account.email, 'wrong')).status).toBe(401);
  });

  it('lets no more than 20 wrong ones through when they come at once, from several networks', async () => {
    const { account } = await people.signUp({ password: PASSWORD });
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, n) =>
        people.signIn(account.email, `wrong ${n}`, { 'x-forwarded-for': `192.0.2.${n % 5}` }),
      ),
    );
    const count = (wanted: number) => answers.filter(({ status }) => status === wanted).length;
    expect([count(401), count(429)]).toEqual([20, 40]);
    clock.advance(61);
    await people.signedIn(account.email);
  });

  it('makes a hash anew that is weaker than those of today', async () => {
    const { account } = await people.signUp({ password: PASSWORD });
    const weak = await argon2.hash(PASSWORD, { type: argon2.argon2id, memoryCost: 8_192, timeCost: 2, parallelism: 1 });
    await otpost.database.query('UPDATE accounts SET password_hash = $1 WHERE id = $2', [weak, account.id]);
    expect((await people.signIn(account.email, 'wrong')).status).toBe(401);
    expect(await hashOf(account.id)).toBe(weak);
    await people.signedIn(account.email);
    const strong = await hashOf(account.id);
    expect(strong).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    await people.signedIn(account.email);
    expect(await hashOf(account.id)).toBe(strong);
  });

  it('begins no session when the password is changed while it is compared', async () => {
    const { account } = await people.signUp({ password: PASSWORD });
    const client = new pg.Client({ connectionString: otpost.database.url });
    await client.connect();
    try {
      await client.query('BEGIN');
      await client.query('UPDATE accounts SET password_hash = $1 WHERE id = $2', [
        await argon2.hash('another one'),
        account.id,
      ]);
      const answer = people.signIn(account.email, PASSWORD);
      await eventually(
        async () =>
          (
            await otpost.database.query(
              "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
            )
          ).length > 0,
        'the sign-in to wait for the change',
      );
      await client.query('COMMIT');
      expect((await answer).body).toMatchObject<Partial<ProblemBody>>({ status: 401, code: 'invalid_credentials' });
    } finally {
      await client.end();
    }
    expect(await otpost.database.query('SELECT 1 FROM sessions WHERE account_id = $1', [account.id])).toHaveLength(1);
  });

  it('answers 422 for what cannot be a password', async () => {
    for (const password of ['', 5, null, 'x'.repeat(1_025)]) {
      expect((await otpost.api.post('/v1/sessions', { email: people.fresh(), password })).status).toBe(422);
    }
  });
});

describe('signing in with a password, within limits', () => {
  it('is told to wait beyond them, without a try being counted, while codes still come; a known device has limits of its own', async () => {
    const sink = await SmtpSink.start();
    const otpost = await startOtpost({
      MAIL_TRANSPORTS: sink.url,
      LIMIT_DESTINATION: '3/15min',
      LIMIT_PUBLIC_MAIL: '2/h',
    });
    try {
      const people = new AccountHolders(otpost, sink, 'ada');
      const { account, deviceToken } = await people.signUp({ password: PASSWORD }); // one of two mails there are
      for (const password of ['wrong', 'wrong again', 'wrong for the third time'])
        expect((await people.signIn(account.email, password)).status).toBe(401);
      const { status, headers, body } = await people.signIn(account.email, PASSWORD);
      expect([status, body.code, Number(headers.get('retry-after')) > 0]).toEqual([429, 'rate_limited', true]);
      expect(headers.get('ratelimit')).toMatch(/^"password";r=0/);
      expect(await otpost.database.query('SELECT failures FROM failure_budgets')).toEqual([{ failures: 3 }]);
      const askForCode = (more: Record<string, string> = {}) =>
        otpost.api.post<ProblemBody>('/v1/otp', { purpose: 'login', email: account.email }, more);
      expect((await askForCode()).status).toBe(202);
      expect((await askForCode()).headers.get('ratelimit')).toMatch(/^"public-mail";r=0/);
      expect((await askForCode({ 'otpost-device': deviceToken })).status).toBe(202);
      await people.signedIn(account.email, PASSWORD, { 'otpost-device': deviceToken });
    } finally {
      await otpost.stop();
      await sink.stop();
    }
  });
});
