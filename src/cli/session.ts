import 'reflect-metadata';
import { Audit, type AuditEntry, type Doer, OPERATOR } from '../audit/audit.js';
import type { Settings } from '../config/settings.js';
import { type LoadedSettings, loadSettings } from '../config/settings.module.js';
import { CONFIGURATION } from '../configuration.js';
import { openKeyring } from '../core/app-secret.js';
import type { Keyring } from '../core/keyring.js';
import { StartupError } from '../core/startup-error.js';
import { DatabaseClock } from '../database/database-clock.js';
import { openDatabase } from '../database/open-database.js';
import { withClient } from '../database/pool.js';
import { PrismaService, Transactions, type UnitOfWork } from '../database/prisma.service.js';
import { MIGRATIONS_FOLDER, readMigrations, readSchemaHistory } from '../database/schema-history.js';
import type { Io } from './io.js';

/** A line in the record of who did what. */
type Done = Pick<AuditEntry, 'action' | 'target' | 'details'>;

/** What a command works with: the settings, the database, and the record of who did what. */
export class Session {
  readonly transactions: Transactions;
  /** On whose behalf the command acts. */
  readonly operator: Doer = OPERATOR;
  private read: Promise<DatabaseClock> | undefined;

  constructor(
    readonly io: Io,
    readonly settings: Settings,
    readonly prisma: PrismaService,
  ) {
    this.transactions = new Transactions(prisma);
  }

  /** That of Postgres. */
  readonly clock = (): Promise<DatabaseClock> => (this.read ??= DatabaseClock.read(this.prisma));

  async audit(): Promise<Audit> {
    return new Audit(this.prisma, await this.clock());
  }

  /** Writes down what the operator did. */
  async record(done: Done, unit?: UnitOfWork): Promise<void> {
    await (await this.audit()).record({ ...done, ...this.operator, result: 'done' }, unit);
  }

  /** Changes and their lines in the record, all or none of them. */
  async transaction<T>(work: (unit: UnitOfWork) => Promise<T>): Promise<T> {
    await this.clock(); // before: inside, its statements would wait for the one connection
    return this.transactions.run(work);
  }

  /** @throws StartupError where there is no secret. */
  keyring(): Promise<Keyring> {
    return openKeyring(this.settings);
  }
}

/** Milliseconds a Postgres may take to answer; somebody is waiting. */
const TIMEOUT_MS = 2_000;

export async function withSession<T>(io: Io, work: (session: Session) => Promise<T>): Promise<T> {
  return withDatabaseUrl(io, async (url, { settings }) => {
    const prisma = new PrismaService({ url, poolSize: 1 });
    try {
      return await work(new Session(io, settings, prisma));
    } finally {
      await prisma.$disconnect();
    }
  });
}

/** The settings of the terminal's environment. @throws StartupError */
export function settingsOf({ terminal }: Io): Promise<LoadedSettings> {
  return loadSettings(CONFIGURATION, terminal.env, terminal.envFile);
}

/** The same database for those that open it themselves. */
export async function withDatabaseUrl<T>(
  io: Io,
  work: (url: string, loaded: LoadedSettings) => Promise<T>,
): Promise<T> {
  const loaded = await settingsOf(io);
  const { settings } = loaded;
  // As a start would open it, migrations included.
  const tell = (_level: string, message: string): void => io.err(message);
  const database = (await findRunning(settings)) ?? (await openDatabase(settings, tell, { timeout: TIMEOUT_MS }));
  try {
    return await work(database.url, loaded);
  } finally {
    await database.close();
  }
}

/** The embedded server of an Otpost that is running; its schema is left as it is. */
async function findRunning({
  database,
  dataDir,
}: Settings): Promise<{ url: string; close(): Promise<void> } | undefined> {
  if (database.url !== undefined) return undefined;
  const { findEmbeddedPostgres } = await import('../development/embedded-postgres.js');
  const url = await findEmbeddedPostgres(dataDir);
  if (url === undefined) return undefined;
  const migrations = await readMigrations(MIGRATIONS_FOLDER);
  const { pending } = await withClient(url, 'command', (client) => readSchemaHistory(client, migrations));
  if (pending.length > 0) {
    throw new StartupError(
      `The Otpost that is running on ${dataDir} is of an older build.`,
      'Restart it, then try again.',
    );
  }
  return { url, close: async () => undefined };
}
