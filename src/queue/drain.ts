import type { FairShares, Places } from './fair-shares.js';

/** Milliseconds that are counted together. */
const WINDOW_MS = 250;

/** How many rows came to an end lately. Times are milliseconds of one monotonic clock. */
export class Pace {
  private since = Number.NEGATIVE_INFINITY;
  private current = 0;
  private previous = 0;

  count(now: number): void {
    this.turn(now);
    this.current++;
  }

  /** The number of a quarter of a second: of the last whole one, or of the running one where that is more already. */
  read(now: number): number {
    this.turn(now);
    return Math.max(this.previous, this.current);
  }

  private turn(now: number): void {
    const windows = Math.floor((now - this.since) / WINDOW_MS);
    if (windows < 1) return;
    this.previous = windows === 1 ? this.current : 0;
    this.current = 0;
    this.since = windows === 1 ? this.since + WINDOW_MS : now;
  }
}

export interface Claimed<Row> {
  rows: Row[];
  /** There may be further due rows that it did not come to. */
  more: boolean;
  /** Parties of whose due rows it left some, for want of places. */
  left?: readonly string[];
}

/** What a delivery tells of itself. */
export interface Progress {
  /** All that is left is to write it down: its slot is free. */
  handedOver: () => void;
  /** The other side makes it wait: its slot is free, and it is no reason to claim less. */
  late: () => void;
}

export interface DrainWork<Row> {
  /** Takes up to `limit` due rows that nobody else has; of no party more than it has places, where there are shares. */
  claim(limit: number, places?: Places): Promise<Claimed<Row>>;
  /** Brings one row to an end; reports its own failures. */
  deliver(row: Row, progress: Progress): Promise<void>;
  /** Rows that were claimed and not started. */
  giveBack(rows: Row[]): Promise<void>;
  /** Called once when there is more than this process can take at once. */
  wakeNext(): void;
  onDeliveryError(error: unknown): void;
}

interface Fairness<Row> {
  shares: FairShares<Row>;
  /** A claim failed that nobody had called for: a slot was free again for rows that had waited for it. */
  onClaimError(error: unknown): void;
}

/** Milliseconds. */
const GATHER_MS = 5;
/** Rows that it claims ahead of its slots at most, for each of them. */
const AHEAD = 2;

