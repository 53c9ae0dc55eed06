import { createDatabase } from '../../support/database/postgres.js';
import { createApiKey } from '../../support/service/api-key.js';
import type { Answer, IssuedBody, ProblemBody, SignedInBody } from '../../support/service/api.js';
import { DEFAULT_LIMITS } from '../../support/service/limits.js';
import { OtpostProcess } from '../../support/service/otpost-process.js';
import { HeldClock, type Otpost, startOtpost } from '../../support/service/otpost.js';
import { signIn } from '../../support/service/staff.js';
import { eventually } from '../../support/signals/wait.js';

describe('calls that are limited', () => {
  let otpost: Otpost;

  afterEach(() => otpost.stop());

  const start = async (env: Record<string, string>): Promise<void> => {
    otpost = await startOtpost({ ROLE: 'web', ...env }, new HeldClock());
  };
  const register = (email: string, forwardedFor?: string): Promise<Answer<IssuedBody & ProblemBody>> =>
    otpost.api.post('/v1/accounts', { email }, forwardedFor === undefined ? {} : { 'x-forwarded-for': forwardedFor });
  const statuses = async (calls: Promise<Answer<unknown>>[]): Promise<Record<number, number>> => {
    const counted: Record<number, number> = {};
    for (const { status } of await Promise.all(calls)) counted[status] = (counted[status] ?? 0) + 1;
    return counted;
  };
  const mails = async (): Promise<number> =>
    (await otpost.database.query<{ n: number }>('SELECT count(*)::int AS n FROM outbound_emails'))[0]!.n;

  it('are refused with what a client needs to come back in time', async () => {
    await start({ LIMIT_DESTINATION: '1/15min' });
    expect((await register('ada@example.com')).status).toBe(202);
    const { status, headers, body } = await register('ada@example.com');
    expect(status).toBe(429);
    expect(headers.get('retry-after')).toBe('900');
    expect(headers.get('ratelimit-policy')).toBe('"destination";q=1;w=900');
    expect(headers.get('ratelimit')).toBe('"destination";r=0;t=900');
    expect(headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(body).toMatchObject({
      code: 'rate_limited',
      detail: 'Too much was asked for this address.',
      remedy: 'Wait as long as Retry-After says, then try again.',
    });
  });

  it('make one mail for each 202 and none for a 429, however many come at once', async () => {
    await start({ LIMIT_DESTINATION: '5/15min' });
    expect(await statuses(Array.from({ length: 100 }, () => register('ada@example.com')))).toEqual({ 202: 5, 429: 95 });
    expect(await mails()).toBe(5);
  });

  it('are refused alike for an address with an account and one without', async () => {
    await start({ LIMIT_DESTINATION: '1/15min' });
    await otpost.database.query(
      `INSERT INTO accounts (id, email, email_canonical, email_verified_at, updated_at) VALUES (gen_random_uuid(), 'known@example.com', 'known@example.com', now(), now())`,
    );
    const refusals = [];
    for (const email of ['known@example.com', 'unknown@example.com']) {
      expect((await register(email)).status).toBe(202);
      const { status, headers, body } = await register(email);
      const { requestId, ...rest } = body;
      expect(headers.get('x-request-id')).toBe(requestId);
      const told = Object.fromEntries([...headers].filter(([name]) => !['x-request-id', 'date'].includes(name)));
      refusals.push({ status, told, rest: { ...rest } });
    }
    expect(refusals[0]).toEqual(refusals[1]);
  });

  it('leave an address its codes where somebody who is signed in wants it, and give them a few mails to it', async () => {
    await start({ ROLE: 'all', LIMIT_DESTINATION: '5/15min' });
    const owner = await signIn(otpost, 'ada@example.com', 'user');
    const { accessToken } = await signIn(otpost, 'eve@example.com', 'user');
    const wants = async (email: string) =>
      otpost.api.post<IssuedBody>('/v1/me/email', { email }, { authorization: `Bearer ${accessToken}` });
    for (const email of [owner.account.email, 'nobody@example.com']) {
      const { body } = await wants(email);
      await otpost.database.query('UPDATE otp_challenges SET resend_after = created_at WHERE id = $1', [
        body.challenge.id,
      ]);
      const copy = await otpost.api.post(`/v1/otp/${body.challenge.id}/resend`, {});
      const [third, fourth] = [await wants(email), await wants(email)];
      expect([copy, third, fourth].map(({ status }) => status)).toEqual([202, 202, 429]);
      expect(fourth.headers.get('ratelimit-policy')).toBe('"destination";q=3;w=900');
    }
    const codes = await statuses(Array.from({ length: 6 }, () => register(owner.account.email)));
    expect(codes).toEqual({ 202: 4, 429: 2 }); // one of five signed the owner in
  });

  it('leave an address to who wants it for their account, whatever others who are signed in asked for it', async () => {
    await start({ ROLE: 'all', LIMIT_DESTINATION: '5/15min' });
    const [eve, ada] = [
      await signIn(otpost, 'eve@example.com', 'user'),
      await signIn(otpost, 'ada@example.com', 'user'),
    ];
    const wants = async ({ accessToken }: typeof eve) =>
      (await otpost.api.post('/v1/me/email', { email: 'new@example.com' }, { authorization: `Bearer ${accessToken}` }))
        .status;
    const asked = [await wants(eve), await wants(eve), await wants(eve), await wants(eve)];
    expect([asked, await wants(ada)]).toEqual([[202, 202, 202, 429], 202]);
    // All accounts together have a bound as well: it is no way to a flood of mail.
    await otpost.database.query(`UPDATE request_limits SET count = 20 WHERE key LIKE 'new-address:%'`);
    expect(await wants(ada)).toBe(429);
  });

  it('let somebody who is signed in confirm, and set a password, though strangers used up the codes of the address', async () => {
    await start({ ROLE: 'all', LIMIT_DESTINATION: '5/15min' });
    const { accessToken, account } = await signIn(otpost, 'ada@example.com', 'user');
    await statuses(Array.from({ length: 6 }, () => register(account.email)));
    expect((await register(account.email)).status).toBe(429);
    const authorization = { authorization: `Bearer ${accessToken}` };
    const confirm = await otpost.api.post<IssuedBody>('/v1/otp', { purpose: 'reauthenticate' }, authorization);
    await otpost.database.query('UPDATE otp_challenges SET resend_after = created_at');
    const copy = await otpost.api.post(`/v1/otp/${confirm.body.challenge.id}/resend`, {});
    const set = await otpost.api.post('/v1/me/password', { newPassword: 'seventeen green bottles' }, authorization);
    expect([confirm, copy, set].map(({ status }) => status)).toEqual([202, 202, 204]);
    const more = await statuses(
      Array.from({ length: 4 }, () => otpost.api.post('/v1/otp', { purpose: 'reauthenticate' }, authorization)),
    );
    expect(more).toEqual({ 202: 2, 429: 2 }); // of five
  });

  it('are limited without a word in the environment', async () => {
    await start({ ...DEFAULT_LIMITS });
    expect(await statuses(Array.from({ length: 40 }, (_, index) => register(`a${index}@example.com`)))).toEqual({
      202: 20,
      429: 20,
    });
  });

  it('count by the address that a trusted proxy tells, and an IPv6 network as one', async () => {
    await start({ LIMIT_IP: '1/10min', TRUSTED_PROXIES: '1' });
    expect((await register('a@example.com', '203.0.113.1')).status).toBe(202);
    expect((await register('b@example.com', '198.51.100.66, 203.0.113.1')).status).toBe(429);
    expect((await register('c@example.com', '203.0.113.2')).status).toBe(202);
    expect((await register('d@example.com', '2001:db8:1:2::1')).status).toBe(202);
    expect((await register('e@example.com', '2001:db8:1:2:3::1')).status).toBe(429);
  });

  it('are not escaped by a header that anybody can send', async () => {
    await start({ LIMIT_IP: '1/10min' });
    const calls = ['203.0.113.1', '203.0.113.2', '203.0.113.3'].map((address) =>
      register(`a${address}@example.com`, address),
    );
    expect(await statuses(calls)).toEqual({ 202: 1, 429: 2 });
  });

  it('are refused when they cannot be counted', async () => {
    await start({ LIMIT_IP: '20/10min' });
    await otpost.database.query('DROP TABLE request_limits');
    expect((await register('ada@example.com')).status).toBe(500);
    expect(await mails()).toBe(0);
  });

  describe('to refresh a session', () => {
    const IP_LIMIT = { ROLE: 'all', LIMIT_IP: '20/10min', TRUSTED_PROXIES: '1' };
    const refresh = (refreshToken: string, forwardedFor = '203.0.113.1') =>
      otpost.api.post<SignedInBody & ProblemBody>(
        '/v1/sessions/refresh',
        { refreshToken },
        { 'x-forwarded-for': forwardedFor },
      );
    const counts = () =>
      otpost.database.query<{ key: string; count: number }>(
        `SELECT key, count FROM request_limits WHERE key ~ '^(refresh|session):' ORDER BY key`,
      );
    const setCount = (key: string, count: number) =>
      otpost.database.query('UPDATE request_limits SET count = $2 WHERE key LIKE $1', [key, count]);

    it('count by network, also with a token that is none, and have nothing to do with other calls', async () => {
      await start(IP_LIMIT);
      for (let time = 0; time < 3; time++) expect((await refresh('otr_nothing')).status).toBe(401);
      expect(await counts()).toEqual([{ key: 'refresh:203.0.113.1:600000', count: 3 }]);
      await setCount('refresh:%', 599);
      expect((await refresh('otr_nothing')).status).toBe(401);
      const { status, headers, body } = await refresh('otr_nothing');
      expect([status, body.code, body.detail]).toEqual([
        429,
        'rate_limited',
        'Too many refreshes came from your network.',
      ]);
      expect([headers.get('ratelimit-policy'), headers.get('ratelimit'), headers.get('retry-after')]).toEqual([
        '"refresh";q=600;w=600',
        '"refresh";r=0;t=600',
        '600',
      ]);
      expect((await refresh('otr_nothing', '203.0.113.2')).status).toBe(401);
      expect((await register('ada@example.com', '203.0.113.1')).status).toBe(202);
    });

    it('count by session, wherever they come from, and cost a refused one nothing of what its tokens are good for', async () => {
      await start(IP_LIMIT);
      let { refreshToken } = await signIn(otpost, 'ada@example.com');
      ({ refreshToken } = (await refresh(refreshToken)).body);
      await setCount('session:%', 120);
      const { status, headers } = await refresh(refreshToken, '203.0.113.2');
      expect([status, headers.get('ratelimit')]).toEqual([429, '"session";r=0;t=600']);
      expect(await otpost.database.query(`SELECT 1 FROM request_limits WHERE key LIKE 'refresh:203.0.113.2%'`)).toEqual(
        [],
      );
      await setCount('session:%', 119);
      expect((await refresh(refreshToken, '203.0.113.2')).status).toBe(200);
    });

    it('count for no session where the token has ended', async () => {
      await start(IP_LIMIT);
      const { refreshToken } = await signIn(otpost, 'ada@example.com');
      await otpost.database.query(`UPDATE refresh_tokens SET expires_at = created_at`);
      expect((await refresh(refreshToken)).body.code).toBe('refresh_invalid');
      expect((await counts()).map(({ key }) => key)).toEqual(['refresh:203.0.113.1:600000']);
    });

    it('are not limited where networks are not', async () => {
      await start({ LIMIT_IP: 'off' });
      expect((await refresh('otr_nothing')).status).toBe(401);
      expect(await counts()).toEqual([]);
    });
  });

  it('of a back end count by its key', async () => {
    await start({ LIMIT_KEY: '2/min', LIMIT_IP: '1/min' });
    const send = async (key: string): Promise<Answer<unknown>> =>
      otpost.api.post(
        '/v1/emails',
        { to: 'ada@example.com', subject: 'Hello', text: 'Hello' },
        { authorization: `Bearer ${key}` },
      );
    const [one, two] = [await createApiKey(otpost.database.url), await createApiKey(otpost.database.url)];
    expect(await statuses(Array.from({ length: 30 }, () => send(one)))).toEqual({ 202: 2, 429: 28 });
    const refused = await send(one);
    expect(refused.headers.get('ratelimit')).toBe('"key";r=0;t=60');
    expect(await statuses([send(two)])).toEqual({ 202: 1 });
    expect(await mails()).toBe(3);
  });
});

describe('a header X-Forwarded-For that nobody is trusted for', () => {
  it('is told of once, with what to set', async () => {
    const database = await createDatabase();
    const process = new OtpostProcess({
      DATABASE_URL: database.url,
      APP_SECRET: 'a secret of more than thirty-two characters',
      PORT: '0',
      ROLE: 'web',
    });
    try {
      const api = await process.api();
      for (let index = 0; index < 3; index++)
        await api.send('GET', '/health/live', { 'x-forwarded-for': '203.0.113.9' });
      const told = () => process.output.filter((line) => line.includes('TRUSTED_PROXIES'));
      await eventually(() => told().length > 0, 'the warning');
      expect(await process.stop()).toBe(0);
      expect(told()).toHaveLength(1);
      expect(JSON.parse(told()[0]!)).toMatchObject({
        level: 'warn',
        from: '127.0.0.1',
        msg: expect.stringContaining('TRUSTED_PROXIES=1') as string,
      });
    } finally {
      await process.stop('SIGKILL');
      await database.drop();
    }
  });
});
