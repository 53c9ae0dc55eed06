import { Pace } from './pace.js';

export interface DrainWork<Row> {
  /** Takes up to `limit` due rows that nobody else has; `more` when there may be further ones. */
  claim(limit: number): Promise<{ rows: Row[]; more: boolean }>;
  /** Brings one row to an end; reports its own failures. Calls `handedOver` once all that is left is to write it down. */
  deliver(row: Row, handedOver: () => void): Promise<void>;
  /** Rows that were claimed and not started. */
  giveBack(rows: Row[]): Promise<void>;
  /** Called once when there is more than this process can take at once. */
  wakeNext(): void;
  onDeliveryError(error: unknown): void;
}

/** Milliseconds. */
const GATHER_MS = 5;

/**
 * The one mechanism behind the queue, the fall-back, the retry timer and the rescue: claim what is due, deliver it
 * side by side, go on while rows remain. One per process and lane; callers that come while it runs join it.
 *
 * In a backlog it claims ahead, so that no connection waits for Postgres: at most one row for each slot, and no more
 * than it ended in the last quarter of a second, for behind a slow server they would wait here while another worker
 * has time.
 *
 * No wake is lost: `run` called at any moment guarantees a claim that begins after the call.
 */
export class Drain<Row> {
  /** Claimed and not started. */
  private readonly ahead: Row[] = [];
  private readonly unfinished = new Set<Promise<void>>();
  private readonly pace = new Pace();
  /** Slots in use, `concurrency` at most. */
  private busy = 0;
  private backlog = false;
  private loop: Promise<void> | undefined;
  private again = false;
  private stopping = false;
  private somethingEnded: (() => void) | undefined;

  constructor(
    private readonly concurrency: number,
    private readonly work: DrainWork<Row>,
  ) {}

  /** Resolves when a claim came back short, deliveries still going on; rejects when claiming failed. */
  run(): Promise<void> {
    this.again = true;
    this.loop ??= this.claimWhileDue();
    return this.loop;
  }

  /** Claims nothing more, gives back what has not started, and resolves when every delivery has ended. */
  async stop(): Promise<void> {
    this.stopping = true;
    this.somethingEnded?.();
    await this.loop?.catch(() => undefined); // whoever called run() was told
    const unstarted = this.ahead.splice(0);
    if (unstarted.length > 0) await this.work.giveBack(unstarted).catch((error: unknown) => this.work.onDeliveryError(error));
    await Promise.all(this.unfinished);
  }

  /** Claimed and not ended. */
  get underWay(): number {
    return this.unfinished.size + this.ahead.length;
  }

  get delivering(): number {
    return this.unfinished.size;
  }

  private async claimWhileDue(): Promise<void> {
    let wokeNext = false;
    try {
      while (this.again && !this.stopping) {
        this.again = false;
        const room = await this.gather();
        if (this.stopping) return;
        const { rows, more } = await this.work.claim(room);
        this.backlog = more;
        if (more) {
          this.again = true;
          if (!wokeNext) this.work.wakeNext();
          wokeNext = true;
        }
        this.ahead.push(...rows);
        this.fillSlots();
      }
    } finally {
      // In the same turn as the last look at `again`: a run() that comes later starts a new loop.
      this.loop = undefined;
    }
  }

  /** How many rows more this process may have claimed. */
  private room(): number {
    const ahead = this.backlog ? Math.min(this.concurrency, this.pace.read(performance.now())) : 0;
    return this.concurrency + ahead - this.unfinished.size - this.ahead.length;
  }

  private fillSlots(): void {
    while (this.busy < this.concurrency && this.ahead.length > 0 && !this.stopping) this.start(this.ahead.shift()!);
  }

  private start(row: Row): void {
    this.busy++;
    let inSlot = true;
    const leaveSlot = (): void => {
      if (!inSlot) return;
      inSlot = false;
      this.busy--;
      this.fillSlots();
    };
    const delivery = this.work
      .deliver(row, leaveSlot)
      .catch((error: unknown) => this.work.onDeliveryError(error))
      .finally(() => {
        this.unfinished.delete(delivery);
        this.pace.count(performance.now());
        leaveSlot();
        this.somethingEnded?.();
      });
    this.unfinished.add(delivery);
  }

  /**
   * A claim costs a statement whatever it brings: under load it waits until there is room for half as many rows as there
   * are slots, but no longer than GATHER_MS, so that one slow delivery does not hold up the rest.
   */
  private async gather(): Promise<number> {
    const enough = Math.ceil(this.concurrency / 2);
    let gathered = false;
    const timer = setTimeout(() => {
      gathered = true;
      this.somethingEnded?.();
    }, GATHER_MS);
    let room = this.room();
    while (!this.stopping && room < (gathered ? 1 : enough)) {
      await new Promise<void>((resolve) => (this.somethingEnded = resolve));
      this.somethingEnded = undefined;
      room = this.room();
    }
    clearTimeout(timer);
    return room;
  }
}
