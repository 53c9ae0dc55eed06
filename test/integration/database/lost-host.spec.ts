import { createLogger } from '../../../src/core/logger.js';
import { databaseWords, isDatabaseAway } from '../../../src/database/database-errors.js';
import { PrismaService } from '../../../src/database/prisma.service.js';
import { ScheduledTasks } from '../../../src/database/scheduled-tasks.js';
import { createDatabase, type TestDatabase } from '../../support/database/postgres.js';
import { StallingProxy } from '../../support/network/stalling-proxy.js';
import { eventually } from '../../support/signals/wait.js';

const TASK = 'a task';

describe('a host that vanishes in the middle of a transaction', () => {
  let database: TestDatabase;
  let proxy: StallingProxy;
  let lost: PrismaService;
  let other: PrismaService;

  beforeAll(async () => {
    database = await createDatabase();
    proxy = await StallingProxy.to(database.url);
    lost = new PrismaService({ url: proxy.through(database.url), poolSize: 1, idleInTransactionMs: 500 });
    other = new PrismaService({ url: database.url, poolSize: 2 });
  });
  afterAll(async () => {
    await Promise.all([lost.$disconnect(), other.$disconnect()]);
    await database.drop();
  });

  it('keeps its locks no longer than a transaction may be silent, and another process takes its work', async () => {
    await database.query('INSERT INTO scheduled_tasks (name) VALUES ($1)', [TASK]);
    const runner = new ScheduledTasks(other, createLogger('silent', 'test'), 'other');
    runner.register({ name: TASK, everyMs: 3_600_000, run: async () => 'taken over' });
    const transaction = lost.$transaction(async (db) => {
      await db.$queryRaw`SELECT name FROM scheduled_tasks FOR UPDATE`;
      proxy.lose(); // Postgres hears nothing more of it, not even that it has gone
      runner.onApplicationBootstrap();
      await eventually(async () => {
        const [row] = await database.query<{ result: string | null }>(
          'SELECT last_result AS result FROM scheduled_tasks',
        );
        return row!.result === 'taken over';
      }, 'another process to take the task');
      await runner.stop();
      await proxy.stop(); // else its client waits for an answer for ten seconds
    });
    expect(isDatabaseAway(await transaction.catch((error: unknown) => error))).toBe(true);
  });

  it('has patience with every transaction that Prisma lets go on, and gives it up soon after', async () => {
    const [{ patience }] = await other.statements.query<[{ patience: string }]>`
      SELECT current_setting('idle_in_transaction_session_timeout') AS patience`;
    expect(patience).toBe('15s');
  });

  it('is told of as that, and not as a fault of ours, where it comes back', async () => {
    const back = new PrismaService({ url: database.url, poolSize: 1, idleInTransactionMs: 100 });
    const error: unknown = await back
      .$transaction(async (db) => {
        const [{ pid }] = await db.$queryRaw<[{ pid: number }]>`SELECT pg_backend_pid() AS pid`;
        await eventually(
          async () => (await database.query('SELECT FROM pg_stat_activity WHERE pid = $1', [pid])).length === 0,
          'Postgres to end its session',
        );
        return db.$queryRaw`SELECT 1`;
      })
      .catch((reason: unknown) => reason);
    await back.$disconnect();
    expect([isDatabaseAway(error), databaseWords(error)]).toEqual([true, 'the connection broke']);
  });
});
