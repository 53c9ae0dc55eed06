import type { ClientBase } from 'pg';
import { hasChecksum, type Migration } from './migrations-folder.js';

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
    edited: migrations.map(({ name }) => name).filter((name) => {
      const row = applied.get(name);
      return row !== undefined && !hasChecksum(known.get(name)!, row.checksum);
    }),
    interrupted: unfinished.filter((row) => !row.logs).map((row) => row.migration_name),
    failed: failed && { name: failed.migration_name, logs: failed.logs ?? '' },
  };
}
