import type pg from 'pg';
import { StartupError } from '../core/startup-error.js';
import { withClient } from './pool.js';
import { type MigrationEngine, openMigrationEngine } from './schema-engine.js';
import {
  type Migration,
  MIGRATIONS_FOLDER,
  readMigrations,
  readSchemaHistory,
  type SchemaHistory,
} from './schema-history.js';

export type Log = (level: 'info' | 'warn', message: string) => void;

interface MigrateOptions {
  log: Log;
  /** Folder of migrations; prisma/migrations of this build unless given. */
  folder?: string;
}

/** Held by whoever migrates. Not the engine's own lock: that one it takes itself, and waits for it 10 s at most. */
const MIGRATION_LOCK = [0x07b0, 0x0516] as const;
/** Key of the lock the engine holds while a script runs. */
const ENGINE_LOCK = 72_707_369;
const WAIT_FOR_OTHERS_MIN = 15;

/**
 * Brings the schema up to this build, as `prisma migrate deploy` would, and records it in the same table.
 * Any number of processes may start at once: one applies, the others wait for it. When nothing is missing it costs a
 * connection and a query, and the engine is not loaded.
 * @returns names of the migrations this call applied
 * @throws StartupError when a migration failed, now or earlier, or the database holds someone else's tables
 */
export async function migrate(databaseUrl: string, { log, folder }: MigrateOptions): Promise<{ applied: string[] }> {
  const migrations = await readMigrations(folder ?? MIGRATIONS_FOLDER);
  return withClient(databaseUrl, 'migrate', async (client) => {
    const history = await readSchemaHistory(client, migrations);
    for (const name of history.edited) {
      log('warn', `Migration ${name} was applied from another text than the one in this build.`);
    }
    if (history.pending.length === 0) return { applied: [] };
    return { applied: await applyPending(client, databaseUrl, migrations, log) };
  });
}

/**
 * For MIGRATE_ON_START=off.
 * @throws StartupError when this build needs migrations that the database lacks
 */
export async function requireMigrated(databaseUrl: string): Promise<void> {
  const migrations = await readMigrations(MIGRATIONS_FOLDER);
  const { pending } = await withClient(databaseUrl, 'migrate', (client) => readSchemaHistory(client, migrations));
  if (pending.length === 0) return;
  throw new StartupError(
    `The database lacks ${pending.length} of this build's migrations (${shortened(pending)}), and MIGRATE_ON_START is off.`,
    'Run the migration job of this deployment first, or set MIGRATE_ON_START=on.',
  );
}

/** The first, and how many more: a start that waits says it every few seconds. */
function shortened([first, ...more]: readonly string[]): string {
  return more.length === 0 ? first! : `${first} and ${more.length} more`;
}

async function applyPending(
  client: pg.Client,
  databaseUrl: string,
  migrations: Migration[],
  log: Log,
): Promise<string[]> {
  // A lock of the transaction and not of the session, for the sake of poolers; it ends with the connection.
  await client.query('BEGIN');
  try {
    await waitForTurn(client, log);
    const history = await readSchemaHistory(client, migrations);
    if (history.pending.length === 0) return [];
    const engine = await openMigrationEngine(databaseUrl);
    try {
      for (const name of history.interrupted) await settle(client, engine, name, migrations, log);
      const applied = await engine.apply(migrations);
      for (const name of applied) log('info', `Applied migration ${name}.`);
      return applied;
    } finally {
      await engine.close();
    }
  } catch (error) {
    throw await explained(error, databaseUrl, migrations);
  }
}

async function waitForTurn(client: pg.Client, log: Log): Promise<void> {
  await client.query(`SET LOCAL lock_timeout = '${WAIT_FOR_OTHERS_MIN}min'`);
  const { rows } = await client.query<{ free: boolean }>('SELECT pg_try_advisory_xact_lock($1, $2) AS free', [
    ...MIGRATION_LOCK,
  ]);
  if (rows[0]?.free) return;
  log('info', 'Another process is migrating the database; waiting for it.');
  await client.query('SELECT pg_advisory_xact_lock($1, $2)', [...MIGRATION_LOCK]);
}

/**
 * A process was killed between starting a script and recording its end. The script is one transaction whose last
 * statement writes its row in `schema_compatibility`, so that row tells whether it took effect.
 */
async function settle(
  client: pg.Client,
  engine: MigrationEngine,
  name: string,
  migrations: Migration[],
  log: Log,
): Promise<void> {
  // Postgres may still be at work on the script of a process that is gone; it holds this lock until it notices.
  await client.query('SELECT pg_advisory_lock($1)', [ENGINE_LOCK]);
  await client.query('SELECT pg_advisory_unlock($1)', [ENGINE_LOCK]);
  const tookEffect = await hasCompatibilityRow(client, name);
  if (tookEffect) await engine.markApplied(name, migrations);
  else await engine.markRolledBack(name);
  log('warn', `Migration ${name} was interrupted earlier; it ${tookEffect ? 'had taken effect' : 'is applied again'}.`);
}

async function hasCompatibilityRow(client: pg.Client, name: string): Promise<boolean> {
  const { rows } = await client.query<{ present: boolean }>(
    `SELECT to_regclass('schema_compatibility') IS NOT NULL AS present`,
  );
  if (!rows[0]?.present) return false;
  const { rowCount } = await client.query('SELECT 1 FROM schema_compatibility WHERE migration = $1', [name]);
  return rowCount === 1;
}

/** Turns what stopped a migration into something to act on; other faults pass unchanged. */
async function explained(error: unknown, databaseUrl: string, migrations: Migration[]): Promise<unknown> {
  const { code, message } = error as { code?: string; message: string };
  if (code === 'P3005') {
    return new StartupError(
      'The database holds tables that are not of Otpost.',
      'Give Otpost a database of its own in DATABASE_URL.',
      { cause: error },
    );
  }
  if (code === '55P03') {
    return new StartupError(
      `Another process has been migrating the database for more than ${WAIT_FOR_OTHERS_MIN} minutes.`,
      'Look for it in pg_stat_activity (application_name "otpost migrate"), and start again when it is done.',
      { cause: error },
    );
  }
  const failed = await findFailure(databaseUrl, migrations);
  if (!failed) return error;
  return new StartupError(
    `Migration ${failed.name} failed${code === 'P3009' ? ' earlier' : ''}: ${reason(code === 'P3009' ? failed.logs : message)}`,
    `Mend the cause, run "npm run prisma -- migrate resolve --rolled-back ${failed.name}" with this DATABASE_URL, and start again; nothing of the migration was kept.`,
    { cause: error },
  );
}

/** Asked over a new connection: the transaction of the old one may be what failed. */
async function findFailure(databaseUrl: string, migrations: Migration[]): Promise<SchemaHistory['failed']> {
  return withClient(databaseUrl, 'migrate', async (client) => (await readSchemaHistory(client, migrations)).failed);
}

/** The engine's report, without its own stack and heading. */
function reason(report: string): string {
  const lines = report.split('\n').map((line) => line.trim());
  return lines.find((line) => line && line !== 'external connector error') ?? 'no reason was recorded';
}
