import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsInt, IsLocale, IsString, Matches, Max, MaxLength, Min } from 'class-validator';
import { MAX_ADDRESS_LENGTH } from '../../core/email-address.js';
import { IsDestination, MayBeLeftOut } from '../../core/input.js';
import { IsCode } from '../challenge-view.js';
import type { Challenge } from '../challenges.js';
import { DeliveryView } from '../delivery/told-deliveries.js';
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
import type { FollowedVerification } from './verifications.js';

export class VerificationRequest {
  @ApiProperty({
    maxLength: MAX_ADDRESS_LENGTH,
    example: 'ada@example.com',
    description:
      'An e-mail address, or a number in E.164 such as +639171234567, whoever it is: no account is made or looked for',
  })
  @IsDestination()
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

export class ResendRequest {
  @ApiPropertyOptional({
    maxLength: MAX_ADDRESS_LENGTH,
    example: 'ada@example.com',
    description:
      'A destination of the other channel: an address where the code went to a number, and the other way round. Left out: where it went before.',
  })
  @MayBeLeftOut()
  @IsDestination()
  to?: string;
}

export class CheckRequest {
  @ApiProperty({
    maxLength: 64,
    example: '042137',
    description: 'Digits of any script; blanks, dashes and invisible characters between them do not matter',
  })
  @IsCode(/^[0-9]{6,10}$/, 'the digits')
  code!: string;
}

export class VerificationView {
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

class DeliveriesView {
  @ApiProperty()
  email!: DeliveryView;

  @ApiProperty()
  sms!: DeliveryView;
}

/** With what became of the mail or text. */
export class FollowedVerificationView extends VerificationView {
  @ApiProperty({ description: 'An e-mail address, or a number in E.164' })
  to!: string;

  @ApiPropertyOptional({ description: 'Where the same code was sent by the other channel' })
  alsoTo?: string;

  @ApiProperty({ description: 'Of the newest copy' })
  delivery!: DeliveryView;

  @ApiPropertyOptional({ description: 'With `alsoTo`: of the newest copy by each channel' })
  deliveries?: DeliveriesView;

  static followed(
    { challenge, delivery, byChannel: { email, sms } }: FollowedVerification,
    now: Date,
  ): FollowedVerificationView {
    return {
      ...VerificationView.of(challenge, now),
      ...destinationsOf(challenge),
      delivery: DeliveryView.of(delivery),
      ...(email && sms && { deliveries: { email: DeliveryView.of(email), sms: DeliveryView.of(sms) } }),
    };
  }
}

export class ApprovedView {
  @ApiProperty({ enum: ['approved'] })
  status!: 'approved';

  @ApiProperty({ description: 'Whoever gave the code has access to this mailbox or number, at this moment' })
  to!: string;

  @ApiPropertyOptional({
    description: 'The code was sent there too: access to either of the two is proven, and not to both',
  })
  alsoTo?: string;

  @ApiProperty({ example: 'checkout' })
  purpose!: string;

  static of(challenge: Challenge): ApprovedView {
    return { status: 'approved', ...destinationsOf(challenge), purpose: givenPurpose(challenge.purpose)! };
  }
}

function destinationsOf({ destination: to, otherDestination }: Challenge): { to: string; alsoTo?: string } {
  return { to, ...(otherDestination === null ? {} : { alsoTo: otherDestination }) };
}
