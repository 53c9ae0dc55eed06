import { randomBytes } from 'node:crypto';
import pg from 'pg';

/** The server that the gate started, with a migrated template database; see tools/gate.mjs. */
function serverUrl(): string {
  const url = process.env['TEST_POSTGRES_URL'];
  if (!url) throw new Error('No test database: run the tests with npm test, or npm test -- <file>.');
  return url;
}

export interface TestDatabase {
  url: string;
  query<Row extends pg.QueryResultRow>(sql: string, parameters?: unknown[]): Promise<Row[]>;
  drop(): Promise<void>;
}

/** A database of one's own, as the migrations leave it. */
export async function createDatabase(): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  await onServer(`CREATE DATABASE ${name} TEMPLATE otpost_template STRATEGY file_copy`);
  // Far from UTC, so that no test passes by the luck of the machine's zone.
  await onServer(`ALTER DATABASE ${name} SET TimeZone = 'Asia/Tokyo'`);
  const url = new URL(serverUrl());
  url.pathname = `/${name}`;
  const pool = new pg.Pool({ connectionString: url.href, max: 2 });
  pool.on('error', () => undefined); // the server may end idle connections when a test restarts it
  // Cloned databases must not take each other for one deployment on a shared Redis.
  await pool.query('UPDATE deployment SET id = gen_random_uuid()');
  return {
    url: url.href,
    query: async <Row extends pg.QueryResultRow>(sql: string, parameters: unknown[] = []) =>
      (await pool.query<Row>(sql, parameters)).rows,
    drop: async () => {
      await pool.end();
      await onServer(`DROP DATABASE ${name} WITH (FORCE)`);
    },
  };
}

/** Runs one statement on the server itself. */
export async function onServer(sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl() });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
