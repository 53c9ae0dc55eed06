import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { DELIVERY_STATUSES, type DeliveryStatus } from './delivery-status.js';
import { DELIVERY_FAULTS, type DeliveryFault } from './fault-policy.js';
import type { ToldDelivery } from './told-deliveries.js';

export class DeliveryView {
  @ApiProperty({ enum: DELIVERY_STATUSES, description: 'Of the newest copy. `sent`: the mail server took it; it may still bounce.' })
  status!: DeliveryStatus;

  @ApiProperty({ format: 'date-time', description: 'Since when it is so' })
  updatedAt!: string;

  @ApiPropertyOptional({
    enum: DELIVERY_FAULTS,
    description: 'With deferred, failed, expired and bounced: `ours`, the sender and the servers that carry its mail; `recipient`, the address takes no mail',
  })
  fault?: DeliveryFault;

  static of({ status, updatedAt, fault }: Pick<ToldDelivery, 'status' | 'updatedAt' | 'fault'>): DeliveryView {
    return { status, updatedAt: updatedAt.toISOString(), ...(fault ? { fault } : {}) };
  }
}
