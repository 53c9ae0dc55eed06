import { applyDecorators, Injectable, type PipeTransform } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { Matches } from 'class-validator';
import { Problem, type ProblemCode } from '../core/problems.js';
import { secondsUntil } from '../limits/limit-policy.js';
import { normalCode } from './code.js';
import type { CheckRefusal } from './code-checker.js';
import type { Issued, ResendResult } from './code-issuer.js';
import { tooManyFailures } from './failure-budgets.js';
import type { Unusable } from './otp-policy.js';
import { type Purpose, PURPOSE_NAMES } from './purposes.js';

/** What cannot be the id of a challenge is not looked up. */
@Injectable()
export class ChallengeIdPipe implements PipeTransform<string, string> {
  transform(id: string): string {
    if (!/^[\w-]{22}$/.test(id)) throw new Problem('challenge_not_found');
    return id;
  }
}

class ChallengeView {
  @ApiProperty({ description: '128 random bits; names the challenge in later calls' })
  id!: string;

  @ApiProperty({ enum: PURPOSE_NAMES })
  purpose!: Purpose;

  @ApiProperty({ format: 'date-time', description: 'The code works until then, however often it is sent again' })
  expiresAt!: string;

  @ApiProperty({ format: 'date-time', description: 'From then on the code may be sent again' })
  resendAfter!: string;

  @ApiProperty({ example: 'K7QX', description: 'Shown in the mail too, so that people pick the right one; no secret' })
  reference!: string;
}

class AcceptedDelivery {
  @ApiProperty({ enum: ['queued'] })
  status!: string;
}

/** The 202 of every call that sends a code; the same whoever the address belongs to. */
export class IssuedView {
  @ApiProperty()
  challenge!: ChallengeView;

  @ApiProperty()
  delivery!: AcceptedDelivery;

  static of({ challenge, delivery }: Issued): IssuedView {
    const { id, purpose, expiresAt, resendAfter, reference } = challenge;
    return {
      challenge: {
        id,
        purpose: purpose as Purpose,
        expiresAt: expiresAt.toISOString(),
        resendAfter: resendAfter.toISOString(),
        reference,
      },
      delivery: { status: delivery.status },
    };
  }
}

const UNUSABLE: Record<Unusable | 'not_found', ProblemCode> = {
  not_found: 'challenge_not_found',
  expired: 'otp_expired',
  disowned: 'otp_disowned',
  consumed: 'otp_consumed',
  locked: 'otp_locked',
};

/** Why a challenge cannot be used, as the API says it. */
export function unusableProblem(reason: Unusable | 'not_found'): Problem {
  return new Problem(UNUSABLE[reason]);
}

/** Of calls that take a code: those of {@link refusalProblem}. */
export const CHECK_PROBLEMS = [
  'challenge_not_found',
  'otp_invalid',
  'otp_expired',
  'otp_consumed',
  'otp_disowned',
  'otp_locked',
  'too_many_failures',
] as const satisfies ProblemCode[];

/** Why a code is not taken. */
export function refusalProblem(refusal: CheckRefusal, now: Date): Problem {
  switch (refusal.kind) {
    case 'wrong':
      return new Problem('otp_invalid', { extensions: { attemptsLeft: refusal.attemptsLeft } });
    case 'blocked':
      return tooManyFailures(refusal, now);
    default:
      return unusableProblem(refusal.kind);
  }
}

/** Of calls that send a code again: those of {@link resendProblem}, of limits, of the other channel, and of texts. */
export const RESEND_PROBLEMS = [
  'challenge_not_found',
  'otp_expired',
  'otp_consumed',
  'otp_disowned',
  'otp_locked',
  'resend_too_soon',
  'resend_exhausted',
  'rate_limited',
  'same_channel',
  'sms_not_configured',
  'sms_country',
  'sms_limited',
] as const satisfies ProblemCode[];

/** Why a code is not sent again. */
export function resendProblem(refusal: Exclude<ResendResult, { kind: 'sent' }>, now: Date): Problem {
  const comeBack = (at: Date) => ({ headers: { 'retry-after': String(secondsUntil(at, now)) } });
  switch (refusal.kind) {
    case 'too_soon':
      return new Problem('resend_too_soon', comeBack(refusal.challenge.resendAfter));
    case 'exhausted':
      return new Problem('resend_exhausted', comeBack(refusal.challenge.expiresAt));
    default:
      return unusableProblem(refusal.kind);
  }
}

/**
 * A code in a request, as people and machines write it; what the handler gets is digits alone.
 * @param words such as `the six digits`
 */
export function IsCode(pattern: RegExp, words: string): PropertyDecorator {
  return applyDecorators(
    Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? normalCode(value) : value)),
    Matches(pattern, { message: `must be ${words} of the mail, as a string` }),
  );
}
