import type { Rate } from '../core/rate.js';

/** Milliseconds of the rate that may be on their way, and that a bucket holds: after a pause there is no burst. */
const AHEAD_MS = 2_000;

/** A token bucket, and how many messages are on their way that have not been handed over. */
export interface Pace {
  /** As they were at `tokensAt`. */
  tokens: number;
  /** Milliseconds since then. */
  sinceMs: number;
  outstanding: number;
}

/** Messages that may be on their way at once. */
export function mostOutstanding({ count, windowMs }: Rate): number {
  return Math.max(1, Math.ceil((count / windowMs) * AHEAD_MS));
}

/** How many messages may begin now, and what is left in the bucket then. */
export function allowance(rate: Rate, { tokens, sinceMs, outstanding }: Pace): { allowed: number; tokens: number } {
  const most = mostOutstanding(rate);
  const filled = Math.min(most, tokens + Math.max(0, sinceMs) * (rate.count / rate.windowMs));
  const allowed = Math.max(0, Math.min(Math.floor(filled), most - outstanding));
  return { allowed, tokens: filled };
}

/** Milliseconds until the next token, for whoever waits for it. */
export function untilNext(rate: Rate, tokens: number): number {
  return Math.max(1, Math.ceil((Math.ceil(tokens + 1e-9) - tokens) / (rate.count / rate.windowMs)));
}

export interface Progress {
  /** Null before it began. */
  total: number | null;
  /** Messages that are over: handed over, or not. */
  over: number;
  startedAt: Date | null;
  rate: Rate | undefined;
}

/** When it will be done, as it goes on now; undefined where nothing tells. */
export function estimatedEnd({ total, over, startedAt, rate }: Progress, now: Date): Date | undefined {
  if (total === null || startedAt === null) return undefined;
  const left = Math.max(0, total - over);
  const elapsed = now.getTime() - startedAt.getTime();
  const perMs = Math.min(
    rate ? rate.count / rate.windowMs : Infinity,
    over > 0 && elapsed > 0 ? over / elapsed : Infinity,
  );
  return Number.isFinite(perMs) ? new Date(now.getTime() + left / perMs) : undefined;
}
