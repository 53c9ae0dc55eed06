import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import argon2 from 'argon2';
import { PLACES, SHARE } from '../../../src/accounts/passwords/hashing.js';
import { Passwords } from '../../../src/accounts/passwords/passwords.js';
import { readSettings } from '../../../src/configuration.js';
import type { Problem } from '../../../src/core/problems.js';
import { createDatabase, type TestDatabase } from '../../support/database/postgres.js';
import type { Answer, Api, IssuedBody, ProblemBody, SignedInBody } from '../../support/service/api.js';
import { OtpostProcess } from '../../support/service/otpost-process.js';
import { eventually } from '../../support/signals/wait.js';
import { TEST_SECRET } from '../../support/service/otpost.js';

/** Half as many again as the line has places. */
const FLOOD = Math.ceil(PLACES * 1.5);
/** Calls that one requester keeps under way: its share of the line is full all the time, and some are sent away. */
const FLOODERS = SHARE + 8;
/**
 * Milliseconds after which a flooder who was told to come back in a second does: it is the line that is flooded, not
 * the socket.
 */
const IMPATIENCE_MS = 20;
/** Sign-ins of somebody else before, during and after a flood. */
const OTHERS = 2;
const PASSWORD = 'correct horse battery staple';
const MIB = 1_024 * 1_024;

describe('a flood of passwords', () => {
  const { settings } = readSettings({ DATABASE_URL: 'postgres://nobody@127.0.0.1/none', APP_SECRET: TEST_SECRET });

  it(`takes the memory of a few: of ${FLOOD} at once from everywhere, ${PLACES} are compared and the others told to come back`, async () => {
    const passwords = new Passwords(settings);
    await passwords.onModuleInit();
    const hash = await passwords.hash(PASSWORD);
    await passwords.verify(hash, 'warm');
    const before = process.memoryUsage.rss();
    let peak = before;
    const sampler = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 5);
    const outcomes = await Promise.allSettled(
      Array.from({ length: FLOOD }, (_, n) => passwords.verify(hash, 'wrong', `requester ${n % 50}`)),
    );
    clearInterval(sampler);
    const refusals = outcomes.filter((outcome) => outcome.status === 'rejected').map(({ reason }) => reason as Problem);
    const grown = (peak - before) / MIB;
    expect(refusals).toHaveLength(FLOOD - PLACES);
    for (const { code, status, headers } of refusals)
      expect([code, status, headers['retry-after']]).toEqual(['busy', 503, '1']);
    // Limits are asked before the line.
    expect(refusals[0]!.toDocument('id')['remedy']).toContain('the limits do count the request');
    expect(grown).toBeLessThan(80); // two hashes are 38
    // The line is empty again.
    expect(await passwords.verify(hash, PASSWORD)).toEqual({ correct: true, rehash: false });
  });

  it('of one requester takes its share of the line, and whoever else comes is compared before most of it', async () => {
    const passwords = new Passwords(settings);
    await passwords.onModuleInit();
    const hash = await passwords.hash(PASSWORD);
    const done: string[] = [];
    const compare = async (requester: string): Promise<void> => {
      await passwords.verify(hash, 'wrong', requester);
      done.push(requester);
    };
    const flood = Promise.allSettled(Array.from({ length: FLOOD }, () => compare('flood')));
    await compare('ada');
    await flood;
    expect(done.filter((requester) => requester === 'flood')).toHaveLength(SHARE);
    // Two were under way, and one was the next.
    expect(done.indexOf('ada')).toBeLessThan(5);
  });
});

