import { Body, Controller, Get, Module, Param, Post, Req, Res, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AccessGuard, Allow, By } from '../../access/access.guard.js';
import { AccessModule } from '../../access/access.module.js';
import type { Doer } from '../../audit/audit.js';
import { Clock } from '../../core/clock.js';
import { parseDestination } from '../../core/destination.js';
import { Operation } from '../../core/operation.js';
import { Problems } from '../../core/problem-docs.js';
import { Problem } from '../../core/problems.js';
import { MailModule } from '../../mail/mail.module.js';
import type { Answer } from '../../mail/submission/idempotency.js';
import { IdempotencyKey, TakesIdempotencyKey, told } from '../../mail/submission/idempotency-header.js';
import { ChallengeIdPipe, CHECK_PROBLEMS, refusalProblem, RESEND_PROBLEMS, resendProblem } from '../challenge-view.js';
import type { Challenge } from '../challenges.js';
import { OtpModule } from '../otp.module.js';
import { CODE_LENGTH, TTL_SECONDS, VERIFICATION_TEMPLATES } from './verification-policy.js';
import {
  ApprovedView,
  CheckRequest,
  FollowedVerificationView,
  ResendRequest,
  VerificationRequest,
  VerificationView,
} from './verification-shapes.js';
import { Verifications, type WantedVerification } from './verifications.js';

/** Of people whose language is not told. */
const DEFAULT_LOCALE = 'en';

/**
 * Codes for products with their own user table: does whoever is here have that mailbox, or that number? No account is
 * made.
 */
@ApiTags('verifications')
@ApiBearerAuth()
@UseGuards(AccessGuard)
@Allow({ scope: 'verifications' })
@Controller('v1/verifications')
class VerificationsController {
  constructor(
    private readonly verifications: Verifications,
    private readonly clock: Clock,
  ) {}

  @Post()
  @Operation(202, VerificationView, {
    summary: 'Send a code, by mail or by SMS',
    description: 'Scope verifications. 202: it is committed and will be handed over.',
  })
  @TakesIdempotencyKey()
  @Problems(
    'idempotency_in_flight',
    'idempotency_mismatch',
    'rate_limited',
    'sms_not_configured',
    'sms_country',
    'sms_limited',
  )
  async start(
    @Body() body: VerificationRequest,
    @IdempotencyKey() key: string | undefined,
    @By() by: Doer,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<VerificationView> {
    const keyed = { caller: by.actor.id!, key, call: 'POST /v1/verifications', body };
    return told(await this.verifications.start(wantedIn(body), keyed, by, request.id, this.accepted), reply);
  }

  @Post(':id/check')
  @Operation(200, ApprovedView, {
    summary: 'Give the code back',
    description: 'Scope verifications. Five tries, one success.',
  })
  @Problems(...CHECK_PROBLEMS, 'rate_limited')
  async check(
    @Param('id', ChallengeIdPipe) id: string,
    @Body() { code }: CheckRequest,
    @By() by: Doer,
  ): Promise<ApprovedView> {
    const result = await this.verifications.check(id, code, by);
    if (result.kind !== 'approved') throw refusalProblem(result, this.clock.now());
    return ApprovedView.of(result.challenge);
  }

  @Post(':id/resend')
  @Operation(202, VerificationView, {
    summary: 'Send the same code again, or by the other channel',
    description: 'Scope verifications. Same code, same expiry, same count of tries.',
  })
  @TakesIdempotencyKey()
  @Problems(...RESEND_PROBLEMS, 'idempotency_in_flight', 'idempotency_mismatch')
  @ApiBody({ type: ResendRequest, required: false })
  async resend(
    @Param('id', ChallengeIdPipe) id: string,
    @Body() { to }: ResendRequest,
    @IdempotencyKey() key: string | undefined,
    @By() by: Doer,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<VerificationView> {
    const keyed = {
      caller: by.actor.id!,
      key,
      call: `POST /v1/verifications/${id}/resend`,
      body: to === undefined ? undefined : { to },
    };
    const other = to === undefined ? undefined : parseDestination(to)!; // validated
    const result = await this.verifications.resend(id, other, keyed, by, request.id, this.accepted);
    if (result.kind !== 'sent') throw resendProblem(result, this.clock.now());
    return told(result.answer, reply);
  }

  @Get(':id')
  @Operation(200, FollowedVerificationView, {
    summary: 'How far it is, and what became of its mail or text',
    description: 'Scope verifications.',
  })
  @Problems('challenge_not_found')
  async follow(@Param('id', ChallengeIdPipe) id: string): Promise<FollowedVerificationView> {
    const followed = await this.verifications.follow(id);
    if (!followed) throw new Problem('challenge_not_found');
    return FollowedVerificationView.followed(followed, this.clock.now());
  }

  private readonly accepted = (challenge: Challenge): Answer<VerificationView> => ({
    status: 202,
    body: VerificationView.of(challenge, this.clock.now()),
  });
}

/** Null counts as left out. */
function wantedIn({ to, purpose, ttlSeconds, length, template, locale }: VerificationRequest): WantedVerification {
  return {
    destination: parseDestination(to)!, // validated
    purpose,
    template: template ?? VERIFICATION_TEMPLATES[0],
    locale: locale ?? DEFAULT_LOCALE,
    digits: length ?? CODE_LENGTH.least,
    lifetimeMs: (ttlSeconds ?? TTL_SECONDS.most) * 1_000,
  };
}

/** Codes for back ends. */
@Module({
  imports: [AccessModule, MailModule, OtpModule],
  controllers: [VerificationsController],
  providers: [Verifications],
  exports: [Verifications],
})
export class VerificationsModule {}
