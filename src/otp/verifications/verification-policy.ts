import { type ChallengeState, unusable } from '../otp-policy.js';
import type { TemplateName } from '../../mail/content/template-names.js';

/** Keeps what back ends call their purposes apart from our own: a code for one never works for the other. */
const PREFIX = 'custom:';

export const PURPOSE = /^[a-z0-9_-]{1,40}$/;
/** Seconds; the most is what every code may have (OWASP ASVS 5.0, 6.5.5). */
export const TTL_SECONDS = { least: 60, most: 600 };
/** Digits: at least 20 bits (ASVS 6.5.4), at most what people type without a mistake. */
export const CODE_LENGTH = { least: 6, most: 10 };
/** Mails that carry a code for a back end's own purpose. */
export const VERIFICATION_TEMPLATES = ['verification-code'] as const satisfies readonly TemplateName[];
export type VerificationTemplate = (typeof VERIFICATION_TEMPLATES)[number];

/** How a back end's purpose is stored. */
export function storedPurpose(purpose: string): string {
  return PREFIX + purpose;
}

/** What the back end called it; undefined for a purpose of our own. */
export function givenPurpose(stored: string): string | undefined {
  return stored.startsWith(PREFIX) ? stored.slice(PREFIX.length) : undefined;
}

/** `void`: another code for the same address and purpose was approved first. */
export const VERIFICATION_STATUSES = ['pending', 'approved', 'void', 'disowned', 'expired', 'locked'] as const;
export type VerificationStatus = (typeof VERIFICATION_STATUSES)[number];

export function verificationStatus(challenge: ChallengeState, now: Date): VerificationStatus {
  const reason = unusable(challenge, now);
  if (reason !== 'consumed') return reason ?? 'pending';
  return challenge.consumedAt === null ? 'void' : 'approved';
}
