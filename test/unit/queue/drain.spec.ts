import { Drain, type DrainWork, type Progress } from '../../../src/queue/drain.js';
import { eventually } from '../../support/signals/wait.js';

/** An outbox in memory whose claims and deliveries end when the test says so. */
class Bench implements DrainWork<number> {
  readonly due: number[] = [];
  readonly delivered: number[] = [];
  readonly errors: unknown[] = [];
  claims = 0;
  wokeNext = 0;
  atOnce = 0;
  most = 0;
  /** Runs inside a claim, after it looked and before it answers. */
  afterLook: () => void | Promise<void> = () => undefined;
  hold: Promise<void> = Promise.resolve();
  isLate: (row: number) => boolean = () => false;
  /** While a delivered row is written down; its slot is free by then. */
  recording: Promise<void> = Promise.resolve();
  readonly claimed: number[] = [];
  readonly givenBack: number[] = [];

  async claim(limit: number): Promise<{ rows: number[]; more: boolean }> {
    this.claims++;
    const rows = this.due.splice(0, limit);
    this.claimed.push(...rows);
    await this.afterLook();
    return { rows, more: rows.length === limit };
  }

  async deliver(row: number, { handedOver, late }: Progress): Promise<void> {
    this.most = Math.max(this.most, ++this.atOnce);
    if (this.isLate(row)) late();
    await this.hold;
    this.atOnce--;
    handedOver();
    await this.recording;
    if (row < 0) throw new Error('broken');
    this.delivered.push(row);
  }

  async giveBack(rows: number[]): Promise<void> {
    this.givenBack.push(...rows);
  }

  wakeNext(): void {
    this.wokeNext++;
  }

  onDeliveryError(error: unknown): void {
    this.errors.push(error);
  }
}

