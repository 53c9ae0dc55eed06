import type { Answer, Api, ProblemBody, SignedInBody } from '../../support/service/api.js';
import { HeldClock, type Otpost, startOtpost } from '../../support/service/otpost.js';
import { ask, signIn } from '../../support/service/staff.js';

const PASSWORD = 'correct horse battery staple';

describe('setup', () => {
  let otpost: Otpost;
  let clock: HeldClock;
  let api: Api;

  beforeAll(async () => {
    clock = new HeldClock();
    otpost = await startOtpost({ MAIL_FROM: 'Acme <no-reply@example.com>' }, clock);
    api = otpost.api;
  });
  beforeEach(() =>
    otpost.database.query('TRUNCATE accounts, setup_tokens, audit_events, outbound_emails, failure_budgets CASCADE'),
  );
  afterAll(() => otpost.stop());

  const offered = async (): Promise<string> => (await otpost.process.offerSetup())!;
  const make = (token: string, more: object = {}) =>
    api.post<SignedInBody & ProblemBody & { deviceToken: string }>('/v1/setup', {
      token,
      email: 'ada@example.com',
      ...more,
    });
  const submit = (token: string, fields: Record<string, string>): Promise<Answer<string>> =>
    api.send<string>(
      'POST',
      `/setup/${token}`,
      { 'content-type': 'application/x-www-form-urlencoded' },
      new URLSearchParams(fields).toString(),
    );
  const roles = () =>
    otpost.database.query<{ email: string; role: string }>('SELECT email, role FROM accounts ORDER BY email');

  it('makes the first administrator and signs them in', async () => {
    const { status, body } = await make(await offered(), { name: 'Ada', password: PASSWORD });
    expect(status).toBe(200);
    expect(body.account).toMatchObject({ email: 'ada@example.com', name: 'Ada', role: 'admin', hasPassword: true });
    expect([body.expiresIn, body.refreshToken.slice(0, 4), body.deviceToken.slice(0, 4)]).toEqual([
      900,
      'otr_',
      'otd_',
    ]);
    expect((await ask(otpost, body.accessToken, 'GET', '/v1/audit')).status).toBe(200);
    expect((await api.post('/v1/sessions', { email: 'ada@example.com', password: PASSWORD })).status).toBe(200);
  });

  it('is recorded, with where from, and without address or token', async () => {
    const token = await offered();
    const { body } = await make(token);
    const rows = await otpost.database.query('SELECT * FROM audit_events WHERE target_id = $1 ORDER BY id', [
      body.account.id,
    ]);
    expect(rows[0]).toMatchObject({
      action: 'account.created',
      result: 'done',
      actor_kind: 'operator',
      ip: '127.0.0.1',
      details: { role: 'admin', domain: 'example.com' },
    });
    expect(rows[1]).toMatchObject({ action: 'session.started', actor_kind: 'account', details: { purpose: 'setup' } });
    expect(JSON.stringify(rows)).not.toMatch(new RegExp(`ada@|${token}`));
  });

  it('works once: the link is over as soon as there is an administrator, and no new one is offered', async () => {
    const [token, other] = [await offered(), await offered()];
    expect((await make(token)).status).toBe(200);
    for (const again of [token, other]) {
      const { status, body } = await make(again, { email: 'eve@example.com' });
      expect([status, body.code]).toEqual([404, 'setup_done']);
      expect((await api.get<string>(`/setup/${again}`)).status).toBe(404);
    }
    expect(await otpost.process.offerSetup()).toBeUndefined();
    expect(await roles()).toEqual([{ email: 'ada@example.com', role: 'admin' }]);
  });

  describe('asked again, because the answer was lost', () => {
    const count = async (table: string) =>
      (await otpost.database.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${table}`))[0]!.n;

    it.each([{}, { password: PASSWORD, name: 'Ada' }])(
      'answers the same for a minute, to whoever asks the same: %j',
      async (more) => {
        const token = await offered();
        const first = await make(token, more);
        clock.advance(59);
        const again = await make(token, { ...more, email: 'ADA@example.com' });
        expect([again.status, again.body.account]).toEqual([200, first.body.account]);
        for (const { accessToken } of [first.body, again.body])
          expect((await ask(otpost, accessToken, 'GET', '/v1/audit')).status).toBe(200);
        for (const { refreshToken } of [first.body, again.body])
          expect((await api.post('/v1/sessions/refresh', { refreshToken })).status).toBe(200);
        expect([await count('accounts'), await count('sessions'), await count('outbound_emails')]).toEqual([1, 1, 0]);
        clock.advance(1);
        expect((await make(token, more)).body.code).toBe('setup_done');
      },
    );

    it('answers the same to several at once that ask the same', async () => {
      const token = await offered();
      const answers = await Promise.all(Array.from({ length: 4 }, () => make(token, { password: PASSWORD })));
      expect(answers.map(({ status, body }) => [status, body.account.id])).toEqual(
        Array(4).fill([200, answers[0]!.body.account.id]),
      );
      expect([await count('accounts'), await count('sessions')]).toEqual([1, 1]);
    });

    it('tells whoever asks something else what it tells everybody', async () => {
      const token = await offered();
      expect((await make(token, { password: PASSWORD })).status).toBe(200);
      for (const more of [
        {},
        { email: 'eve@example.com' },
        { email: 'eve@example.com', password: PASSWORD },
        { password: 'wrong horse battery staple' },
      ]) {
        expect((await make(token, more)).body).toMatchObject({ status: 404, code: 'setup_done' });
      }
      expect((await make('A'.repeat(43), { password: PASSWORD })).body.code).toBe('setup_done');
      expect((await make(token, { password: PASSWORD })).status).toBe(200); // it goes on for whoever it belongs to
    });

    it('tells whoever adds a password that was not given', async () => {
      const token = await offered();
      await make(token);
      expect((await make(token, { password: PASSWORD })).body.code).toBe('setup_done');
    });

    it('signs nobody in once the session has ended, or where the page was used', async () => {
      const token = await offered();
      const { body } = await make(token);
      expect((await ask(otpost, body.accessToken, 'DELETE', '/v1/sessions/current')).status).toBe(204);
      expect((await make(token)).body.code).toBe('setup_done');
      await otpost.database.query('TRUNCATE accounts, setup_tokens CASCADE');
      const another = await offered();
      await submit(another, { email: 'ada@example.com' });
      expect((await make(another)).body.code).toBe('setup_done');
    });

    it('mails nobody twice', async () => {
      await signIn(otpost, 'ada@example.com');
      const token = await offered();
      for (let press = 0; press < 2; press++) expect((await make(token, { password: PASSWORD })).status).toBe(200);
      expect(
        await otpost.database.query(`SELECT 1 FROM outbound_emails WHERE template = 'notice-password-set'`),
      ).toHaveLength(1);
    });

    it('shows the page again that the lost answer had', async () => {
      const token = await offered();
      const fields = { email: 'ada@example.com', name: 'Ada', password: PASSWORD };
      const [one, two] = await Promise.all([submit(token, fields), submit(token, fields)]);
      expect([one.status, two.status, two.body]).toEqual([200, 200, one.body]);
      expect((await submit(token, fields)).body).toBe(one.body);
      expect((await submit(token, { ...fields, password: 'wrong horse battery staple' })).status).toBe(404);
      expect([await count('accounts'), await count('sessions')]).toEqual([1, 0]);
    });
  });

  it('is used up even where the administrator it made is gone', async () => {
    const token = await offered();
    await make(token);
    await otpost.database.query('DELETE FROM accounts');
    const { status, body } = await make(token);
    expect([status, body.code]).toEqual([404, 'setup_link_invalid']);
  });

  it('makes one administrator of many at once, with one link or with several', async () => {
    for (const links of [1, 4]) {
      await otpost.database.query('TRUNCATE accounts, setup_tokens CASCADE');
      const tokens = await Promise.all(Array.from({ length: links }, offered));
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, number) =>
          make(tokens[number % links]!, { email: `person${number}@example.com` }),
        ),
      );
      expect([links, answers.filter(({ status }) => status === 200).length]).toEqual([links, 1]);
      expect(
        answers
          .filter(({ status }) => status !== 200)
          .every(({ body }) => ['setup_done', 'setup_link_invalid'].includes(body.code)),
      ).toBe(true);
      expect(await roles()).toHaveLength(1);
    }
  });

  it('raises an account that the address has already, with its name, and sets the password that was given', async () => {
    const { account, accessToken } = await signIn(otpost, 'ada@example.com');
    await otpost.database.query(`UPDATE accounts SET name = 'Countess'`);
    const { body } = await make(await offered(), { email: 'ADA@example.com', name: 'Ada', password: PASSWORD });
    expect(body.account).toMatchObject({
      id: account.id,
      email: 'ada@example.com',
      name: 'Countess',
      role: 'admin',
      hasPassword: true,
    });
    // As after every new password: other sessions end, and the owner is told.
    expect((await ask(otpost, accessToken, 'GET', '/v1/me')).status).toBe(401);
    expect(
      await otpost.database.query(`SELECT 1 FROM outbound_emails WHERE template = 'notice-password-set'`),
    ).toHaveLength(1);
  });

  it('ends 24 hours after the start that printed it', async () => {
    const token = await offered();
    clock.advance(86_399);
    expect((await api.get<string>(`/setup/${token}`)).status).toBe(200);
    clock.advance(1);
    const { status, body } = await make(token);
    expect([status, body.code, (await api.get<string>(`/setup/${token}`)).status]).toEqual([
      404,
      'setup_link_invalid',
      404,
    ]);
    await offered();
    expect(await otpost.database.query('SELECT 1 FROM setup_tokens')).toHaveLength(1);
  });

  it('keeps of a token nothing but its hash', async () => {
    const token = await offered();
    expect(Buffer.from(token, 'base64url')).toHaveLength(32);
    expect(
      JSON.stringify(await otpost.database.query(`SELECT encode(token_hash, 'escape') AS hash, * FROM setup_tokens`)),
    ).not.toContain(token);
  });

  it('uses nothing up where something has to be corrected', async () => {
    const token = await offered();
    const weak = await make(token, { password: 'acme1234' });
    expect([weak.status, weak.body.errors?.[0]?.field]).toEqual([422, 'password']);
    expect((await make(token, { email: 'ada' })).status).toBe(422);
    expect((await make(token)).status).toBe(200);
  });

  it('is within the limits of its network, before anything is looked up or hashed', async () => {
    const limited = await startOtpost({ ROLE: 'web', LIMIT_IP: '2/10min' });
    try {
      const call = () =>
        limited.api.post<ProblemBody>('/v1/setup', { token: 'x', email: 'ada@example.com', password: PASSWORD });
      const codes = [];
      for (let time = 0; time < 3; time++) codes.push((await call()).body.code);
      expect(codes).toEqual(['setup_link_invalid', 'setup_link_invalid', 'rate_limited']);
      const page = await limited.api.send<string>(
        'POST',
        '/setup/x',
        { 'content-type': 'application/x-www-form-urlencoded' },
        'email=ada%40example.com',
      );
      expect([page.status, page.headers.get('content-type'), page.body]).toEqual([
        429,
        'text/html; charset=utf-8',
        expect.stringContaining('That was a lot of tries'),
      ]);
    } finally {
      await limited.stop();
    }
  });

  it('refuses a token that is none, without a look at the password', async () => {
    for (const token of ['x', 'A'.repeat(43)]) {
      const { status, body } = await make(token, { password: 'short' });
      expect([status, body.code]).toEqual([404, 'setup_link_invalid']);
    }
  });

  describe('on its page', () => {
    it('shows a form that opening does not use up, and that takes nothing from elsewhere', async () => {
      const token = await offered();
      for (let times = 1; times <= 2; times++) {
        const { status, headers, body } = await api.get<string>(`/setup/${token}`);
        expect(status).toBe(200);
        expect(body).toContain('Set up Acme');
        expect(body).not.toMatch(/<script(?! src="\/page\.js)/);
        expect(headers.get('content-security-policy')).toContain("default-src 'none'");
        expect([headers.get('referrer-policy'), headers.get('cache-control')]).toEqual(['no-referrer', 'no-store']);
      }
      expect((await api.send('HEAD', `/setup/${token}`, {})).status).toBe(200);
      expect((await make(token)).status).toBe(200);
    });

    it('makes the administrator, and says who it is and what comes next', async () => {
      const { status, body } = await submit(await offered(), { email: ' ada@example.com ', name: '', password: '' });
      expect([status, body]).toEqual([
        200,
        expect.stringContaining('<b>ada@example.com</b> is its administrator and signs in with a code by email.'),
      ]);
      expect(await roles()).toEqual([{ email: 'ada@example.com', role: 'admin' }]);
    });

    it('shows the form again with what is wrong, keeping what was typed but no password, and escapes it', async () => {
      const token = await offered();
      const { status, body } = await submit(token, {
        email: '"><script>alert(1)</script>',
        name: 'Ada <b>',
        password: 'hunter22',
      });
      expect(status).toBe(422);
      expect(body).toContain('That doesn’t look like an email address');
      expect(body).toContain('value="Ada &lt;b&gt;"');
      expect(body).not.toMatch(/<script>|hunter22/);
      const weak = await submit(token, { email: 'ada@example.com', name: '', password: 'short' });
      expect([weak.status, weak.body]).toEqual([422, expect.stringContaining('Use at least 8 characters')]);
      expect((await submit(token, { email: 'ada@example.com', name: '', password: PASSWORD })).body).toContain(
        'the password, or with a code by email',
      );
    });

    it('says that a link is over, whether it is opened or sent', async () => {
      const token = await offered();
      await submit(token, { email: 'ada@example.com' });
      for (const { status, body } of [
        await api.get<string>(`/setup/${token}`),
        await submit(token, { email: 'eve@example.com' }),
        await submit(token, { email: 'eve' }),
      ]) {
        expect([status, body]).toEqual([404, expect.stringContaining('There’s already an administrator')]);
      }
      await otpost.database.query('DELETE FROM accounts');
      expect((await api.get<string>(`/setup/${token}`)).body).toContain('This link doesn’t work');
    });
  });
});
