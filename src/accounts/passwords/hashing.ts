import { Problem } from '../../core/problems.js';
import { Bulkhead, Semaphore } from '../../core/semaphore.js';

/**
 * Argon2id as the OWASP Password Storage Cheat Sheet and ASVS 5.0 (11.4.2) ask for at least: 19 MiB, two passes, one
 * lane.
 */
export const PARAMETERS = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;
const VERSION = 19;

/**
 * Hashes at one time in one process: each takes 19 MiB, and one of the four threads that libuv has for all such work.
 */
export const SIDE_BY_SIDE = 2;
/** Who may wait for them besides; at some 15 ms each the last one waits a second. */
const WAITING = 64;
/** Places in line altogether. */
export const PLACES = SIDE_BY_SIDE + WAITING;
/**
 * Of them, for one requester: an office behind one address signs in, and a flood from there leaves three quarters to
 * others.
 */
export const SHARE = Math.floor(PLACES / 4);
/** Seconds after which the line is empty again. */
const BUSY_SECONDS = 1;

/** Whether a stored hash (PHC string format) costs a guesser less than one made now. */
export function isWeaker(stored: string): boolean {
  const [, version, memory, passes] = /^\$argon2id\$v=(\d+)\$m=(\d+),t=(\d+),p=\d+\$/.exec(stored) ?? [];
  if (version === undefined) return true;
  return Number(version) < VERSION || Number(memory) < PARAMETERS.memoryCost || Number(passes) < PARAMETERS.timeCost;
}

/**
 * Bounds what hashing takes: so many at one time, so many more in line, and everybody else is asked to come back. A
 * flood of sign-ins costs memory and patience up to there and no further. Each requester has a share of the places, and
 * turns go round the requesters that wait: whoever floods the line is behind only what is their own.
 */
export class HashingLine {
  private readonly places = new Bulkhead();
  private readonly hashing = new Semaphore(SIDE_BY_SIDE);

  /** Hashes under way, and those that wait for their turn. */
  get busy(): { hashing: number; waiting: number } {
    return { hashing: this.hashing.inUse, waiting: this.hashing.waiting };
  }

  /**
   * A place in line for as long as `work` takes. @throws Problem busy, at once, when the requester or the line has none
   * left
   */
  async enter<T>(requester: string, work: () => Promise<T>): Promise<T> {
    const leave = this.places.take({ all: PLACES, [`requester ${requester}`]: SHARE });
    if (!leave) throw new Problem('busy', { headers: { 'retry-after': String(BUSY_SECONDS) } });
    try {
      return await work();
    } finally {
      leave();
    }
  }

  /** One hash, when it is its turn; of somebody who has a place. */
  turn<T>(requester: string, hash: () => Promise<T>): Promise<T> {
    return this.hashing.during(hash, { key: requester });
  }
}
