import { Controller, Param, Post, Req } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { Clock } from '../core/clock.js';
import { sourceOf } from '../core/credentials.js';
import { Operation } from '../core/operation.js';
import { Problems } from '../core/problem-docs.js';
import { Problem } from '../core/problems.js';
import { ChallengeIdPipe, IssuedView, resendProblem } from './challenge-view.js';
import { type Challenge, Challenges } from './challenges.js';
import { Disowning } from './disowning.js';
import { CodeIssuer } from './code-issuer.js';
import { RequestedMailLimit } from './device-token.js';
import { isPurpose } from './purposes.js';

@ApiTags('codes')
@Controller('v1/otp')
export class OtpController {
  constructor(
    private readonly challenges: Challenges,
    private readonly issuer: CodeIssuer,
    private readonly mailLimit: RequestedMailLimit,
    private readonly disowning: Disowning,
    private readonly clock: Clock,
  ) {}

  @Post(':id/resend')
  @Operation(202, IssuedView, {
    summary: 'Send the same code again',
    description: 'Same code, same expiry, same count of tries.',
  })
  @Problems(
    'challenge_not_found',
    'otp_expired',
    'otp_consumed',
    'otp_disowned',
    'otp_locked',
    'resend_too_soon',
    'resend_exhausted',
    'rate_limited',
    'sms_not_configured',
    'sms_country',
    'sms_limited',
  )
  async resend(@Param('id', ChallengeIdPipe) id: string, @Req() request: FastifyRequest): Promise<IssuedView> {
    const challenge = await this.ours(id);
    const result = await this.issuer.resend(challenge, request.id, (canonical) =>
      this.mailLimit.take(sourceOf(request), canonical),
    );
    if (result.kind !== 'sent') throw resendProblem(result, this.clock.now());
    return IssuedView.of(result.issued);
  }

  @Post(':id/disown')
  @Operation(204, undefined, {
    summary: 'This was not me',
    description: 'The code works no more, and neither does the link in its mail. Needs no sign-in.',
  })
  @Problems('challenge_not_found', 'otp_expired', 'otp_consumed', 'otp_disowned', 'rate_limited')
  async disown(@Param('id', ChallengeIdPipe) id: string, @Req() request: FastifyRequest): Promise<void> {
    await this.disowning.disown(await this.ours(id), sourceOf(request));
  }

  /** Codes that a back end asked for have calls of their own. */
  private async ours(id: string): Promise<Challenge> {
    const challenge = await this.challenges.find(id);
    if (!challenge || !isPurpose(challenge.purpose)) throw new Problem('challenge_not_found');
    return challenge;
  }
}
