import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { SETTINGS, type Settings } from '../../config/settings.js';
import { LOGGER, type Logger } from '../../core/logger.js';
import { WORKER_NAME } from '../../core/worker-name.js';
import { inBatches } from '../../database/in-batches.js';
import { ScheduledTasks } from '../../database/scheduled-tasks.js';
import { WebhookOutbox } from './webhook-outbox.js';
import { WebhookRecords } from './webhook-records.js';

const RESCUE_EVERY_MS = 5_000;
const DAY_MS = 86_400_000;

/** The scheduled work of webhooks, in every process: the leases share it out. */
@Injectable()
export class WebhookMaintenance implements OnModuleInit {
  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    @Inject(ScheduledTasks) private readonly scheduled: ScheduledTasks,
    @Inject(WebhookOutbox) private readonly outbox: WebhookOutbox,
    @Inject(WebhookRecords) private readonly records: WebhookRecords,
    @Inject(LOGGER) private readonly log: Logger,
  ) {}

  onModuleInit(): void {
    this.scheduled.register(
      { name: 'webhooks.rescue', everyMs: RESCUE_EVERY_MS, run: (signal) => this.rescue(signal) },
      { name: 'webhooks.retention', everyMs: DAY_MS, run: (signal) => this.removeOld(signal) },
    );
  }

  private async rescue(signal: AbortSignal): Promise<string> {
    const rescued = await this.outbox.rescue(WORKER_NAME);
    if (rescued > 0) this.log.warn({ rescued }, 'took back webhooks that a dead worker had claimed');
    const failed = await inBatches(signal, (limit) => this.outbox.failWaitingOfDisabled(limit));
    return `${rescued} taken back, ${failed} failed with their endpoint`;
  }

  private async removeOld(signal: AbortSignal): Promise<string> {
    const removed = await inBatches(signal, (limit) => this.records.removeOld(this.settings.retentionDays, limit));
    return `${removed} deliveries removed`;
  }
}
