/** Milliseconds within which several complaints of a server are one. */
const ONE_COMPLAINT_MS = 1_000;
/** Messages that must get through before one more connection is allowed again. */
const WIDEN_AFTER = 5;
/** Milliseconds without a complaint after which one more is allowed all the same. */
const WIDEN_EVERY_MS = 10_000;

/**
 * How many connections to one server ordinary mail may use at a time. Codes are not counted: they have connections of
 * their own, as many as this process delivers codes side by side, however narrow it gets for the rest. Times are
 * milliseconds of a monotonic clock.
 */
export class ConnectionPlaces {
  private readonly waiting: (() => void)[] = [];
  private inUse = 0;
  private limit: number;
  private taken = 0;
  private changedAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly most: number) {
    this.limit = most;
  }

  get allowed(): number {
    return this.limit;
  }

  /** Waits while as many are in use as the server bears. */
  async take(now: number): Promise<void> {
    if (this.limit < this.most && now - this.changedAt >= WIDEN_EVERY_MS) this.widen(now);
    while (this.inUse >= this.limit) await new Promise<void>((resolve) => this.waiting.push(resolve));
    this.inUse++;
  }

  leave(): void {
    this.inUse--;
    this.letIn();
  }

  /** A message got through. */
  wentWell(now: number): void {
    if (this.limit < this.most && ++this.taken % WIDEN_AFTER === 0) this.widen(now);
  }

  /**
   * The server wants less: a quarter fewer than are in use. One connection alone says nothing about their number, and
   * complaints of the same moment are about the same number.
   */
  narrow(now: number): void {
    if (this.inUse < 2 || now - this.changedAt < ONE_COMPLAINT_MS) return;
    this.limit = Math.max(1, Math.floor(Math.min(this.limit, this.inUse) * 0.75));
    this.changedAt = now;
    this.taken = 0;
  }

  private widen(now: number): void {
    this.limit++;
    this.changedAt = now;
    this.letIn();
  }

  private letIn(): void {
    this.waiting.shift()?.();
  }
}
