import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../core/logger.js';
import { StartupError } from '../core/startup-error.js';
import { isDatabaseAway } from './database-errors.js';

/** Milliseconds that a start waits for Postgres, or for its schema. */
export const START_WITHIN_MS = 60_000;
const RETRY_MS = 500;
const REMIND_EVERY_MS = 5_000;

export interface Wait {
  /** Milliseconds. */
  timeout: number;
  /** Ends the wait. */
  stopping?: AbortSignal | undefined;
}

interface Retrying {
  isWorthWaiting: (error: unknown) => boolean;
  /** For operators, at first and every few seconds. */
  tell: (error: unknown) => void;
  /** What is thrown in the end. */
  refuse: (error: unknown) => unknown;
}

/** What the attempt came to, which is made again for as long as it is worth waiting. */
export async function retried<T>(
  attempt: () => Promise<T>,
  { timeout, stopping }: Wait,
  { isWorthWaiting, tell, refuse }: Retrying,
): Promise<T> {
  const begun = performance.now();
  let toldAt = Number.NEGATIVE_INFINITY;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      const now = performance.now();
      if (!isWorthWaiting(error) || now + RETRY_MS > begun + timeout) throw refuse(error);
      if (now - toldAt >= REMIND_EVERY_MS) {
        tell(error);
        toldAt = now;
      }
      await delay(RETRY_MS, undefined, { signal: stopping }).catch(() => {
        throw new StartupError('Stopped while waiting for the database.', '', { cause: error });
      });
    }
  }
}

/**
 * What a process asks of Postgres in the midst of its start, again where there is no answer: a disk that is busy for
 * ten seconds, or a restart of the server, is no reason to end with a stack trace. `ask` may have been done without an
 * answer.
 * @throws what else goes wrong, and the last of it where Postgres stays away
 */
export function untilAnswered<T>(log: Logger, ask: () => Promise<T>): Promise<T> {
  return retried(
    ask,
    { timeout: START_WITHIN_MS },
    {
      isWorthWaiting: isDatabaseAway,
      tell: (error) => log.warn({ err: error }, 'the start waits for Postgres'),
      refuse: (error) => error,
    },
  );
}
