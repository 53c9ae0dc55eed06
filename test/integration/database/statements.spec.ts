import { Prisma } from '../../../src/generated/prisma/client.js';
import { PrismaService } from '../../../src/database/prisma.service.js';
import { openPool } from '../../../src/database/pool.js';
import { isDatabaseAway, isOfDatabase } from '../../../src/database/database-errors.js';
import { nameOf, Statements } from '../../../src/database/statements.js';
import { createDatabase, type TestDatabase } from '../../support/database/postgres.js';

const DOUBLED = 'SELECT $1::int * 2 AS doubled';
const OF_TABLE = 'SELECT * FROM things';

describe('a statement that is prepared', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createDatabase();
  });
  afterAll(() => database.drop());

  /** One connection, and what it has prepared. */
  async function opened(): Promise<{
    statements: Statements;
    prepared: () => Promise<string[]>;
    forget: () => Promise<void>;
  }> {
    const pool = openPool({ connectionString: database.url, max: 1 });
    closing.push(() => pool.end());
    return {
      statements: new Statements(pool),
      prepared: async () =>
        (
          await pool.query<{ statement: string }>('SELECT statement FROM pg_prepared_statements ORDER BY statement')
        ).rows.map(({ statement }) => statement),
      forget: async () => void (await pool.query('DEALLOCATE ALL')),
    };
  }
  const closing: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });

  it('is parsed once a connection', async () => {
    const { statements, prepared } = await opened();
    expect(await statements.run(DOUBLED, [21])).toEqual([{ doubled: 42 }]);
    expect(await statements.run(DOUBLED, [4])).toEqual([{ doubled: 8 }]);
    expect(await prepared()).toEqual([DOUBLED]);
  });

  it('runs all the same behind a pooler that gives it the session of somebody else, and is prepared no more', async () => {
    const { statements, prepared, forget } = await opened();
    await statements.run(DOUBLED, [1]);
    await forget();
    expect(await statements.run(DOUBLED, [21])).toEqual([{ doubled: 42 }]);
    expect(await statements.run(`${DOUBLED} -- once more`, [21])).toEqual([{ doubled: 42 }]);
    expect(await prepared()).toEqual([]);
  });

  it('runs where a session has one of its name already', async () => {
    const { statements } = await opened();
    await statements.once(`PREPARE ${nameOf(DOUBLED)} AS SELECT 1`, []);
    expect(await statements.run(DOUBLED, [21])).toEqual([{ doubled: 42 }]);
  });

  it('follows a migration that changes what it answers', async () => {
    const { statements } = await opened();
    await statements.once('CREATE TABLE things (a int)', []);
    expect(await statements.run(OF_TABLE, [])).toEqual([]);
    await statements.once('ALTER TABLE things ADD COLUMN b int', []);
    await statements.once('INSERT INTO things VALUES (1, 2)', []);
    expect(await statements.run(OF_TABLE, [])).toEqual([{ a: 1, b: 2 }]);
  });

  it('fails as a statement of Postgres, and says whether that is away', async () => {
    const { statements } = await opened();
    const refused: unknown = await statements.once('SELECT 1 / 0', []).catch((error: unknown) => error);
    expect([isOfDatabase(refused), isDatabaseAway(refused)]).toEqual([true, false]);
    const ended: unknown = await statements
      .once('SELECT pg_terminate_backend(pg_backend_pid())', [])
      .catch((error: unknown) => error);
    expect([isOfDatabase(ended), isDatabaseAway(ended)]).toEqual([true, true]);
  });
});

/** Bytes are a Buffer of the one and a Uint8Array of the other, which is one. */
function plain(row: object): object {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, value instanceof Uint8Array ? Uint8Array.from(value) : value]),
  );
}

