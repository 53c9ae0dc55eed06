/** Gives back what was taken. Only the first call counts. */
export type Release = () => void;

/** There was no room left to wait in. */
export class LineFull extends Error {
  override readonly name = 'LineFull';
}

interface Asker {
  /** Turns go round the keys that wait, so that whoever asks much waits behind their own. */
  key?: string;
  /** Before all that wait already. */
  urgent?: boolean;
}

interface SemaphoreOptions {
  /** Permits that only urgent work gets, as long as one is left for the rest. */
  urgentOnly?: number;
  /**
   * How many may wait. When one more comes, one of the key with the most that wait loses its turn, whichever chance
   * says.
   */
  mostWaiting?: number;
  /** In [0, 1). */
  random?: () => number;
}

interface Turn {
  begin: () => void;
  refuse: (error: LineFull) => void;
}

/**
 * Lets so many in at a time, and the others wait. A permit that is released goes to whoever is next, never to a
 * newcomer.
 */
export class Semaphore {
  private readonly urgent: Turn[] = [];
  /** The key whose turn is next is the first. */
  private readonly ordinary = new Map<string, Turn[]>();
  private held = 0;
  private heldByOrdinary = 0;

  constructor(
    private limit: number,
    private readonly options: SemaphoreOptions = {},
  ) {}

  get size(): number {
    return this.limit;
  }

  get inUse(): number {
    return this.held;
  }

  get waiting(): number {
    return [...this.ordinary.values()].reduce((sum, { length }) => sum + length, this.urgent.length);
  }

  /** When it shrinks, nobody is turned out: as many fewer are let in. */
  resize(limit: number): void {
    this.limit = limit;
    this.letIn();
  }

  /** @throws LineFull */
  async acquire({ key = '', urgent = false }: Asker = {}): Promise<Release> {
    await new Promise<void>((begin, refuse) => {
      const turn = { begin, refuse };
      if (urgent) this.urgent.unshift(turn);
      else this.ordinary.set(key, [...(this.ordinary.get(key) ?? []), turn]);
      this.letIn();
      if (this.waiting > (this.options.mostWaiting ?? Number.POSITIVE_INFINITY)) this.refuseOne();
    });
    return once(() => {
      this.held--;
      if (!urgent) this.heldByOrdinary--;
      this.letIn();
    });
  }

  /** @param work may release its permit before it ends @throws LineFull */
  async during<T>(work: (release: Release) => Promise<T>, asker?: Asker): Promise<T> {
    const release = await this.acquire(asker);
    try {
      return await work(release);
    } finally {
      release();
    }
  }

  private letIn(): void {
    while (this.held < this.limit) {
      const turn = this.urgent.shift() ?? this.nextOrdinary();
      if (!turn) return;
      this.held++;
      turn.begin();
    }
  }

  private nextOrdinary(): Turn | undefined {
    const [next] = this.ordinary;
    if (!next || this.heldByOrdinary >= Math.max(1, this.limit - (this.options.urgentOnly ?? 0))) return undefined;
    const [key, [turn, ...others]] = next;
    this.ordinary.delete(key);
    if (others.length > 0) this.ordinary.set(key, others); // behind all other keys
    this.heldByOrdinary++;
    return turn;
  }

  private refuseOne(): void {
    const [key, turns] = [...this.ordinary].reduce((most, one) => (one[1].length > most[1].length ? one : most));
    const [lost] = turns.splice(Math.floor((this.options.random ?? Math.random)() * turns.length), 1);
    if (turns.length === 0) this.ordinary.delete(key);
    lost!.refuse(new LineFull('too many ask at once'));
  }
}

/** Whoever waited did so for as long as they may. */
export class WaitedTooLong extends Error {
  override readonly name = 'WaitedTooLong';
}

/** The same for work of different weights, in the order in which it came. */
export class WeightedSemaphore {
  private readonly waiting: { weight: number; begin: () => void }[] = [];
  private held = 0;

  /** @param excess whether what weighs more than the limit is let in where nothing else is, or never */
  constructor(
    private readonly limit: number,
    private readonly excess: 'alone' | 'never',
  ) {}

  get inUse(): number {
    return this.held;
  }

  /** @param patienceMs milliseconds for which it waits; for ever where it is left out @throws WaitedTooLong */
  acquire(weight: number, patienceMs?: number): Promise<Release> {
    return new Promise((resolve, reject) => {
      const turn = { weight, begin: () => (clearTimeout(timer), resolve(this.releaseOf(weight))) };
      const giveUp = (): void => {
        this.waiting.splice(this.waiting.indexOf(turn), 1);
        reject(new WaitedTooLong('there was no room for long'));
        this.letIn();
      };
      const timer = patienceMs === undefined ? undefined : setTimeout(giveUp, patienceMs).unref();
      this.waiting.push(turn);
      this.letIn();
    });
  }

  private releaseOf(weight: number): Release {
    return once(() => {
      this.held -= weight;
      this.letIn();
    });
  }

  private letIn(): void {
    for (let next = this.waiting[0]; next && this.hasRoomFor(next.weight); next = this.waiting[0]) {
      this.waiting.shift();
      this.held += next.weight;
      next.begin();
    }
  }

  private hasRoomFor(weight: number): boolean {
    return this.held + weight <= this.limit || (this.excess === 'alone' && this.held === 0);
  }
}

/** Counts what is held, by key. Nobody waits here: what would be more than a key may hold is refused at once. */
export class Bulkhead {
  private readonly held = new Map<string, number>();

  /**
   * @param bounds by key: how much may be held at a time, this one included. @returns undefined: one of the keys has no
   *   room
   */
  take(bounds: Readonly<Record<string, number>>): Release | undefined {
    const keys = Object.keys(bounds);
    if (keys.some((key) => this.count(key) >= bounds[key]!)) return undefined;
    for (const key of keys) this.held.set(key, this.count(key) + 1);
    return once(() => {
      for (const key of keys) this.giveBack(key);
    });
  }

  private count(key: string): number {
    return this.held.get(key) ?? 0;
  }

  private giveBack(key: string): void {
    const left = this.count(key) - 1;
    if (left > 0) this.held.set(key, left);
    else this.held.delete(key);
  }
}

function once(release: Release): Release {
  let held = true;
  return () => {
    if (!held) return;
    held = false;
    release();
  };
}
