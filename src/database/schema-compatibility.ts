import type { ClientBase } from 'pg';
import { StartupError } from '../core/startup-error.js';

/** What the newest migration that this build does not know says of it. */
export type Compatibility =
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
  if (unknown.length === 0) return;
  const { rows } = await client.query<{ migration: string; oldest_version: string }>(
    'SELECT migration, oldest_version FROM schema_compatibility WHERE migration = ANY($1)',
    [unknown],
  );
  const oldestVersions = new Map(rows.map((row) => [row.migration, row.oldest_version]));
  const verdict = judgeCompatibility(unknown, oldestVersions, version);
  if (verdict.kind === 'newer, and fit for this build') {
    log('warn', `The database was migrated by a newer Otpost (${verdict.migration}); version ${version} still works on it.`);
  }
  if (verdict.kind !== 'too new') return;
  const needed = verdict.oldestVersion ?? 'the one that made it';
  throw new StartupError(
    `The database was migrated by a newer Otpost (${verdict.migration}) and no longer fits version ${version}.`,
    `Run version ${needed} or newer, or restore the backup made before the upgrade.`,
  );
}