describe('a flood of one requester on a path that hashes', () => {
  let database: TestDatabase;
  let service: OtpostProcess;
  let api: Api;
  let number = 0;

  beforeAll(async () => {
    database = await createDatabase();
    service = await OtpostProcess.start({
      DATABASE_URL: database.url,
      APP_SECRET: TEST_SECRET,
      PORT: '0',
      ROLE: 'web',
      LOG_LEVEL: 'info',
      TRUSTED_PROXIES: '1',
    });
    api = await service.api();
    const hash = await argon2.hash(PASSWORD, { memoryCost: 19_456, timeCost: 2, parallelism: 1 });
    for (const name of ['other', 'flooding']) {
      await database.query(
        `INSERT INTO accounts (id, email, email_canonical, email_verified_at, updated_at, password_hash) VALUES (gen_random_uuid(), $1, $1, now(), now(), $2)`,
        [`${name}@example.com`, hash],
      );
    }
  });
  afterAll(async () => {
    await service.stop();
    await database.drop();
  });

  const from = (ip: string) => ({ 'x-forwarded-for': ip });
  const FLOODING = from('203.0.113.9');
  const fresh = () => `nobody${++number}@example.com`;
  const signIn = (email: string, headers: Record<string, string>) =>
    api.post<SignedInBody & ProblemBody>('/v1/sessions', { email, password: PASSWORD }, headers);

  const mib = () =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${service.child.pid}/status`, 'utf8'))![1]) / 1_024;

  /** Once the database has time for it: a machine that is too busy is no part of this. */
  async function signedIn(email: string, headers: Record<string, string>): ReturnType<typeof signIn> {
    return eventually(async () => {
      const answer = await signIn(email, headers);
      return answer.body.code !== 'unavailable' && answer;
    }, 'a sign-in that is judged');
  }

  /** Somebody else, from another network each time. */
  async function others(): Promise<{ memory: number }> {
    const seen = { memory: 0 };
    for (let n = 0; n < OTHERS; n++) {
      const answer = await signedIn('other@example.com', from(`192.0.2.${n}`));
      expect([answer.status, answer.body.code]).toEqual([200, undefined]);
      expect((await api.get('/health/live')).status).toBe(200);
      seen.memory = Math.max(seen.memory, mib());
    }
    return seen;
  }

  /** What each call of the flood does, and what it is answered when it is let into the line. */
  const paths: [string, () => Promise<() => Promise<Answer<ProblemBody>>>, string][] = [
    [
      'POST /v1/sessions',
      async () => () => api.post('/v1/sessions', { email: fresh(), password: 'wrong horse battery' }, FLOODING),
      'invalid_credentials',
    ],
    [
      'POST /v1/accounts with a password',
      async () => () => api.post('/v1/accounts', { email: fresh(), password: 'seventeen green bottles' }, FLOODING),
      '202',
    ],
    [
      'POST /v1/me/email with the current password',
      async () => {
        const { body } = await signedIn('flooding@example.com', from('192.0.2.99'));
        return () =>
          api.post(
            '/v1/me/email',
            { email: fresh(), currentPassword: PASSWORD },
            { ...FLOODING, authorization: `Bearer ${body.accessToken}` },
          );
      },
      '202',
    ],
    [
      'POST /v1/otp/:id/verify with a new password',
      async () => {
        const { body } = await api.post<IssuedBody>(
          '/v1/otp',
          { purpose: 'reset_password', email: 'flooding@example.com' },
          from('192.0.2.98'),
        );
        await database.query('UPDATE otp_challenges SET attempts = max_attempts WHERE id = $1', [body.challenge.id]);
        return () =>
          api.post(
            `/v1/otp/${body.challenge.id}/verify`,
            { code: '000000', newPassword: 'seventeen green bottles' },
            FLOODING,
          );
      },
      'otp_locked',
    ],
    [
      'POST /v1/setup, of a link that is none',
      async () => () =>
        api.post('/v1/setup', { token: 'A'.repeat(43), email: fresh(), password: 'seventeen green bottles' }, FLOODING),
      'setup_link_invalid',
    ],
  ];

  it.each(paths)('leaves the sign-ins of others alone: %s', async (_, prepare, answered) => {
    const call = await prepare();
    const before = await others();
    const outcomes: Record<string, number> = {};
    let over = false;
    const flooder = async (): Promise<void> => {
      while (!over) {
        const { status, body } = await call();
        const outcome = status < 300 ? String(status) : body.code;
        outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
        if (outcome === 'busy') await setTimeout(IMPATIENCE_MS);
      }
    };
    const flood = Promise.all(Array.from({ length: FLOODERS }, flooder));
    // The flood goes on for as long as it takes to answer them: each is answered before it is done, and none is sent
    // away.
    const during = await others().finally(() => (over = true));
    await flood;
    await others();
    expect(outcomes[answered]).toBeGreaterThan(0);
    expect(Object.keys(outcomes).filter((outcome) => ![answered, 'busy', 'unavailable'].includes(outcome))).toEqual([]);
    expect(during.memory - before.memory).toBeLessThan(160);
  });

  it('counts no failure of a password that was not compared', async () => {
    const answers = await eventually(async () => {
      await database.query('DELETE FROM failure_budgets');
      const all = await Promise.all(
        Array.from({ length: FLOOD }, () =>
          api.post<ProblemBody>('/v1/sessions', { email: fresh(), password: 'wrong horse battery' }, FLOODING),
        ),
      );
      return all.every(({ body }) => body.code !== 'unavailable') && all;
    }, 'a flood that the database has time for');
    const compared = answers.filter(({ body }) => body.code === 'invalid_credentials').length;
    const busy = answers.filter(
      ({ status, body, headers }) => status === 503 && body.code === 'busy' && headers.get('retry-after') === '1',
    ).length;
    const [counted] = await database.query<{ n: number }>('SELECT count(*)::int AS n FROM failure_budgets');
    expect([compared + busy, counted!.n]).toEqual([FLOOD, compared]);
    expect(compared).toBeGreaterThanOrEqual(SHARE);
    expect(service.text).not.toContain('nobody');
  });
});
