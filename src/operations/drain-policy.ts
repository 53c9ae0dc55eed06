/**
 * Hand-overs a second that a lane is taken to manage at least. The rate of the last minute tells what was done and not
 * what could be: a service with nothing to do would seem to need a minute for its next message.
 */
export const LEAST_PER_SECOND = 1;

/** Seconds until everything due is handed over, if it goes on as in the last minute: by this, workers can be added. */
export function drainSeconds(due: number, perSecond: number): number {
  return due / Math.max(perSecond, LEAST_PER_SECOND);
}
