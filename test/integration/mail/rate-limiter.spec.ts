import { PrismaService } from '../../../src/database/prisma.service.js';
import { RateLimiter } from '../../../src/mail/routing/rate-limits.js';
import { createDatabase, type TestDatabase } from '../../support/database/postgres.js';

describe('the rate of a transport', () => {
  let database: TestDatabase;
  let prisma: PrismaService;

  beforeAll(async () => {
    database = await createDatabase();
    prisma = new PrismaService({ url: database.url, poolSize: 10 });
  });
  beforeEach(() => database.query('TRUNCATE rate_buckets'));
  afterAll(async () => {
    await prisma.$disconnect();
    await database.drop();
  });

  /** Two tokens at once, one of them for codes; one comes back in 6 min, which no test waits for. */
  const limiter = () => new RateLimiter(prisma, 'smtp.example.com:587', { count: 10, windowMs: 3_600_000 });
  const age = (seconds: number) =>
    database.query(`UPDATE rate_buckets SET updated_at = updated_at - make_interval(secs => $1)`, [seconds]);

  it('is shared: many workers at once spend no token twice', async () => {
    await limiter().take('critical', 0);
    await database.query('UPDATE rate_buckets SET tokens = 2'); // its capacity
    const granted = await Promise.all(Array.from({ length: 40 }, () => limiter().take('critical', 1)));
    expect(granted.reduce((sum, { tokens }) => sum + tokens, 0)).toBe(2);
  });

  it('keeps its reserve for codes', async () => {
    const bulk = await limiter().take('bulk', 100);
    const critical = await limiter().take('critical', 100);
    expect([bulk.tokens, critical.tokens]).toEqual([1, 1]);
    expect((await limiter().take('bulk', 1)).tokens).toBe(0);
  });

  it('fills again with time, codes first', async () => {
    await limiter().take('critical', 100);
    const empty = await limiter().take('critical', 1);
    expect(empty.tokens).toBe(0);
    expect(empty.retryAfterMs).toBeGreaterThan(300_000);
    await age(400);
    expect((await limiter().take('default', 1)).tokens).toBe(0);
    expect((await limiter().take('critical', 1)).tokens).toBe(1);
  });

  it('never holds more than its burst, however long it rested', async () => {
    await limiter().take('critical', 100);
    await age(86_400);
    expect((await limiter().take('critical', 100)).tokens).toBe(2);
  });

  it('lends to what does not wait, in few statements, and lets those after it wait for the debt', async () => {
    const one = limiter();
    await Promise.all(Array.from({ length: 5 }, () => one.charge()));
    expect(await database.query('SELECT round(tokens)::int AS tokens FROM rate_buckets')).toEqual([{ tokens: -3 }]);
    const { tokens, retryAfterMs } = await one.take('critical', 1);
    expect(tokens).toBe(0);
    expect(retryAfterMs).toBeGreaterThan(3.9 * 360_000); // four tokens
    await age(5 * 360);
    expect((await one.take('critical', 5)).tokens).toBe(2);
    await age(86_400);
    await one.charge();
    expect(await database.query('SELECT round(tokens)::int AS tokens FROM rate_buckets')).toEqual([{ tokens: 1 }]);
  });

  it('takes back what found no message', async () => {
    const { tokens } = await limiter().take('critical', 2);
    await limiter().giveBack(tokens);
    expect((await limiter().take('critical', 2)).tokens).toBe(2);
  });
});
