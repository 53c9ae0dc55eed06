import { Problem } from '../../core/problems.js';
import { BUSY_SECONDS, SIDE_BY_SIDE, WAITING } from './hash-policy.js';

/**
 * Bounds what hashing takes: so many at one time, so many more in line, and everybody else is asked to come back. A flood
 * of sign-ins costs memory and patience up to there and no further.
 */
export class HashingLine {
  private inside = 0;
  private hashing = 0;
  private readonly waiting: (() => void)[] = [];

  /** Hashes under way, and those that wait for their turn. */
  get busy(): { hashing: number; waiting: number } {
    return { hashing: this.hashing, waiting: this.waiting.length };
  }

  /** A place in line for as long as `work` takes. @throws Problem busy, at once, when there is none */
  async enter<T>(work: () => Promise<T>): Promise<T> {
    if (this.inside >= SIDE_BY_SIDE + WAITING) throw new Problem('busy', { headers: { 'retry-after': String(BUSY_SECONDS) } });
    this.inside++;
    try {
      return await work();
    } finally {
      this.inside--;
    }
  }

  /** One hash, when it is its turn; of somebody who has a place. */
  async turn<T>(hash: () => Promise<T>): Promise<T> {
    if (this.hashing < SIDE_BY_SIDE) this.hashing++;
    else await new Promise<void>((resolve) => this.waiting.push(resolve)); // takes over the turn of whoever has done
    try {
      return await hash();
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.hashing--;
    }
  }
}
