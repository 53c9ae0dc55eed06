import { Body, Controller, Get, Module, Param, Post, Req, Res, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiProperty, ApiPropertyOptional, ApiTags } from '@nestjs/swagger';
import { IsIn, IsInt, IsLocale, IsString, Matches, Max, MaxLength, Min } from 'class-validator';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AccessGuard, Allow, By } from '../../access/access.guard.js';
import { AccessModule } from '../../access/access.module.js';
import type { Doer } from '../../audit/audit.js';
import { Clock } from '../../core/clock.js';
import { MAX_ADDRESS_LENGTH, parseEmailAddress } from '../../core/email-address.js';
import { IsMailAddress, MayBeLeftOut } from '../../core/input.js';
import { Operation } from '../../core/operation.js';
import { Problems } from '../../core/problem-docs.js';
import { Problem } from '../../core/problems.js';
import { MailModule } from '../../mail/mail.module.js';
import type { Answer } from '../../mail/submission/idempotency.js';
import { IdempotencyKey, TakesIdempotencyKey, told } from '../../mail/submission/idempotency-header.js';
import { ChallengeIdPipe, IsCode, refusalProblem, resendProblem } from '../challenge-view.js';
import type { Challenge } from '../challenges.js';
import { DeliveryView, type ToldDelivery } from '../delivery/told-deliveries.js';
import { OtpModule } from '../otp.module.js';
import {
  CODE_LENGTH,
  givenPurpose,
  PURPOSE,
  TTL_SECONDS,
  VERIFICATION_STATUSES,
  VERIFICATION_TEMPLATES,
  type VerificationStatus,
  verificationStatus,
  type VerificationTemplate,
} from './verification-policy.js';
import { Verifications, type WantedVerification } from './verifications.js';

export class VerificationRequest {
  @ApiProperty({
    format: 'email',
    maxLength: MAX_ADDRESS_LENGTH,
    example: 'ada@example.com',
    description: 'Whoever it is: no account is made or looked for',
  })
  @IsMailAddress()
  to!: string;

  @ApiProperty({
    pattern: PURPOSE.source,
    example: 'checkout',
    description: 'Your name for it. A code for one purpose never works for another.',
  })
  @Matches(PURPOSE, { message: 'must be 1 to 40 of a-z, 0-9, _ and -' })
  purpose!: string;

  @ApiPropertyOptional({ minimum: TTL_SECONDS.least, maximum: TTL_SECONDS.most, default: TTL_SECONDS.most })
  @MayBeLeftOut()
  @IsInt()
  @Min(TTL_SECONDS.least)
  @Max(TTL_SECONDS.most)
  ttlSeconds?: number;

  @ApiPropertyOptional({
    minimum: CODE_LENGTH.least,
    maximum: CODE_LENGTH.most,
    default: CODE_LENGTH.least,
    description: 'Digits',
  })
  @MayBeLeftOut()
  @IsInt()
  @Min(CODE_LENGTH.least)
  @Max(CODE_LENGTH.most)
  length?: number;

  @ApiPropertyOptional({ enum: VERIFICATION_TEMPLATES, default: VERIFICATION_TEMPLATES[0] })
  @MayBeLeftOut()
  @IsIn(VERIFICATION_TEMPLATES)
  template?: VerificationTemplate;

  @ApiPropertyOptional({ description: 'BCP 47; the language of the mail, English where there is none', example: 'en' })
  @MayBeLeftOut()
  @IsString()
  @MaxLength(35)
  @IsLocale({ message: 'must be a language tag such as en or de-AT' })
  locale?: string;
}

class CheckRequest {
  @ApiProperty({
    maxLength: 64,
    example: '042137',
    description: 'Digits of any script; blanks, dashes and invisible characters between them do not matter',
  })
  @IsCode(/^[0-9]{6,10}$/, 'the digits')
  code!: string;
}

class VerificationView {
  @ApiProperty({ description: '128 random bits; names the verification in later calls' })
  id!: string;

  @ApiProperty({ example: 'checkout' })
  purpose!: string;

  @ApiProperty({
    enum: VERIFICATION_STATUSES,
    description: '`void`: another code for the same address and purpose was approved first',
  })
  status!: VerificationStatus;

