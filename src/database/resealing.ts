import { LOWEST_UUID } from '../core/ids.js';
import { type Keyring, type Sealed, UnsealError } from '../core/keyring.js';
import { Prisma } from '../generated/prisma/client.js';
import type { PrismaService } from './prisma.service.js';

/** A column of sealed values, declared by the room that seals them; src/sealed-columns.ts lists all of them. */
export interface SealedColumn {
  /** What it holds, as `otpost rotate-secret` reports it. */
  kind: string;
  table: string;
  /** Of the column `id`. */
  idType: 'text' | 'uuid';
  column: string;
  /** The column that names the secret of each value. */
  keyColumn: string;
  /** Begins the context of each value; see {@link sealContext}. */
  context: string;
  /** A column whose rows, where it is set, hold nothing sealed here but a mark. */
  elsewhere?: string;
  /** Rows that are sealed again at a time, where values are so large that the usual number of them fills the memory. */
  batch?: number;
  /** A column whose value is made of the opened one with a key of the same secret. */
  derived?: {
    column: string;
    /** Columns of the row that it takes besides. */
    needs: readonly string[];
    /** @throws UnsealError for what is not of the expected form */
    make(opened: string, row: Record<string, string> & { id: string }, keyring: Keyring): Uint8Array;
  };
}

/** Binds a sealed value to its row: moved to another row, or to another table, it does not open. */
export function sealContext({ context }: SealedColumn, id: string): string {
  return `${context}:${id}`;
}

export interface ResealedKind {
  kind: string;
  resealed: number;
  /** Opens with none of the secrets that are configured. */
  unreadable: number;
  /** Still sealed with another secret than the present one, the unreadable included. */
  remaining: number;
}

type SealedRow = Record<string, string> & { id: string; keyId: string } & { bytes: Uint8Array };

/** Rows at a time. */
const BATCH = 200;
/** Sort before all ids. */
const FIRST = { text: '', uuid: LOWEST_UUID };

/**
 * Seals again with the present secret what a former one sealed. Each write is conditional on what was read: content that
 * is erased meanwhile stays erased, and a secret that is rotated meanwhile stays the new one.
 */
export class Resealing {
  constructor(
    private readonly prisma: PrismaService,
    private readonly keyring: Keyring,
    private readonly columns: readonly SealedColumn[],
  ) {}

  async count(): Promise<ResealedKind[]> {
    return this.each(async (column) => ({ resealed: 0, unreadable: 0, remaining: await this.remaining(column) }));
  }

  /** @param progress told after each batch how many there were so far */
  async run(progress: (done: number) => void): Promise<ResealedKind[]> {
    let before = 0;
    return this.each(async (column) => {
      const done = await this.all(column, (resealed) => progress(before + resealed));
      before += done.resealed;
      return done;
    });
  }

  /** The sums of each kind, in the order of the columns. */
  private async each(work: (column: SealedColumn) => Promise<Omit<ResealedKind, 'kind'>>): Promise<ResealedKind[]> {
    const kinds = new Map<string, ResealedKind>();
    for (const column of this.columns) {
      const { kind } = column;
      const sum = kinds.get(kind) ?? { kind, resealed: 0, unreadable: 0, remaining: 0 };
      const { resealed, unreadable, remaining } = await work(column);
      sum.resealed += resealed;
      sum.unreadable += unreadable;
      sum.remaining += remaining;
      kinds.set(kind, sum);
    }
    return [...kinds.values()];
  }

  /** Passes over the rows until one finds nothing more to do: what was held is free later. */
  private async all(
    column: SealedColumn,
    progress: (resealed: number) => void,
  ): Promise<{ resealed: number; unreadable: number; remaining: number }> {
    let resealed = 0;
    for (;;) {
      const pass = await this.pass(column, (more) => progress(resealed + more));
      resealed += pass.resealed;
      if (pass.resealed === 0)
        return { resealed, unreadable: pass.unreadable, remaining: await this.remaining(column) };
    }
  }

