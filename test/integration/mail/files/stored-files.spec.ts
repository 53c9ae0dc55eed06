import { createHash, randomBytes } from 'node:crypto';
import { Keyring } from '../../../../src/core/keyring.js';
import { createLogger } from '../../../../src/core/logger.js';
import { DatabaseClock } from '../../../../src/database/database-clock.js';
import { PrismaService, Transactions } from '../../../../src/database/prisma.service.js';
import { Resealing } from '../../../../src/database/resealing.js';
import { PART_BYTES, SEALED_FILE_PARTS } from '../../../../src/mail/files/file-parts.js';
import { FileMissing, StoredFiles } from '../../../../src/mail/files/stored-files.js';
import { createDatabase, type TestDatabase } from '../../../support/database/postgres.js';

const SECRET = 'a secret of more than thirty-two characters';
const OTHER = 'another secret, also more than thirty-two characters';

describe('stored files', () => {
  let database: TestDatabase;
  let prisma: PrismaService;
  let transactions: Transactions;
  let clock: DatabaseClock;
  let files: StoredFiles;

  beforeAll(async () => {
    database = await createDatabase();
    prisma = new PrismaService({ url: database.url, poolSize: 8 });
    transactions = new Transactions(prisma);
    clock = await DatabaseClock.read(prisma);
    files = withSecrets(SECRET);
  });
  afterAll(async () => {
    await prisma.$disconnect();
    await database.drop();
  });

  function withSecrets(secret: string, previous: string[] = []): StoredFiles {
    const keyring = new Keyring(secret, previous);
    return new StoredFiles(prisma, transactions, keyring, clock, createLogger('silent', 'web'));
  }

  /** As a socket gives it: in chunks of any length. */
  async function* stream(bytes: Buffer, chunk = 50_000): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += chunk) yield bytes.subarray(at, at + chunk);
  }

  const counts = async () => {
    const [row] = await database.query<{ files: number; parts: number }>(
      `SELECT (SELECT count(*)::int FROM stored_files) AS files, (SELECT count(*)::int FROM stored_file_parts) AS parts`,
    );
    return row!;
  };
  const hex = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
  const age = (id: string) =>
    database.query(`UPDATE stored_files SET kept_until = now() - interval '1 second' WHERE id = $1`, [id]);
  const keptHours = async (id: string) => {
    const [row] = await database.query<{ hours: number }>(
      `SELECT extract(epoch FROM kept_until - now())::float8 / 3600 AS hours FROM stored_files WHERE id = $1`,
      [id],
    );
    return row?.hours;
  };

  /** A content that needs the file. */
  async function need(fileId: string): Promise<string> {
    const [{ id }] = (await database.query<{ id: string }>(
      `INSERT INTO email_contents (id, sealed, seal_key_id) VALUES (gen_random_uuid(), '', 'x') RETURNING id`,
    )) as [{ id: string }];
    await database.query(`INSERT INTO email_content_files (content_id, file_id) VALUES ($1, $2)`, [id, fileId]);
    return id;
  }

  it.each([0, 1, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 3_000_000])(
    'of %d bytes are read as they came, streamed or whole, and are stored once',
    async (size) => {
      const bytes = randomBytes(size);
      const before = await counts();
      const stored = await files.store(stream(bytes));
      expect(stored).toMatchObject({ size, sha256: hex(bytes) });
      expect((await files.read(stored.id)).equals(bytes)).toBe(true);
      expect(await files.storeBytes(bytes)).toEqual(stored);
      expect(await files.store(stream(bytes, 7_919))).toEqual(stored);
      const after = await counts();
      expect([after.files - before.files, after.parts - before.parts]).toEqual([1, Math.ceil(size / PART_BYTES)]);
    },
  );

  it('lie sealed in the database, each part bound to its own place', async () => {
    const bytes = Buffer.alloc(2 * PART_BYTES, 'a secret page ');
    const { id } = await files.store(stream(bytes));
    const rows = await database.query<{ sealed: Buffer }>(`SELECT sealed FROM stored_file_parts WHERE file_id = $1`, [
      id,
    ]);
    expect(rows.map(({ sealed }) => [sealed.includes('secret'), sealed.length])).toEqual([
      [false, PART_BYTES + 28],
      [false, PART_BYTES + 28],
    ]);
    await database.query(
      `UPDATE stored_file_parts p SET sealed = (SELECT sealed FROM stored_file_parts WHERE file_id = $1 AND position = 1)
       WHERE file_id = $1 AND position = 0`,
      [id],
    );
    await expect(files.read(id)).rejects.toThrow('does not open');
  });

  it('that come many times at once have one id, and one copy', async () => {
    const bytes = randomBytes(600_000);
    const before = await counts();
    const all = await Promise.all(
      Array.from({ length: 16 }, (_, n) => (n % 2 ? files.store(stream(bytes)) : files.storeBytes(bytes))),
    );
    expect(new Set(all.map(({ id }) => id)).size).toBe(1);
    const after = await counts();
    expect([after.files - before.files, after.parts - before.parts]).toEqual([1, 3]);
    expect((await files.read(all[0]!.id)).equals(bytes)).toBe(true);
  });

  it('that are too large, or end before they are whole, leave nothing', async () => {
    const before = await counts();
    await expect(files.store(stream(randomBytes(1_000_001)), 1_000_000)).rejects.toMatchObject({
      code: 'body_too_large',
    });
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield randomBytes(PART_BYTES * 2 + 5);
      throw new Error('hung up');
    }
    await expect(files.store(broken())).rejects.toThrow('hung up');
    expect(await counts()).toEqual(before);
    expect(await files.store(stream(randomBytes(1_000_000)), 1_000_000)).toMatchObject({ size: 1_000_000 });
  });

  it('are found by their ids once they are whole, and kept for another day by that', async () => {
    const { id } = await files.storeBytes(randomBytes(10));
    await database.query(`UPDATE stored_files SET kept_until = now() + interval '1 minute' WHERE id = $1`, [id]);
    const [{ id: arriving }] = (await database.query<{ id: string }>(
      `INSERT INTO stored_files (id, kept_until) VALUES (gen_random_uuid(), now() + interval '1 hour') RETURNING id`,
    )) as [{ id: string }];
    const unknown = '00000000-0000-7000-8000-000000000000';
    expect([...(await files.find([id, arriving, unknown]))]).toEqual([[id, { size: 10 }]]);
    expect(await keptHours(id)).toBeGreaterThan(23);
    await expect(files.read(arriving)).rejects.toThrow(FileMissing);
    await expect(files.read(unknown)).rejects.toThrow(FileMissing);
    expect(await files.find([])).toEqual(new Map());
    await database.query(`DELETE FROM stored_files WHERE id = $1`, [arriving]);
  });

  it('that no message needs are gone a day later, parts and all, and those that one needs stay', async () => {
    await database.query(`UPDATE stored_files SET kept_until = now() + interval '1 day'`);
    const [unneeded, needed, fresh] = [
      await files.store(stream(randomBytes(600_000))),
      await files.store(stream(randomBytes(600_000))),
      await files.store(stream(randomBytes(600_000))),
    ];
    const content = await need(needed.id);
    for (const { id } of [unneeded, needed]) await age(id);
    expect([await files.postponeNeeded(10), await files.removeUnneeded(10), await files.removeUnneeded(10)]).toEqual([
      1, 1, 0,
    ]);
    await expect(files.read(unneeded.id)).rejects.toThrow(FileMissing);
    for (const { id } of [needed, fresh]) expect((await files.read(id)).length).toBe(600_000);
    const parts = await database.query(`SELECT FROM stored_file_parts WHERE file_id = $1`, [unneeded.id]);
    expect(parts).toHaveLength(0);
    await database.query(`DELETE FROM email_contents WHERE id = $1`, [content]);
    await age(needed.id);
    expect(await files.removeUnneeded(10)).toBe(1);
  });

  it('that come again just before they would be removed are kept for another day', async () => {
    const bytes = randomBytes(1_000);
    const { id } = await files.storeBytes(bytes);
    await age(id);
    await files.store(stream(bytes));
    expect([await files.removeUnneeded(10), await keptHours(id)]).toEqual([0, expect.closeTo(24, 0)]);
  });

  it('that are removed while they come again are there in the end', async () => {
    const bytes = randomBytes(400_000);
    for (let round = 0; round < 10; round++) {
      await age((await files.storeBytes(bytes)).id);
      const [stored] = await Promise.all([files.store(stream(bytes)), files.removeUnneeded(10)]);
      expect((await files.read(stored.id)).equals(bytes)).toBe(true);
    }
  });

  it('that are an hour on their way are taken by the clean-up, and are not there in halves', async () => {
    const before = await counts();
    async function* slow(): AsyncGenerator<Uint8Array> {
      yield randomBytes(PART_BYTES * 2);
      const arriving = await database.query<{ id: string }>(`SELECT id FROM stored_files WHERE sha256 IS NULL`);
      expect(arriving).toHaveLength(1);
      const [{ id }] = arriving as [{ id: string }];
      expect([await keptHours(id), await files.removeUnneeded(10)]).toEqual([expect.closeTo(1, 0), 0]);
      await age(id);
      expect(await files.removeUnneeded(10)).toBe(1);
    }
    await expect(files.store(slow())).rejects.toThrow(FileMissing);
    expect(await counts()).toEqual(before);
  });

  it('are sealed again with a new secret, in batches, and open without the former one', async () => {
    const bytes = randomBytes(20 * PART_BYTES + 1);
    const { id } = await files.store(stream(bytes));
    const present = new Keyring(OTHER, [SECRET]);
    const [kind] = await new Resealing(prisma, present, [SEALED_FILE_PARTS]).run(() => undefined);
    expect(kind).toMatchObject({ kind: 'file parts', remaining: expect.any(Number) as number });
    expect(kind!.resealed).toBeGreaterThanOrEqual(21);
    expect((await withSecrets(OTHER).read(id)).equals(bytes)).toBe(true);
    await expect(files.read(id)).rejects.toThrow('is neither APP_SECRET nor');
  });
});
