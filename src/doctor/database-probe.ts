import type { Settings } from '../config/settings.js';
import { withClient } from '../database/pool.js';
import { type Unusable, unusableOf } from '../database/unusable-policy.js';
import {
  MIGRATIONS_FOLDER,
  readMigrations,
  readOldestVersions,
  readSchemaHistory,
  type SchemaHistory,
} from '../database/schema-history.js';

export type DatabaseFinding =
  /** The embedded one, and no Otpost runs on it. */
  { kind: 'not_running' } | { kind: 'away'; error: Unusable } | ({ kind: 'up'; url: string } & DatabaseFacts);

export interface DatabaseFacts {
  version: string;
  /** Of a connection with its login. */
  connectMs: number;
  /** The fastest of a few statements: what the way costs. */
  ms: number;
  /** How far its clock is before this host's, in milliseconds, and by how much that may be wrong. */
  skewMs: number;
  skewErrorMs: number;
  timeZone: string;
  readOnly: boolean;
  maxConnections: number;
  /** Those that only superusers get are no use to us. */
  reservedConnections: number;
  usedConnections: number;
  history: SchemaHistory;
  /** Migrations of this build. */
  migrations: number;
  /** The oldest version of Otpost that fits, per migration that this build does not know. */
  oldestVersions: ReadonlyMap<string, string>;
}

const STATEMENTS = 3;

/** Looks on: nothing is started, migrated or written. */
export async function probeDatabase({
  database,
  dataDir,
}: Pick<Settings, 'database' | 'dataDir'>): Promise<DatabaseFinding> {
  const url = database.url ?? (await embeddedUrl(dataDir));
  if (url === undefined) return { kind: 'not_running' };
  const migrations = await readMigrations(MIGRATIONS_FOLDER);
  const startedAt = performance.now();
  try {
    return await withClient(url, 'doctor', async (client): Promise<DatabaseFinding> => {
      const connectMs = Math.round(performance.now() - startedAt);
      const clocks: { ms: number; skewMs: number }[] = [];
      for (let count = 0; count < STATEMENTS; count++) {
        const askedAt = Date.now();
        const from = performance.now();
        const { rows } = await client.query<{ at: number }>(
          'SELECT (1000 * extract(epoch FROM clock_timestamp()))::float8 AS at',
        );
        const ms = performance.now() - from;
        clocks.push({ ms, skewMs: rows[0]!.at - (askedAt + ms / 2) });
      }
      const fastest = clocks.reduce((best, one) => (one.ms < best.ms ? one : best));
      const { rows } = await client.query<
        Pick<
          DatabaseFacts,
          'version' | 'timeZone' | 'readOnly' | 'maxConnections' | 'reservedConnections' | 'usedConnections'
        >
      >(`
        SELECT current_setting('server_version') AS version, current_setting('TimeZone') AS "timeZone",
          current_setting('transaction_read_only')::bool AS "readOnly",
          current_setting('max_connections')::int AS "maxConnections",
          current_setting('superuser_reserved_connections')::int + coalesce(current_setting('reserved_connections', true)::int, 0) AS "reservedConnections",
          (SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend') AS "usedConnections"`);
      const history = await readSchemaHistory(client, migrations);
      return {
        kind: 'up',
        url,
        ...rows[0]!,
        connectMs,
        ms: Math.round(fastest.ms * 10) / 10,
        skewMs: Math.round(fastest.skewMs),
        skewErrorMs: Math.ceil(fastest.ms / 2),
        history,
        migrations: migrations.length,
        oldestVersions: await readOldestVersions(client, history.unknown),
      };
    });
  } catch (error) {
    return { kind: 'away', error: unusableOf(error) };
  }
}

async function embeddedUrl(dataDir: string): Promise<string | undefined> {
  // oxlint-disable-next-line no-restricted-imports -- loaded late, and by who has no DATABASE_URL alone
  const { findEmbeddedPostgres } = await import('../development/embedded-postgres.js');
  return findEmbeddedPostgres(dataDir);
}
