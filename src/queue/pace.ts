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
