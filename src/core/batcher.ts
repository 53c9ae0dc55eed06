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

  /** `run` answers in the order of its items. A batch that fails is tried again item by item, lest one spoil the others. */
  constructor(
    private readonly run: (items: Item[]) => Promise<Result[]>,
    private readonly limit = 200,
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
    while (this.waiting.length > 0) await this.flush(this.waiting.splice(0, this.limit));
    this.busy = false; // in the same turn as the last look at `waiting`
  }

  private async flush(batch: Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await this.run(batch.map(({ item }) => item));
      batch.forEach(({ resolve }, index) => resolve(results[index]!));
    } catch (error) {
      if (batch.length === 1) batch[0]!.reject(error);
      else for (const one of batch) await this.flush([one]);
    }
  }
}
