/** What each party holds, and the most it may hold. */
export interface Places {
  /** Slots in use, by party; none where a party is missing. */
  used: ReadonlyMap<string, number>;
  most: number;
}

/**
 * Shares out the slots of one drain among the parties its rows are for, so that those of a slow one do not take them
 * all. A row counts from its claim until it is handed over. Knows which parties may have rows that a claim left where
 * they were: these go on when one of the party's own slots is free again, for no wake tells of them.
 */
export class FairShares<Row> {
  private readonly used = new Map<string, number>();
  private waiting = new Set<string>();

  /** @param most slots that one party may hold, at least 1 */
  constructor(
    readonly most: number,
    private readonly partyOf: (row: Row) => string,
  ) {}

  /** As they are at this moment. */
  get places(): Places {
    return { used: new Map(this.used), most: this.most };
  }

  /**
   * What came of a claim.
   * @param asked the places it went by; it passed over those who had none left
   * @param left parties of whose due rows it left some for want of places
   * @param unseen there may be due rows that it did not come to, and the next claim may not look for them
   */
  claimed(rows: readonly Row[], asked: Places, left: readonly string[], unseen: boolean): void {
    for (const row of rows) this.used.set(this.partyOf(row), this.usedBy(this.partyOf(row)) + 1);
    this.waiting = new Set([...fullOf(asked), ...left, ...(unseen ? [...this.waiting, ...fullOf(this.places)] : [])]);
  }

  /** The row's slot is free. True when rows of its party may have waited for that. */
  leave(row: Row): boolean {
    const party = this.partyOf(row);
    const rest = this.usedBy(party) - 1;
    if (rest > 0) this.used.set(party, rest);
    else this.used.delete(party);
    return this.waiting.has(party);
  }

  isWaiting(party: string): boolean {
    return this.waiting.has(party);
  }

  /** How many rows that wait for a place of their party could have one now. */
  get free(): number {
    return [...this.waiting].reduce((sum, party) => sum + Math.max(0, this.most - this.usedBy(party)), 0);
  }

  private usedBy(party: string): number {
    return this.used.get(party) ?? 0;
  }
}

/** Those that have no place left. */
export function fullOf({ used, most }: Places): string[] {
  return [...used].filter(([, count]) => count >= most).map(([party]) => party);
}
