import type { Provider } from '@nestjs/common';
import { TargetGuard } from './target-guard.js';
import { WebhookDelivery } from './webhook-delivery.js';
import { WebhookDrain } from './webhook-drain.js';
import { WebhookSender } from './webhook-sender.js';

/** What makes a worker deliver webhooks too. */
export const WEBHOOK_DELIVERY_PROVIDERS: Provider[] = [
  { provide: WebhookSender, inject: [TargetGuard], useFactory: (guard: TargetGuard) => new WebhookSender(guard) },
  WebhookDelivery,
  WebhookDrain,
];
