interface Waiting<Item, Result> {
  item: Item;
  resolve: (result: Result) => void;
  reject: (error: unknown) => void;
}

/**
 * Joins what concurrent callers ask for into one call each time, and gives every caller its own answer. Nothing waits
 * for company: while one call is under way the next one gathers, so that batches grow with the load and a lone item
 * goes at once.
 */
export class Batcher<Item, Result> {
  private readonly waiting: Waiting<Item, Result>[] = [];
  private busy = false;

  /**
   * `run` answers in the order of its items. A batch that fails is tried again item by item, lest one spoil the others.
   * @param limit of the weight of one batch, in which a heavier item goes alone
   * @param mayRepeat whether nothing came of a batch that failed so; where it may have, all its items fail
   */
  constructor(
    private readonly run: (items: Item[]) => Promise<Result[]>,
    private readonly limit = 200,
    private readonly weigh: (item: Item) => number = () => 1,
    private readonly mayRepeat: (error: unknown) => boolean = () => true,
  ) {}

  submit(item: Item): Promise<Result> {
    const answer = new Promise<Result>((resolve, reject) => this.waiting.push({ item, resolve, reject }));
    if (!this.busy) {
      this.busy = true;
      setImmediate(() => void this.work());
    }
    return answer;
  }

  private async work(): Promise<void> {
    while (this.waiting.length > 0) await this.flush(this.waiting.splice(0, this.fitting()));
    this.busy = false; // in the same turn as the last look at `waiting`
  }

  /** How many of those that wait make one batch. */
  private fitting(): number {
    let weight = 0;
    const beyond = this.waiting.findIndex(({ item }) => (weight += this.weigh(item)) > this.limit);
    return beyond < 0 ? this.waiting.length : Math.max(1, beyond);
  }

  private async flush(batch: Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await this.run(batch.map(({ item }) => item));
      batch.forEach(({ resolve }, index) => resolve(results[index]!));
    } catch (error) {
      if (batch.length === 1 || !this.mayRepeat(error)) for (const { reject } of batch) reject(error);
      else for (const one of batch) await this.flush([one]);
    }
  }
}
