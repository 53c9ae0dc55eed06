import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { SETTINGS, type Settings } from '../../config/settings.js';
import { LOGGER, type Logger } from '../../core/logger.js';
import { inBatches } from '../../database/in-batches.js';
import { ScheduledTasks } from '../../database/scheduled-tasks.js';
import { LIFTED, ProviderEvents } from './provider-events.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Seconds for which a new event is looked at every few seconds: what it outran is our own commit. */
const NEW_FOR = 600;
/** Events one pass applies at most; the next goes on. */
const PASS_LIMIT = 500;

/** The scheduled work on what providers told. */
@Injectable()
export class EventMaintenance implements OnModuleInit {
  private readonly retentionDays: number;

  constructor(
    @Inject(SETTINGS) { retentionDays }: Settings,
    @Inject(ScheduledTasks) private readonly scheduled: ScheduledTasks,
    @Inject(ProviderEvents) private readonly events: ProviderEvents,
    @Inject(LOGGER) private readonly log: Logger,
  ) {
    this.retentionDays = retentionDays;
  }

  onModuleInit(): void {
    this.scheduled.register(
      { name: 'mail.events', everyMs: 5 * SECOND, run: () => this.match('newer') },
      { name: 'mail.late_events', everyMs: 5 * MINUTE, run: () => this.match('older') },
      { name: 'mail.unmatched_events', everyMs: HOUR, run: (signal) => this.removeUnmatched(signal) },
      { name: 'mail.old_events', everyMs: DAY, run: (signal) => this.removeOld(signal) },
    );
  }

  private async match(which: 'newer' | 'older'): Promise<string> {
    const settled = await this.events.settle(await this.events.due(NEW_FOR, which, PASS_LIMIT));
    for (const change of settled.changed) this.log.info(change, 'a provider had told what became of a message');
    for (const emailId of settled.lifted) this.log.info({ emailId }, LIFTED);
    return `${settled.changed.length + settled.noted} matched`;
  }

  private async removeUnmatched(signal: AbortSignal): Promise<string> {
    return `${await inBatches(signal, (limit) => this.events.removeUnmatched(limit))} removed`;
  }

  private async removeOld(signal: AbortSignal): Promise<string> {
    return `${await inBatches(signal, (limit) => this.events.removeOld(this.retentionDays, limit))} removed`;
  }
}
