import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { isDatabaseAway } from '../../../src/database/database-errors.js';
import { PrismaService } from '../../../src/database/prisma.service.js';
import { createDatabase, type TestDatabase } from '../../support/database/postgres.js';

describe('a statement whose Postgres is not there', () => {
  let database: TestDatabase;
  let resetting: Server;
  let prisma: PrismaService;

  beforeAll(async () => {
    database = await createDatabase();
    resetting = createServer((socket) => void socket.resetAndDestroy()).listen(0, '127.0.0.1');
    await once(resetting, 'listening');
  });
  afterEach(() => prisma.$disconnect());
  afterAll(async () => {
    resetting.close();
    await database.drop();
  });

  const STATEMENTS: Record<string, () => Promise<unknown>> = {
    'one of ours': () => prisma.$queryRaw`SELECT 1`,
    "one of Prisma's": () => prisma.account.findFirst(),
    'one of ours in a transaction': () => prisma.$transaction((db) => db.$queryRaw`SELECT 1`),
  };

  it.each([
    ['refuses connections', () => 1],
    ['resets them', () => (resetting.address() as AddressInfo).port],
  ])('is known as that, whoever wrote it: a port that %s', async (_, port) => {
    const url = new URL(database.url);
    url.port = String(port());
    prisma = new PrismaService({ url: url.href, poolSize: 1 });
    for (const [name, run] of Object.entries(STATEMENTS)) {
      const error: unknown = await run().then(
        () => 'no error',
        (reason: unknown) => reason,
      );
      expect([name, isDatabaseAway(error)]).toEqual([name, true]);
    }
  });

  it('is not taken for one that Postgres refuses', async () => {
    prisma = new PrismaService({ url: database.url, poolSize: 1 });
    const error: unknown = await prisma.$queryRaw`SELECT * FROM no_such_table`.catch((reason: unknown) => reason);
    expect([(error as Error).message.includes('no_such_table'), isDatabaseAway(error)]).toEqual([true, false]);
  });
});
