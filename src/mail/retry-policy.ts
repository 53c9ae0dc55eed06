import type { Lane } from '../core/lanes.js';

export interface RetryQuestion {
  lane: Lane;
  /** Attempts made so far, the failed one included. */
  attempt: number;
  maxAttempts: number;
  now: Date;
  expiresAt: Date | null;
  /** Uniform in [0, 1). */
  random: number;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;

/** A code is wanted now and dead in minutes; ordinary mail follows RFC 5321 §4.5.4.1 in spirit: minutes, then hours. */
const SCHEDULE: Record<Lane, { first: number; longest: number }> = {
  critical: { first: 2 * SECOND, longest: MINUTE },
  default: { first: MINUTE, longest: DAY },
  bulk: { first: 5 * MINUTE, longest: DAY },
};

/**
 * Milliseconds until the next attempt: doubling from the lane's first delay, jittered over its upper half so that
 * deferred mail does not come back in a wave. `give_up` when the attempts are used up. Never beyond the expiry, where
 * the row ends as expired.
 */
export function retryDelay(question: RetryQuestion): number | 'give_up' {
  const { lane, attempt, maxAttempts, now, expiresAt, random } = question;
  if (attempt >= maxAttempts) return 'give_up';
  const { first, longest } = SCHEDULE[lane];
  const ceiling = Math.min(first * 2 ** (attempt - 1), longest);
  const delay = ceiling / 2 + (random * ceiling) / 2;
  const remaining = expiresAt ? Math.max(0, expiresAt.getTime() - now.getTime()) : Number.POSITIVE_INFINITY;
  return Math.round(Math.min(delay, remaining));
}
