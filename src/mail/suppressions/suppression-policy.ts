import type { FieldError } from '../../core/problems.js';

/** `bulk`: no newsletters; codes and ordinary mail still go there. */
export const SUPPRESSION_SCOPES = ['all', 'bulk'] as const;
export type SuppressionScope = (typeof SUPPRESSION_SCOPES)[number];

/**
 * The weakest first: of two reasons for one address and scope the stronger one stays. What its owner said outlives what
 * a server said, and what an operator may set an end to.
 */
export const SUPPRESSION_REASONS = ['hard_bounce', 'manual', 'unsubscribe', 'complaint'] as const;
export type SuppressionReason = (typeof SUPPRESSION_REASONS)[number];

/** Characters of a note, and of the reason for which somebody lifts one. */
export const MAX_WORDS = 200;

/**
 * Days of 24 hours for which an address that bounced for good gets no mail. Servers err (for hours of 14 and 15
 * December 2020 Gmail said 550 5.1.1 of mailboxes that exist), and people take up addresses that were dead: no bounce
 * holds for ever. One message a quarter to a dead address costs no sender its reputation.
 */
export const HARD_BOUNCE_DAYS = 90;

/**
 * Hours after a bounce, or after a try, until one code is tried at a bounced address all the same: somebody waits for
 * the code, and who has the mailbox opened again cannot sign in until one arrives.
 */
export const TRY_EVERY_HOURS = 24;

/** What is wrong with the end that somebody gives a suppression; undefined when nothing is. */
export function expiryFault(expiresAt: Date, now: Date): FieldError | undefined {
  return expiresAt > now ? undefined : { field: 'expiresAt', code: 'in_the_past', message: 'must be in the future' };
}