  private async pass(
    column: SealedColumn,
    progress: (resealed: number) => void,
  ): Promise<{ resealed: number; unreadable: number }> {
    const result = { resealed: 0, unreadable: 0 };
    for (let after = FIRST[column.idType]; ;) {
      const stale = await this.stale(column, after);
      const sealed = stale.flatMap((row) => opened(() => this.again(column, row)));
      result.unreadable += stale.length - sealed.length;
      if (sealed.length > 0) result.resealed += await this.write(column, JSON.stringify(sealed));
      progress(result.resealed);
      if (stale.length < batchOf(column)) return result;
      after = stale.at(-1)!.id;
    }
  }

  private again(column: SealedColumn, row: SealedRow): object {
    const context = sealContext(column, row.id);
    const plain = this.keyring.openBytes(row, context);
    const derived = column.derived?.make(plain.toString('utf8'), row, this.keyring);
    const again: Sealed = this.keyring.sealBytes(plain, context);
    return { id: row.id, was: base64(row.bytes), bytes: base64(again.bytes), derived: derived && base64(derived) };
  }

  private async remaining({ table, column, keyColumn, elsewhere }: SealedColumn): Promise<number> {
    const [{ count }] = await this.prisma.statements.query<[{ count: number }]>`
      SELECT count(*)::int AS count FROM ${raw(table)}
      WHERE ${raw(column)} IS NOT NULL AND ${raw(keyColumn)} <> ${this.keyring.currentId} ${isHere(elsewhere)}`;
    return count;
  }

  /** Values after that id which another secret sealed, by id. */
  private async stale(sealed: SealedColumn, after: string): Promise<SealedRow[]> {
    const { table, idType, column, keyColumn, derived, elsewhere } = sealed;
    const more = (derived?.needs ?? []).map((name) => `, t.${name}`).join('');
    return this.prisma.statements.query`
      SELECT t.id::text AS id, t.${raw(keyColumn)} AS "keyId", t.${raw(column)} AS bytes${raw(more)} FROM ${raw(table)} t
      WHERE t.id > ${after}::${raw(idType)} AND t.${raw(column)} IS NOT NULL AND t.${raw(keyColumn)} <> ${this.keyring.currentId} ${isHere(elsewhere)}
      ORDER BY t.id LIMIT ${batchOf(sealed)}`;
  }

  /** Writes values that are still as they were read, and returns how many. What somebody holds at this moment is passed over. */
  private async write({ table, idType, column, keyColumn, derived }: SealedColumn, json: string): Promise<number> {
    const more = derived ? `, ${derived.column} = decode(mine.derived, 'base64')` : '';
    return this.prisma.statements.execute`
      WITH mine AS (
        SELECT t.id, i.bytes, i.derived
        FROM ${raw(table)} t JOIN json_to_recordset(${json}::json) AS i (id ${raw(idType)}, was text, bytes text, derived text)
          ON t.id = i.id AND t.${raw(column)} = decode(i.was, 'base64')
        FOR UPDATE OF t SKIP LOCKED
      )
      UPDATE ${raw(table)} t SET ${raw(column)} = decode(mine.bytes, 'base64'), ${raw(keyColumn)} = ${this.keyring.currentId}${raw(more)}
      FROM mine WHERE t.id = mine.id`;
  }
}

function batchOf({ batch = BATCH }: SealedColumn): number {
  return batch;
}

function isHere(elsewhere: string | undefined): Prisma.Sql {
  return elsewhere === undefined ? Prisma.empty : Prisma.sql`AND ${raw(elsewhere)} IS NULL`;
}

/** A name that a room declares, never what somebody sent. */
function raw(name: string): Prisma.Sql {
  return Prisma.raw(name);
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

/** Nothing where it cannot be opened: the others go on. */
function opened<T>(seal: () => T): T[] {
  try {
    return [seal()];
  } catch (error) {
    if (error instanceof UnsealError) return [];
    throw error;
  }
}
