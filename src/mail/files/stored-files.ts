import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Clock } from '../../core/clock.js';
import { uuidv7 } from '../../core/ids.js';
import { Keyring } from '../../core/keyring.js';
import { Logger } from '../../core/logger.js';
import { Problem } from '../../core/problems.js';
import { PrismaService, Transactions } from '../../database/prisma.service.js';
import { sealContext } from '../../database/resealing.js';
import type { Prisma } from '../../generated/prisma/client.js';
import { inParts, PART_BYTES, SEALED_FILE_PARTS } from './file-parts.js';

/**
 * Bytes of one file, and of all attachments of one message: what Gmail takes
 * (https://support.google.com/mail/answer/6584).
 */
export const FILE_LIMIT = 25 * 1024 * 1024;
/** Hours for which a file is kept that no message needs, from when it was last asked for. */
export const KEPT_HOURS = 24;
/** Hours until a file that has not come in whole is given up; far longer than a request may take. */
const UNFINISHED_HOURS = 1;
/** Parts that are read at a time. */
const READ_AT_ONCE = 8;

export interface StoredFile {
  id: string;
  /** Bytes. */
  size: number;
  /** Hex. */
  sha256: string;
}

const ADD_PART = `INSERT INTO stored_file_parts (id, file_id, position, sealed, seal_key_id) VALUES ($1, $2, $3, $4, $5)`;
const PARTS = `SELECT id, seal_key_id AS "keyId", sealed AS bytes FROM stored_file_parts
  WHERE file_id = $1 AND position >= $2 AND position < $3 ORDER BY position`;

/** What came in. */
interface Whole {
  size: number;
  sha256: Buffer;
  parts: number;
}

/** The file is not there: it was never whole, or no message needed it for longer than it is kept. */
export class FileMissing extends Error {
  override readonly name = 'FileMissing';
}

type Db = Prisma.TransactionClient;

/**
 * Attachments and uploads: sealed, in parts, the same bytes once for all messages that carry them. A file lives for as
 * long as a content needs it (`email_content_files`), and for a day after it was last asked for; `now()` of Postgres
 * judges that.
 */
