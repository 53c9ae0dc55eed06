import { setTimeout as delay } from 'node:timers/promises';
import { VERSION } from '../core/process-facts.js';
import { StartupError } from '../core/startup-error.js';
import type { SchemaHistory } from '../database/schema-history.js';
import { time, UsageError } from './arguments.js';
import type { Command } from './command.js';
import { type ExitCode, type Io, Progress } from './io.js';

export function declare(program: Command): void {
  program
    .command('migrate')
    .summary('bring the schema of the database up to this build, or say how it stands')
    .synopsis('[--json]', '--status [--json]', '--wait [--timeout TIME] [--json]')
    .description(
      `Applies the migrations that the database lacks, whatever MIGRATE_ON_START says: for a job that runs before the new build
starts. Any number may run at once: one applies, the others wait for it.`,
    )
    .option('--status', 'change nothing; show each migration and whether it is applied')
    .option('--wait', 'change nothing; wait until another job has applied all, for containers that start beside it')
    .option('--timeout <TIME>', 'how long to wait at most, such as 90s or 10min (the default)', time('--timeout'))
    .option('--json', 'print one document: {version, current, fits, migrations: [{name, state}], applied}')
    .remark(
      `A migration is applied, pending, interrupted (its process was killed), failed, or newer (of a later build).

Exit codes: 0 nothing is pending, 1 something is, or the database cannot be used by this build.`,
    )
    .does(migrate);
}

interface Order {
  status?: true;
  wait?: true;
  /** Milliseconds. */
  timeout?: number;
}

const DEFAULT_TIMEOUT_MS = 10 * 60_000;
/** Milliseconds a database may take to come up that is started beside this job. */
const PATIENCE_MS = 15_000;
const LOOK_EVERY_MS = 500;

interface Schema {
  history: SchemaHistory;
  /** Names of this build's. */
  known: string[];
  /** Why this build cannot run on it. */
  unfit: StartupError | undefined;
}

/** On the database of the settings; the embedded one is started where it does not run. */
async function migrate(io: Io, { status, wait, timeout }: Order): Promise<ExitCode> {
  if (status && wait) throw new UsageError('Either --status or --wait.');
  if (timeout !== undefined && !wait) throw new UsageError('--timeout goes with --wait.');
  const database = await open(io);
  try {
    if (status) return tell(await untilItAnswers(database.url, PATIENCE_MS), [], io);
    if (wait) return tell(await untilApplied(database.url, timeout ?? DEFAULT_TIMEOUT_MS, io), [], io);
    return await apply(database.url, io);
  } finally {
    await database.close();
  }
}

async function open(io: Io): Promise<{ url: string; close(): Promise<void> }> {
  const { settingsOf } = await import('./session.js');
  const { database, dataDir } = (await settingsOf(io)).settings;
  const { findEmbeddedPostgres, startEmbeddedPostgres } = await import('../development/embedded-postgres.js');
  const url = database.url ?? (await findEmbeddedPostgres(dataDir));
  if (url !== undefined) return { url, close: async () => undefined };
  const embedded = await startEmbeddedPostgres(dataDir);
  return { url: embedded.url, close: () => embedded.stop() };
}

async function apply(url: string, io: Io): Promise<ExitCode> {
  const before = await untilItAnswers(url, PATIENCE_MS);
  if (before.unfit) throw before.unfit;
  const { migrate: applyPending } = await import('../database/migrate.js');
  const { applied } = await applyPending(url, { log: (_level, message) => io.err(message) });
  if (!io.json && applied.length === 0) io.err('There was nothing to apply.');
  const after = await look(url);
  if (io.json) return tell(after, applied, io);
  return after.history.pending.length === 0 ? 0 : 1;
}

async function look(url: string): Promise<Schema> {
  const { MIGRATIONS_FOLDER, readMigrations } = await import('../database/schema-history.js');
  const { checkCompatibility } = await import('../database/schema-history.js');
  const { readSchemaHistory } = await import('../database/schema-history.js');
  const { withClient } = await import('../database/pool.js');
  const migrations = await readMigrations(MIGRATIONS_FOLDER);
  return withClient(url, 'migrate', async (client) => {
    const history = await readSchemaHistory(client, migrations);
    const unfit = await checkCompatibility(client, history.unknown, VERSION, () => undefined).then(
      () => undefined,
      (error: unknown) => {
        if (error instanceof StartupError) return error;
        throw error;
      },
    );
    return { history, known: migrations.map(({ name }) => name), unfit };
  });
}

/** @throws StartupError when it does not. */
async function untilItAnswers(url: string, timeout: number): Promise<Schema> {
  const { isDatabaseAway } = await import('../database/database-errors.js');
  const { unusable } = await import('../database/unusable-policy.js');
  const { retried } = await import('../database/waiting.js');
  const refuse = (error: unknown): StartupError => unusable(url, error);
  return retried(() => look(url), { timeout }, { isWorthWaiting: isDatabaseAway, tell: () => undefined, refuse });
}

/** What it finds when the time is over may still lack some. */
async function untilApplied(url: string, timeoutMs: number, io: Io): Promise<Schema> {
  const until = performance.now() + timeoutMs;
  const progress = new Progress(io);
  for (;;) {
    const schema = await untilItAnswers(url, Math.max(0, until - performance.now()));
    const { pending } = schema.history;
    if (pending.length === 0 || schema.unfit || performance.now() > until) {
      progress.end();
      return schema;
    }
    progress.show(`waiting for ${pending.length} of ${schema.known.length} migrations to be applied`);
    await delay(LOOK_EVERY_MS);
  }
}

function tell({ history, known, unfit }: Schema, applied: string[], io: Io): ExitCode {
  const current = history.pending.length === 0;
  const migrations = [...known, ...history.unknown].map((name) => ({ name, state: stateOf(name, history) }));
  if (io.json) io.out(JSON.stringify({ version: VERSION, current, fits: !unfit, migrations, applied }));
  else {
    io.table([['MIGRATION', 'STATE'], ...migrations.map(({ name, state }) => [name, state])]);
    if (!current)
      io.err(`${history.pending.length} of ${known.length} are not applied. Apply them with: otpost migrate`);
    if (history.failed) io.err(`${history.failed.name} failed: ${history.failed.logs.split('\n', 1)[0]}`);
    for (const name of history.edited) io.err(`${name} was applied from another text than the one in this build.`);
  }
  if (unfit) io.err(`${unfit.message} ${unfit.remedy}`);
  return current && !unfit ? 0 : 1;
}

function stateOf(name: string, { pending, unknown, interrupted, failed }: SchemaHistory): string {
  if (failed?.name === name) return 'failed';
  if (interrupted.includes(name)) return 'interrupted';
  if (unknown.includes(name)) return 'newer';
  return pending.includes(name) ? 'pending' : 'applied';
}
