import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { emptyDatabase, untouched, type Untouched } from './emptied-database.js';

/** The server that the gate started, with a migrated template database; see tools/gate.mjs. */
function serverUrl(): string {
  const url = process.env['TEST_POSTGRES_URL'];
  if (!url) throw new Error('No test database: run the tests with npm test, or npm test -- <file>.');
  return url;
}

export interface TestDatabase {
  url: string;
  /** Closes its own connections. */
  end(): Promise<void>;
  query<Row extends pg.QueryResultRow>(sql: string, parameters?: unknown[]): Promise<Row[]>;
  drop(): Promise<void>;
}

/** SQLSTATEs. */
const OBJECT_IN_USE = '55006';
const DEADLOCK_DETECTED = '40P01';

/** Of this Jest worker, as the migrations leave them: to empty one costs a tenth of making it. Nobody is connected. */
const emptied: string[] = [];
let before: Untouched | undefined;

/** A database of one's own, as the migrations leave it. */
export async function createDatabase(): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  const former = emptied.pop();
  await onServer(
    former
      ? `ALTER DATABASE ${former} RENAME TO ${name}`
      : `CREATE DATABASE ${name} TEMPLATE otpost_template STRATEGY file_copy`,
    // Far from UTC, so that no test passes by the luck of the machine's zone.
    `ALTER DATABASE ${name} SET TimeZone = 'Asia/Tokyo'`,
  );
  const database = openedDatabase(serverUrl(), name);
  before ??= await untouched(database.url);
  // Cloned databases must not take each other for one deployment on a shared Redis.
  await database.query('UPDATE deployment SET id = gen_random_uuid()');
  const drop = async (): Promise<void> => {
    await database.end();
    const away = await moveAway(name);
    if (away && before && (await emptyDatabase(urlOf(serverUrl(), away), before))) emptied.push(away);
    else await onServer(`DROP DATABASE ${away ?? name} WITH (FORCE)`);
  };
  return { ...database, drop };
}

/**
 * Gives it another name, by which what still runs of a test does not find it. Undefined: that comes back at once each
 * time.
 */
async function moveAway(name: string): Promise<string | undefined> {
  const away = `emptied_${randomBytes(6).toString('hex')}`;
  try {
    await onServer(
      `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '${name}'`,
      `ALTER DATABASE ${name} RENAME TO ${away}`,
    );
    return away;
  } catch (error) {
    if ((error as { code?: string }).code === OBJECT_IN_USE) return undefined;
    throw error;
  }
}

function urlOf(server: string, name: string): string {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}

/** @param server its URL; the database `name` is there already */
export function openedDatabase(server: string, name: string): TestDatabase {
  const url = urlOf(server, name);
  const pool = new pg.Pool({ connectionString: url, max: 2 });
  pool.on('error', () => undefined); // the end of the database, or a restart of the server, ends idle connections
  /** Sent again where Postgres broke it off: it and a transaction of the service waited for each other. */
  async function query<Row extends pg.QueryResultRow>(sql: string, parameters: unknown[] = []): Promise<Row[]> {
    try {
      return (await pool.query<Row>(sql, parameters)).rows;
    } catch (error) {
      if ((error as { code?: string }).code !== DEADLOCK_DETECTED) throw error;
      return query(sql, parameters);
    }
  }
  return {
    url,
    query,
    end: () => pool.end(),
    drop: async () => {
      await pool.end();
      await runOn(server, `DROP DATABASE ${name} WITH (FORCE)`);
    },
  };
}

/** Runs statements on the gate's server itself, each in a transaction of its own. */
export function onServer(...statements: string[]): Promise<void> {
  return runOn(serverUrl(), ...statements);
}

/** The same on a server of that URL. */
export async function runOn(server: string, ...statements: string[]): Promise<void> {
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}
