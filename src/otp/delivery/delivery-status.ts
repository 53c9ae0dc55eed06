import type { EmailStatus } from '../../generated/prisma/enums.js';

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

/** After these nothing comes by itself. `sent` is not one of them: a mail server's 250 may still turn into a bounce. */
export function isFinal(status: DeliveryStatus): boolean {
  return status === 'delivered' || status === 'bounced' || status === 'failed' || status === 'expired';
}
