import { Problem } from '../core/problems.js';
import type { Unusable } from './otp-policy.js';

/** Why a challenge cannot be used, as the API says it. */
export function unusableProblem(reason: Unusable | 'not_found'): Problem {
  switch (reason) {
    case 'not_found':
      return new Problem('challenge_not_found');
    case 'expired':
      return new Problem('otp_expired');
    case 'consumed':
      return new Problem('otp_consumed');
    case 'locked':
      return new Problem('otp_locked');
  }
}
