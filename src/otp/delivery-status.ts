import type { EmailStatus } from '../generated/prisma/enums.js';

export const DELIVERY_STATUSES = [
  'queued',
  'sending',
  'sent',
  'deferred',
  'failed',
  'unknown',
  'expired',
  'delivered',
  'bounced',
] as const;
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

/** What the person who waits is told: what is beyond their concern or their right to know is folded away. */
export function deliveryStatusOf(status: EmailStatus): DeliveryStatus {
  switch (status) {
    case 'scheduled':
      return 'queued';
    case 'suppressed':
    case 'cancelled':
      return 'failed';
    case 'complained':
      return 'delivered';
    default:
      return status;
  }
}
