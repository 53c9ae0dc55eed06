interface Waiting<Item, Result> {
  item: Item;
  resolve: (result: Result) => void;
  reject: (error: unknown) => void;
}

interface BatcherOptions<Item> {
  /** Weight of one batch; a heavier item goes alone. 200 when not given. */
  limit?: number;
  /** What an item counts towards the limit. 1 when not given. */
  weigh?: (item: Item) => number;
  /** Whether nothing came of a batch that failed so. Where something may have, all its items fail. */
  mayRepeat?: (error: unknown) => boolean;
  /**
   * What an item is about. Two about the same go one after the other, in the order in which they came: a statement that
   * changes a row twice makes one of the changes only (PostgreSQL manual §7.8.2), and does not say which.
   */
  subject?: (item: Item) => unknown;
}

/**
 * Joins what concurrent callers ask for into one call each time, and gives every caller its own answer. Nothing waits
 * for company: while one call is under way the next one gathers, so that batches grow with the load and a lone item
 * goes at once.
 */
export class Batcher<Item, Result> {
  private waiting: Waiting<Item, Result>[] = [];
  private busy = false;

  /**
   * `run` answers in the order of its items. A batch that fails is tried again item by item, lest one spoil the others.
   */
  constructor(
    private readonly run: (items: Item[]) => Promise<Result[]>,
    private readonly options: BatcherOptions<Item> = {},
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
    while (this.waiting.length > 0) await this.flush(this.nextBatch());
    this.busy = false; // in the same turn as the last look at `waiting`
  }

  private nextBatch(): Waiting<Item, Result>[] {
    const { limit = 200, weigh = () => 1, subject } = this.options;
    const subjects = new Set<unknown>();
    const [batch, later]: Waiting<Item, Result>[][] = [[], []];
    let weight = 0;
    for (const one of this.waiting) {
      const about = subject?.(one.item);
      const isFirst = subject === undefined || !subjects.has(about);
      subjects.add(about);
      if (isFirst) weight += weigh(one.item);
      if (isFirst && (weight <= limit || batch!.length === 0)) batch!.push(one);
      else later!.push(one);
    }
    this.waiting = later!;
    return batch!;
  }

  private async flush(batch: Waiting<Item, Result>[]): Promise<void> {
    const { mayRepeat = () => true } = this.options;
    try {
      const results = await this.run(batch.map(({ item }) => item));
      batch.forEach(({ resolve }, index) => resolve(results[index]!));
    } catch (error) {
      if (batch.length === 1 || !mayRepeat(error)) for (const { reject } of batch) reject(error);
      else for (const one of batch) await this.flush([one]);
    }
  }
}
