import { Controller, Param, Post, Req } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { sourceOf } from '../core/credentials.js';
import { Operation } from '../core/operation.js';
import { Problems } from '../core/problem-docs.js';
import { Problem } from '../core/problems.js';
import { ChallengeIdPipe } from './challenge-view.js';
import { Challenges } from './challenges.js';
import { Disowning } from './disowning.js';
import { isPurpose } from './purposes.js';

@ApiTags('codes')
@Controller('v1/otp')
export class OtpController {
  constructor(
    private readonly challenges: Challenges,
    private readonly disowning: Disowning,
  ) {}

  @Post(':id/disown')
  @Operation(204, undefined, {
    summary: 'Take a code back that was asked for',
    description:
      'The code works no more. A mail with a link is sent all the same, and the link works for whoever reads it there. Needs no sign-in.',
  })
  @Problems('challenge_not_found', 'otp_expired', 'otp_consumed', 'otp_disowned', 'rate_limited')
  async disown(@Param('id', ChallengeIdPipe) id: string, @Req() request: FastifyRequest): Promise<void> {
    const challenge = await this.challenges.find(id);
    // Codes that a back end asked for have calls of their own.
    if (!challenge || !isPurpose(challenge.purpose)) throw new Problem('challenge_not_found');
    await this.disowning.disown(challenge, sourceOf(request));
  }
}
