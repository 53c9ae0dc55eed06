import { randomBytes } from 'node:crypto';
import pg from 'pg';
import type { TestDatabase } from './postgres.js';

/** A database on which no migration has run, on the gate's server or another one. */
export async function createEmptyDatabase(server = process.env['TEST_POSTGRES_URL']!): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  await run(server, `CREATE DATABASE ${name} TEMPLATE template0`);
  await run(server, `ALTER DATABASE ${name} SET TimeZone = 'America/St_Johns'`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  const pool = new pg.Pool({ connectionString: url.href, max: 2 });
  pool.on('error', () => undefined); // dropping the database ends idle connections
  return {
    url: url.href,
    query: async <Row extends pg.QueryResultRow>(sql: string, parameters: unknown[] = []) =>
      (await pool.query<Row>(sql, parameters)).rows,
    drop: async () => {
      await pool.end();
      await run(server, `DROP DATABASE ${name} WITH (FORCE)`);
    },
  };
}

async function run(server: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  await client.query(sql).finally(() => client.end());
}
