import { type LoadedSettings, loadSettings } from '../config/settings.module.js';
import type { Settings } from '../config/settings.js';
import { StartupError } from '../core/startup-error.js';
import { findEmbeddedPostgres } from '../database/embedded-postgres.js';
import { MIGRATIONS_FOLDER, readMigrations } from '../database/migrations-folder.js';
import { openDatabase } from '../database/open-database.js';
import { PrismaService } from '../database/prisma.service.js';
import { readSchemaHistory } from '../database/schema-history.js';
import { withClient } from '../database/with-client.js';
import type { Terminal } from './command.js';

/** Milliseconds a Postgres may take to answer; somebody is waiting. */
const PATIENCE_MS = 2_000;

/**
 * Gives `work` the database that a start with this environment would use, or the embedded one that Otpost is running on.
 * @throws StartupError when an operator has to act
 */
export async function withDatabase<T>(terminal: Terminal, work: (prisma: PrismaService) => Promise<T>): Promise<T> {
  return withDatabaseUrl(terminal, async (url) => {
    const prisma = new PrismaService({ url, poolSize: 1 });
    try {
      return await work(prisma);
    } finally {
      await prisma.$disconnect();
    }
  });
}

/** The same for those that open it themselves. */
export async function withDatabaseUrl<T>(terminal: Terminal, work: (url: string, loaded: LoadedSettings) => Promise<T>): Promise<T> {
  const loaded = await loadSettings();
  const { settings } = loaded;
  const database = (await findRunning(settings)) ?? (await open(settings, terminal));
  try {
    return await work(database.url, loaded);
  } finally {
    await database.close();
  }
}

interface Database {
  url: string;
  close(): Promise<void>;
}

/** As a start would, migrations included. */
async function open(settings: Settings, terminal: Terminal): Promise<Database> {
  return openDatabase(settings, (_level, message) => terminal.err(message), { patience: PATIENCE_MS });
}

/** The embedded server of an Otpost that is running; its schema is left as it is. */
async function findRunning({ database, dataDir }: Settings): Promise<Database | undefined> {
  if (database.url !== undefined) return undefined;
  const url = await findEmbeddedPostgres(dataDir);
  if (url === undefined) return undefined;
  const migrations = await readMigrations(MIGRATIONS_FOLDER);
  const { pending } = await withClient(url, 'command', (client) => readSchemaHistory(client, migrations));
  if (pending.length > 0) {
    throw new StartupError(`The Otpost that is running on ${dataDir} is of an older build.`, 'Restart it, then try again.');
  }
  return { url, close: async () => undefined };
}
