import { PrismaService, Transactions } from '../../../src/database/prisma.service.js';
import { Prisma } from '../../../src/generated/prisma/client.js';
import { createDatabase, type TestDatabase } from '../../support/database/postgres.js';

/** What callers should have refused or mended and did not. */
describe('a statement with text that Postgres cannot hold', () => {
  let database: TestDatabase;
  let prisma: PrismaService;

  beforeAll(async () => {
    database = await createDatabase();
    prisma = new PrismaService({ url: database.url, poolSize: 2 });
  });
  afterAll(async () => {
    await prisma.$disconnect();
    await database.drop();
  });

  const TEXT = 'a\0b\ud800';
  const KEPT = 'a b\ufffd';

  it('of raw SQL is made with text that it can', async () => {
    expect(await prisma.$queryRaw`SELECT ${TEXT} AS text, ${[TEXT]}::text[] AS list`).toEqual([
      { text: KEPT, list: [KEPT] },
    ]);
    expect(await prisma.$queryRawUnsafe('SELECT $1::text AS text', TEXT)).toEqual([{ text: KEPT }]);
    expect(await prisma.$queryRaw(Prisma.sql`SELECT ${TEXT} AS text`)).toEqual([{ text: KEPT }]);
  });

  it('of Prisma is so too, lookups and JSON included', async () => {
    await prisma.auditEvent.createMany({
      data: [
        { at: new Date(), action: TEXT, result: 'done', actorKind: 'operator', details: { deep: { list: [TEXT] } } },
      ],
    });
    const found = await prisma.auditEvent.findFirst({ where: { action: TEXT } });
    expect([found?.action, found?.details]).toEqual([KEPT, { deep: { list: [KEPT] } }]);
  });

  it('is so in a transaction', async () => {
    await new Transactions(prisma).run(async ({ db }) => {
      expect(await db.$queryRaw`SELECT ${TEXT} AS text`).toEqual([{ text: KEPT }]);
    });
  });

  it('takes rows as JSON that is storable', async () => {
    const rows = [
      { n: 1, text: TEXT },
      { n: 2, text: 'a\\u0000' },
    ];
    expect(
      await prisma.$queryRaw`SELECT * FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) AS r (n int, text text)`,
    ).toEqual([
      { n: 1, text: KEPT },
      { n: 2, text: 'a\\u0000' },
    ]);
  });

  it('leaves bytes and times as they are', async () => {
    const [bytes, at] = [new Uint8Array([0, 255, 0]), new Date(0)];
    expect(await prisma.$queryRaw`SELECT ${bytes}::bytea AS bytes, ${at}::timestamptz AS at`).toEqual([{ bytes, at }]);
  });
});
