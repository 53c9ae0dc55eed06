import type { ClaimedEmail } from './email-rows.js';

/** Milliseconds before an ordinary message of unknown outcome is sent a second time: time for a bounce, or for a person. */
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
