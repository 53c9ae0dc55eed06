export interface DrainWork<Row> {
  /** Takes up to `limit` due rows that nobody else has; `more` when there may be further ones. */
  claim(limit: number): Promise<{ rows: Row[]; more: boolean }>;
  /** Brings one row to an end; reports its own failures. */
  deliver(row: Row): Promise<void>;
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
 * No wake is lost: `run` called at any moment guarantees a claim that begins after the call.
 */
export class Drain<Row> {
  private readonly inFlight = new Set<Promise<void>>();
  private loop: Promise<void> | undefined;
  private again = false;
  private stopping = false;
  private slotFreed: (() => void) | undefined;

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

  /** Claims nothing more and resolves when every delivery has ended. */
  async stop(): Promise<void> {
    this.stopping = true;
    this.slotFreed?.();
    await this.loop?.catch(() => undefined); // whoever called run() was told
    await Promise.all(this.inFlight);
  }

  get delivering(): number {
    return this.inFlight.size;
  }

  private async claimWhileDue(): Promise<void> {
    let wokeNext = false;
    try {
      while (this.again && !this.stopping) {
        this.again = false;
        await this.freeSlots();
        if (this.stopping) return;
        const { rows, more } = await this.work.claim(this.concurrency - this.inFlight.size);
        if (more) {
          this.again = true;
          if (!wokeNext) this.work.wakeNext();
          wokeNext = true;
        }
        for (const row of rows) this.start(row);
      }
    } finally {
      // In the same turn as the last look at `again`: a run() that comes later starts a new loop.
      this.loop = undefined;
    }
  }

  private start(row: Row): void {
    const delivery = this.work
      .deliver(row)
      .catch((error: unknown) => this.work.onDeliveryError(error))
      .finally(() => {
        this.inFlight.delete(delivery);
        this.slotFreed?.();
      });
    this.inFlight.add(delivery);
  }

  /**
   * A claim costs a statement whatever it brings: under load it waits until half the slots are free, but no longer than
   * GATHER_MS, so that one slow delivery does not hold up the rest.
   */
  private async freeSlots(): Promise<void> {
    const enough = Math.ceil(this.concurrency / 2);
    let gathered = false;
    const timer = setTimeout(() => {
      gathered = true;
      this.slotFreed?.();
    }, GATHER_MS);
    while (!this.stopping) {
      const free = this.concurrency - this.inFlight.size;
      if (free >= enough || (gathered && free > 0)) break;
      await new Promise<void>((resolve) => (this.slotFreed = resolve));
      this.slotFreed = undefined;
    }
    clearTimeout(timer);
  }
}
