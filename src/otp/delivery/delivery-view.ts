import { ApiProperty } from '@nestjs/swagger';
import { DELIVERY_STATUSES, type DeliveryStatus } from './delivery-status.js';
import type { ToldDelivery } from './told-deliveries.js';

export class DeliveryView {
  @ApiProperty({ enum: DELIVERY_STATUSES, description: 'Of the newest copy. `sent`: the mail server took it; it may still bounce.' })
  status!: DeliveryStatus;

  @ApiProperty({ format: 'date-time', description: 'Since when it is so' })
  updatedAt!: string;

  static of({ status, updatedAt }: ToldDelivery): DeliveryView {
    return { status, updatedAt: updatedAt.toISOString() };
  }
}
