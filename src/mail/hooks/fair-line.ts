/** There was no place left in the line. */
export class LineFull extends Error {
  override readonly name = 'LineFull';
}

interface Turn {
  begin: () => void;
  give: (error: LineFull) => void;
}

/**
 * Lets a few in at a time; the others wait, and whoever asks much waits behind their own: turns go round by requester, and
 * where no place is left, one of those who hold the most places loses one, whichever chance says. So nobody is kept out by
 * anybody else's number.
 */
export class FairLine {
  /** In the order of their next turns. */
  private readonly waiting = new Map<string, Turn[]>();

  /** @param random in [0, 1) */
  constructor(
    private room: number,
    private places: number,
    private readonly random: () => number = Math.random,
  ) {}

  /** Resolves when it is their turn; whoever had one calls `leave`. @throws LineFull */
  async enter(requester: string): Promise<void> {
    if (this.room > 0) {
      this.room--;
      return;
    }
    await new Promise<void>((begin, give) => {
      this.waiting.set(requester, [...(this.waiting.get(requester) ?? []), { begin, give }]);
      this.places--;
      if (this.places < 0) this.giveUpOne();
    });
  }

  leave(): void {
    const [next] = this.waiting;
    if (!next) {
      this.room++;
      return;
    }
    const [requester, [turn, ...others]] = next;
    this.waiting.delete(requester);
    if (others.length > 0) this.waiting.set(requester, others); // behind all the others
    this.places++;
    turn!.begin();
  }

  private giveUpOne(): void {
    const [requester, turns] = [...this.waiting].reduce((most, one) => (one[1].length > most[1].length ? one : most));
    const [lost] = turns.splice(Math.floor(this.random() * turns.length), 1);
    if (turns.length === 0) this.waiting.delete(requester);
    this.places++;
    lost!.give(new LineFull('too many ask at once'));
  }
}
