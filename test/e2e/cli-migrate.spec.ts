import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { createEmptyDatabase } from '../support/database/empty-database.js';
import { createDatabase, type TestDatabase } from '../support/database/postgres.js';
import { type Finished, runCli } from '../support/service/cli.js';

const MIGRATIONS = readdirSync(fileURLToPath(new URL('../../prisma/migrations', import.meta.url)), {
  withFileTypes: true,
})
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)
  .sort();
const NEWEST = MIGRATIONS.at(-1)!;

interface Told {
  current: boolean;
  fits: boolean;
  migrations: { name: string; state: string }[];
  applied: string[];
}

describe('otpost migrate', () => {
  const databases: TestDatabase[] = [];
  afterAll(() => Promise.all(databases.map((database) => database.drop())));

  /** The database, to be dropped in the end, and the command on it. */
  function on(database: TestDatabase): { database: TestDatabase; migrate: (...args: string[]) => Promise<Finished> } {
    databases.push(database);
    // A job that migrates is what this setting is for.
    return {
      database,
      migrate: (...args) => runCli(['migrate', ...args], { DATABASE_URL: database.url, MIGRATE_ON_START: 'off' }),
    };
  }

  const told = ({ out }: Finished): Told => JSON.parse(out) as Told;

  it('shows what is pending and changes nothing; applies it; shows that nothing is', async () => {
    const { database, migrate } = on(await createEmptyDatabase());
    const before = await migrate('--status');
    expect([before.code, before.err]).toEqual([
      1,
      `${MIGRATIONS.length} of ${MIGRATIONS.length} are not applied. Apply them with: otpost migrate\n`,
    ]);
    expect(before.out).toMatch(new RegExp(`^${NEWEST} +pending$`, 'm'));
    expect(await database.query(`SELECT to_regclass('accounts') AS accounts`)).toEqual([{ accounts: null }]);
    const applying = await migrate();
    expect([applying.code, applying.out, applying.err.split('\n').filter(Boolean)]).toEqual([
      0,
      '',
      MIGRATIONS.map((name) => `Applied migration ${name}.`),
    ]);
    const [after, again] = await Promise.all([migrate('--status', '--json'), migrate('--json')]);
    expect([after.code, told(after)]).toMatchObject([0, { current: true, fits: true, applied: [] }]);
    expect(told(after).migrations).toEqual(MIGRATIONS.map((name) => ({ name, state: 'applied' })));
    expect([again.code, told(again).applied]).toEqual([0, []]);
  });

  it('of several at once one applies, and all end well', async () => {
    const { migrate } = on(await createEmptyDatabase());
    const jobs = await Promise.all([migrate('--json'), migrate('--json')]);
    expect(jobs.map(({ code }) => code)).toEqual([0, 0]);
    expect(jobs.map((job) => told(job).applied.length).sort()).toEqual([0, MIGRATIONS.length]);
  });

  it('waits for another job, and gives up when it is told to', async () => {
    const { migrate } = on(await createEmptyDatabase());
    expect((await migrate('--wait', '--timeout', '1s')).code).toBe(1);
    const waiting = migrate('--wait', '--json');
    expect((await migrate()).code).toBe(0);
    const waited = await waiting;
    expect([waited.code, told(waited)]).toMatchObject([0, { current: true, applied: [] }]);
  });

  it('waits for a database that is not there yet', async () => {
    const refusing = createServer();
    refusing.listen(0, '127.0.0.1');
    await once(refusing, 'listening');
    const { port } = refusing.address() as AddressInfo;
    refusing.close();
    const away = new URL(process.env['TEST_POSTGRES_URL']!);
    away.port = String(port);
    const { code, err } = await runCli(['migrate', '--wait', '--timeout', '2s'], {
      DATABASE_URL: away.href,
      MIGRATE_ON_START: 'off',
    });
    expect([code, err]).toEqual([1, expect.stringMatching(/^Cannot use the database .*Check that PostgreSQL runs/)]);
    expect(err).not.toContain(away.password || 'no password');
  });

  it('says that a later build was here, and refuses where this one no longer fits', async () => {
    const { database, migrate } = on(await createDatabase());
    const newer = (oldest: string) =>
      database.query(
        `WITH m AS (INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at, applied_steps_count)
           VALUES (gen_random_uuid(), 'x', '29991231000000_newer', now(), 1) ON CONFLICT DO NOTHING)
         INSERT INTO schema_compatibility VALUES ('29991231000000_newer', $1) ON CONFLICT (migration) DO UPDATE SET oldest_version = excluded.oldest_version`,
        [oldest],
      );
    await newer('0.1.0');
    const fits = await migrate('--status', '--json');
    expect([fits.code, told(fits).fits, told(fits).migrations.at(-1)]).toEqual([
      0,
      true,
      { name: '29991231000000_newer', state: 'newer' },
    ]);
    await newer('99.0.0');
    for (const { code, err } of await Promise.all([migrate('--status'), migrate()])) {
      expect([code, err]).toEqual([1, expect.stringContaining('Run version 99.0.0 or newer')]);
    }
  });

  it('is understood or explains itself', async () => {
    const strange = [['--status', '--wait'], ['--timeout', '1s'], ['--now']];
    const [help, ...refused] = await Promise.all([['--help'], ...strange].map((args) => runCli(['migrate', ...args])));
    expect(help!.out).toContain('--wait');
    expect(refused.map(({ code }) => code)).toEqual(strange.map(() => 2));
  });
});
