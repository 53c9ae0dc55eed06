/** One look at the clock of somebody else, in milliseconds. */
export interface ClockReading {
  /** What that clock said. */
  said: number;
  /** By our own monotonic clock: before the question, and after the answer. */
  asked: number;
  answered: number;
}

/** Milliseconds that two clocks may differ before people are told. */
export const SKEW_LIMIT_MS = 2_000;

/**
 * How far a clock is ahead of our monotonic one, in milliseconds. A reading does not say when in its time the clock was
 * looked at, and so leaves room as wide as it took. What is known already moves only as far as the narrowest reading
 * proves it wrong: a slow answer from a busy database moves nothing, and the time does not jitter.
 */
export function offsetOf(readings: readonly ClockReading[], known?: number): number {
  const { said, asked, answered } = readings.reduce((best, one) => (one.answered - one.asked < best.answered - best.asked ? one : best));
  const [least, most] = [said - answered, said - asked];
  return known === undefined ? (least + most) / 2 : Math.min(most, Math.max(least, known));
}
