/** Decimal digits of a code: 20 bits, with at most 5 tries (OWASP ASVS 5.0, 6.5.4 and 6.6.3). */
export const CODE_DIGITS = 6;
/** Milliseconds a code works, however often it is sent again (ASVS 6.5.5: at most 10 minutes). */
export const LIFETIME_MS = 10 * 60_000;
/** Wrong codes before a challenge is locked. */
export const MAX_ATTEMPTS = 5;
/** Milliseconds between two copies of one code. */
export const RESEND_COOLDOWN_MS = 30_000;
/** Copies after the first one. */
const MAX_RESENDS = 3;
/** Attempts to hand a code's mail over; its expiry usually ends them earlier. */
export const MAIL_ATTEMPTS = 20;

/**
 * Milliseconds after a success within which the same client may give the same code again and gets the same result: its
 * first answer was lost, or a button was pressed twice. Longer than clients wait for an answer.
 */
export const REPEAT_WITHIN_MS = 60_000;
/** How often that is let: as wrong codes, those would be tries besides those of the challenge. */
export const MAX_REPEATS = 3;
/** Milliseconds between two presses on one button; it is the line that is slow then, and not the person. */
const PRESSED_TWICE_WITHIN_MS = 10_000;

export interface ChallengeState {
  attempts: number;
  maxAttempts: number;
  resends: number;
  resendAfter: Date;
  expiresAt: Date;
  consumedAt: Date | null;
  voidedAt: Date | null;
  disownedAt: Date | null;
  /** Disowned by its starter: the link in its mail works on. */
  leftToMailbox: boolean;
}

export type Unusable = 'consumed' | 'disowned' | 'expired' | 'locked';

/** Why a code of this challenge cannot be used any more; undefined while it can. */
export function unusable(challenge: ChallengeState, now: Date): Unusable | undefined {
  if (challenge.disownedAt !== null) return 'disowned';
  if (challenge.consumedAt !== null || challenge.voidedAt !== null) return 'consumed';
  if (challenge.expiresAt <= now) return 'expired';
  if (challenge.attempts >= challenge.maxAttempts) return 'locked';
  return undefined;
}

/**
 * Why the mailed link does not work any more. Wrong codes do not lock it: it has 128 bits that nobody guesses. Nor does
 * a starter who takes the code back: a stranger could otherwise use up an address's codes and leave its owner none.
 */
export function linkUnusable(challenge: ChallengeState, now: Date): Exclude<Unusable, 'locked'> | undefined {
  const disownedAt = challenge.leftToMailbox ? null : challenge.disownedAt;
  const reason = unusable({ ...challenge, disownedAt, attempts: 0 }, now);
  return reason === 'locked' ? undefined : reason;
}

/** Whether a code was used so short a time ago that the client may not have heard of it. */
export function isJustConsumed({ consumedAt }: Pick<ChallengeState, 'consumedAt'>, now: Date): boolean {
  return consumedAt !== null && now.getTime() - consumedAt.getTime() <= REPEAT_WITHIN_MS;
}

export type ResendRefusal = Unusable | 'exhausted' | 'too_soon';

/** Why this challenge is not sent again now; undefined when it may be. */
export function resendRefusal(challenge: ChallengeState, now: Date): ResendRefusal | undefined {
  const reason = unusable(challenge, now);
  if (reason) return reason;
  if (challenge.resends >= MAX_RESENDS) return 'exhausted';
  return challenge.resendAfter > now ? 'too_soon' : undefined;
}

/** Whether it was sent again so short a time ago that the same button was pressed twice. */
export function isJustResent(
  { resends, resendAfter }: Pick<ChallengeState, 'resends' | 'resendAfter'>,
  now: Date,
): boolean {
  const sentAt = resendAfter.getTime() - RESEND_COOLDOWN_MS;
  return resends > 0 && now.getTime() - sentAt <= PRESSED_TWICE_WITHIN_MS;
}
