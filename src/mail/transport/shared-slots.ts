/**
 * This process's part of `total` connections that all workers share: each worker takes the same look at who is alive,
 * and those that come first by name get what is left over. Each has one at least, for the lanes it works may be worked
 * by nobody else. A process that is no worker stands in for them, and has all.
 */
export function shareOf(total: number, workers: readonly string[], me: string): number {
  const place = [...workers].sort().indexOf(me);
  if (place < 0) return total;
  return Math.max(1, Math.floor(total / workers.length) + (place < total % workers.length ? 1 : 0));
}

/** So many at a time; the number may change. */
export class Slots {
  private readonly waiting: (() => void)[] = [];
  private inUse = 0;

  constructor(private limit: number) {}

  get size(): number {
    return this.limit;
  }

  resize(limit: number): void {
    this.limit = limit;
    this.letIn();
  }

  /** @param urgent before those that wait already */
  async during<T>(work: () => Promise<T>, urgent: boolean): Promise<T> {
    if (this.inUse >= this.limit) {
      await new Promise<void>((resolve) => (urgent ? this.waiting.unshift(resolve) : this.waiting.push(resolve)));
    }
    else this.inUse++;
    try {
      return await work();
    } finally {
      this.inUse--;
      this.letIn();
    }
  }

  private letIn(): void {
    while (this.waiting.length > 0 && this.inUse < this.limit) {
      this.inUse++;
      this.waiting.shift()!();
    }
  }
}
