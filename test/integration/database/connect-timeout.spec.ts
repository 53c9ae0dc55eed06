import { connectTimeoutOf, withClient } from '../../../src/database/pool.js';
import { PrismaService } from '../../../src/database/prisma.service.js';
import { StallingProxy } from '../../support/network/stalling-proxy.js';

describe('the time that a connection to Postgres may take', () => {
  let proxy: StallingProxy;
  let silent: string;

  beforeAll(async () => {
    const server = process.env['TEST_POSTGRES_URL']!;
    proxy = await StallingProxy.to(server);
    proxy.stall();
    silent = proxy.through(server);
  });
  afterAll(() => proxy.stop());

  it.each([
    ['', 5_000],
    ['?connect_timeout=30', 30_000],
    ['?sslmode=disable&connect_timeout=1', 1_000],
    ['?connect_timeout=0', 2 ** 31 - 1],
    ['?connect_timeout=', 5_000],
    ['?connect_timeout=-1', 5_000],
    ['?connect_timeout=soon', 5_000],
  ])('is what the URL says in seconds, and else five: %s', (query, ms) => {
    expect(connectTimeoutOf(`postgres://otpost@127.0.0.1/otpost${query}`)).toBe(ms);
  });

  it('holds for a connection of its own and for those of the pool, the shorter one first', async () => {
    const ended: string[] = [];
    const pool = new PrismaService({ url: `${silent}?connect_timeout=2`, poolSize: 1 });
    const ways: [string, () => Promise<unknown>][] = [
      ['3 s', () => withClient(`${silent}?connect_timeout=3`, 'test', async () => undefined)],
      ['2 s, of the pool', () => pool.statements.query`SELECT 1`],
      ['1 s', () => withClient(`${silent}?connect_timeout=1`, 'test', async () => undefined)],
    ];
    const all = ways.map(async ([name, ask]) => {
      await expect(ask()).rejects.toThrow(/time ?out/);
      ended.push(name);
    });
    await Promise.all(all);
    await pool.$disconnect();
    expect(ended).toEqual(['1 s', '2 s, of the pool', '3 s']);
  });
});
