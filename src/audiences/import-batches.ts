import { Injectable } from '@nestjs/common';
import { LOWEST_UUID, uuidv7 } from '../core/ids.js';
import { UnsealError } from '../core/keyring.js';
import { DatabaseClock } from '../database/database-clock.js';
import { PrismaService, Transactions, type UnitOfWork } from '../database/prisma.service.js';
import type { SubscriberImport } from '../generated/prisma/client.js';
import { StoredFiles } from '../mail/files/stored-files.js';
import { linesOf, type LineBatch } from './import-lines.js';
import { type CsvHeader, headerOf, type ReadLine, readCsv, readNdjson } from './import-policy.js';
import type { NewSubscriber } from './subscriber-policy.js';
import { writingSubscribers, type Written } from './subscribers.js';

/** Bad rows that a report names; the others are counted. */
export const MOST_FAULTS = 2_000;
/** The scheduled task that works them. */
export const IMPORT_TASK = 'audiences.imports';
/** Lines that one transaction works off at most. */
const CHUNK = 1_000;
const UNREADABLE_WORDS = 'the file opens with neither APP_SECRET nor APP_SECRET_PREVIOUS: send it again';
const DUPLICATE = 'duplicate';
const DUPLICATE_WORDS = 'its address stands in an earlier line: this one holds';

/** Its audience may have been deleted meanwhile. */
type OpenImport = SubscriberImport & { audience: { deletedAt: Date | null } };

interface Fault {
  line: number;
  code: string;
  message: string;
}

/** What a chunk made of its lines. */
interface Chunk {
  created: number;
  updated: number;
  duplicates: number;
  kept: number;
  faults: Fault[];
}

/**
 * Works off the files that were accepted, in chunks. What a chunk wrote and the place in the file are one commit:
 * whoever goes on after a kill -9 begins behind the last chunk, and holds no more of the file than a chunk.
 */
@Injectable()
export class ImportBatches {
  constructor(
    private readonly prisma: PrismaService,
    private readonly transactions: Transactions,
    private readonly files: StoredFiles,
    private readonly clock: DatabaseClock,
  ) {}

