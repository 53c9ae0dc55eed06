import { createLogger } from '../../../src/core/logger.js';
import { WORKER_NAME } from '../../../src/core/process-facts.js';
import { Semaphore } from '../../../src/core/semaphore.js';
import { PrismaService } from '../../../src/database/prisma.service.js';
import { ConnectionShares } from '../../../src/mail/routing/routes.js';
import { AllOf, DailyQuota, RateLimiter } from '../../../src/mail/routing/rate-limits.js';
import { TIMEOUTS } from '../../../src/mail/transport/timeouts.js';
import { WorkerRegistry } from '../../../src/queue/worker-registry.js';
import { createDatabase, type TestDatabase } from '../../support/database/postgres.js';
import { createApiKey } from '../../support/service/api-key.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';
import { eventually } from '../../support/signals/wait.js';
import { MisbehavingSmtp } from '../../support/smtp/misbehaving-smtp.js';

describe('what bounds a transport', () => {
  let database: TestDatabase;
  let prisma: PrismaService;

  beforeAll(async () => {
    database = await createDatabase();
    prisma = new PrismaService({ url: database.url, poolSize: 10 });
  });
  afterAll(async () => {
    await prisma.$disconnect();
    await database.drop();
  });
  beforeEach(() => database.query('TRUNCATE transport_usage, rate_buckets, workers'));

  it('is a number of messages a day, whoever asks, with a tenth kept for codes', async () => {
    const quotas = [1, 2, 3].map(() => new DailyQuota(prisma, 'gmail', 100));
    const taken = await Promise.all(Array.from({ length: 30 }, (_, n) => quotas[n % 3]!.take('default', 4)));
    expect(taken.reduce((sum, { tokens }) => sum + tokens, 0)).toBe(90);
    const { tokens, retryAfterMs } = await quotas[0]!.take('bulk', 1);
    expect(tokens).toBe(0);
    expect(retryAfterMs).toBeGreaterThan(0);
    expect(retryAfterMs).toBeLessThanOrEqual(24 * 60 * 60_000);
    expect((await quotas[0]!.take('critical', 50)).tokens).toBe(10);
    expect((await quotas[0]!.take('critical', 1)).tokens).toBe(0);
  });

  it('counts what comes back and what goes by fail-over, and begins anew each day', async () => {
    const quota = new DailyQuota(prisma, 'gmail', 10);
    await quota.take('critical', 8);
    await quota.giveBack(3);
    await Promise.all([quota.charge(), quota.charge()]);
    expect(await database.query('SELECT sent FROM transport_usage')).toEqual([{ sent: 7 }]);
    await database.query(`UPDATE transport_usage SET day = day - 1`);
    expect((await quota.take('critical', 20)).tokens).toBe(10);
  });

  it('counts what was sent, and not what a server that was away did not take', async () => {
    const quota = new DailyQuota(prisma, 'gmail', 10);
    await quota.take('critical', 3);
    await quota.notSent();
    expect(await database.query('SELECT sent FROM transport_usage')).toEqual([{ sent: 2 }]);
  });

  it('is rate and quota together: what one refuses costs nothing of the other', async () => {
    const both = new AllOf([
      new RateLimiter(prisma, 'gmail', { count: 600, windowMs: 60_000 }),
      new DailyQuota(prisma, 'gmail', 5),
    ]);
    const { tokens } = await both.take('critical', 20);
    expect(tokens).toBe(5);
    const [bucket] = await database.query<{ tokens: number }>('SELECT tokens FROM rate_buckets');
    expect(bucket!.tokens).toBeGreaterThanOrEqual(60 - 5 - 0.01);
    expect((await both.take('critical', 1)).tokens).toBe(0);
  });

  it('is a number of connections, divided among the workers that are alive', async () => {
    const registry = new WorkerRegistry(prisma);
    const permits = new Semaphore(5);
    const shares = () =>
      new ConnectionShares(
        [{ shared: { total: 5, permits } } as never],
        registry,
        createLogger('silent', 'test'),
      ).refresh();
    await registry.beat(WORKER_NAME, ['default'], true);
    await shares();
    expect(permits.size).toBe(5);
    await registry.beat('another:1', ['default'], true);
    await registry.beat('zzz:1', ['default'], true);
    await shares();
    expect([1, 2]).toContain(permits.size);
    await database.query(
      `UPDATE workers SET heartbeat_at = now() - interval '1 minute' WHERE name <> '${WORKER_NAME}'`,
    );
    await shares();
    expect(permits.size).toBe(5);
  });
});

beforeAll(() => {
  TIMEOUTS.statesMs = 0;
});

const taken = (server: MisbehavingSmtp, to: string, count = 1) =>
  eventually(() => server.taken.filter((address) => address === to).length === count, `${count} mail(s) to ${to}`);

