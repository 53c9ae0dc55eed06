import { Injectable, Module, type OnModuleInit, type Provider } from '@nestjs/common';
import { Settings } from '../../config/settings.js';
import { DAY_MS } from '../../core/durations.js';
import { Logger } from '../../core/logger.js';
import { WORKER_NAME } from '../../core/process-facts.js';
import { inBatches } from '../../database/prisma.service.js';
import { ScheduledTasks } from '../../database/scheduled-tasks.js';
import { TargetGuard } from './target-guard.js';
import { WebhookDelivery, WebhookSender } from './webhook-delivery.js';
import { WebhookDrain } from './webhook-drain.js';
import { WebhookEndpoints } from './webhook-endpoints.js';
import { WebhookOutbox } from './webhook-outbox.js';
import { WebhookRecords } from './webhook-records.js';

const TAKE_BACK_EVERY_MS = 5_000;

/** The scheduled work of webhooks, in every process: the leases share it out. */
@Injectable()
export class WebhookMaintenance implements OnModuleInit {
  constructor(
    private readonly settings: Settings,
    private readonly scheduled: ScheduledTasks,
    private readonly outbox: WebhookOutbox,
    private readonly records: WebhookRecords,
    private readonly log: Logger,
  ) {}

  onModuleInit(): void {
    this.scheduled.register(
      { name: 'webhooks.rescue', everyMs: TAKE_BACK_EVERY_MS, run: (signal) => this.takeBack(signal) },
      { name: 'webhooks.retention', everyMs: DAY_MS, run: (signal) => this.removeOld(signal) },
    );
  }

  private async takeBack(signal: AbortSignal): Promise<string> {
    const expired = await this.outbox.takeBackExpired(WORKER_NAME);
    if (expired > 0) this.log.warn({ expired }, 'took back webhooks that a dead worker had claimed');
    const failed = await inBatches(signal, (limit) => this.outbox.failWaitingOfDisabled(limit));
    return `${expired} taken back, ${failed} failed with their endpoint`;
  }

  private async removeOld(signal: AbortSignal): Promise<string> {
    const removed = await inBatches(signal, (limit) => this.records.removeOld(this.settings.retentionDays, limit));
    return `${removed} deliveries removed`;
  }
}

const SERVICES = [TargetGuard, WebhookEndpoints, WebhookOutbox, WebhookRecords];

/** Who is told what became of messages, and the record of it. */
@Module({ providers: SERVICES, exports: SERVICES })
export class WebhooksModule {}

/** What makes a worker deliver webhooks too. */
export const WEBHOOK_DELIVERY_PROVIDERS: Provider[] = [
  { provide: WebhookSender, inject: [TargetGuard], useFactory: (guard: TargetGuard) => new WebhookSender(guard) },
  WebhookDelivery,
  WebhookDrain,
];
