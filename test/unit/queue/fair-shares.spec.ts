import { type Claimed, Drain, type DrainWork, type Progress } from '../../../src/queue/drain.js';
import { FairShares, fullOf, type Places } from '../../../src/queue/fair-shares.js';
import { eventually } from '../../support/signals/wait.js';

interface Row {
  party: string;
  n: number;
}

/** An outbox in memory that claims as the real one does; deliveries of a party that hangs end when the test says so. */
class Bench implements DrainWork<Row> {
  readonly due: Row[] = [];
  readonly delivered: Row[] = [];
  readonly errors: unknown[] = [];
  readonly most = new Map<string, number>();
  claims = 0;
  wokeNext = 0;
  beforeClaim: () => void | Promise<void> = () => undefined;
  private readonly atOnce = new Map<string, number>();
  private readonly hanging = new Map<string, (() => void)[]>();

  hang(party: string): void {
    this.hanging.set(party, []);
  }

  /** The first so many that hang end; later ones hang still. */
  letGo(party: string, count: number): void {
    for (const end of this.hanging.get(party)!.splice(0, count)) end();
  }

  answer(party: string): void {
    const held = this.hanging.get(party)!;
    this.hanging.delete(party);
    for (const end of held) end();
  }

  accept(party: string, count: number): void {
    for (let n = 0; n < count; n++) this.due.push({ party, n });
  }

  underWay(party: string): number {
    return this.atOnce.get(party) ?? 0;
  }

  deliveredTo(party: string): number {
    return this.delivered.filter((row) => row.party === party).length;
  }

  async claim(limit: number, places: Places): Promise<Claimed<Row>> {
    this.claims++;
    await this.beforeClaim();
    const full = fullOf(places);
    const seen = this.due.filter(({ party }) => !full.includes(party)).slice(0, limit);
    const used = new Map(places.used);
    const rows = seen.filter(({ party }) => {
      const count = used.get(party) ?? 0;
      if (count < places.most) used.set(party, count + 1);
      return count < places.most;
    });
    for (const row of rows) this.due.splice(this.due.indexOf(row), 1);
    await Promise.resolve(); // the answer takes its time
    return {
      rows,
      more: seen.length === limit,
      left: [...new Set(seen.filter((row) => !rows.includes(row)).map(({ party }) => party))],
    };
  }

  async deliver(row: Row, { handedOver }: Progress): Promise<void> {
    const { party } = row;
    this.atOnce.set(party, this.underWay(party) + 1);
    this.most.set(party, Math.max(this.most.get(party) ?? 0, this.underWay(party)));
    const held = this.hanging.get(party);
    if (held) await new Promise<void>((resolve) => held.push(resolve));
    else await Promise.resolve();
    this.atOnce.set(party, this.underWay(party) - 1);
    handedOver();
    this.delivered.push(row);
  }

  async giveBack(rows: Row[]): Promise<void> {
    this.due.push(...rows);
  }

  wakeNext(): void {
    this.wokeNext++;
  }

  onDeliveryError(error: unknown): void {
    this.errors.push(error);
  }
}

