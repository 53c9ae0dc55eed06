import { ApiProperty } from '@nestjs/swagger';
import type { Challenge } from '../challenges.js';
import { DeliveryView } from '../delivery/delivery-view.js';
import type { ToldDelivery } from '../delivery/told-deliveries.js';
import { givenPurpose, VERIFICATION_STATUSES, type VerificationStatus, verificationStatus } from './verification-policy.js';

export class VerificationView {
  @ApiProperty({ description: '128 random bits; names the verification in later calls' })
  id!: string;

  @ApiProperty({ example: 'checkout' })
  purpose!: string;

  @ApiProperty({ enum: VERIFICATION_STATUSES, description: '`void`: another code for the same address and purpose was approved first' })
  status!: VerificationStatus;

  @ApiProperty({ format: 'date-time', description: 'The code works until then, however often it is sent again' })
  expiresAt!: string;

  @ApiProperty({ format: 'date-time', description: 'From then on the code may be sent again' })
  resendAfter!: string;

  @ApiProperty({ example: 'K7QX', description: 'Shown in the mail; show it too, so that people pick the right one. No secret.' })
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
export class FollowedVerificationView extends VerificationView {
  @ApiProperty({ format: 'email' })
  to!: string;

  @ApiProperty()
  delivery!: DeliveryView;

  static followed(challenge: Challenge, delivery: ToldDelivery, now: Date): FollowedVerificationView {
    return { ...VerificationView.of(challenge, now), to: challenge.destination, delivery: DeliveryView.of(delivery) };
  }
}

export class ApprovedView {
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
