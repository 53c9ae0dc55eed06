import { Body, Controller, Get, HttpCode, Inject, Param, Post, Req, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { AccessGuard, Allow, By } from '../../access/access.guard.js';
import type { Doer } from '../../audit/audit.js';
import { Clock } from '../../core/clock.js';
import { parseEmailAddress } from '../../core/email-address.js';
import { Problem } from '../../core/problems.js';
import { ChallengeIdPipe } from '../challenge-id.pipe.js';
import { tooManyFailures } from '../failure-budgets.js';
import { resendProblem, unusableProblem } from '../otp-problems.js';
import { CheckRequest, VerificationRequest } from './requests.js';
import { CODE_LENGTH, TTL_SECONDS, VERIFICATION_TEMPLATES } from './verification-policy.js';
import { Verifications, type WantedVerification } from './verifications.js';
import { ApprovedView, FollowedVerificationView, VerificationView } from './views.js';

/** Of people whose language is not told. */
const DEFAULT_LOCALE = 'en';

/** Codes for products with their own user table: does whoever is here have that mailbox? No account is made. */
@ApiTags('verifications')
@ApiBearerAuth()
@UseGuards(AccessGuard)
@Allow({ scope: 'verifications' })
@Controller('v1/verifications')
export class VerificationsController {
  constructor(
    @Inject(Verifications) private readonly verifications: Verifications,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  @Post()
  @HttpCode(202)
  @ApiOperation({ summary: 'Mail a code', description: 'Scope verifications. 202: it is committed and will be handed over.' })
  @ApiResponse({ status: 202, type: VerificationView })
  async start(@Body() body: VerificationRequest, @By() by: Doer, @Req() request: FastifyRequest): Promise<VerificationView> {
    return VerificationView.of(await this.verifications.start(wantedIn(body), by, request.id), this.clock.now());
  }

  @Post(':id/check')
  @HttpCode(200)
  @ApiOperation({ summary: 'Give the code back', description: 'Scope verifications. Five tries, one success.' })
  @ApiResponse({ status: 200, type: ApprovedView })
  async check(@Param('id', ChallengeIdPipe) id: string, @Body() { code }: CheckRequest, @By() by: Doer): Promise<ApprovedView> {
    const result = await this.verifications.check(id, code, by);
    switch (result.kind) {
      case 'approved':
        return ApprovedView.of(result.challenge);
      case 'wrong':
        throw new Problem('otp_invalid', { extensions: { attemptsLeft: result.attemptsLeft } });
      case 'blocked':
        throw tooManyFailures(result, this.clock.now());
      default:
        throw unusableProblem(result.kind);
    }
  }

  @Post(':id/resend')
  @HttpCode(202)
  @ApiOperation({ summary: 'Send the same code again', description: 'Scope verifications. Same code, same expiry, same count of tries.' })
  @ApiResponse({ status: 202, type: VerificationView })
  async resend(@Param('id', ChallengeIdPipe) id: string, @By() by: Doer, @Req() request: FastifyRequest): Promise<VerificationView> {
    const result = await this.verifications.resend(id, by, request.id);
    if (result.kind !== 'sent') throw resendProblem(result, this.clock.now());
    return VerificationView.of(result.issued.challenge, this.clock.now());
  }

  @Get(':id')
  @ApiOperation({ summary: 'How far it is, and what became of its mail', description: 'Scope verifications.' })
  @ApiResponse({ status: 200, type: FollowedVerificationView })
  async follow(@Param('id', ChallengeIdPipe) id: string): Promise<FollowedVerificationView> {
    const followed = await this.verifications.follow(id);
    if (!followed) throw new Problem('challenge_not_found');
    return FollowedVerificationView.followed(followed.challenge, followed.delivery, this.clock.now());
  }
}

/** Null counts as left out. */
function wantedIn({ to, purpose, ttlSeconds, length, template, locale }: VerificationRequest): WantedVerification {
  return {
    destination: parseEmailAddress(to)!, // validated
    purpose,
    template: template ?? VERIFICATION_TEMPLATES[0],
    locale: locale ?? DEFAULT_LOCALE,
    digits: length ?? CODE_LENGTH.least,
    lifetimeMs: (ttlSeconds ?? TTL_SECONDS.most) * 1_000,
  };
}
