import { defineConfig } from 'prisma/config';

const url = process.env.DATABASE_URL;

export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
  // Left out rather than empty: `generate` and `validate` need no database, and Prisma's env() would insist on one.
  ...(url ? { datasource: { url } } : {}),
});
