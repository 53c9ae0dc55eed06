import { createHash } from 'node:crypto';
import { ApiKeys } from '../../../src/access/api-keys.js';
import { PrismaService } from '../../../src/database/prisma.service.js';
import { HeldClock } from '../../support/otpost.js';
import { createDatabase, type TestDatabase } from '../../support/postgres.js';

describe('API keys', () => {
  let database: TestDatabase;
  let prisma: PrismaService;
  let clock: HeldClock;
  let keys: ApiKeys;

  beforeAll(async () => {
    database = await createDatabase();
    prisma = new PrismaService({ url: database.url, poolSize: 3 });
  });
  beforeEach(() => {
    clock = new HeldClock(new Date('2026-11-21T12:00:00Z'));
    keys = new ApiKeys(prisma, clock);
  });
  afterAll(async () => {
    await prisma.$disconnect();
    await database.drop();
  });

  async function rowOf(id: string): Promise<Record<string, unknown>> {
    return (await database.query('SELECT * FROM api_keys WHERE id = $1', [id]))[0]!;
  }

  it('are 256 random bits behind a recognisable start', async () => {
    const made = await Promise.all([1, 2, 3].map(() => keys.create('one of three', ['emails:send'])));
    expect(new Set(made.map(({ key }) => key)).size).toBe(3);
    for (const { key, record } of made) {
      expect(key).toMatch(/^otp_live_[\w-]{43}$/);
      expect(Buffer.from(key.slice(9), 'base64url')).toHaveLength(32);
      expect(record.prefix).toBe(key.slice(0, 14));
    }
  });

  it('are stored as their SHA-256, and the row holds no more of a key than its prefix', async () => {
    const { key, record } = await keys.create('stored', ['emails:send', 'emails:read']);
    const row = await rowOf(record.id);
    expect(row['key_hash']).toEqual(createHash('sha256').update(key).digest());
    expect(row).toMatchObject({ name: 'stored', prefix: key.slice(0, 14), scopes: ['emails:send', 'emails:read'] });
    const whole = JSON.stringify(row);
    expect(whole).not.toContain(key);
    expect(whole).not.toContain(key.slice(14));
    expect(whole).not.toContain(Buffer.from(key.slice(9), 'base64url').toString('hex'));
  });

  it('are never shown again, nor are their hashes', async () => {
    const { key, record } = await keys.create('listed', ['admin']);
    const listed = (await keys.list()).find(({ id }) => id === record.id)!;
    expect(listed).toEqual(record);
    expect(Object.keys(listed).sort()).toEqual(['createdAt', 'id', 'lastUsedAt', 'name', 'prefix', 'revokedAt', 'scopes']);
    expect(JSON.stringify(listed)).not.toContain(key.slice(14));
  });

  it('are known by the whole key only', async () => {
    const { key, record } = await keys.create('known', ['emails:read']);
    expect(await keys.authenticate(key)).toMatchObject({ id: record.id, scopes: ['emails:read'] });
    for (const wrong of [key.slice(0, -1), `${key}A`, key.slice(0, 14), key.toUpperCase(), `${key.slice(0, -1)}~`, '', "' OR 1=1 --"]) {
      expect([wrong, await keys.authenticate(wrong)]).toEqual([wrong, undefined]);
    }
  });

  it('tell when they were last used, written at most once a minute', async () => {
    const { key, record } = await keys.create('used', ['emails:read']);
    const lastUsed = async () => ((await rowOf(record.id))['last_used_at'] as Date | null)?.toISOString();
    expect(await lastUsed()).toBeUndefined();
    await keys.authenticate(key);
    expect(await lastUsed()).toBe('2026-11-21T12:00:00.000Z');
    clock.advance(59);
    await keys.authenticate(key);
    expect(await lastUsed()).toBe('2026-11-21T12:00:00.000Z');
    clock.advance(1);
    await keys.authenticate(key);
    expect(await lastUsed()).toBe('2026-11-21T12:01:00.000Z');
  });

  it('note their use once where many requests come at one moment', async () => {
    const { key, record } = await keys.create('busy', ['emails:read']);
    const version = async () => (await database.query<{ xmin: string }>('SELECT xmin::text FROM api_keys WHERE id = $1', [record.id]))[0]!.xmin;
    await Promise.all(Array.from({ length: 10 }, () => keys.authenticate(key)));
    const written = await version();
    await Promise.all(Array.from({ length: 10 }, () => keys.authenticate(key)));
    expect(await version()).toBe(written);
  });

  it('end when they are revoked, by prefix or by id', async () => {
    for (const which of ['prefix', 'id'] as const) {
      const { key, record } = await keys.create(which, ['emails:read']);
      expect(await keys.revoke(record[which])).toMatchObject({ kind: 'revoked', record: { id: record.id, revokedAt: clock.now() } });
      expect(await keys.authenticate(key)).toBeUndefined();
      clock.advance(5);
      expect(await keys.revoke(record[which])).toMatchObject({ kind: 'revoked_before' });
      expect((await rowOf(record.id))['revoked_at']).toEqual(new Date(clock.now().getTime() - 5_000));
    }
  });

  it('are not revoked by a name that fits none or several', async () => {
    expect(await keys.revoke('otp_live_none1')).toEqual({ kind: 'not_found' });
    expect(await keys.revoke('')).toEqual({ kind: 'not_found' });
    const twins = await Promise.all([keys.create('twin', ['admin']), keys.create('twin', ['admin'])]);
    await database.query(`UPDATE api_keys SET prefix = 'otp_live_twins' WHERE name = 'twin'`);
    const result = await keys.revoke('otp_live_twins');
    expect(result).toMatchObject({ kind: 'ambiguous', records: [{ revokedAt: null }, { revokedAt: null }] });
    for (const { key } of twins) expect(await keys.authenticate(key)).toBeDefined();
  });
});
