import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VERSION } from '../../../src/core/process-facts.js';
import { migrate, requireMigrated } from '../../../src/database/migrate.js';
import { compareVersions, MIGRATIONS_FOLDER, readMigrations } from '../../../src/database/schema-history.js';
import { DatabaseChild } from '../../support/database/database-child.js';
import { createEmptyDatabase } from '../../support/database/empty-database.js';
import type { TestDatabase } from '../../support/database/postgres.js';
import { eventually } from '../../support/signals/wait.js';

const NEXT = '20990101000000_next';
const COMPATIBILITY = `INSERT INTO schema_compatibility VALUES ('${NEXT}', '0.1.0');`;

describe('Migrating at boot', () => {
  let database: TestDatabase;
  let folder: string;
  let log: string[];

  beforeEach(async () => {
    database = await createEmptyDatabase();
    folder = mkdtempSync(join(tmpdir(), 'otpost-migrations-'));
    cpSync(MIGRATIONS_FOLDER, folder, { recursive: true });
    log = [];
  });

  afterEach(async () => {
    await database.drop();
    rmSync(folder, { recursive: true });
  });

  const run = () => migrate(database.url, { folder, log: (level, message) => log.push(`${level}: ${message}`) });

  function addMigration(sql: string, name = NEXT): void {
    mkdirSync(join(folder, name), { recursive: true });
    writeFileSync(join(folder, name, 'migration.sql'), sql);
  }

  const history = () =>
    database.query<{ migration_name: string; finished: boolean; rolled_back: boolean; steps: number }>(
      `SELECT migration_name, finished_at IS NOT NULL AS finished, rolled_back_at IS NOT NULL AS rolled_back,
              applied_steps_count AS steps FROM _prisma_migrations ORDER BY started_at`,
    );

  const tables = async () =>
    (await database.query<{ tablename: string }>(`SELECT tablename FROM pg_tables WHERE schemaname = 'public'`)).map(
      ({ tablename }) => tablename,
    );

  it('gives an empty database the schema of this build, recorded as Prisma does, and then has nothing to do', async () => {
    const names = (await readMigrations(MIGRATIONS_FOLDER)).map(({ name }) => name);
    await expect(run()).resolves.toEqual({ applied: names });
    expect(await tables()).toEqual(expect.arrayContaining(['accounts', 'otp_challenges', 'outbound_emails']));
    expect(await history()).toEqual(
      names.map((name) => ({ migration_name: name, finished: true, rolled_back: false, steps: 1 })),
    );
    log = [];
    await expect(run()).resolves.toEqual({ applied: [] });
    expect(log).toEqual([]);
  });

  it('learns from each migration which builds still work on the schema it leaves', async () => {
    await run();
    const rows = await database.query<{ migration: string; oldest_version: string }>(
      'SELECT * FROM schema_compatibility ORDER BY 1',
    );
    expect(rows.map(({ migration }) => migration)).toEqual(
      (await readMigrations(MIGRATIONS_FOLDER)).map(({ name }) => name),
    );
    for (const row of rows) expect(compareVersions(row.oldest_version, VERSION)).toBeLessThanOrEqual(0);
  });

  it.each(['outbound_emails', 'email_events', 'email_terms'])(
    'makes no index of %s in the transaction of another change to it, which would let nobody read it meanwhile',
    async (table) => {
      const since = '20261129'; // few had messages before
      const both = (await readMigrations(MIGRATIONS_FOLDER)).filter(
        ({ name, sql }) => name > since && sql.includes(`ALTER TABLE "${table}"`) && sql.includes(`" ON "${table}"(`),
      );
      expect(both.map(({ name }) => name)).toEqual([]);
    },
  );

  it('is done by one of four processes that start together; the others go on when it is done', async () => {
    const children = [1, 2, 3, 4].map(() => new DatabaseChild('migrate', [database.url, folder]));
    const reports = await Promise.all(children.map(({ report }) => report));
    await Promise.all(children.map((child) => child.end()));
    for (const report of reports) expect(report).toMatchObject({ event: 'done' });
    expect(reports.filter(({ applied }) => applied!.length > 0)).toHaveLength(1);
    expect(await history()).toHaveLength((await readMigrations(folder)).length);
  });

  it('sends a script whole, so that semicolons inside functions and texts are no borders', async () => {
    addMigration(`
      CREATE FUNCTION answer() RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM 1; RETURN 42; END; $$;
      CREATE TABLE kept AS SELECT 'a;b' AS text;
      ${COMPATIBILITY}`);
    await run();
    expect(await database.query('SELECT answer(), text FROM kept')).toEqual([{ answer: 42, text: 'a;b' }]);
  });

  it('keeps nothing of a migration that fails, says why, and waits for an operator', async () => {
    addMigration('CREATE TABLE half (); SELECT * FROM nope;');
    await expect(run()).rejects.toMatchObject({
      name: 'StartupError',
      message: `Migration ${NEXT} failed: relation "nope" does not exist`,
      remedy: expect.stringContaining(`migrate resolve --rolled-back ${NEXT}`) as string,
    });
    expect(await tables()).not.toContain('half');
    await expect(run()).rejects.toMatchObject({
      name: 'StartupError',
      message: expect.stringContaining(`Migration ${NEXT} failed earlier: `) as string,
    });

    // What `prisma migrate resolve --rolled-back` does.
    await database.query('UPDATE _prisma_migrations SET rolled_back_at = now() WHERE migration_name = $1', [NEXT]);
    addMigration(`CREATE TABLE half (); ${COMPATIBILITY}`);
    await expect(run()).resolves.toEqual({ applied: [NEXT] });
  });

  it('applies a migration again whose process was killed before it took effect', async () => {
    await run();
    addMigration(`CREATE TABLE late (); ${COMPATIBILITY}`);
    await beginAndVanish();
    await expect(run()).resolves.toEqual({ applied: [NEXT] });
    expect(await tables()).toContain('late');
    expect(log).toContain(`warn: Migration ${NEXT} was interrupted earlier; it is applied again.`);
  });

  it('does not apply a migration twice whose process was killed after it took effect', async () => {
    await run();
    addMigration(`CREATE TABLE late (); ${COMPATIBILITY}`);
    await database.query('CREATE TABLE late ()');
    await database.query(COMPATIBILITY);
    await beginAndVanish();
    await expect(run()).resolves.toEqual({ applied: [] });
    expect(log).toContain(`warn: Migration ${NEXT} was interrupted earlier; it had taken effect.`);
    await expect(run()).resolves.toEqual({ applied: [] });
  });

  /** Leaves the row of a migration that began and was never heard of again. */
  const beginAndVanish = () =>
    database.query(
      `INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at) VALUES (gen_random_uuid()::text, 'x', $1, now())`,
      [NEXT],
    );

  it('comes out whole when a process is really killed in the middle', async () => {
    await run();
    addMigration(`CREATE TABLE late (); SELECT pg_sleep(1); ${COMPATIBILITY}`);
    const killed = new DatabaseChild('migrate', [database.url, folder]);
    await eventually(async () => (await history()).some(({ finished }) => !finished), 'the script to be running');
    await killed.end('SIGKILL');
    await run();
    expect(await tables()).toContain('late');
    expect(
      (await history()).filter((row) => row.migration_name === NEXT && row.finished && !row.rolled_back),
    ).toHaveLength(1);
    expect(log.filter((line) => line.includes('was interrupted earlier'))).toHaveLength(1);
  });

  it('warns of an applied migration whose text has changed since, and goes on', async () => {
    addMigration(`CREATE TABLE late (); ${COMPATIBILITY}`);
    await run();
    addMigration('-- edited');
    log = [];
    await expect(run()).resolves.toEqual({ applied: [] });
    expect(log).toEqual([`warn: Migration ${NEXT} was applied from another text than the one in this build.`]);
  });

  it("refuses a database that holds someone else's tables", async () => {
    await database.query('CREATE TABLE invoices ()');
    await expect(run()).rejects.toMatchObject({
      name: 'StartupError',
      message: 'The database holds tables that are not of Otpost.',
      remedy: 'Give Otpost a database of its own in DATABASE_URL.',
    });
    expect(await tables()).not.toContain('accounts');
  });

  it('is asked for when MIGRATE_ON_START is off and something is missing', async () => {
    await expect(requireMigrated(database.url)).rejects.toMatchObject({
      name: 'StartupError',
      message: expect.stringContaining('20261121000000_init') as string,
      remedy: expect.stringContaining('migration job') as string,
    });
    await run();
    await expect(requireMigrated(database.url)).resolves.toBeUndefined();
  });
});
