import { DAY_MS, MINUTE_MS, SECOND_MS } from '../../core/durations.js';
import { isUrgent, type Lane } from '../../core/lanes.js';
import type { ClaimedEmail } from './email-rows.js';

export interface FailedAttempt {
  lane: Lane;
  /** Attempts made so far, the failed one included. */
  attempt: number;
  maxAttempts: number;
  now: Date;
  /** Of the first attempt: it may have waited for its time, a pause or a quota before. */
  triedSince: Date;
  expiresAt: Date | null;
  /** Uniform in [0, 1). */
  random: number;
  /** Milliseconds the server, or the state of the transports, asks us to wait. */
  afterMs?: number | undefined;
  /** The attempt does not count, and is no reason to give up. */
  uncounted?: boolean | undefined;
  /** The server wants to see us again, but not at once. */
  greylisted?: boolean | undefined;
  /** Milliseconds after the first attempt at which this reason ends the message. */
  withinMs?: number | undefined;
}

/** A code is wanted now and dead in minutes; ordinary mail follows RFC 5321 §4.5.4.1 in spirit: minutes, then hours. */
const SCHEDULE: Record<Lane, { first: number; longest: number }> = {
  critical: { first: 2 * SECOND_MS, longest: MINUTE_MS },
  sms: { first: 2 * SECOND_MS, longest: MINUTE_MS },
  default: { first: MINUTE_MS, longest: DAY_MS },
  bulk: { first: 5 * MINUTE_MS, longest: DAY_MS },
};
/**
 * Attempts of a message that names no number of its own. Ordinary mail goes on for one to three days, so that a full
 * mailbox has its 24 hours and a server may be away overnight; RFC 5321 §4.5.4.1 wants four to five days of a relay,
 * but here a sender waits for the word that it failed. A code has some ten minutes, unless its expiry ends it before.
 */
export const DEFAULT_MAX_ATTEMPTS: Record<Lane, number> = { critical: 20, sms: 20, default: 13, bulk: 11 };
/** Greylisting lets in who comes back after minutes; a code cannot wait that long and knocks by its own schedule. */
const GREYLIST = { least: 5 * MINUTE_MS, spread: 10 * MINUTE_MS };
/** What is added at most to a wait that was asked for, so that all who were asked do not come back at once. */
const ASKED_SPREAD = 0.2;

/**
 * Milliseconds until the next attempt. What the server asked for is kept, never undercut; else doubling from the lane's
 * first delay, jittered over its upper half so that deferred mail does not come back in a wave. `give_up` when the
 * attempts are used up, or the reason has lasted too long. Never beyond the expiry, where the row ends as expired.
 */
export function retryDelay(question: FailedAttempt): number | 'give_up' {
  const { attempt, maxAttempts, now, triedSince, expiresAt, uncounted, withinMs } = question;
  if (!uncounted && attempt >= maxAttempts) return 'give_up';
  const delay = wait(question);
  if (withinMs !== undefined && now.getTime() + delay > triedSince.getTime() + withinMs) return 'give_up';
  const remaining = expiresAt ? Math.max(0, expiresAt.getTime() - now.getTime()) : Number.POSITIVE_INFINITY;
  return Math.round(Math.min(delay, remaining));
}

function wait({ lane, attempt, random, afterMs, greylisted }: FailedAttempt): number {
  if (afterMs !== undefined) return afterMs * (1 + random * ASKED_SPREAD);
  if (greylisted && !isUrgent(lane)) return GREYLIST.least + random * GREYLIST.spread;
  const { first, longest } = SCHEDULE[lane];
  const ceiling = Math.min(first * 2 ** (attempt - 1), longest);
  return ceiling / 2 + (random * ceiling) / 2;
}

/**
 * Claims in a row that ended with a dead worker and no offer, after which the message counts as what kills workers. No
 * server has seen it meanwhile, so that its attempts say nothing: of one that may be tried once a death is no end, and
 * one that may be tried twenty times is not to kill as many.
 */
export const DEADLY_CLAIMS = 5;

/**
 * Milliseconds before an ordinary message of unknown outcome is sent a second time: time for a bounce, or for a person.
 */
const RETRY_AFTER_MS = 15 * 60_000;

/** The error code of a message that goes out once more. */
export const RETRY_AFTER_UNKNOWN = 'retry_after_unknown';

/**
 * What becomes of a message whose last byte was released and never answered. A code stays unknown, for its owner is
 * offered a new one. Bulk mail stays too: one copy too few is better than one too many. Ordinary mail goes out once
 * more, flagged as a possible duplicate; if that is not answered either, people decide.
 */
export function unknownPolicy(
  email: Pick<ClaimedEmail, 'lane' | 'secret' | 'possibleDuplicate' | 'attempt' | 'maxAttempts' | 'expiresAt'>,
  now: Date,
): 'stay' | { retryAfterMs: number } {
  const { lane, secret, possibleDuplicate, attempt, maxAttempts, expiresAt } = email;
  if (secret || lane === 'bulk' || possibleDuplicate || attempt >= maxAttempts) return 'stay';
  if (expiresAt && expiresAt.getTime() <= now.getTime() + RETRY_AFTER_MS) return 'stay';
  return { retryAfterMs: RETRY_AFTER_MS };
}