  /**
   * Works the imports that are open, oldest first, each as far as it goes: one that cannot go on holds up no other.
   * Answers how many lines. @throws the first of what stopped one, after all had their turn
   */
  async work(signal: AbortSignal): Promise<number> {
    let lines = 0;
    const errors: unknown[] = [];
    for (let open = await this.nextOpen(LOWEST_UUID); open && !signal.aborted; open = await this.nextOpen(open.id)) {
      try {
        lines += await this.workOne(open, signal);
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
    return lines;
  }

  /** Removes up to `limit` that ended longer ago than so many days. Returns how many. */
  async removeOld(days: number, limit: number): Promise<number> {
    return this.prisma.statements.execute`
      DELETE FROM subscriber_imports WHERE id IN (
        SELECT id FROM subscriber_imports WHERE finished_at < now() - make_interval(days => ${days}::int) ORDER BY id LIMIT ${limit})`;
  }

  private async nextOpen(after: string): Promise<OpenImport | undefined> {
    const [next] = await this.prisma.statements.query<{ id: string }[]>`
      SELECT id FROM subscriber_imports WHERE finished_at IS NULL AND id > ${after}::uuid ORDER BY id LIMIT 1`;
    const include = { audience: { select: { deletedAt: true } } };
    return (next && (await this.prisma.subscriberImport.findUnique({ where: next, include }))) ?? undefined;
  }

  /** Answers how many lines. */
  private async workOne(open: OpenImport, signal: AbortSignal): Promise<number> {
    const so = { at: open.position, worked: 0 };
    const fault = await this.faultOf(open);
    if (fault) await this.fail(open, fault.code, fault.message, so.at);
    else {
      try {
        await this.workLines(open, so, signal);
      } catch (error) {
        if (!(error instanceof UnsealError)) throw error;
        await this.fail(open, 'file_unreadable', UNREADABLE_WORDS, so.at);
      }
    }
    return so.worked;
  }

  /** Why nothing of it can be worked off. Its file is kept for another day. */
  private async faultOf({ audience, fileId }: OpenImport): Promise<{ code: string; message: string } | undefined> {
    if (audience.deletedAt) return { code: 'audience_deleted', message: 'its audience was deleted' };
    const isThere = (await this.files.find([fileId])).size > 0;
    return isThere ? undefined : { code: 'file_missing', message: 'the file is gone: send it again' };
  }

  /** @param so how far it is, written as it goes on. @throws UnsealError */
  private async workLines(
    open: SubscriberImport,
    so: { at: number; worked: number },
    signal: AbortSignal,
  ): Promise<void> {
    const { line: number, format } = open;
    let header = open.header as CsvHeader | null;
    const batches = linesOf(this.files.parts(open.fileId, so.at), { byte: so.at, number }, CHUNK);
    for await (const batch of batches) {
      const lines = [...batch.lines];
      if (format === 'csv' && header === null) {
        const found = headerOf(lines.shift()!);
        if ('code' in found) return this.fail(open, found.code, found.message, so.at);
        header = found;
      }
      const read = format === 'csv' ? readCsv(lines, header!) : readNdjson(lines);
      if (!(await this.commit(open, so.at, batch, read, header))) return;
      so.at = batch.end;
      so.worked += batch.lines.length;
      if (signal.aborted) return;
    }
    if (format === 'csv' && header === null) return this.fail(open, 'header_unreadable', 'the file is empty', so.at);
    await this.prisma.statements.execute`
      UPDATE subscriber_imports SET finished_at = now() WHERE id = ${open.id}::uuid AND position = ${so.at} AND finished_at IS NULL`;
  }

  /** False: somebody else works it by now, or it is over. */
  private async commit(
    open: SubscriberImport,
    at: number,
    { end, number }: LineBatch,
    read: readonly ReadLine[],
    header: CsvHeader | null,
  ): Promise<boolean> {
    return this.transactions.run(async (unit) => {
      const mine = await unit.db.$queryRaw<{ faults: number }[]>`
        SELECT i.bad + i.duplicates AS faults FROM subscriber_imports i JOIN audiences a ON a.id = i.audience_id
        WHERE i.id = ${open.id}::uuid AND i.position = ${at} AND i.finished_at IS NULL AND a.deleted_at IS NULL
        FOR UPDATE OF i SKIP LOCKED FOR KEY SHARE OF a`;
      if (mine.length === 0) return false;
      const { created, updated, duplicates, kept, faults } = await this.write(open, read, unit);
      const bad = faults.filter(({ code }) => code !== DUPLICATE);
      await this.note(open.id, faults.slice(0, Math.max(0, MOST_FAULTS - mine[0]!.faults)), unit);
      await unit.db.$executeRaw`
        UPDATE subscriber_imports SET position = ${end}, line = ${number}, header = ${header === null ? null : JSON.stringify(header)}::jsonb,
          created = created + ${created}, updated = updated + ${updated}, duplicates = duplicates + ${duplicates},
          kept = kept + ${kept}, bad = bad + ${bad.length}, bad_by_code = (
            SELECT coalesce(jsonb_object_agg(code, count), '{}') FROM (
              SELECT code, sum(count)::int AS count FROM (
                SELECT key AS code, value::int AS count FROM jsonb_each_text(bad_by_code)
                UNION ALL SELECT code, 1 FROM unnest(${bad.map(({ code }) => code)}::text[]) AS f (code)
              ) AS all_of_them GROUP BY code
            ) AS summed)
        WHERE id = ${open.id}::uuid`;
      return true;
    });
  }

  /** Rows that are there are locked in the order of ids first, as the statements on messages lock them. */
  private async write(
    { id, audienceId }: SubscriberImport,
    read: readonly ReadLine[],
    { db }: UnitOfWork,
  ): Promise<Chunk> {
    const faults = read.flatMap((one): Fault[] => ('fault' in one ? [{ line: one.line, ...one.fault }] : []));
    const rows = new Map<string, NewSubscriber>();
    const good = read.flatMap((one) => ('subscriber' in one ? [one] : []));
    const canonicals = [...new Set(good.map(({ subscriber }) => subscriber.addressCanonical))];
    const there = await db.$queryRaw<{ canonical: string; importId: string | null }[]>`
      SELECT address_canonical AS canonical, import_id::text AS "importId" FROM subscribers
      WHERE audience_id = ${audienceId}::uuid AND address_canonical = ANY(${canonicals}) ORDER BY id FOR NO KEY UPDATE`;
    const seen = new Set(there.filter(({ importId }) => importId === id).map(({ canonical }) => canonical));
    for (const { line, subscriber } of good) {
      const { addressCanonical: canonical } = subscriber;
      if (seen.has(canonical)) faults.push({ line, code: DUPLICATE, message: DUPLICATE_WORDS });
      seen.add(canonical);
      const before = rows.get(canonical)?.attributes ?? {};
      rows.set(canonical, { ...subscriber, attributes: { ...before, ...subscriber.attributes } });
    }
    const now = this.clock.now();
    const input = [...rows.values()].map((row) => ({ ...row, id: uuidv7(now) }));
    const written = input.length === 0 ? [] : await db.$queryRaw<Written[]>(writingSubscribers(audienceId, input, id));
    const known = new Set(there.filter(({ importId }) => importId === id).map(({ canonical }) => canonical));
    const duplicates = faults.filter(({ code }) => code === DUPLICATE).length;
    const created = written.filter((one) => one.created).length;
    return {
      created,
      updated: written.filter((one) => !one.created && !known.has(one.canonical)).length,
      duplicates,
      kept: input.length - written.length,
      faults: faults.sort((left, right) => left.line - right.line),
    };
  }

  private async note(importId: string, faults: readonly Fault[], { db }: UnitOfWork): Promise<void> {
    if (faults.length === 0) return;
    await db.subscriberImportFault.createMany({ data: faults.map((fault) => ({ importId, ...fault })) });
  }

  /** Nothing of it is worked off any more. */
  private async fail({ id }: SubscriberImport, errorCode: string, message: string, at: number): Promise<void> {
    await this.transactions.run(async (unit) => {
      const failed = await unit.db.$executeRaw`
        UPDATE subscriber_imports SET finished_at = now(), error_code = ${errorCode}
        WHERE id = ${id}::uuid AND position = ${at} AND finished_at IS NULL`;
      if (failed > 0) await this.note(id, [{ line: at === 0 ? 1 : 0, code: errorCode, message }], unit);
    });
  }
}
