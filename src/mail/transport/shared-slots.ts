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

/**
 * So many at a time; the number may change. One of them is for codes alone, where there are two or more: other mail that
 * is slow does not hold them up.
 */
export class Slots {
  private readonly waiting: { urgent: boolean; start: () => void }[] = [];
  private inUse = 0;
  private ordinaryInUse = 0;

  constructor(private limit: number) {}

  get size(): number {
    return this.limit;
  }

  resize(limit: number): void {
    this.limit = limit;
    this.letIn();
  }

  /**
   * @param work may leave its slot before it ends, by the function that it is given
   * @param urgent a code: before those that wait already
   */
  async during<T>(work: (leave: () => void) => Promise<T>, urgent: boolean): Promise<T> {
    await new Promise<void>((start) => {
      if (urgent) this.waiting.unshift({ urgent, start });
      else this.waiting.push({ urgent, start });
      this.letIn();
    });
    let left = false;
    const leave = (): void => {
      if (left) return;
      left = true;
      this.inUse--;
      if (!urgent) this.ordinaryInUse--;
      this.letIn();
    };
    try {
      return await work(leave);
    } finally {
      leave();
    }
  }

  private letIn(): void {
    for (let next = this.waiting[0]; next && this.hasRoomFor(next.urgent); next = this.waiting[0]) {
      this.waiting.shift();
      this.inUse++;
      if (!next.urgent) this.ordinaryInUse++;
      next.start();
    }
  }

  private hasRoomFor(urgent: boolean): boolean {
    if (this.inUse >= this.limit) return false;
    return urgent || this.ordinaryInUse < Math.max(1, this.limit - 1);
  }
}
