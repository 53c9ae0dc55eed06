/** Fails when prisma/migrations do not lead to prisma/schema.prisma. Needs no database of its own. */
import { runPrisma } from './run-prisma.mjs';
import { startThrowawayPostgres } from './throwaway-postgres.mjs';

const DIFF = [
  'migrate',
  'diff',
  '--from-migrations',
  'prisma/migrations',
  '--to-schema',
  'prisma/schema.prisma',
  '--exit-code',
];

/** A server on which Prisma may make its shadow database; without one, one of its own. */
const [given] = process.argv.slice(2);
const postgres = given ? { url: given, stop: async () => undefined } : await startThrowawayPostgres();
try {
  process.exitCode = await runPrisma(DIFF, postgres.url);
  if (process.exitCode === 2)
    console.error('prisma/migrations lack this change of the schema: npm run prisma -- migrate dev');
} finally {
  await postgres.stop();
}
