import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { SETTINGS, type Settings } from '../config/settings.js';
import { LOGGER, type Logger } from '../core/logger.js';
import { WORKER_NAME } from '../core/worker-name.js';
import { inBatches } from '../database/in-batches.js';
import { type ScheduledTask, ScheduledTasks } from '../database/scheduled-tasks.js';
import { CanaryQueues } from '../queue/canary-queues.js';
import { MailQueue } from '../queue/mail-queue.js';
import { WorkerRegistry } from '../queue/worker-registry.js';
import { DueLanes } from './due-lanes.js';
import { Ledger } from './ledger.js';
import { Outbox } from './outbox.js';
import { MailRetention } from './retention.js';
import { Suppressions } from './suppressions/suppressions.js';
import { TransportRecords } from './transport/transport-records.js';
import { Transitions } from './transitions.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Milliseconds after its last try at which it is forgotten that a host could not reach a transport. */
const FORGET_HOSTS_AFTER = 15 * MINUTE;
/** Milliseconds for which a worker that fell silent is still shown. */
const FORGET_WORKERS_AFTER = HOUR;

/** The scheduled work of mail: what keeps the outbox going whatever dies, and small whatever passes through it. */
@Injectable()
export class MailMaintenance implements OnModuleInit {
  private readonly retentionDays: number;

  constructor(
    @Inject(SETTINGS) { retentionDays }: Settings,
    @Inject(ScheduledTasks) private readonly scheduled: ScheduledTasks,
    @Inject(Outbox) private readonly outbox: Outbox,
    @Inject(Transitions) private readonly transitions: Transitions,
    @Inject(Ledger) private readonly ledger: Ledger,
    @Inject(DueLanes) private readonly dueLanes: DueLanes,
    @Inject(MailRetention) private readonly retention: MailRetention,
    @Inject(Suppressions) private readonly suppressions: Suppressions,
    @Inject(MailQueue) private readonly queue: MailQueue,
    @Inject(WorkerRegistry) private readonly workers: WorkerRegistry,
    @Inject(CanaryQueues) private readonly canaries: CanaryQueues,
    @Inject(TransportRecords) private readonly transports: TransportRecords,
    @Inject(LOGGER) private readonly log: Logger,
  ) {
    this.retentionDays = retentionDays;
  }

  onModuleInit(): void {
    this.scheduled.register(...this.tasks());
  }

  private tasks(): ScheduledTask[] {
    return [
      { name: 'mail.rescue', everyMs: 5 * SECOND, run: () => this.takeBackAbandoned() },
      { name: 'mail.sweep', everyMs: 5 * MINUTE, run: () => this.wakeLanesWithDueMail() },
      { name: 'mail.ledger', everyMs: MINUTE, run: async () => `${await this.ledger.fold()} folded` },
      { name: 'mail.workers', everyMs: MINUTE, run: () => this.lookAfterWorkers() },
      { name: 'mail.expire', everyMs: HOUR, run: (signal) => this.expire(signal) },
      { name: 'mail.erase', everyMs: HOUR, run: (signal) => this.erase(signal) },
      { name: 'mail.retention', everyMs: DAY, run: (signal) => this.removeOld(signal) },
      { name: 'mail.suppressions', everyMs: DAY, run: (signal) => this.removeExpiredSuppressions(signal) },
    ];
  }

  private async takeBackAbandoned(): Promise<string> {
    const rescued = await this.outbox.rescue(WORKER_NAME);
    if (rescued > 0) this.log.warn({ rescued }, 'took back messages that a dead worker had claimed');
    return `${rescued} taken back`;
  }

  /** Against wakes that were lost where no timer runs. */
  private async wakeLanesWithDueMail(): Promise<string> {
    const lanes = await this.dueLanes.read();
    for (const lane of lanes) this.queue.wake(lane);
    return lanes.length === 0 ? 'nothing due' : `woke ${lanes.join(', ')}`;
  }

  private async lookAfterWorkers(): Promise<string> {
    const alive = (await this.workers.alive()).length;
    await this.transports.forgetSilentHosts(FORGET_HOSTS_AFTER);
    const forgotten = await this.canaries.removeOfDead(FORGET_WORKERS_AFTER);
    return `${alive} alive, ${forgotten} forgotten`;
  }

  private async expire(signal: AbortSignal): Promise<string> {
    return `${await inBatches(signal, (limit) => this.transitions.expireDue(limit))} expired`;
  }

  private async erase(signal: AbortSignal): Promise<string> {
    return `${await inBatches(signal, (limit) => this.transitions.eraseContent(this.retentionDays, limit))} erased`;
  }

  private async removeOld(signal: AbortSignal): Promise<string> {
    const messages = await inBatches(signal, (limit) => this.retention.removeMessages(this.retentionDays, limit));
    const captured = await inBatches(signal, (limit) => this.retention.removeCaptured(this.retentionDays, limit));
    return `${messages} messages and ${captured} captured ones removed`;
  }

  private async removeExpiredSuppressions(signal: AbortSignal): Promise<string> {
    await inBatches(signal, (limit) => this.suppressions.limitBounces(limit));
    return `${await inBatches(signal, (limit) => this.suppressions.removeExpired(limit))} suppressions removed`;
  }
}
