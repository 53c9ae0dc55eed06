import { isMoment } from '../core/is-moment.js';
import { type Lane, LANES } from '../core/lanes.js';
import { parseRate } from '../core/rate.js';
import { UsageError } from './command.js';

export function laneIn(text: string | undefined): Lane | undefined {
  const lane = LANES.find((known) => known === text);
  if (text !== undefined && !lane) throw new UsageError(`There is no lane "${text}"; there are ${LANES.join(', ')}.`);
  return lane;
}

/** All of them where none is named. */
export function lanesIn(names: readonly string[]): Lane[] {
  const named = new Set(names.map((name) => laneIn(name)));
  return LANES.filter((lane) => named.size === 0 || named.has(lane));
}

export function sinceIn(text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  if (!isMoment(text)) throw new UsageError('--since is a date and time with its offset, such as 2030-01-31T09:00:00Z.');
  return new Date(text);
}

export function wholeNumberIn(name: string, text: string, { least, most }: { least: number; most: number }): number {
  const number = /^\d{1,7}$/.test(text) ? Number(text) : Number.NaN;
  if (!(number >= least && number <= most)) throw new UsageError(`--${name} is a whole number from ${least} to ${most}.`);
  return number;
}

/** An hour: whoever runs the command watches it. */
const LONGEST_TIME_MS = 3_600_000;

/** Milliseconds. */
export function timeIn(name: string, text: string): number {
  // A time is what stands behind the slash of a rate.
  const ms = parseRate(`1/${text}`)?.windowMs;
  if (ms === undefined || ms > LONGEST_TIME_MS || !/^\d/.test(text)) throw new UsageError(`--${name} is a time of at most 60min, such as 30s or 5min.`);
  return ms;
}