  @ApiProperty({ format: 'date-time', description: 'The code works until then, however often it is sent again' })
  expiresAt!: string;

  @ApiProperty({ format: 'date-time', description: 'From then on the code may be sent again' })
  resendAfter!: string;

  @ApiProperty({
    example: 'K7QX',
    description: 'Shown in the mail; show it too, so that people pick the right one. No secret.',
  })
  reference!: string;

  static of(challenge: Challenge, now: Date): VerificationView {
    return {
      id: challenge.id,
      purpose: givenPurpose(challenge.purpose)!,
      status: verificationStatus(challenge, now),
      expiresAt: challenge.expiresAt.toISOString(),
      resendAfter: challenge.resendAfter.toISOString(),
      reference: challenge.reference,
    };
  }
}

/** With what became of the mail. */
class FollowedVerificationView extends VerificationView {
  @ApiProperty({ format: 'email' })
  to!: string;

  @ApiProperty()
  delivery!: DeliveryView;

  static followed(challenge: Challenge, delivery: ToldDelivery, now: Date): FollowedVerificationView {
    return { ...VerificationView.of(challenge, now), to: challenge.destination, delivery: DeliveryView.of(delivery) };
  }
}

class ApprovedView {
  @ApiProperty({ enum: ['approved'] })
  status!: 'approved';

  @ApiProperty({ format: 'email', description: 'Whoever gave the code has access to this mailbox, at this moment' })
  to!: string;

  @ApiProperty({ example: 'checkout' })
  purpose!: string;

  static of({ destination, purpose }: Challenge): ApprovedView {
    return { status: 'approved', to: destination, purpose: givenPurpose(purpose)! };
  }
}

/** Of people whose language is not told. */
const DEFAULT_LOCALE = 'en';

/** Codes for products with their own user table: does whoever is here have that mailbox? No account is made. */
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
    summary: 'Mail a code',
    description: 'Scope verifications. 202: it is committed and will be handed over.',
  })
  @TakesIdempotencyKey()
  @Problems('idempotency_in_flight', 'idempotency_mismatch', 'rate_limited')
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
  @Problems(
    'challenge_not_found',
    'otp_invalid',
    'otp_expired',
    'otp_consumed',
    'otp_disowned',
    'otp_locked',
    'too_many_failures',
    'rate_limited',
  )
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
    summary: 'Send the same code again',
    description: 'Scope verifications. Same code, same expiry, same count of tries.',
  })
  @TakesIdempotencyKey()
  @Problems(
    'challenge_not_found',
    'otp_expired',
    'otp_consumed',
    'otp_disowned',
    'otp_locked',
    'resend_too_soon',
    'resend_exhausted',
    'rate_limited',
    'idempotency_in_flight',
    'idempotency_mismatch',
  )
  async resend(
    @Param('id', ChallengeIdPipe) id: string,
    @IdempotencyKey() key: string | undefined,
    @By() by: Doer,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<VerificationView> {
    const keyed = { caller: by.actor.id!, key, call: `POST /v1/verifications/${id}/resend`, body: undefined };
    const result = await this.verifications.resend(id, keyed, by, request.id, this.accepted);
    if (result.kind !== 'sent') throw resendProblem(result, this.clock.now());
    return told(result.answer, reply);
  }

  @Get(':id')
  @Operation(200, FollowedVerificationView, {
    summary: 'How far it is, and what became of its mail',
    description: 'Scope verifications.',
  })
  @Problems('challenge_not_found')
  async follow(@Param('id', ChallengeIdPipe) id: string): Promise<FollowedVerificationView> {
    const followed = await this.verifications.follow(id);
    if (!followed) throw new Problem('challenge_not_found');
    return FollowedVerificationView.followed(followed.challenge, followed.delivery, this.clock.now());
  }

  private readonly accepted = (challenge: Challenge): Answer<VerificationView> => ({
    status: 202,
    body: VerificationView.of(challenge, this.clock.now()),
  });
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

/** Codes for back ends. */
@Module({
  imports: [AccessModule, MailModule, OtpModule],
  controllers: [VerificationsController],
  providers: [Verifications],
  exports: [Verifications],
})
export class VerificationsModule {}
