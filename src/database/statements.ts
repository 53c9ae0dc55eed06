import { createHash } from 'node:crypto';
import pg, { type CustomTypesConfig, type Pool, type QueryConfig, type QueryResult, type QueryResultRow } from 'pg';
import { Prisma } from '../generated/prisma/client.js';

const names = new Map<string, string>();

/**
 * Under which a connection keeps a statement parsed. Made of its text, so that behind a pooler that hands sessions on,
 * where another build may have prepared statements too, no name ever stands for another text.
 */
export function nameOf(text: string): string {
  const known = names.get(text);
  if (known !== undefined) return known;
  const name = `otpost_${createHash('sha256').update(text).digest('hex').slice(0, 32)}`;
  names.set(text, name);
  return name;
}

/** What node-postgres threw, marked as Postgres': by its class alone a refused connection could be anybody's. */
export class StatementError extends Error {
  override readonly name = 'StatementError';

  constructor(override readonly cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause));
  }
}

/**
 * SQLSTATEs of a prepared statement that is not there, or is there already: behind a pooler that hands a connection on
 * after each transaction (PgBouncer before 1.21 or with max_prepared_statements = 0, Supavisor) it is another
 * session's.
 */
const FOREIGN_SESSION = new Set(['26000', '42P05']);
/**
 * Where Postgres finds that a migration changed what the statement answers since it was prepared; its words are
 * translated.
 */
const OUTDATED_PLAN = 'RevalidateCachedQuery';

const { getTypeParser } = pg.types;
/** PostgreSQL's own numbers of types (its `pg_type.dat`). */
const [INT8, INT8_ARRAY, DATE, TIMESTAMP, NUMERIC] = [20, 1016, 1082, 1114, 1700];

/** As Prisma reads what a raw query answers, where node-postgres reads it in another way. */
const READ_AS_PRISMA = new Map<number, (text: string) => unknown>([
  [INT8, BigInt],
  [INT8_ARRAY, (text) => (getTypeParser(INT8_ARRAY) as (text: string) => (string | null)[])(text).map(asBigInt)],
  [NUMERIC, (text) => new Prisma.Decimal(text)],
  // node-postgres takes what names no zone for the time of this machine's.
  [DATE, (text) => new Date(text)],
  [TIMESTAMP, (text) => new Date(`${text.replace(' ', 'T')}Z`)],
]);
const AS_PRISMA: CustomTypesConfig = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    READ_AS_PRISMA.get(oid) ?? (getTypeParser(oid, format) as (text: string) => unknown),
};

function asBigInt(text: string | null): bigint | null {
  return text === null ? null : BigInt(text);
}

/**
 * A day that is meant must not be that of this machine's zone. Years of five digits have a sign in ISO 8601, and none
 * in Postgres.
 */
function inUtc(value: unknown): unknown {
  if (value instanceof Date) return value.toISOString().replace(/^\+0*/, '');
  return Array.isArray(value) ? value.map(inUtc) : value;
}

/** As `Prisma.sql` takes them, or what that made. */
type Asked = [TemplateStringsArray, ...unknown[]] | [Prisma.Sql];

/**
 * Statements that go to the pool as node-postgres sends them, each in a transaction of its own; no value passes through
 * Prisma's JSON. `run`, `runSql`: prepared once a connection, so that Postgres neither parses nor, once a plan serves
 * all values, plans them anew; rows of these and of `once` have node-postgres' types: `bigint` and `numeric` are
 * strings, `timestamptz` is a Date, `bytea` a Buffer, arrays of enums are text: cast them. `query`, `execute`: as
 * Prisma's `$queryRaw` and `$executeRaw`, not prepared.
 */
export class Statements {
  private prepares = true;

  constructor(private readonly pool: Pool) {}

  /**
   * In a transaction of its own. Its text is kept for good: values stand for themselves in it, as `$1`, `$2`, …, and it
   * has few shapes. @throws StatementError
   */
  async run<Row extends QueryResultRow>(text: string, values: unknown[]): Promise<Row[]> {
    if (!this.prepares) return this.once(text, values);
    try {
      return (await this.pool.query<Row>({ name: nameOf(text), text, values })).rows;
    } catch (error) {
      if (!this.wasRefusedAsPrepared(error)) throw new StatementError(error);
    }
    return this.once(text, values);
  }

  /** The same of one that is put together. @throws StatementError */
  runSql<Row extends QueryResultRow>({ text, values }: Prisma.Sql): Promise<Row[]> {
    return this.run<Row>(text, values);
  }

  /**
   * Prisma's `$queryRaw` without its engine, which costs a call 0.2 ms, and a process that asks nothing else of it 20
   * MB. With the same types of values, of those types that the schema has. @throws StatementError
   */
  async query<Rows>(...asked: Asked): Promise<Rows> {
    return (await this.ask(asked)).rows as Rows;
  }

  /** Prisma's `$executeRaw` in the same way: how many rows it met. @throws StatementError */
  async execute(...asked: Asked): Promise<number> {
    return (await this.ask(asked)).rowCount ?? 0;
  }

  private ask([first, ...rest]: Asked): Promise<QueryResult> {
    const { text, values } = first instanceof Prisma.Sql ? first : Prisma.sql(first, ...rest);
    return this.send({ text, values: values.map(inUtc), types: AS_PRISMA });
  }

  /** One that is not worth keeping. @throws StatementError */
  async once<Row extends QueryResultRow>(text: string, values: unknown[]): Promise<Row[]> {
    return (await this.send<Row>({ text, values })).rows;
  }

  private async send<Row extends QueryResultRow>(statement: QueryConfig): Promise<QueryResult<Row>> {
    try {
      return await this.pool.query<Row>(statement);
    } catch (error) {
      throw new StatementError(error);
    }
  }

  /** Refused before it ran, so that it may be sent again. */
  private wasRefusedAsPrepared(error: unknown): boolean {
    const { code, routine } = error as { code?: string; routine?: string };
    if (routine === OUTDATED_PLAN) return true;
    if (code === undefined || !FOREIGN_SESSION.has(code)) return false;
    this.prepares = false;
    return true;
  }
}
