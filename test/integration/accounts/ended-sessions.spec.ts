import { AccountsMaintenance } from '../../../src/accounts/maintenance.js';
import { readSettings } from '../../../src/configuration.js';
import { PrismaService } from '../../../src/database/prisma.service.js';
import { type ScheduledTask, ScheduledTasks } from '../../../src/database/scheduled-tasks.js';
import { createDatabase, type TestDatabase } from '../../support/database/postgres.js';
import { HeldClock, TEST_SECRET } from '../../support/service/otpost.js';

/** Of each table: as many go on. */
const LIVE = 5_000;
const ENDED = 120;

describe('the removal of sessions that ended', () => {
  let database: TestDatabase;
  let prisma: PrismaService;
  let removal: ScheduledTask;

  beforeAll(async () => {
    database = await createDatabase();
    // One connection, which tells what it read itself.
    prisma = new PrismaService({ url: database.url, poolSize: 1 });
    const { settings } = readSettings({ DATABASE_URL: database.url, APP_SECRET: TEST_SECRET });
    const tasks: ScheduledTask[] = [];
    const registry = { register: (...all: ScheduledTask[]) => void tasks.push(...all) } as unknown as ScheduledTasks;
    new AccountsMaintenance(settings, registry, prisma, new HeldClock()).onModuleInit();
    removal = tasks.find(({ name }) => name === 'accounts.sessions')!;
    await database.query(
      `INSERT INTO accounts (id, email, email_canonical, email_verified_at, updated_at)
       VALUES ('00000000-0000-7000-8000-000000000001', 'x@y.example', 'x@y.example', now(), now())`,
    );
  });
  afterAll(async () => {
    await prisma.$disconnect();
    await database.drop();
  });

  /** Each with a token that ends with it. */
  async function sessions(count: number, { endsInDays }: { endsInDays: number }): Promise<void> {
    await prisma.$executeRaw`
      WITH made AS (
        INSERT INTO sessions (id, account_id, expires_at)
        SELECT gen_random_uuid(), '00000000-0000-7000-8000-000000000001', now() + make_interval(days => ${endsInDays})
        FROM generate_series(1, ${count}) RETURNING id)
      INSERT INTO refresh_tokens (token_hash, session_id, expires_at)
      SELECT sha256(id::text::bytea), id, now() + make_interval(days => ${endsInDays}) FROM made`;
  }

  async function rowsRead(): Promise<number> {
    await prisma.$queryRaw`SELECT pg_stat_force_next_flush()::text`;
    const [row] = await prisma.$queryRaw<{ read: number }[]>`
      SELECT sum(idx_tup_fetch + seq_tup_read)::int AS read FROM pg_stat_user_tables
      WHERE relname IN ('sessions', 'refresh_tokens')`;
    return row!.read;
  }

  const run = () => removal.run(new AbortController().signal);

  it('reads what ended, and not what goes on', async () => {
    await sessions(LIVE, { endsInDays: 60 });
    await sessions(ENDED, { endsInDays: -40 });
    await sessions(ENDED, { endsInDays: -2 });
    await database.query('ANALYZE sessions, refresh_tokens');
    const before = await rowsRead();
    expect(await run()).toBe(`${ENDED} sessions and ${ENDED} refresh tokens removed`);
    expect((await rowsRead()) - before).toBeLessThan(LIVE / 2);
    expect(await run()).toBe('0 sessions and 0 refresh tokens removed');
  });
});
