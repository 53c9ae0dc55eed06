import { setTimeout as delay } from 'node:timers/promises';
import { loadSettings } from '../config/settings.module.js';
import type { Settings } from '../config/settings.js';
import { maskUrl } from '../core/mask.js';
import { StartupError } from '../core/startup-error.js';
import { VERSION } from '../core/version.js';
import { isDatabaseAway } from '../database/database-errors.js';
import { findEmbeddedPostgres, startEmbeddedPostgres } from '../database/embedded-postgres.js';
import { migrate } from '../database/migrate.js';
import { MIGRATIONS_FOLDER, readMigrations } from '../database/migrations-folder.js';
import { checkCompatibility } from '../database/schema-compatibility.js';
import { readSchemaHistory, type SchemaHistory } from '../database/schema-history.js';
import { withClient } from '../database/with-client.js';
import type { ExitCode, Terminal } from './command.js';
import { Progress } from './progress.js';
import { printTable } from './table.js';

export interface MigrateOrder {
  mode: 'apply' | 'status' | 'wait';
  timeoutMs: number;
  json: boolean;
}

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

/** As the mode says, on the database of the settings; the embedded one is started where it does not run. */
export async function migrateOrTell(order: MigrateOrder, terminal: Terminal): Promise<ExitCode> {
  const { settings } = await loadSettings();
  const database = await open(settings);
  try {
    switch (order.mode) {
      case 'status':
        return tell(order, await untilItAnswers(database.url, PATIENCE_MS), [], terminal);
      case 'wait':
        return tell(order, await untilApplied(database.url, order.timeoutMs, terminal), [], terminal);
      case 'apply':
        return await apply(order, database.url, terminal);
    }
  } finally {
    await database.close();
  }
}

async function apply(order: MigrateOrder, url: string, terminal: Terminal): Promise<ExitCode> {
  const before = await untilItAnswers(url, PATIENCE_MS);
  if (before.unfit) throw before.unfit;
  const { applied } = await migrate(url, { log: (_level, message) => terminal.err(message) });
  if (!order.json && applied.length === 0) terminal.err('There was nothing to apply.');
  const after = await look(url);
  if (order.json) return tell(order, after, applied, terminal);
  return after.history.pending.length === 0 ? 0 : 1;
}

async function open({ database, dataDir }: Settings): Promise<{ url: string; close(): Promise<void> }> {
  const url = database.url ?? (await findEmbeddedPostgres(dataDir));
  if (url !== undefined) return { url, close: async () => undefined };
  const embedded = await startEmbeddedPostgres(dataDir);
  return { url: embedded.url, close: () => embedded.stop() };
}

async function look(url: string): Promise<Schema> {
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
async function untilItAnswers(url: string, patienceMs: number): Promise<Schema> {
  const until = performance.now() + patienceMs;
  for (;;) {
    try {
      return await look(url);
    } catch (error) {
      if (isDatabaseAway(error) && performance.now() < until) {
        await delay(LOOK_EVERY_MS);
        continue;
      }
      const { message, code } = error as { message: string; code?: string };
      const remedy = 'Check that PostgreSQL runs, that DATABASE_URL is right, and that this machine may connect to it.';
      throw new StartupError(`Cannot use the database ${maskUrl(url)}: ${message || (code ?? 'no answer')}.`, remedy, { cause: error });
    }
  }
}

/** What it finds when the time is over may still lack some. */
async function untilApplied(url: string, timeoutMs: number, terminal: Terminal): Promise<Schema> {
  const until = performance.now() + timeoutMs;
  const progress = new Progress(terminal);
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

function tell({ json }: MigrateOrder, { history, known, unfit }: Schema, applied: string[], terminal: Terminal): ExitCode {
  const current = history.pending.length === 0;
  const migrations = [...known, ...history.unknown].map((name) => ({ name, state: stateOf(name, history) }));
  if (json) terminal.out(JSON.stringify({ version: VERSION, current, fits: !unfit, migrations, applied }));
  else {
    printTable([['MIGRATION', 'STATE'], ...migrations.map(({ name, state }) => [name, state])], terminal);
    if (!current) terminal.err(`${history.pending.length} of ${known.length} are not applied. Apply them with: otpost migrate`);
    if (history.failed) terminal.err(`${history.failed.name} failed: ${history.failed.logs.split('\n', 1)[0]}`);
    for (const name of history.edited) terminal.err(`${name} was applied from another text than the one in this build.`);
  }
  if (unfit) terminal.err(`${unfit.message} ${unfit.remedy}`);
  return current && !unfit ? 0 : 1;
}

function stateOf(name: string, { pending, unknown, interrupted, failed }: SchemaHistory): string {
  if (failed?.name === name) return 'failed';
  if (interrupted.includes(name)) return 'interrupted';
  if (unknown.includes(name)) return 'newer';
  return pending.includes(name) ? 'pending' : 'applied';
}
