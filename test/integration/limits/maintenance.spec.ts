import { createLogger } from '../../../src/core/logger.js';
import { PrismaService } from '../../../src/database/prisma.service.js';
import { ScheduledTasks } from '../../../src/database/scheduled-tasks.js';
import { LimitsMaintenance } from '../../../src/limits/limits.module.js';
import { createDatabase, type TestDatabase } from '../../support/database/postgres.js';
import { HeldClock } from '../../support/service/otpost.js';
import { eventually } from '../../support/signals/wait.js';

describe('the scheduled work of limits', () => {
  let database: TestDatabase;
  let prisma: PrismaService;
  let scheduled: ScheduledTasks;

  beforeAll(async () => {
    database = await createDatabase();
    prisma = new PrismaService({ url: database.url, poolSize: 4 });
    scheduled = new ScheduledTasks(prisma, createLogger('silent', 'test'), 'test', {
      lookEvery: 20,
      lease: 15_000,
      renewEvery: 5_000,
    });
  });
  afterAll(async () => {
    await scheduled.stop();
    await prisma.$disconnect();
    await database.drop();
  });

  it('removes windows that are over, and only those', async () => {
    await database.query(`
      INSERT INTO request_limits (key, count, ends_at)
      SELECT 'over:' || n, 1, timestamptz '2026-01-01T00:00:00Z' FROM generate_series(1, 2500) n UNION ALL SELECT 'under way', 1, '2026-01-01T00:00:00.001Z'`);
    await database.query(`
      INSERT INTO requested_destinations (key, destination, ends_at)
      SELECT key, '\\x01', ends_at FROM request_limits WHERE key IN ('over:1', 'under way')`);
    new LimitsMaintenance(scheduled, prisma, new HeldClock(new Date('2026-01-01T00:00:00Z'))).onModuleInit();
    scheduled.onApplicationBootstrap();
    const result = await eventually(async () => {
      const [task] = await database.query<{ last_result: string | null }>(
        `SELECT last_result FROM scheduled_tasks WHERE name = 'limits.windows'`,
      );
      return task?.last_result ?? undefined;
    }, 'the task to have run');
    expect(result).toBe('2500 windows and 1 destinations removed');
    expect(
      await database.query('SELECT key FROM request_limits UNION ALL SELECT key FROM requested_destinations'),
    ).toEqual([{ key: 'under way' }, { key: 'under way' }]);
  });
});
