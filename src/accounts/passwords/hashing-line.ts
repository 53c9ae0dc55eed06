import { Problem } from '../../core/problems.js';
import { BUSY_SECONDS, PLACES, SHARE, SIDE_BY_SIDE } from './hash-policy.js';

/**
 * Bounds what hashing takes: so many at one time, so many more in line, and everybody else is asked to come back. A flood
 * of sign-ins costs memory and patience up to there and no further. Each requester has a share of the places, and turns go
 * round the requesters that wait: whoever floods the line is behind only what is their own.
 */
export class HashingLine {
  private readonly held = new Map<string, number>();
  private hashing = 0;
  /** Those that wait, by requester; the requester whose turn is next is the first. */
  private readonly waiting = new Map<string, (() => void)[]>();

  /** Hashes under way, and those that wait for their turn. */
  get busy(): { hashing: number; waiting: number } {
    return { hashing: this.hashing, waiting: sum([...this.waiting.values()].map(({ length }) => length)) };
  }

  /** A place in line for as long as `work` takes. @throws Problem busy, at once, when the requester or the line has none left */
  async enter<T>(requester: string, work: () => Promise<T>): Promise<T> {
    const own = this.held.get(requester) ?? 0;
    if (own >= SHARE || sum(this.held.values()) >= PLACES) throw new Problem('busy', { headers: { 'retry-after': String(BUSY_SECONDS) } });
    this.held.set(requester, own + 1);
    try {
      return await work();
    } finally {
      const left = this.held.get(requester)! - 1;
      if (left > 0) this.held.set(requester, left);
      else this.held.delete(requester);
    }
  }

  /** One hash, when it is its turn; of somebody who has a place. */
  async turn<T>(requester: string, hash: () => Promise<T>): Promise<T> {
    if (this.hashing < SIDE_BY_SIDE) this.hashing++;
    else await new Promise<void>((resolve) => this.wait(requester, resolve)); // takes over the turn of whoever has done
    try {
      return await hash();
    } finally {
      this.passOn();
    }
  }

  private wait(requester: string, begin: () => void): void {
    const own = this.waiting.get(requester);
    if (own) own.push(begin);
    else this.waiting.set(requester, [begin]);
  }

  /** To the next requester, who is then behind all others that wait. */
  private passOn(): void {
    const [next] = this.waiting;
    if (!next) {
      this.hashing--;
      return;
    }
    const [requester, own] = next;
    const begin = own.shift()!;
    this.waiting.delete(requester);
    if (own.length > 0) this.waiting.set(requester, own);
    begin();
  }
}

function sum(numbers: Iterable<number>): number {
  return [...numbers].reduce((total, number) => total + number, 0);
}
