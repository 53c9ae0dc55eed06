import { PrismaService } from '../../../src/database/prisma.service.js';
import { createDatabase, type TestDatabase } from '../database/postgres.js';

/**
 * A real database whose `clock_timestamp()` a test can set. The session's search path puts ours before that of
 * Postgres.
 */
export class MovableClock {
  private constructor(
    readonly prisma: PrismaService,
    private readonly database: TestDatabase,
  ) {}

  static async start(): Promise<MovableClock> {
    const database = await createDatabase();
    await database.query('CREATE TABLE moved (by interval NOT NULL)');
    await database.query(`INSERT INTO moved VALUES ('0')`);
    await database.query(
      `CREATE FUNCTION clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS 'SELECT pg_catalog.clock_timestamp() + by FROM public.moved'`,
    );
    await database.query(
      `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = public, pg_catalog', current_database()); END $$`,
    );
    return new MovableClock(new PrismaService({ url: database.url, poolSize: 2 }), database);
  }

  async move(by: string): Promise<void> {
    await this.database.query('UPDATE moved SET by = $1::interval', [by]);
  }

  /** No statement is answered any more until it is let go. */
  async hold(): Promise<() => Promise<void>> {
    await this.database.query('ALTER TABLE moved RENAME TO away');
    return async () => void (await this.database.query('ALTER TABLE away RENAME TO moved'));
  }

  async stop(): Promise<void> {
    await this.prisma.$disconnect();
    await this.database.drop();
  }
}
