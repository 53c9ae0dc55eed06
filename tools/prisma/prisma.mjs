/**
 * `npm run prisma -- <arguments>`: the Prisma CLI, without downloads and, unless DATABASE_URL is set, with a database:
 * - `migrate dev` and `migrate diff` get a throw-away one. It is built from the migrations alone, so a new migration
 *   starts from what is committed and not from what a developer's own database has become, nothing has to be reset,
 *   and Otpost may run meanwhile; its next start applies the migration to the developer's data. (Prisma's warnings
 *   about rows that are in the way cannot appear on an empty database: give DATABASE_URL to see them.)
 * - the others that need one (`studio`, `migrate status`, `db pull`, …) get the one in DATA_DIR, running or not.
 */
import { appendFile, readFile, readdir } from 'node:fs/promises';
import './load-typescript.mjs';
import { runPrisma } from './run-prisma.mjs';
import { startThrowawayPostgres } from './throwaway-postgres.mjs';

const migrationsFolder = new URL('../../prisma/migrations/', import.meta.url);
const args = process.argv.slice(2);

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error.remedy ? `${error.message} ${error.remedy}` : error);
  process.exitCode = 1;
}

async function main() {
  const database = await openDatabase();
  const before = await migrationNames();
  try {
    return await runPrisma(args, database?.url);
  } finally {
    if (database?.throwaway) await completeMigrations(before);
    await database?.stop?.();
  }
}

async function openDatabase() {
  const command = args
    .filter((arg) => !arg.startsWith('-'))
    .slice(0, 2)
    .join(' ');
  const ownDatabase = process.env.DATABASE_URL || args.some((arg) => /^(--url|--help|-h)(=|$)/.test(arg));
  if (ownDatabase) return undefined;
  if (/^migrate (dev|diff)$/.test(command)) return { ...(await startThrowawayPostgres()), throwaway: true };
  if (/^(migrate|db|studio)\b/.test(command)) return developersDatabase();
  return undefined;
}

async function developersDatabase() {
  const { findEmbeddedPostgres, startEmbeddedPostgres } = await import('../../src/development/embedded-postgres.ts');
  const dataDir = process.env.DATA_DIR || '.data';
  const url = await findEmbeddedPostgres(dataDir);
  return url ? { url } : startEmbeddedPostgres(dataDir);
}

/**
 * Gives each migration just made its row in `schema_compatibility`, without which no older build runs on the new
 * schema. Only this build is known to fit; whoever knows that older ones do lowers the version.
 */
async function completeMigrations(before) {
  const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'));
  for (const name of await migrationNames()) {
    if (before.includes(name)) continue;
    await appendFile(
      new URL(`${name}/migration.sql`, migrationsFolder),
      `\n-- The oldest version of Otpost that works on this schema.\nINSERT INTO "schema_compatibility" ("migration", "oldest_version") VALUES ('${name}', '${version}');\n`,
    );
    console.log(`Added the row for schema_compatibility to ${name}: lower its version if older builds keep working.`);
  }
}

async function migrationNames() {
  const entries = await readdir(migrationsFolder, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}