describe('drain', () => {
  it('goes on while rows remain, never more side by side than allowed', async () => {
    const bench = new Bench();
    bench.due.push(...Array.from({ length: 50 }, (_, n) => n));
    const drain = new Drain(4, bench);
    await drain.run();
    await drain.stop();
    expect(bench.delivered).toHaveLength(50);
    expect(bench.most).toBe(4);
  });

  it('claims once more for a wake that comes while a claim that saw nothing is under way', async () => {
    const bench = new Bench();
    const drain = new Drain(4, bench);
    let late: Promise<void> | undefined;
    bench.afterLook = () => {
      if (late) return;
      bench.due.push(7); // committed after the claim looked,
      late = drain.run(); // and its wake arrives before the claim answers
    };
    await drain.run();
    await late;
    await drain.stop();
    expect(bench.delivered).toEqual([7]);
  });

  it('claims for a wake at whatever turn of the event loop it comes', async () => {
    for (let turns = 0; turns < 12; turns++) {
      const bench = new Bench();
      const drain = new Drain(4, bench);
      const first = drain.run();
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      bench.due.push(1);
      await Promise.all([first, drain.run()]);
      await drain.stop();
      expect(bench.delivered).toEqual([1]);
    }
  });

  it('takes a new row while an old delivery hangs', async () => {
    const bench = new Bench();
    let release = (): void => undefined;
    bench.hold = new Promise((resolve) => (release = resolve));
    const drain = new Drain(2, bench);
    bench.due.push(1);
    await drain.run();
    bench.hold = Promise.resolve();
    bench.due.push(2);
    await drain.run();
    await eventually(() => bench.delivered.includes(2), 'the second row');
    expect(bench.delivered).toEqual([2]);
    release();
    await drain.stop();
    expect(bench.delivered).toEqual([2, 1]);
  });

  it('goes on beside rows that wait for the other side alone, though they hold every slot, and not without end', async () => {
    const bench = new Bench();
    let release = (): void => undefined;
    bench.hold = new Promise((resolve) => (release = resolve));
    bench.isLate = () => true;
    const drain = new Drain(2, bench);
    bench.due.push(1, 2, 3, 4, 5, 6);
    const running = drain.run();
    await eventually(() => bench.atOnce === 4, 'as many again as there are slots');
    expect(bench.claimed).toEqual([1, 2, 3, 4]);
    release();
    await running;
    await drain.stop();
    expect([...bench.delivered].sort()).toEqual([1, 2, 3, 4, 5, 6]);
    expect(bench.most).toBe(4);
  });

  it('wakes the next worker once when there is more than it can take', async () => {
    const bench = new Bench();
    bench.due.push(...Array.from({ length: 20 }, (_, n) => n));
    const drain = new Drain(4, bench);
    await drain.run();
    expect(bench.wokeNext).toBe(1);
    await drain.stop();
  });

  it('tells its callers when claiming fails, and works again afterwards', async () => {
    const bench = new Bench();
    bench.afterLook = () => Promise.reject(new Error('no database'));
    const drain = new Drain(4, bench);
    await expect(drain.run()).rejects.toThrow('no database');
    bench.afterLook = () => undefined;
    bench.due.push(1);
    await drain.run();
    await drain.stop();
    expect(bench.delivered).toEqual([1]);
  });

  it('reports a delivery that broke and keeps its slot', async () => {
    const bench = new Bench();
    bench.due.push(-1, 2, -3, 4);
    const drain = new Drain(1, bench);
    await drain.run();
    await drain.stop();
    expect(bench.delivered).toEqual([2, 4]);
    expect(bench.errors).toHaveLength(2);
  });

  it('claims nothing more once stopped, and waits for what is under way', async () => {
    const bench = new Bench();
    let release = (): void => undefined;
    bench.hold = new Promise((resolve) => (release = resolve));
    bench.due.push(1, 2, 3);
    const drain = new Drain(1, bench);
    void drain.run();
    await eventually(() => bench.atOnce === 1, 'the first delivery');
    const stopped = drain.stop();
    release();
    await stopped;
    expect(bench.delivered).toEqual([1]);
    await drain.run();
    expect(bench.claims).toBe(1);
  });

  it('starts the next row while the last one is still being written down, but holds no more than it may', async () => {
    const bench = new Bench();
    let written = (): void => undefined;
    bench.recording = new Promise((resolve) => (written = resolve));
    bench.due.push(1, 2, 3, 4, 5, 6);
    const drain = new Drain(2, bench);
    void drain.run();
    await eventually(() => bench.claims === 1 && bench.atOnce === 0, 'the first two to be handed over');
    expect(bench.claimed).toEqual([1, 2]); // nothing ended lately, so nothing is claimed ahead
    written();
    await eventually(() => bench.delivered.length === 6, 'the rest');
    await drain.stop();
  });

  it('claims ahead of its slots in a backlog, and gives back what has not started when it stops', async () => {
    const bench = new Bench();
    bench.due.push(...Array.from({ length: 100 }, (_, n) => n));
    const drain = new Drain(4, bench);
    let release = (): void => undefined;
    // Quick at first, which is what earns it the right; then every delivery hangs.
    const hanging = new Promise<void>((resolve) => (release = resolve));
    bench.afterLook = () => {
      if (bench.claimed.length > 40) bench.hold = hanging;
    };
    void drain.run();
    const held = (): number => bench.claimed.length - bench.delivered.length;
    await eventually(() => bench.atOnce === 4 && held() > 4, 'four under way, and some ahead');
    const stopped = drain.stop();
    await eventually(() => bench.givenBack.length > 0, 'some to be given back');
    expect(bench.givenBack.length).toBe(held() - 4);
    expect(bench.givenBack.length).toBeLessThanOrEqual(8);
    release();
    await stopped;
    expect([...bench.delivered, ...bench.givenBack].sort((a, b) => a - b)).toEqual(bench.claimed);
    expect(bench.most).toBe(4);
  });

  it('gives back what a claim brings while it stops', async () => {
    const bench = new Bench();
    bench.due.push(1, 2, 3);
    const drain = new Drain(4, bench);
    let stopped: Promise<void> | undefined;
    bench.afterLook = () => void (stopped ??= drain.stop());
    void drain.run();
    await eventually(() => stopped !== undefined, 'the stop');
    await stopped;
    expect(bench.delivered).toEqual([]);
    expect(bench.givenBack).toEqual([1, 2, 3]);
  });
});
