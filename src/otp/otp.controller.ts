import { Controller, HttpCode, Inject, Param, Post, Req } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { Clock } from '../core/clock.js';
import { Problem } from '../core/problems.js';
import { sourceOf } from '../core/request-source.js';
import { Admission } from './admission.js';
import type { Challenge } from './challenges.js';
import { ChallengeIdPipe } from './challenge-id.pipe.js';
import { IssuedView } from './challenge-view.js';
import { Disowning } from './disowning.js';
import { isPurpose } from './otp-policy.js';
import { Otp } from './otp.js';
import { resendProblem } from './otp-problems.js';

@ApiTags('codes')
@Controller('v1/otp')
export class OtpController {
  constructor(
    @Inject(Otp) private readonly otp: Otp,
    @Inject(Admission) private readonly admission: Admission,
    @Inject(Disowning) private readonly disowning: Disowning,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  @Post(':id/resend')
  @HttpCode(202)
  @ApiOperation({ summary: 'Send the same code again', description: 'Same code, same expiry, same count of tries.' })
  @ApiResponse({ status: 202, type: IssuedView })
  async resend(@Param('id', ChallengeIdPipe) id: string, @Req() request: FastifyRequest): Promise<IssuedView> {
    const challenge = await this.ours(id);
    const result = await this.otp.resend(challenge, request.id, () => this.admission.ask(sourceOf(request), challenge.destinationCanonical));
    if (result.kind !== 'sent') throw resendProblem(result, this.clock.now());
    return IssuedView.of(result.issued);
  }

  @Post(':id/disown')
  @HttpCode(204)
  @ApiOperation({ summary: 'This was not me', description: 'The code works no more, and neither does the link in its mail. Needs no sign-in.' })
  @ApiResponse({ status: 204 })
  async disown(@Param('id', ChallengeIdPipe) id: string, @Req() request: FastifyRequest): Promise<void> {
    await this.disowning.disown(await this.ours(id), sourceOf(request));
  }

  /** Codes that a back end asked for have calls of their own. */
  private async ours(id: string): Promise<Challenge> {
    const challenge = await this.otp.find(id);
    if (!challenge || !isPurpose(challenge.purpose)) throw new Problem('challenge_not_found');
    return challenge;
  }
}