describe('a query past Prisma', () => {
  let database: TestDatabase;
  let prisma: PrismaService;
  const zone = process.env['TZ'];
  beforeAll(async () => {
    process.env['TZ'] = 'America/New_York';
    database = await createDatabase();
    prisma = new PrismaService({ url: database.url, poolSize: 2 });
  });
  afterAll(async () => {
    if (zone === undefined) delete process.env['TZ'];
    else process.env['TZ'] = zone;
    await prisma.$disconnect();
    await database.drop();
  });

  it.each([
    "9007199254740993::bigint AS a, ARRAY[1, NULL, 9007199254740993]::bigint[] AS b, '{}'::bigint[] AS c",
    '12.340::numeric AS a, 2::smallint AS b, 3::int AS c, 0.1::real AS d, 0.1::float8 AS e',
    "'2026-03-08T02:30:00Z'::timestamptz AS a, ARRAY['2026-11-01T05:30:00Z', NULL]::timestamptz[] AS b",
    "'2026-03-08'::date AS a, '2026-03-08 02:30:00.125'::timestamp AS b",
    'NULL::bigint AS a, NULL::numeric AS b, NULL::date AS c, true AS d, NULL::bool AS e',
    `'{"a": [1, null, "x"]}'::json AS a, '[]'::jsonb AS b, 'null'::jsonb AS c`,
    `ARRAY['a,b', NULL, 'c"d']::text[] AS a, 'queued'::email_status AS b, ARRAY['queued']::email_status[]::text[] AS c`,
    "'018f0000-0000-7000-8000-000000000000'::uuid AS a, ARRAY['018f0000-0000-7000-8000-000000000000']::uuid[] AS b",
    String.raw`'\x00ff10'::bytea AS a, ''::bytea AS b`,
  ])('reads %s as Prisma reads it', async (columns) => {
    const asked = Prisma.raw(`SELECT ${columns}`);
    const mine = await prisma.statements.query<object[]>(asked);
    expect(mine.map(plain)).toEqual((await prisma.$queryRaw<object[]>(asked)).map(plain));
  });

  it.each<[type: string, value: unknown]>([
    ['timestamptz', new Date('2026-03-08T02:30:00.125Z')],
    ['date', new Date('2026-03-08T00:30:00Z')],
    ['timestamptz[]', [new Date('2026-11-01T05:30:00Z')]],
    ['bigint', 9007199254740993n],
    ['bigint[]', [1n, 9007199254740993n]],
    ['text[]', ['a,b', 'c"d', '', 'NULL']],
    ['text', null],
    ['bytea', Uint8Array.from([0, 255, 16])],
    ['float8', 0.1],
    ['bool', false],
    ['json', { a: [1, null, 'x'] }],
  ])('gives Postgres a %s as Prisma does: %p', async (type, value) => {
    const asked = Prisma.sql`SELECT ${value}::${Prisma.raw(type)} AS given, pg_typeof(${value}::${Prisma.raw(type)})::text AS type`;
    const mine = await prisma.statements.query<object[]>(asked);
    expect(mine.map(plain)).toEqual((await prisma.$queryRaw<object[]>(asked)).map(plain));
  });

  // As the cursor of the inbox may hold; Prisma's own reading of one is no date.
  it('takes a year of five digits', async () => {
    const late = new Date(999_999_999_999_999);
    expect(await prisma.statements.query`SELECT ${late}::timestamptz AS given`).toEqual([{ given: late }]);
  });

  it('is not compiled first, for most are asked once, by whichever Postgres', async () => {
    await database.query(`ALTER DATABASE ${new URL(database.url).pathname.slice(1)} SET jit = on`);
    const client = new PrismaService({ url: database.url, poolSize: 1 });
    expect(await client.statements.query`SHOW jit`).toEqual([{ jit: 'off' }]);
    await client.$disconnect();
  });

  it('leaves no connection behind when the client disconnects, though its engine was never asked', async () => {
    const client = new PrismaService({ url: database.url, poolSize: 2 });
    await Promise.all([client.statements.query`SELECT 1`, client.statements.query`SELECT 2`]);
    expect(client.poolUse()).toMatchObject({ inUse: 0, idle: 2 });
    await client.$disconnect();
    await client.$disconnect();
    expect(client.poolUse()).toMatchObject({ inUse: 0, idle: 0 });
  });

  it('leaves none behind either where the engine was asked', async () => {
    const client = new PrismaService({ url: database.url, poolSize: 2 });
    await client.$transaction(async (db) => db.lanePause.findMany());
    await client.statements.query`SELECT 1`;
    await client.$disconnect();
    expect(client.poolUse()).toMatchObject({ inUse: 0, idle: 0 });
  });

  it('says how many rows it met', async () => {
    const rows = [1, 2, 3];
    await prisma.statements.execute`CREATE TABLE met (a int)`;
    expect(await prisma.statements.execute`INSERT INTO met SELECT unnest(${rows}::int[])`).toBe(3);
    expect(await prisma.statements.execute`DELETE FROM met WHERE a > ${1}`).toBe(2);
    expect(await prisma.statements.query`SELECT a FROM met`).toEqual([{ a: 1 }]);
  });

  it('fails as a statement of Postgres', async () => {
    const refused: unknown = await prisma.statements.execute`SELECT 1 / ${0}::int`.catch((error: unknown) => error);
    expect([isOfDatabase(refused), isDatabaseAway(refused)]).toEqual([true, false]);
  });
});
