import { Controller, Get, HttpCode, Inject, Param, Post, Req } from '@nestjs/common';
import { ApiOperation, ApiProperty, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { Clock } from '../core/clock.js';
import { Problem } from '../core/problems.js';
import { EmailRecords } from '../mail/email-records.js';
import { ChallengeIdPipe } from './challenge-id.pipe.js';
import { IssuedView } from './challenge-view.js';
import { DELIVERY_STATUSES, type DeliveryStatus, deliveryStatusOf } from './delivery-status.js';
import { Otp, supersedeKey } from './otp.js';
import { unusableProblem } from './otp-problems.js';

class DeliveryView {
  @ApiProperty({ enum: DELIVERY_STATUSES, description: 'Of the newest copy. `sent`: the mail server took it; it may still bounce.' })
  status!: DeliveryStatus;

  @ApiProperty({ format: 'date-time' })
  updatedAt!: string;
}

@ApiTags('codes')
@Controller('v1/otp')
export class OtpController {
  constructor(
    @Inject(Otp) private readonly otp: Otp,
    @Inject(EmailRecords) private readonly records: EmailRecords,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  @Post(':id/resend')
  @HttpCode(202)
  @ApiOperation({ summary: 'Send the same code again', description: 'Same code, same expiry, same count of tries.' })
  @ApiResponse({ status: 202, type: IssuedView })
  async resend(@Param('id', ChallengeIdPipe) id: string, @Req() request: FastifyRequest): Promise<IssuedView> {
    const result = await this.otp.resend(id, request.id);
    switch (result.kind) {
      case 'sent':
        return IssuedView.of(result.issued);
      case 'too_soon':
        throw new Problem('resend_too_soon', { headers: this.retryAfter(result.challenge.resendAfter) });
      case 'exhausted':
        throw new Problem('resend_exhausted', { headers: this.retryAfter(result.challenge.expiresAt) });
      default:
        throw unusableProblem(result.kind);
    }
  }

  @Get(':id/delivery')
  @ApiOperation({ summary: 'What became of the mail that carries the code' })
  @ApiResponse({ status: 200, type: DeliveryView })
  async delivery(@Param('id', ChallengeIdPipe) id: string): Promise<DeliveryView> {
    const newest = await this.records.newestCopy(supersedeKey(id));
    if (!newest) throw new Problem('challenge_not_found');
    return { status: deliveryStatusOf(newest.status), updatedAt: newest.updatedAt.toISOString() };
  }

  private retryAfter(at: Date): Record<string, string> {
    const seconds = Math.max(1, Math.ceil((at.getTime() - this.clock.now().getTime()) / 1_000));
    return { 'retry-after': String(seconds) };
  }
}
