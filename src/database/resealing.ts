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

/** How far it is, told after each statement. */
class Tally {
  /** Rows, those of each pass anew. */
  looked = 0;
  resealed = 0;

  constructor(private readonly tell: (tally: Tally) => void) {}

  add({ looked = 0, resealed = 0 }: { looked?: number; resealed?: number }): void {
    this.looked += looked;
    this.resealed += resealed;
    this.tell(this);
  }
}

/** Some rows that stand together, in the order of ids. */
interface Looked {
  count: number;
  /** Those that another secret sealed. */
  stale: string[];
  /** After which the next ones come; undefined: there are none. */
  last: string | undefined;
}

type SealedRow = Record<string, string> & { id: string; keyId: string } & { bytes: Uint8Array };

/** Rows that are sealed again at a time. */
const BATCH = 200;
/**
 * Rows that one statement looks at: what it costs does not grow with the table, nor with how few of them are to be
 * found.
 */
const WINDOW = 10_000;
/** Sort before all ids. */
const FIRST = { text: '', uuid: LOWEST_UUID };

/**
 * Seals again with the present secret what a former one sealed. Each write is conditional on what was read: content
 * that is erased meanwhile stays erased, and a secret that is rotated meanwhile stays the new one.
 */
export class Resealing {
  constructor(
    private readonly prisma: PrismaService,
    private readonly keyring: Keyring,
    private readonly columns: readonly SealedColumn[],
  ) {}

  async count(progress: (tally: Tally) => void): Promise<ResealedKind[]> {
    const tally = new Tally(progress);
    return this.each(async (column) => ({
      ...{ resealed: 0, unreadable: 0 },
      remaining: await this.remaining(column, tally),
    }));
  }

  async run(progress: (tally: Tally) => void): Promise<ResealedKind[]> {
    const tally = new Tally(progress);
    return this.each((column) => this.all(column, tally));
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
  private async all(column: SealedColumn, tally: Tally): Promise<Omit<ResealedKind, 'kind'>> {
    let resealed = 0;
    for (;;) {
      const pass = await this.pass(column, tally);
      resealed += pass.resealed;
      if (pass.resealed === 0)
        return { resealed, unreadable: pass.unreadable, remaining: await this.remaining(column, tally) };
    }
  }

  private async pass(column: SealedColumn, tally: Tally): Promise<{ resealed: number; unreadable: number }> {
    const result = { resealed: 0, unreadable: 0 };
    for await (const stale of this.windows(column, tally)) {
      for (let from = 0; from < stale.length; from += batchOf(column)) {
        const rows = await this.read(column, stale.slice(from, from + batchOf(column)));
        const sealed = rows.flatMap((row) => opened(() => this.again(column, row)));
        result.unreadable += rows.length - sealed.length;
        const resealed = sealed.length === 0 ? 0 : await this.write(column, JSON.stringify(sealed));
        result.resealed += resealed;
        tally.add({ resealed });
      }
    }
    return result;
  }

  private again(column: SealedColumn, row: SealedRow): object {
    const context = sealContext(column, row.id);
    const plain = this.keyring.openBytes(row, context);
    const derived = column.derived?.make(plain.toString('utf8'), row, this.keyring);
    const again: Sealed = this.keyring.sealBytes(plain, context);
    return { id: row.id, was: base64(row.bytes), bytes: base64(again.bytes), derived: derived && base64(derived) };
  }

  private async remaining(column: SealedColumn, tally: Tally): Promise<number> {
    let remaining = 0;
    for await (const stale of this.windows(column, tally)) remaining += stale.length;
    return remaining;
  }

  /** The ids of what another secret sealed, in order, as they are found in the rows of a table, so many at a time. */
  private async *windows(column: SealedColumn, tally: Tally): AsyncGenerator<string[]> {
    for (let after: string | undefined = FIRST[column.idType]; after !== undefined;) {
      const { count, stale, last } = await this.look(column, after);
      tally.add({ looked: count });
      yield stale;
      after = last;
    }
  }

  /** The next rows after that id. Found by the primary key, and of each only whether another secret sealed it. */
  private async look(column: SealedColumn, after: string): Promise<Looked> {
    const { table, idType } = column;
    const rows = await this.prisma.statements.query<{ id: string; n: number; stale: boolean }[]>`
      WITH looked AS (
        SELECT t.id, ${this.isStale(column)} AS stale FROM ${raw(table)} t
        WHERE t.id > ${after}::${raw(idType)} ORDER BY t.id LIMIT ${WINDOW}
      ), numbered AS (
        SELECT id, stale, row_number() OVER (ORDER BY id)::int AS n, count(*) OVER ()::int AS count FROM looked
      )
      SELECT id::text AS id, n, stale FROM numbered WHERE stale OR n = count ORDER BY n`;
    const count = rows.at(-1)?.n ?? 0;
    const stale = rows.filter((row) => row.stale).map(({ id }) => id);
    return { count, stale, last: count < WINDOW ? undefined : rows.at(-1)!.id };
  }

  /** Of these rows those that another secret sealed, still, by id. */
  private async read(sealed: SealedColumn, ids: readonly string[]): Promise<SealedRow[]> {
    const { table, idType, column, keyColumn, derived } = sealed;
    const more = (derived?.needs ?? []).map((name) => `, t.${name}`).join('');
    return this.prisma.statements.query`
      SELECT t.id::text AS id, t.${raw(keyColumn)} AS "keyId", t.${raw(column)} AS bytes${raw(more)} FROM ${raw(table)} t
      WHERE t.id = ANY(${[...ids]}::${raw(idType)}[]) AND ${this.isStale(sealed)} ORDER BY t.id`;
  }

  /** Of a row `t`. */
  private isStale({ column, keyColumn, elsewhere }: SealedColumn): Prisma.Sql {
    const isHere = elsewhere === undefined ? Prisma.empty : Prisma.sql`AND t.${raw(elsewhere)} IS NULL`;
    return Prisma.sql`(t.${raw(column)} IS NOT NULL AND t.${raw(keyColumn)} <> ${this.keyring.currentId} ${isHere})`;
  }

  /**
   * Writes values that are still as they were read, and returns how many. What somebody holds at this moment is passed
   * over.
   */
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
