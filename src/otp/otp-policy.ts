/** Decimal digits of a code: 20 bits, with at most 5 tries (OWASP ASVS 5.0, 6.5.4 and 6.6.3). */
export const CODE_DIGITS = 6;
/** Milliseconds a code works, however often it is sent again (ASVS 6.5.5: at most 10 minutes). */
export const LIFETIME_MS = 10 * 60_000;
/** Wrong codes before a challenge is locked. */
export const MAX_ATTEMPTS = 5;
/** Milliseconds between two copies of one code. */
export const RESEND_COOLDOWN_MS = 30_000;
/** Copies after the first one. */
export const MAX_RESENDS = 3;
/** Attempts to hand a code's mail over; its expiry usually ends them earlier. */
export const MAIL_ATTEMPTS = 20;

/** What a code may be for. One for one purpose never works for another. */
export const PURPOSES = ['register'] as const;
export type Purpose = (typeof PURPOSES)[number];

export interface ChallengeState {
  attempts: number;
  maxAttempts: number;
  resends: number;
  resendAfter: Date;
  expiresAt: Date;
  consumedAt: Date | null;
  voidedAt: Date | null;
}

export type Unusable = 'consumed' | 'expired' | 'locked';

/** Why a code of this challenge cannot be used any more; undefined while it can. */
export function unusable(challenge: ChallengeState, now: Date): Unusable | undefined {
  if (challenge.consumedAt !== null || challenge.voidedAt !== null) return 'consumed';
  if (challenge.expiresAt <= now) return 'expired';
  if (challenge.attempts >= challenge.maxAttempts) return 'locked';
  return undefined;
}

export type ResendRefusal = Unusable | 'exhausted' | 'too_soon';

/** Why this challenge is not sent again now; undefined when it may be. */
export function resendRefusal(challenge: ChallengeState, now: Date): ResendRefusal | undefined {
  const reason = unusable(challenge, now);
  if (reason) return reason;
  if (challenge.resends >= MAX_RESENDS) return 'exhausted';
  return challenge.resendAfter > now ? 'too_soon' : undefined;
}