@Injectable()
export class StoredFiles {
  constructor(
    private readonly prisma: PrismaService,
    private readonly transactions: Transactions,
    private readonly keyring: Keyring,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {}

  /**
   * Keeps what comes in, part by part: no more than one part is held in memory. Of a source that fails, or is too long,
   * nothing stays; of a process that dies, the clean-up takes what is left.
   * @param limit bytes
   * @throws Problem body_too_large; what the source throws
   */
  async store(source: AsyncIterable<Uint8Array>, limit = FILE_LIMIT): Promise<StoredFile> {
    const arriving = await this.begin();
    try {
      const whole = await this.takeIn(arriving, source, limit);
      return await this.transactions.run(({ db }) => this.finish(arriving, whole, db));
    } catch (error) {
      await this.remove(arriving);
      throw error;
    }
  }

  /**
   * Keeps what is in memory already, before the transaction of the message: it then holds up nobody, and what a message
   * that was not accepted leaves behind is taken by the clean-up.
   */
  async storeBytes(bytes: Uint8Array): Promise<StoredFile> {
    const hash = createHash('sha256').update(bytes).digest();
    const known = await this.findByHash(hash);
    return known === undefined
      ? this.store(inOnePiece(bytes), bytes.length)
      : { id: known, size: bytes.length, sha256: hash.toString('hex') };
  }

  /**
   * The files of these ids that are there whole; each is kept for another day, in which a message may come to need it.
   * @param ids UUIDs
   */
  async find(ids: readonly string[]): Promise<Map<string, { size: number }>> {
    if (ids.length === 0) return new Map();
    const found = await this.prisma.statements.query<{ id: string; size: number }[]>`
      WITH held AS (
        SELECT id FROM stored_files WHERE id = ANY(${[...ids]}::uuid[]) AND sha256 IS NOT NULL ORDER BY id FOR NO KEY UPDATE
      )
      UPDATE stored_files f SET kept_until = greatest(f.kept_until, now() + ${KEPT_HOURS} * interval '1 hour')
      FROM held WHERE f.id = held.id RETURNING f.id::text AS id, f.size`;
    return new Map(found.map(({ id, size }) => [id, { size }]));
  }

  /** @throws FileMissing; UnsealError when the secret that sealed it is not configured here */
  async read(id: string): Promise<Buffer> {
    const size = await this.sizeOf(id);
    const whole = Buffer.allocUnsafeSlow(size);
    let filled = 0;
    for await (const part of this.parts(id)) {
      if (filled + part.length <= size) whole.set(part, filled);
      filled += part.length;
    }
    if (filled !== size) throw new FileMissing(`the file ${id} has ${filled} of ${size} bytes`);
    return whole;
  }

  /**
   * Its bytes in order, for whoever passes them on and need not hold the whole file.
   * @param from the first byte that is wanted
   * @throws UnsealError
   */
  async *parts(id: string, from = 0): AsyncGenerator<Buffer> {
    const first = Math.floor(from / PART_BYTES);
    let skipped = from % PART_BYTES;
    for (let position = first; ; position += READ_AT_ONCE) {
      const parts = await this.prisma.statements.once<{ id: string; keyId: string; bytes: Buffer }>(PARTS, [
        id,
        position,
        position + READ_AT_ONCE,
      ]);
      for (const part of parts) {
        const bytes = this.keyring.openBytes(part, sealContext(SEALED_FILE_PARTS, part.id));
        yield bytes.subarray(skipped);
        skipped = 0;
      }
      if (parts.length < READ_AT_ONCE) return;
    }
  }

  /**
   * Takes away files whose day is over and which no content needs, and what never came in whole. Returns how many.
   * @param limit small, for each may have a hundred parts
   */
  async removeUnneeded(limit: number): Promise<number> {
    return this.prisma.statements.execute`
      DELETE FROM stored_files WHERE id IN (
        SELECT id FROM stored_files f
        WHERE kept_until < now() AND NOT EXISTS (SELECT FROM email_content_files WHERE file_id = f.id)
        ORDER BY kept_until LIMIT ${limit} FOR UPDATE SKIP LOCKED)`;
  }

  /**
   * Files that a content needs are looked at again a day later, so that the clean-up need not pass over all of them.
   */
  async postponeNeeded(limit: number): Promise<number> {
    return this.prisma.statements.execute`
      UPDATE stored_files SET kept_until = now() + ${KEPT_HOURS} * interval '1 hour' WHERE id IN (
        SELECT id FROM stored_files f
        WHERE kept_until < now() AND EXISTS (SELECT FROM email_content_files WHERE file_id = f.id)
        ORDER BY kept_until LIMIT ${limit} FOR UPDATE SKIP LOCKED)`;
  }

  /** A row for what is coming in; its hash is known at its end. */
  private async begin(): Promise<string> {
    const id = this.newId();
    await this.prisma.statements.execute`
      INSERT INTO stored_files (id, kept_until) VALUES (${id}::uuid, now() + ${UNFINISHED_HOURS} * interval '1 hour')`;
    return id;
  }

  private async takeIn(id: string, source: AsyncIterable<Uint8Array>, limit: number): Promise<Whole> {
    const hash = createHash('sha256');
    let [size, position] = [0, 0];
    for await (const part of inParts(source)) {
      size += part.length;
      if (size > limit) throw tooLarge(limit);
      hash.update(part);
      await this.addPart(id, position++, part);
    }
    return { size, sha256: hash.digest(), parts: position };
  }

  /** What came in becomes the file of these bytes, unless there is one. Only rows are moved, and no bytes. */
  private async finish(arriving: string, { size, sha256, parts }: Whole, db: Db): Promise<StoredFile> {
    const { id, isNew } = await this.claim(size, sha256, db);
    if (isNew) {
      const moved = await db.$executeRaw`
        UPDATE stored_file_parts SET file_id = ${id}::uuid WHERE file_id = ${arriving}::uuid`;
      if (moved !== parts) throw new FileMissing(`of the file ${arriving}, ${moved} of ${parts} parts are there`);
    }
    await db.$executeRaw`DELETE FROM stored_files WHERE id = ${arriving}::uuid`;
    return { id, size, sha256: sha256.toString('hex') };
  }

  /**
   * The file of these bytes, kept for a day from now. Who stores the same at the same moment waits here until it is
   * known whether the other one commits; the clean-up takes no row that this statement has touched.
   */
  private async claim(size: number, sha256: Buffer, db: Db): Promise<{ id: string; isNew: boolean }> {
    const fresh = this.newId();
    const [{ id }] = await db.$queryRaw<[{ id: string }]>`
      INSERT INTO stored_files AS f (id, sha256, size, kept_until)
      VALUES (${fresh}::uuid, ${sha256}::bytea, ${size}, now() + ${KEPT_HOURS} * interval '1 hour')
      ON CONFLICT (sha256) DO UPDATE SET kept_until = greatest(f.kept_until, excluded.kept_until)
      RETURNING f.id::text AS id`;
    return { id, isNew: id === fresh };
  }

  /** @returns the id of the file of these bytes, kept for a day from now */
  private async findByHash(sha256: Buffer): Promise<string | undefined> {
    const [found] = await this.prisma.statements.query<{ id: string }[]>`
      UPDATE stored_files SET kept_until = greatest(kept_until, now() + ${KEPT_HOURS} * interval '1 hour')
      WHERE sha256 = ${sha256}::bytea RETURNING id::text AS id`;
    return found?.id;
  }

  private async addPart(fileId: string, position: number, plain: Uint8Array): Promise<void> {
    const id = this.newId();
    const { bytes, keyId } = this.keyring.sealBytes(plain, sealContext(SEALED_FILE_PARTS, id));
    await this.prisma.statements.once(ADD_PART, [id, fileId, position, Buffer.from(bytes.buffer), keyId]);
  }

  private async sizeOf(id: string): Promise<number> {
    const [file] = await this.prisma.statements.query<{ size: number }[]>`
      SELECT size FROM stored_files WHERE id = ${id}::uuid AND sha256 IS NOT NULL`;
    if (!file) throw new FileMissing(`there is no file ${id}`);
    return file.size;
  }

  /** Why it was not kept is thrown by the caller; what cannot be removed now is removed by the clean-up. */
  private async remove(arriving: string): Promise<void> {
    try {
      await this.prisma.statements.execute`DELETE FROM stored_files WHERE id = ${arriving}::uuid`;
    } catch (error) {
      this.log.warn({ err: error, fileId: arriving }, 'what came in of a file stays until the next clean-up');
    }
  }

  private newId(): string {
    return uuidv7(this.clock.now());
  }
}

export function tooLarge(limit: number): Problem {
  return new Problem('body_too_large', {
    detail: 'The file is too large.',
    remedy: `Send at most ${limit} bytes.`,
    headers: { connection: 'close' }, // the client may have more of it
  });
}

async function* inOnePiece(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
