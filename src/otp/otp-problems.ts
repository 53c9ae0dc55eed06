import { Problem } from '../core/problems.js';
import type { ResendResult } from './otp.js';
import type { Unusable } from './otp-policy.js';

/** Why a challenge cannot be used, as the API says it. */
export function unusableProblem(reason: Unusable | 'not_found'): Problem {
  switch (reason) {
    case 'not_found':
      return new Problem('challenge_not_found');
    case 'expired':
      return new Problem('otp_expired');
    case 'disowned':
      return new Problem('otp_disowned');
    case 'consumed':
      return new Problem('otp_consumed');
    case 'locked':
      return new Problem('otp_locked');
  }
}

/** Why a code is not sent again. */
export function resendProblem(refusal: Exclude<ResendResult, { kind: 'sent' }>, now: Date): Problem {
  switch (refusal.kind) {
    case 'too_soon':
      return new Problem('resend_too_soon', { headers: retryAfter(refusal.challenge.resendAfter, now) });
    case 'exhausted':
      return new Problem('resend_exhausted', { headers: retryAfter(refusal.challenge.expiresAt, now) });
    default:
      return unusableProblem(refusal.kind);
  }
}

function retryAfter(at: Date, now: Date): Record<string, string> {
  return { 'retry-after': String(Math.max(1, Math.ceil((at.getTime() - now.getTime()) / 1_000))) };
}
