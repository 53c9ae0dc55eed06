import { Body, Controller, HttpCode, Inject, Param, Post, Req } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { Clock } from '../core/clock.js';
import { Problem } from '../core/problems.js';
import { sourceOf } from '../core/request-source.js';
import { ChallengeIdPipe } from '../otp/challenge-id.pipe.js';
import { IssuedView } from '../otp/challenge-view.js';
import { tooManyFailures } from '../otp/failure-budgets.js';
import { unusableProblem } from '../otp/otp-problems.js';
import { parseEmailAddress } from '../core/email-address.js';
import { SignedInView } from './account-view.js';
import { unauthorized } from './sessions/bearer.guard.js';
import { CodeRequests } from './code-requests.js';
import { CodeRequest, VerifyRequest } from './requests.js';
import { SessionHolders } from './sessions/session-holder.js';
import { Verification } from './verification.js';

/** Here and not in the otp room, because what a code is for, and what it leads to, is an account. */
@ApiTags('codes')
@Controller('v1/otp')
export class VerificationController {
  constructor(
    @Inject(CodeRequests) private readonly codes: CodeRequests,
    @Inject(Verification) private readonly verification: Verification,
    @Inject(SessionHolders) private readonly holders: SessionHolders,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  @Post()
  @HttpCode(202)
  @ApiOperation({
    summary: 'Ask for a code',
    description: 'To sign in, to set a new password, to confirm the address, or, signed in, to confirm that it is still you. An address without an account gets the same answer, and a mail that says so.',
  })
  @ApiResponse({ status: 202, type: IssuedView })
  async ask(@Body() { purpose, email }: CodeRequest, @Req() request: FastifyRequest): Promise<IssuedView> {
    const source = sourceOf(request);
    if (purpose !== 'reauthenticate') return IssuedView.of(await this.codes.start(purpose, parseEmailAddress(email!)!, source)); // validated
    const holder = await this.holders.of(request.headers.authorization);
    if (!holder) throw unauthorized();
    if (email !== undefined) throw new Problem('validation_failed', { errors: [{ field: 'email', code: 'not_supported', message: 'is that of the account: leave it out' }] });
    return IssuedView.of(await this.codes.reauthenticate(holder.account, holder.session.id, source));
  }

  @Post(':id/verify')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Give the code back and be signed in',
    description: 'Five tries, one success. Codes of change_email and reauthenticate are given back with the access token of the session that asked.',
  })
  @ApiResponse({ status: 200, type: SignedInView })
  async verify(@Param('id', ChallengeIdPipe) id: string, @Body() { code, newPassword }: VerifyRequest, @Req() request: FastifyRequest): Promise<SignedInView> {
    const holder = await this.holders.of(request.headers.authorization);
    const signedIn = holder && { accountId: holder.account.id, sessionId: holder.session.id };
    const result = await this.verification.verify(id, { code, newPassword }, signedIn, sourceOf(request));
    switch (result.kind) {
      case 'signed_in':
        return SignedInView.of(result.account, result.tokens, result.deviceToken);
      case 'wrong':
        throw new Problem('otp_invalid', { extensions: { attemptsLeft: result.attemptsLeft } });
      case 'blocked':
        throw tooManyFailures(result, this.clock.now());
      case 'taken':
        throw new Problem('email_taken');
      default:
        throw unusableProblem(result.kind);
    }
  }
}
