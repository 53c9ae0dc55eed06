import { createDatabase, type TestDatabase } from '../support/database/postgres.js';
import type { Api, IssuedBody } from '../support/service/api.js';
import { OtpostProcess } from '../support/service/otpost-process.js';
import { TEST_SECRET } from '../support/service/otpost.js';
import { codeFromInbox, verify } from '../support/service/story.js';
import { medianInterval, medianOf } from '../support/signals/intervals.js';

/** Milliseconds within which the times for a known and an unknown address may differ (ASVS 5.0, 6.3.8). */
const EQUIVALENT_MS = 3;
const SAMPLES = { least: 200, step: 200, most: 2_000 };
const PEOPLE = 10;
const PASSWORD = 'seventeen green bottles';

/**
 * Two answers count as equally fast when the 99 % interval of the median difference lies within ±3 ms: a test of
 * equivalence, which cannot pass by having looked too little. Pairs are interleaved, in alternating order, so that
 * whatever else the machine does falls on both.
 */
describe('the time of an answer does not tell who has an account', () => {
  let database: TestDatabase;
  let service: OtpostProcess;
  let api: Api;

  const known = (n: number): string => `known${n % PEOPLE}@example.com`;
  const unknown = (n: number): string => `nobody${n % PEOPLE}@example.com`;

  beforeAll(async () => {
    database = await createDatabase();
    service = await OtpostProcess.start({
      DATABASE_URL: database.url,
      APP_SECRET: TEST_SECRET,
      PORT: '0',
      MAIL_TRANSPORTS: 'capture:',
    });
    api = await service.api();
    for (let n = 0; n < PEOPLE; n++) {
      const issued = await api.register(known(n), { password: PASSWORD });
      await verify(api, issued, (await codeFromInbox(api, known(n), issued)).code);
    }
  });
  afterAll(async () => {
    await service.stop();
    await database.drop();
  });

  async function timed(call: () => Promise<{ status: number }>, status: number): Promise<number> {
    const started = performance.now();
    const answer = await call();
    const took = performance.now() - started;
    expect(answer.status).toBe(status);
    return took;
  }

  /** Looks until the interval is narrow enough, or there is no doubt left. */
  async function expectEquallyFast(
    what: string,
    call: (email: string) => Promise<{ status: number }>,
    status: number,
    before = async (): Promise<unknown> => undefined,
  ): Promise<void> {
    const differences: number[] = [];
    const times: number[] = [];
    for (;;) {
      for (let i = 0; i < SAMPLES.step; i++) {
        const n = differences.length;
        const order = n % 2 === 0 ? [known, unknown] : [unknown, known];
        await before();
        const [first, second] = [
          await timed(() => call(order[0]!(n)), status),
          await timed(() => call(order[1]!(n)), status),
        ];
        differences.push(n % 2 === 0 ? first - second : second - first);
        times.push(first, second);
      }
      const [low, high] = medianInterval(differences, 0.99);
      const within = low > -EQUIVALENT_MS && high < EQUIVALENT_MS;
      if (within || differences.length >= SAMPLES.most) {
        console.log(
          `${what}: known − unknown ${medianOf(differences).toFixed(2)} ms, 99 % interval ${low.toFixed(2)} to ${high.toFixed(2)} ms ` +
            `(${differences.length} pairs, median answer ${medianOf(times).toFixed(1)} ms)`,
        );
        expect({ what, low, high, within }).toMatchObject({ within: true });
        return;
      }
    }
  }

  const forgetFailures = () => database.query('DELETE FROM failure_budgets');
  const post = (path: string, body: object) => api.post(path, body);

  it('of a registration', () => expectEquallyFast('registration', (email) => post('/v1/accounts', { email }), 202));

  it('of a registration with a password', () =>
    expectEquallyFast(
      'registration with a password',
      (email) => post('/v1/accounts', { email, password: PASSWORD, name: 'Eve' }),
      202,
    ));

  it('of a code to sign in', () =>
    expectEquallyFast('code to sign in', (email) => post('/v1/otp', { purpose: 'login', email }), 202));

  it('of a code for a new password', () =>
    expectEquallyFast(
      'code for a new password',
      (email) => post('/v1/otp', { purpose: 'reset_password', email }),
      202,
    ));

  it('of a wrong password', () =>
    expectEquallyFast(
      'wrong password',
      (email) => post('/v1/sessions', { email, password: 'not the one at all' }),
      401,
      forgetFailures,
    ));

  it('of a wrong code', async () => {
    const challenges = new Map<string, IssuedBody>();
    for (let n = 0; n < PEOPLE; n++) {
      for (const email of [known(n), unknown(n)])
        challenges.set(email, (await api.post<IssuedBody>('/v1/otp', { purpose: 'login', email })).body);
    }
    await database.query('UPDATE otp_challenges SET max_attempts = 100000');
    await expectEquallyFast(
      'wrong code',
      (email) => post(`/v1/otp/${challenges.get(email)!.challenge.id}/verify`, { code: '000000' }),
      400,
      forgetFailures,
    );
  });
});
