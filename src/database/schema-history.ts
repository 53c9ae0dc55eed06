import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PACKAGE_ROOT } from '../core/process-facts.js';
import type { ClientBase } from 'pg';
import { StartupError } from '../core/startup-error.js';
import { withClient } from './pool.js';

/** One folder of prisma/migrations. */
export interface Migration {
  name: string;
  sql: string;
}

export const MIGRATIONS_FOLDER = fileURLToPath(new URL('prisma/migrations', PACKAGE_ROOT));

/** All migrations of a folder, in the order in which they are applied. */
export async function readMigrations(folder: string): Promise<Migration[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return Promise.all(
    names.sort().map(async (name) => ({ name, sql: await readFile(join(folder, name, 'migration.sql'), 'utf8') })),
  );
}

/** Whether `checksum`, as Prisma recorded it, is of this script; line endings may have changed with a checkout. */
function hasChecksum({ sql }: Migration, checksum: string): boolean {
  const unix = sql.replaceAll('\r\n', '\n');
  return [sql, unix, unix.replaceAll('\n', '\r\n')].some(
    (script) => createHash('sha256').update(script).digest('hex') === checksum,
  );
}

/** A row of Prisma's `_prisma_migrations`. */
interface HistoryRow {
  migration_name: string;
  checksum: string;
  finished: boolean;
  logs: string | null;
}

/** A database compared with the migrations of this build; each list in the order of application. */
export interface SchemaHistory {
  /** Known here, not applied there. */
  pending: string[];
  /** Applied there, not known here: a newer build was at work. */
  unknown: string[];
  /** Applied there from another text than the one here. */
  edited: string[];
  /** Begun, and left by a process that was killed; may or may not have taken effect. */
  interrupted: string[];
  /** Begun, and refused by Postgres. */
  failed: { name: string; logs: string } | undefined;
}

/** Reads what was applied. */
export async function readSchemaHistory(client: ClientBase, migrations: Migration[]): Promise<SchemaHistory> {
  return compareHistory(await readRows(client), migrations);
}

async function readRows(client: ClientBase): Promise<HistoryRow[]> {
  // Asked first, not tried: an error would abort the caller's transaction and with it release its lock, at once.
  const { rows: found } = await client.query<{ present: boolean }>(
    `SELECT to_regclass('_prisma_migrations') IS NOT NULL AS present`,
  );
  if (!found[0]?.present) return [];
  const { rows } = await client.query<HistoryRow>(
    `SELECT migration_name, checksum, finished_at IS NOT NULL AS finished, logs
       FROM _prisma_migrations WHERE rolled_back_at IS NULL ORDER BY migration_name, started_at`,
  );
  return rows;
}

/** The comparison itself, apart from the database. */
export function compareHistory(rows: HistoryRow[], migrations: Migration[]): SchemaHistory {
  const known = new Map(migrations.map((migration) => [migration.name, migration]));
  const applied = new Map(rows.filter((row) => row.finished).map((row) => [row.migration_name, row]));
  const unfinished = rows.filter((row) => !row.finished);
  const failed = unfinished.find((row) => row.logs);
  return {
    pending: [...known.keys()].filter((name) => !applied.has(name)),
    unknown: [...applied.keys()].filter((name) => !known.has(name)),
    edited: migrations
      .map(({ name }) => name)
      .filter((name) => {
        const row = applied.get(name);
        return row !== undefined && !hasChecksum(known.get(name)!, row.checksum);
      }),
    interrupted: unfinished.filter((row) => !row.logs).map((row) => row.migration_name),
    failed: failed && { name: failed.migration_name, logs: failed.logs ?? '' },
  };
}

/** What the newest migration that this build does not know says of it. */
type Compatibility =
  | { kind: 'current' }
  | { kind: 'newer, and fit for this build'; migration: string }
  | { kind: 'too new'; migration: string; oldestVersion: string | undefined };

/**
 * Judges a database that a newer build may have migrated. Only the newest unknown migration counts: its row in
 * `schema_compatibility` speaks of the schema that it and all before it leave.
 * @param unknown applied migrations this build does not know, oldest first
 * @param oldestVersions oldest fitting version per migration; a migration without one fits no older build
 * @param version of this build, semver
 */
export function judgeCompatibility(
  unknown: string[],
  oldestVersions: ReadonlyMap<string, string>,
  version: string,
): Compatibility {
  const migration = unknown.at(-1);
  if (migration === undefined) return { kind: 'current' };
  const oldestVersion = oldestVersions.get(migration);
  const fits = oldestVersion !== undefined && compareVersions(version, oldestVersion) >= 0;
  return fits ? { kind: 'newer, and fit for this build', migration } : { kind: 'too new', migration, oldestVersion };
}

/**
 * Negative when `a` is older than `b`, positive when newer, 0 when equal. Pre-release tags and build metadata are left
 * out of account.
 * @throws RangeError when either does not begin with three numbers
 */
export function compareVersions(a: string, b: string): number {
  const left = parseVersion(a);
  const right = parseVersion(b);
  return left[0] - right[0] || left[1] - right[1] || left[2] - right[2];
}

function parseVersion(version: string): [number, number, number] {
  const [, major, minor, patch] = /^(\d+)\.(\d+)\.(\d+)(?![\d.])/.exec(version) ?? [];
  if (patch === undefined) throw new RangeError(`Not a semantic version: ${version}`);
  return [Number(major), Number(minor), Number(patch)];
}

/** The oldest version of Otpost that fits, per migration. */
export async function readOldestVersions(client: ClientBase, migrations: string[]): Promise<Map<string, string>> {
  if (migrations.length === 0) return new Map();
  const { rows } = await client.query<{ migration: string; oldest_version: string }>(
    'SELECT migration, oldest_version FROM schema_compatibility WHERE migration = ANY($1)',
    [migrations],
  );
  return new Map(rows.map((row) => [row.migration, row.oldest_version]));
}

/**
 * Refuses a database that has moved on further than this build can follow; one that is newer but still fits is
 * worth a warning (a rolled-back release, or a deployment under way).
 * @throws StartupError
 */
export async function checkCompatibility(
  client: ClientBase,
  unknown: string[],
  version: string,
  log: (level: 'info' | 'warn', message: string) => void,
): Promise<void> {
  const verdict = judgeCompatibility(unknown, await readOldestVersions(client, unknown), version);
  if (verdict.kind === 'newer, and fit for this build') {
    log(
      'warn',
      `The database was migrated by a newer Otpost (${verdict.migration}); version ${version} still works on it.`,
    );
  }
  if (verdict.kind !== 'too new') return;
  const needed = verdict.oldestVersion ?? 'the one that made it';
  throw new StartupError(
    `The database was migrated by a newer Otpost (${verdict.migration}) and no longer fits version ${version}.`,
    `Run version ${needed} or newer, or restore the backup made before the upgrade.`,
  );
}

/** This deployment's own name, made by the first migration: keeps its wakes apart where a Redis is shared. */
export async function readDeployment(databaseUrl: string): Promise<string> {
  return withClient(databaseUrl, 'start', async (client) => {
    const { rows } = await client.query<{ id: string }>('SELECT id FROM deployment');
    return rows[0]!.id;
  });
}