describe('a transport of two', () => {
  let first: MisbehavingSmtp;
  let second: MisbehavingSmtp;
  let otpost: Otpost;

  beforeAll(async () => {
    [first, second] = [await MisbehavingSmtp.start(), await MisbehavingSmtp.start()];
    otpost = await startOtpost({ MAIL_TRANSPORTS: `${first.url}?rate=600/h,${second.url}` });
  });
  afterAll(async () => {
    await otpost.stop();
    await Promise.all([first.stop(), second.stop()]);
  });

  /** Asks for a code that goes by the first way. Answers with the challenge, once the code may be asked for again. */
  async function codeFor(address: string): Promise<string> {
    const { challenge } = await otpost.api.register(address);
    await taken(first, address);
    await eventually(
      async () =>
        (
          await otpost.database.query(`SELECT FROM outbound_emails WHERE to_address = $1 AND status = 'sent'`, [
            address,
          ])
        ).length === 1,
      'the first copy in the record',
    );
    await otpost.database.query("UPDATE otp_challenges SET resend_after = now() - interval '1 minute'");
    return challenge.id;
  }

  it('is avoided by a code that is asked for once more, for the first copy went that way and did not help', async () => {
    const id = await codeFor('ada@example.com');
    const tokens = async () =>
      Number((await otpost.database.query<{ tokens: number }>('SELECT tokens FROM rate_buckets'))[0]!.tokens);
    const before = await tokens();
    expect((await otpost.api.post(`/v1/otp/${id}/resend`, {})).status).toBe(202);
    await taken(second, 'ada@example.com');
    expect(first.taken).toEqual(['ada@example.com']);
    await eventually(async () => (await tokens()) >= before, 'the token of the way that was not taken to come back');
  });

  it('is used all the same when it is the only one left', async () => {
    const id = await codeFor('grace@example.com');
    second.script = { MAIL: '421 4.3.2 shutting down' };
    expect((await otpost.api.post(`/v1/otp/${id}/resend`, {})).status).toBe(202);
    await taken(first, 'grace@example.com', 2);
  });
});

describe('a transport of several', () => {
  let otpost: Otpost | undefined;
  let first: MisbehavingSmtp;
  let second: MisbehavingSmtp;

  beforeEach(async () => {
    first = await MisbehavingSmtp.start();
    second = await MisbehavingSmtp.start();
  });
  afterEach(async () => {
    await otpost?.stop();
    otpost = undefined;
    await first.stop();
    await second.stop();
  });

  it('with a quota loses none of it to a server that refuses the login, nor to one that is away', async () => {
    await first.stop();
    first = await MisbehavingSmtp.start({ AUTH: '535 5.7.8 no' }, ['AUTH PLAIN']);
    otpost = await startOtpost({ MAIL_TRANSPORTS: `smtp://me:pw@127.0.0.1:${first.port}?daily=10` });
    await otpost.api.register('ada@example.com');
    const used = async () =>
      (await otpost!.database.query<{ sent: number }>('SELECT sent FROM transport_usage'))[0]?.sent;
    await eventually(
      async () => (await otpost!.database.query(`SELECT FROM email_events WHERE status = 'deferred'`)).length > 0,
      'the refusal',
    );
    await eventually(async () => (await used()) === 0, 'the quota to be whole again');
  });

  it('that takes over is not flooded by what the first one refuses: other mail than codes waits for its rate', async () => {
    first.script = { RCPT: '550 5.7.1 blocked' };
    otpost = await startOtpost({ MAIL_TRANSPORTS: `${first.url},${second.url}?rate=10/h` });
    const authorization = `Bearer ${await createApiKey(otpost.database.url)}`;
    const four = Array.from({ length: 4 }, (_, n) => ({ to: `guest${n}@example.com`, subject: 'Hi', text: 'Hi' }));
    await otpost.api.post('/v1/emails/batch', four, { authorization });
    // Several may be recorded in one commit, and a second attempt with them.
    await eventually(
      async () =>
        (await otpost!.database.query(`SELECT FROM email_events WHERE status IN ('sent', 'deferred')`)).length >= 4,
      'four attempts',
    );
    expect(second.taken).toHaveLength(1); // of two tokens one is for codes
    await otpost.api.register('code@example.com');
    await taken(second, 'code@example.com');
  });

  it('takes no more side by side than its connections', async () => {
    let open = 0;
    let most = 0;
    first.script = {
      DATA: () => {
        most = Math.max(most, ++open);
        return undefined;
      },
      'after the dot': () => {
        open--;
        return { afterMs: 30, reply: '250 2.0.0 taken' };
      },
    };
    otpost = await startOtpost({ MAIL_TRANSPORTS: `${first.url}?connections=2`, WORKER_CONCURRENCY: 'default:20' });
    const authorization = `Bearer ${await createApiKey(otpost.database.url)}`;
    const to = Array.from({ length: 20 }, (_, n) => `guest${n}@example.com`);
    await Promise.all(
      to.map((address) =>
        otpost!.api.post('/v1/emails', { to: address, subject: 'Hi', text: 'Hi' }, { authorization }),
      ),
    );
    await eventually(() => first.taken.length === 20, 'all of them');
    expect(most).toBeLessThanOrEqual(2);
  });
});
