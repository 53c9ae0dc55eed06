import { randomBytes } from 'node:crypto';
import { openedDatabase, runOn, type TestDatabase } from './postgres.js';

/** A database on which no migration has run, on the gate's server or another one. */
export async function createEmptyDatabase(server = process.env['TEST_POSTGRES_URL']!): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  await runOn(
    server,
    `CREATE DATABASE ${name} TEMPLATE template0`,
    `ALTER DATABASE ${name} SET TimeZone = 'America/St_Johns'`,
  );
  return openedDatabase(server, name);
}
