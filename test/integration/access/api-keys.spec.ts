import { createHash } from 'node:crypto';
import { ApiKeys, KeyChanges } from '../../../src/access/api-keys.js';
import { Audit, OPERATOR } from '../../../src/audit/audit.js';
import { PrismaService, Transactions } from '../../../src/database/prisma.service.js';
import { createDatabase, type TestDatabase } from '../../support/database/postgres.js';
import { HeldClock } from '../../support/service/otpost.js';

describe('API keys', () => {
  let database: TestDatabase;
  let prisma: PrismaService;
  let clock: HeldClock;
  let keys: ApiKeys;
  let changes: KeyChanges;

  beforeAll(async () => {
    database = await createDatabase();
    prisma = new PrismaService({ url: database.url, poolSize: 3 });
  });
  beforeEach(() => {
    clock = new HeldClock(new Date('2026-11-21T12:00:00Z'));
    keys = new ApiKeys(prisma, clock);
    changes = new KeyChanges(new Transactions(prisma), clock, new Audit(prisma, clock));
  });
  afterAll(async () => {
    await prisma.$disconnect();
    await database.drop();
  });

  const create = (name: string, scopes: string[], expiresAt?: Date, senders?: string[]) =>
    changes.create({ name, scopes, ...(senders ? { senders } : {}), ...(expiresAt ? { expiresAt } : {}) }, OPERATOR);

  async function rowOf(id: string): Promise<Record<string, unknown>> {
    return (await database.query('SELECT * FROM api_keys WHERE id = $1', [id]))[0]!;
  }

  it('are 256 random bits behind a recognisable start', async () => {
    const made = await Promise.all([1, 2, 3].map(() => create('one of three', ['emails:send'])));
    expect(new Set(made.map(({ key }) => key)).size).toBe(3);
    for (const { key, record } of made) {
      expect(key).toMatch(/^otp_live_[\w-]{43}$/);
      expect(Buffer.from(key.slice(9), 'base64url')).toHaveLength(32);
      expect(record.prefix).toBe(key.slice(0, 14));
    }
  });

  it('are stored as their SHA-256, and the row holds no more of a key than its prefix', async () => {
    const { key, record } = await create('stored', ['emails:send', 'emails:read']);
    const row = await rowOf(record.id);
    expect(row['key_hash']).toEqual(createHash('sha256').update(key).digest());
    expect(row).toMatchObject({ name: 'stored', prefix: key.slice(0, 14), scopes: ['emails:send', 'emails:read'] });
    const whole = JSON.stringify(row);
    expect(whole).not.toContain(key);
    expect(whole).not.toContain(key.slice(14));
    expect(whole).not.toContain(Buffer.from(key.slice(9), 'base64url').toString('hex'));
  });

  it('are never shown again, nor are their hashes', async () => {
    const { key, record } = await create('listed', ['admin']);
    const listed = (await keys.list()).find(({ id }) => id === record.id)!;
    expect(listed).toEqual(record);
    expect(Object.keys(listed).sort()).toEqual([
      'createdAt',
      'expiresAt',
      'id',
      'lastUsedAt',
      'name',
      'prefix',
      'replacedBy',
      'revokedAt',
      'scopes',
      'senders',
    ]);
    expect(JSON.stringify(listed)).not.toContain(key.slice(14));
  });

  it('are known by the whole key only', async () => {
    const { key, record } = await create('known', ['emails:read']);
    expect(await keys.authenticate(key)).toMatchObject({
      kind: 'good',
      record: { id: record.id, scopes: ['emails:read'] },
    });
    for (const wrong of [
      key.slice(0, -1),
      `${key}A`,
      key.slice(0, 14),
      key.toUpperCase(),
      `${key.slice(0, -1)}~`,
      '',
      "' OR 1=1 --",
    ]) {
      expect([wrong, await keys.authenticate(wrong)]).toEqual([wrong, { kind: 'unknown' }]);
    }
  });

  it('tell when they were last used, written at most once a minute', async () => {
    const { key, record } = await create('used', ['emails:read']);
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
    const { key, record } = await create('busy', ['emails:read']);
    const version = async () =>
      (await database.query<{ xmin: string }>('SELECT xmin::text FROM api_keys WHERE id = $1', [record.id]))[0]!.xmin;
    await Promise.all(Array.from({ length: 10 }, () => keys.authenticate(key)));
    const written = await version();
    await Promise.all(Array.from({ length: 10 }, () => keys.authenticate(key)));
    expect(await version()).toBe(written);
  });

  it('end when they are revoked, by prefix or by id', async () => {
    for (const which of ['prefix', 'id'] as const) {
      const { key, record } = await create(which, ['emails:read']);
      expect(await changes.revoke(record[which], OPERATOR)).toMatchObject({
        kind: 'revoked',
        record: { id: record.id, revokedAt: clock.now() },
      });
      expect(await keys.authenticate(key)).toEqual({ kind: 'revoked' });
      clock.advance(5);
      expect(await changes.revoke(record[which], OPERATOR)).toMatchObject({ kind: 'revoked_before' });
      expect((await rowOf(record.id))['revoked_at']).toEqual(new Date(clock.now().getTime() - 5_000));
    }
  });

  it('are not revoked by a name that fits none or several', async () => {
    expect(await changes.revoke('otp_live_none1', OPERATOR)).toEqual({ kind: 'not_found' });
    expect(await changes.revoke('', OPERATOR)).toEqual({ kind: 'not_found' });
    const twins = await Promise.all([create('twin', ['admin']), create('twin', ['admin'])]);
    await database.query(`UPDATE api_keys SET prefix = 'otp_live_twins' WHERE name = 'twin'`);
    const result = await changes.revoke('otp_live_twins', OPERATOR);
    expect(result).toMatchObject({ kind: 'ambiguous', records: [{ revokedAt: null }, { revokedAt: null }] });
    for (const { key } of twins) expect(await keys.authenticate(key)).toMatchObject({ kind: 'good' });
  });

  it('open nothing from the moment they expire, and say why', async () => {
    const expiresAt = new Date(clock.now().getTime() + 60_000);
    const { key } = await create('short', ['emails:read'], expiresAt);
    clock.advance(59.999);
    expect(await keys.authenticate(key)).toMatchObject({ kind: 'good' });
    clock.advance(0.001);
    expect(await keys.authenticate(key)).toEqual({ kind: 'expired', at: expiresAt });
  });

  it('are rotated into one of the same name, scopes, senders and lifetime, and work until the overlap ends', async () => {
    const former = await create(
      'rotated',
      ['emails:read', 'verifications'],
      new Date(clock.now().getTime() + 90 * 86_400_000),
      ['billing@example.com', '@news.example.com'],
    );
    clock.advance(10 * 86_400);
    const result = await changes.rotate(former.record.prefix, 24, OPERATOR);
    if (result.kind !== 'rotated') throw new Error(result.kind);
    expect(result.record).toMatchObject({
      name: 'rotated',
      scopes: ['emails:read', 'verifications'],
      senders: ['billing@example.com', '@news.example.com'],
      createdAt: clock.now(),
    });
    expect(result.record.expiresAt).toEqual(new Date(clock.now().getTime() + 90 * 86_400_000));
    const { expires_at, replaced_by } = await rowOf(former.record.id);
    expect([expires_at, replaced_by]).toEqual([new Date(clock.now().getTime() + 86_400_000), result.record.id]);
    clock.advance(86_399);
    for (const key of [former.key, result.key]) expect(await keys.authenticate(key)).toMatchObject({ kind: 'good' });
    clock.advance(1);
    expect([(await keys.authenticate(former.key)).kind, (await keys.authenticate(result.key)).kind]).toEqual([
      'expired',
      'good',
    ]);
  });

  it('that do not expire have a successor that does not either, and an overlap never lengthens a life', async () => {
    const lasting = await changes.rotate((await create('lasting', ['admin'])).record.id, 24, OPERATOR);
    expect(lasting).toMatchObject({ kind: 'rotated', record: { expiresAt: null } });
    const end = new Date(clock.now().getTime() + 3_600_000);
    expect(await changes.rotate((await create('ending', ['admin'], end)).record.id, 24, OPERATOR)).toMatchObject({
      kind: 'rotated',
      former: { expiresAt: end },
    });
  });

  it('have one successor, however many ask for one at once', async () => {
    const { record } = await create('wanted', ['admin']);
    const results = await Promise.all(Array.from({ length: 10 }, () => changes.rotate(record.id, 24, OPERATOR)));
    const winners = results.filter(({ kind }) => kind === 'rotated');
    expect(winners).toHaveLength(1);
    expect(results.filter((result) => result.kind === 'over').map((result) => result.why)).toEqual(
      Array.from({ length: 9 }, () => 'rotated'),
    );
    expect(await database.query(`SELECT id FROM api_keys WHERE name = 'wanted'`)).toHaveLength(2);
  });

  it('that are over are not rotated', async () => {
    const { record } = await create('over', ['admin'], new Date(clock.now().getTime() + 1_000));
    clock.advance(1);
    expect(await changes.rotate(record.id, 24, OPERATOR)).toMatchObject({ kind: 'over', why: 'expired' });
    await changes.revoke(record.id, OPERATOR);
    expect(await changes.rotate(record.id, 24, OPERATOR)).toMatchObject({ kind: 'over', why: 'revoked' });
    expect(await changes.rotate('otp_live_none1', 24, OPERATOR)).toEqual({ kind: 'not_found' });
  });

  it('are recorded when they are made, rotated and revoked, without anything of the key but its name', async () => {
    const { key, record } = await create('recorded', ['admin']);
    await changes.rotate(record.id, 1, OPERATOR);
    await changes.revoke(record.id, OPERATOR);
    const rows = await database.query('SELECT * FROM audit_events WHERE target_id = $1 ORDER BY id', [record.id]);
    const recorded = (action: string) =>
      expect.objectContaining({ action, result: 'done', actor_kind: 'operator', target_kind: 'api_key' }) as object;
    expect(rows).toEqual(['api_key.created', 'api_key.rotated', 'api_key.revoked'].map(recorded));
    expect(rows[0]!['details']).toEqual({ name: 'recorded', scopes: 'admin' });
    expect(JSON.stringify(rows)).not.toContain(key.slice(9));
  });
});
