import { Body, Controller, HttpCode, Inject, Param, Post, Req } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { Problem } from '../core/problems.js';
import { ChallengeIdPipe } from '../otp/challenge-id.pipe.js';
import { unusableProblem } from '../otp/otp-problems.js';
import { SignedInView } from './account-view.js';
import { VerifyRequest } from './requests.js';
import { Verification } from './verification.js';

/** Here and not in the otp room, because what a right code leads to is an account. */
@ApiTags('codes')
@Controller('v1/otp')
export class VerificationController {
  constructor(@Inject(Verification) private readonly verification: Verification) {}

  @Post(':id/verify')
  @HttpCode(200)
  @ApiOperation({ summary: 'Give the code back and be signed in', description: 'Five tries, one success.' })
  @ApiResponse({ status: 200, type: SignedInView })
  async verify(
    @Param('id', ChallengeIdPipe) id: string,
    @Body() body: VerifyRequest,
    @Req() request: FastifyRequest,
  ): Promise<SignedInView> {
    const result = await this.verification.verify(id, body.code, { userAgent: request.headers['user-agent'] });
    switch (result.kind) {
      case 'signed_in':
        return SignedInView.of(result.account, result.tokens);
      case 'wrong':
        throw new Problem('otp_invalid', { extensions: { attemptsLeft: result.attemptsLeft } });
      default:
        throw unusableProblem(result.kind);
    }
  }
}