/**
 * The one mechanism behind the queue, the fall-back, the retry timer and the stand-in: claim what is due, deliver it
 * side by side, go on while rows remain. One per process and lane; callers that come while it runs join it.
 *
 * In a backlog it claims ahead, so that no connection waits for Postgres: at most two rows for each slot, and no more
 * than it ended in the last quarter of a second, for behind a slow server they would wait here while another worker
 * has time.
 *
 * With shares, no party holds more slots than its share. A claim leaves its further rows to other workers, and goes on
 * with them when one of the party's own deliveries leaves its slot.
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
  /** Unfinished, and waiting for the other side alone. */
  private late = 0;
  private backlog = false;
  private loop: Promise<void> | undefined;
  private again = false;
  /** Somebody called for the next claim, or it is to go on with what the last one did not come to. */
  private called = false;
  private stopping = false;
  private somethingEnded: (() => void) | undefined;

  constructor(
    private readonly concurrency: number,
    private readonly work: DrainWork<Row>,
    private readonly fairness?: Fairness<Row>,
  ) {}

  /** Resolves when a claim came back short, deliveries still going on; rejects when claiming failed. */
  run(): Promise<void> {
    this.again = true;
    this.called = true;
    this.loop ??= this.claimWhileDue();
    return this.loop;
  }

  /** Claims nothing more, gives back what has not started, and resolves when every delivery has ended. */
  async stop(): Promise<void> {
    this.stopping = true;
    this.somethingEnded?.();
    await this.loop?.catch(() => undefined); // whoever called run() was told
    const unstarted = this.ahead.splice(0);
    if (unstarted.length > 0)
      await this.work.giveBack(unstarted).catch((error: unknown) => this.work.onDeliveryError(error));
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
        const called = this.called;
        this.again = false;
        this.called = false;
        const room = await this.gather(called);
        if (this.stopping) return;
        const limit = called ? room : Math.min(room, this.fairness!.shares.free);
        if (limit === 0) continue;
        const places = this.fairness?.shares.places;
        const { rows, more, left = [] } = await this.work.claim(limit, places);
        this.backlog = more;
        if (more && called) this.again = this.called = true;
        if (called && !wokeNext && this.isForOthers(more, left)) {
          this.work.wakeNext();
          wokeNext = true;
        }
        if (this.fairness && places) {
          this.fairness.shares.claimed(rows, places, left, more && !called);
          // A place that was left while the claim was under way.
          if (this.fairness.shares.free > 0) this.again = true;
        }
        this.ahead.push(...rows);
        this.fillSlots();
      }
    } finally {
      // In the same turn as the last look at `again`: a run() that comes later starts a new loop.
      this.loop = undefined;
    }
  }

  /**
   * More than there is room for here, or the rows of a party that has begun to wait: they are told once, not with each
   * claim.
   */
  private isForOthers(more: boolean, left: readonly string[]): boolean {
    return left.length === 0 ? more : left.some((party) => !this.fairness!.shares.isWaiting(party));
  }

  /** Nobody calls: rows that were left where they are may have a place now. */
  private goOn(): void {
    this.again = true;
    if (this.loop) return;
    this.loop = this.claimWhileDue();
    this.loop.catch((error: unknown) => this.fairness!.onClaimError(error));
  }

  /** How many rows more this process may have claimed. */
  private room(): number {
    const ahead = this.mostAhead();
    // Of those that are late, no more than there are slots are left out of account: a server may answer for none of
    // them.
    const late = Math.min(this.late, this.concurrency);
    return this.concurrency + ahead - (this.unfinished.size - late) - this.ahead.length;
  }

  /** Rows that it may hold beside those in its slots. */
  private mostAhead(): number {
    return this.backlog ? Math.min(AHEAD * this.concurrency, this.pace.read(performance.now())) : 0;
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
      if (this.fairness?.shares.leave(row) && !this.stopping) this.goOn();
    };
    let isLate = false;
    const late = (): void => {
      if (isLate || !inSlot) return;
      isLate = true;
      this.late++;
      leaveSlot();
      this.somethingEnded?.();
    };
    const delivery = this.work
      .deliver(row, { handedOver: leaveSlot, late })
      .catch((error: unknown) => this.work.onDeliveryError(error))
      .finally(() => {
        this.unfinished.delete(delivery);
        if (isLate) this.late--;
        this.pace.count(performance.now());
        leaveSlot();
        this.somethingEnded?.();
      });
    this.unfinished.add(delivery);
  }

  /**
   * A claim costs a statement whatever it brings: under load it waits until there is room for half as many rows as it
   * may hold, but no longer than GATHER_MS where the slots will soon have nothing to do, so that one slow delivery does
   * not hold up the rest. One that nobody called for waits in the same way for half a share.
   */
  private async gather(called: boolean): Promise<number> {
    const enough = Math.ceil((this.concurrency + this.mostAhead()) / 2);
    let gathered = false;
    const timer = setTimeout(() => {
      gathered = true;
      this.somethingEnded?.();
    }, GATHER_MS);
    const isWorthIt = (room: number): boolean =>
      gathered && this.ahead.length <= this.concurrency / 4
        ? room >= 1
        : room >= enough && (called || this.fairness!.shares.free >= Math.ceil(this.fairness!.shares.most / 2));
    let room = this.room();
    while (!this.stopping && !isWorthIt(room)) {
      await new Promise<void>((resolve) => (this.somethingEnded = resolve));
      this.somethingEnded = undefined;
      room = this.room();
    }
    clearTimeout(timer);
    return room;
  }
}
