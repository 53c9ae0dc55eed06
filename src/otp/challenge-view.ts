import { ApiProperty } from '@nestjs/swagger';
import type { Issued } from './otp.js';
import type { Challenge } from './challenges.js';
import { PURPOSES, type Purpose } from './otp-policy.js';

export class ChallengeView {
  @ApiProperty({ description: '128 random bits; names the challenge in later calls' })
  id!: string;

  @ApiProperty({ enum: PURPOSES })
  purpose!: Purpose;

  @ApiProperty({ format: 'date-time', description: 'The code works until then, however often it is sent again' })
  expiresAt!: string;

  @ApiProperty({ format: 'date-time', description: 'From then on the code may be sent again' })
  resendAfter!: string;

  @ApiProperty({ example: 'K7QX', description: 'Shown in the mail too, so that people pick the right one; no secret' })
  reference!: string;
}

export class AcceptedDelivery {
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
    return { challenge: viewOf(challenge), delivery: { status: delivery.status } };
  }
}

function viewOf(challenge: Challenge): ChallengeView {
  return {
    id: challenge.id,
    purpose: challenge.purpose as Purpose,
    expiresAt: challenge.expiresAt.toISOString(),
    resendAfter: challenge.resendAfter.toISOString(),
    reference: challenge.reference,
  };
}
