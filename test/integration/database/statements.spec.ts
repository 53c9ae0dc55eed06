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