describe('a drain with shares', () => {
  const drainOf = (bench: Bench, concurrency: number): Drain<Row> =>
    new Drain(concurrency, bench, {
      shares: new FairShares(Math.max(1, Math.floor(concurrency / 2)), ({ party }) => party),
      onClaimError: (error) => bench.errors.push(error),
    });

  it('gives no party more than its share, and the others what is left', async () => {
    const bench = new Bench();
    bench.hang('slow');
    bench.accept('slow', 20);
    bench.accept('quick', 30);
    const drain = drainOf(bench, 8);
    await drain.run();
    await eventually(() => bench.deliveredTo('quick') === 30, 'all rows of the quick party');
    expect([bench.underWay('slow'), bench.deliveredTo('slow'), bench.due.length]).toEqual([4, 0, 16]);
    bench.answer('slow');
    await eventually(() => bench.deliveredTo('slow') === 20, 'all rows of the slow party, though nobody calls');
    await drain.stop();
    expect(bench.most.get('slow')).toBe(4);
  });

  it('ends while a party waits, so that whoever called can do something else, and claims nothing meanwhile', async () => {
    const bench = new Bench();
    bench.hang('slow');
    bench.accept('slow', 20);
    const drain = drainOf(bench, 8);
    await drain.run();
    const claims = bench.claims;
    for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate);
    expect([bench.claims, bench.underWay('slow')]).toEqual([claims, 4]);
    bench.answer('slow');
    await eventually(() => bench.deliveredTo('slow') === 20, 'the rest');
    await drain.stop();
  });

  it('goes on with each place that becomes free', async () => {
    const bench = new Bench();
    bench.hang('slow');
    bench.accept('slow', 9);
    const drain = drainOf(bench, 4);
    await drain.run();
    for (let ended = 1; ended <= 7; ended++) {
      bench.letGo('slow', 1);
      await eventually(
        () => bench.deliveredTo('slow') === ended && bench.underWay('slow') === 2,
        `two under way after ${ended} ended`,
      );
    }
    bench.answer('slow');
    await eventually(() => bench.deliveredTo('slow') === 9, 'the rest');
    await drain.stop();
    expect(bench.most.get('slow')).toBe(2);
  });

  it('loses no place that becomes free while a claim is under way', async () => {
    const bench = new Bench();
    bench.hang('slow');
    bench.accept('slow', 12);
    const drain = drainOf(bench, 8);
    await drain.run();
    // All that hang end between the moment the places were counted and the answer; nobody calls afterwards.
    bench.beforeClaim = async () => {
      bench.beforeClaim = () => undefined;
      bench.answer('slow');
      await new Promise(setImmediate);
    };
    await drain.run();
    await eventually(() => bench.deliveredTo('slow') === 12, 'the rest');
    await drain.stop();
  });

  it('lets several slow parties have no more than the slots there are, and each goes on by itself', async () => {
    const bench = new Bench();
    for (const party of ['a', 'b', 'c']) bench.hang(party);
    for (const party of ['a', 'b', 'c']) bench.accept(party, 6);
    const drain = drainOf(bench, 8);
    void drain.run();
    await eventually(() => bench.underWay('a') === 4 && bench.underWay('b') === 4, 'two parties that hold all slots');
    bench.answer('b');
    await eventually(
      () => bench.deliveredTo('b') === 6 && bench.underWay('c') === 4,
      'the third in the place of the second',
    );
    bench.answer('a');
    bench.answer('c');
    await eventually(() => bench.delivered.length === 18, 'the rest');
    await drain.stop();
  });

  it('tells others of rows that it leaves once, and not with every claim', async () => {
    const bench = new Bench();
    bench.accept('only', 200);
    const drain = drainOf(bench, 4);
    await drain.run();
    await eventually(() => bench.delivered.length === 200, 'all rows');
    expect([bench.wokeNext, bench.most.get('only')]).toEqual([1, 2]);
    await drain.stop();
  });

  it('tells of a claim that failed and that nobody had called for, and works again when it is called', async () => {
    const bench = new Bench();
    bench.hang('slow');
    bench.accept('slow', 6);
    const drain = drainOf(bench, 4);
    await drain.run();
    bench.beforeClaim = () => Promise.reject(new Error('no database'));
    bench.letGo('slow', 1);
    await eventually(() => bench.errors.length > 0, 'the error');
    bench.beforeClaim = () => undefined;
    bench.answer('slow');
    await drain.run();
    await eventually(() => bench.deliveredTo('slow') === 6, 'the rest');
    await drain.stop();
    expect(bench.errors).toEqual([new Error('no database')]);
  });

  it('claims nothing more once it stops, though places become free', async () => {
    const bench = new Bench();
    bench.hang('slow');
    bench.accept('slow', 6);
    const drain = drainOf(bench, 4);
    await drain.run();
    const stopped = drain.stop();
    bench.answer('slow');
    await stopped;
    expect([bench.deliveredTo('slow'), bench.due.length]).toEqual([2, 4]);
  });
});
