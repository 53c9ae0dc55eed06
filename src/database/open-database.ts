import type { Settings } from '../config/settings.js';
import { maskUrl } from '../core/mask.js';
import { VERSION } from '../core/process-facts.js';
import { StartupError } from '../core/startup-error.js';
import { isDatabaseAway } from './database-errors.js';
import { type Log, migrate, requireMigrated } from './migrate.js';
import { withClient } from './pool.js';
import { checkCompatibility, MIGRATIONS_FOLDER, readMigrations, readSchemaHistory } from './schema-history.js';
import { unusable, unusableOf } from './unusable-policy.js';
import { retried, START_WITHIN_MS, type Wait } from './waiting.js';

/** A database that answers and has the schema of this build. */
interface OpenedDatabase {
  url: string;
  embedded: boolean;
  /** Stops the embedded server; close all pools first. Nothing to do for a database of one's own. */
  close(): Promise<void>;
}

interface OpenOptions {
  /** Milliseconds an external Postgres, and with MIGRATE_ON_START=off its schema, may take to be there. */
  timeout?: number;
  /** Ends the wait. */
  stopping?: AbortSignal;
}

/**
 * Finds the database, waits for it, and brings its schema up to this build.
 * @throws StartupError when an operator has to act
 */
export async function openDatabase(
  settings: Pick<Settings, 'database' | 'dataDir'>,
  log: Log,
  { timeout = START_WITHIN_MS, stopping }: OpenOptions = {},
): Promise<OpenedDatabase> {
  const { url, migrateOnStart } = settings.database;
  const wait: Wait = { timeout, stopping };
  const database = url === undefined ? await openEmbedded(settings.dataDir) : await openExternal(url, wait, log);
  try {
    await refuseIncompatible(database.url, log);
    if (migrateOnStart) await migrate(database.url, { log });
    else await waitForSchema(database, wait, log);
    return database;
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** A tool of development, which a process with a database of its own does not load. */
async function openEmbedded(dataDir: string): Promise<OpenedDatabase> {
  // oxlint-disable-next-line no-restricted-imports -- loaded late, and by who has no DATABASE_URL alone
  const { startEmbeddedPostgres } = await import('../development/embedded-postgres.js');
  const server = await startEmbeddedPostgres(dataDir);
  return { url: server.url, embedded: true, close: () => server.stop() };
}

async function openExternal(url: string, wait: Wait, log: Log): Promise<OpenedDatabase> {
  await waitForPostgres(url, wait, log);
  return { url, embedded: false, close: async () => undefined };
}

async function refuseIncompatible(url: string, log: Log): Promise<void> {
  const migrations = await readMigrations(MIGRATIONS_FOLDER);
  await withClient(url, 'start', async (client) => {
    const { unknown } = await readSchemaHistory(client, migrations);
    await checkCompatibility(client, unknown, VERSION, log);
  });
}

/**
 * In a deployment Postgres and Otpost often start together, so a server that is not there yet is waited for. A wrong
 * password or an unknown database will not mend itself.
 */
async function waitForPostgres(url: string, wait: Wait, log: Log): Promise<void> {
  await retried(() => withClient(url, 'start', (client) => client.query('SELECT 1')), wait, {
    isWorthWaiting: isDatabaseAway,
    tell: (error) => log('info', `Waiting for PostgreSQL at ${maskUrl(url)}: ${unusableOf(error).message}.`),
    refuse: (error) => unusable(url, error),
  });
}

/**
 * With MIGRATE_ON_START=off another process of the deployment migrates, and may be at it. The embedded database has no
 * other process.
 */
async function waitForSchema({ url, embedded }: OpenedDatabase, wait: Wait, log: Log): Promise<void> {
  await retried(() => requireMigrated(url), wait, {
    isWorthWaiting: (error) => !embedded && error instanceof StartupError,
    tell: (error) => log('info', `Waiting for the migration job: ${unusableOf(error).message}`),
    refuse: (error) => error,
  });
}
