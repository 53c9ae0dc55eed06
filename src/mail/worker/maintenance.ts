import { Injectable, Module, type OnModuleInit } from '@nestjs/common';
import { Settings } from '../../config/settings.js';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../core/durations.js';
import { Logger } from '../../core/logger.js';
import { WORKER_NAME } from '../../core/process-facts.js';
import { inBatches } from '../../database/prisma.service.js';
import { ScheduledTasks } from '../../database/scheduled-tasks.js';
import { CanaryQueues } from '../../queue/canary.js';
import { MailQueue } from '../../queue/mail-queue.js';
import { WorkerRegistry } from '../../queue/worker-registry.js';
import { LIFTED, ProviderEvents } from '../events/provider-events.js';
import { StoredFiles } from '../files/stored-files.js';
import { MailModule } from '../mail.module.js';
import { ActionBatches } from '../outbox/action-batches.js';
import { ACTION_TASK } from '../outbox/actions.js';
import { Transitions } from '../outbox/changes.js';
import { Ledger } from '../outbox/ledger.js';
import { Outbox } from '../outbox/outbox.js';
import { OutboxRecords } from '../outbox/records.js';
import { FIRST_CONTENT, MailRetention, walk, walkMessages } from '../outbox/retention.js';
import { TransportRecords } from '../routing/breaker-records.js';
import { Idempotency } from '../submission/idempotency.js';
import { Suppressions } from '../suppressions/suppressions.js';
import { WebhookMaintenance, WebhooksModule } from '../webhooks/webhooks.module.js';

/** Seconds for which a new event is looked at every few seconds: what it outran is our own commit. */
const NEW_FOR = 600;
/** Events one pass applies at most; the next goes on. */
const PASS_LIMIT = 500;

/** The scheduled work on what providers told. */
@Injectable()
class EventMaintenance implements OnModuleInit {
  private readonly retentionDays: number;

  constructor(
    { retentionDays }: Settings,
    private readonly scheduled: ScheduledTasks,
    private readonly events: ProviderEvents,
    private readonly log: Logger,
  ) {
    this.retentionDays = retentionDays;
  }

  onModuleInit(): void {
    this.scheduled.register(
      { name: 'mail.events', everyMs: 5 * SECOND_MS, run: () => this.match('newer') },
      { name: 'mail.late_events', everyMs: 5 * MINUTE_MS, run: () => this.match('older') },
      { name: 'mail.unmatched_events', everyMs: HOUR_MS, run: (signal) => this.removeUnmatched(signal) },
      { name: 'mail.old_events', everyMs: DAY_MS, run: (signal) => this.removeOld(signal) },
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

/** The scheduled work on actions for all messages that a filter finds. */
@Injectable()
class ActionMaintenance implements OnModuleInit {
  private readonly retentionDays: number;

  constructor(
    { retentionDays }: Settings,
    private readonly scheduled: ScheduledTasks,
    private readonly actions: ActionBatches,
  ) {
    this.retentionDays = retentionDays;
  }

  onModuleInit(): void {
    this.scheduled.register(
      { name: ACTION_TASK, everyMs: 5 * SECOND_MS, run: (signal) => this.work(signal) },
      { name: 'mail.old_actions', everyMs: DAY_MS, run: (signal) => this.removeOld(signal) },
    );
  }

  private async work(signal: AbortSignal): Promise<string> {
    return `${await this.actions.work(signal)} messages changed`;
  }

  private async removeOld(signal: AbortSignal): Promise<string> {
    return `${await inBatches(signal, (limit) => this.actions.removeOld(this.retentionDays, limit))} removed`;
  }
}

/** Milliseconds after its last try at which it is forgotten that a host could not reach a transport. */
const FORGET_HOSTS_AFTER = 15 * MINUTE_MS;
/** Milliseconds for which a worker that fell silent is still shown. */
const FORGET_WORKERS_AFTER = HOUR_MS;

/** The scheduled work that keeps the outbox going, whatever dies. */
@Injectable()
class OutboxMaintenance implements OnModuleInit {
  constructor(
    private readonly scheduled: ScheduledTasks,
    private readonly outbox: Outbox,
    private readonly transitions: Transitions,
    private readonly ledger: Ledger,
    private readonly records: OutboxRecords,
    private readonly queue: MailQueue,
    private readonly workers: WorkerRegistry,
    private readonly canaries: CanaryQueues,
    private readonly transports: TransportRecords,
    private readonly log: Logger,
  ) {}

  onModuleInit(): void {
    this.scheduled.register(
      { name: 'mail.rescue', everyMs: 5 * SECOND_MS, run: () => this.takeBackAbandoned() },
      { name: 'mail.sweep', everyMs: 5 * MINUTE_MS, run: () => this.wakeLanesWithDueMail() },
      { name: 'mail.ledger', everyMs: MINUTE_MS, run: async () => `${await this.ledger.fold()} folded` },
      { name: 'mail.workers', everyMs: MINUTE_MS, run: () => this.lookAfterWorkers() },
      { name: 'mail.expire', everyMs: HOUR_MS, run: (signal) => this.expire(signal) },
    );
  }

  private async takeBackAbandoned(): Promise<string> {
    const count = await this.outbox.takeBackExpired(WORKER_NAME);
    if (count > 0) this.log.warn({ rescued: count }, 'took back messages that a dead worker had claimed');
    return `${count} taken back`;
  }

  /** Against wakes that were lost where no timer runs. */
  private async wakeLanesWithDueMail(): Promise<string> {
    const lanes = await this.records.dueLanes();
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
}

/** Files that one statement removes: each may be 25 MiB. */
const FILES_AT_ONCE = 20;

/** The scheduled work that keeps the record of mail small, whatever passes through it. */
@Injectable()
class RetentionMaintenance implements OnModuleInit {
  private readonly retentionDays: number;

  constructor(
    { retentionDays }: Settings,
    private readonly scheduled: ScheduledTasks,
    private readonly retention: MailRetention,
    private readonly files: StoredFiles,
    private readonly suppressions: Suppressions,
    private readonly idempotency: Idempotency,
  ) {
    this.retentionDays = retentionDays;
  }

  onModuleInit(): void {
    this.scheduled.register(
      { name: 'mail.erase', everyMs: HOUR_MS, run: (signal) => this.erase(signal) },
      { name: 'mail.contents', everyMs: HOUR_MS, run: (signal) => this.removeContents(signal) },
      { name: 'mail.retention', everyMs: DAY_MS, run: (signal) => this.removeOld(signal) },
      { name: 'mail.files', everyMs: HOUR_MS, run: (signal) => this.removeUnneededFiles(signal) },
      { name: 'mail.idempotency', everyMs: HOUR_MS, run: (signal) => this.removeExpiredAnswers(signal) },
      { name: 'mail.suppressions', everyMs: DAY_MS, run: (signal) => this.removeExpiredSuppressions(signal) },
    );
  }

  private async erase(signal: AbortSignal): Promise<string> {
    const codes = await inBatches(signal, (limit) => this.retention.eraseCodes(limit));
    const unresolved = await inBatches(signal, (limit) => this.retention.eraseUnresolved(this.retentionDays, limit));
    return `${codes + unresolved} erased`;
  }

  private async removeContents(signal: AbortSignal): Promise<string> {
    let all = 0;
    for (const which of ['codes', { olderThanDays: this.retentionDays }] as const)
      all += await walk(signal, FIRST_CONTENT, (after, limit) => this.retention.removeContents(which, after, limit));
    return `${all} removed`;
  }

  private async removeOld(signal: AbortSignal): Promise<string> {
    const messages = await walkMessages(signal, (after, limit) =>
      this.retention.removeMessages(this.retentionDays, after, limit),
    );
    const captured = await inBatches(signal, (limit) => this.retention.removeCaptured(this.retentionDays, limit));
    return `${messages} messages and ${captured} captured ones removed`;
  }

  private async removeUnneededFiles(signal: AbortSignal): Promise<string> {
    await inBatches(signal, (limit) => this.files.postponeNeeded(limit));
    return `${await inBatches(signal, (limit) => this.files.removeUnneeded(limit), FILES_AT_ONCE)} files removed`;
  }

  private async removeExpiredAnswers(signal: AbortSignal): Promise<string> {
    return `${await inBatches(signal, (limit) => this.idempotency.removeExpired(limit))} answers removed`;
  }

  private async removeExpiredSuppressions(signal: AbortSignal): Promise<string> {
    await inBatches(signal, (limit) => this.suppressions.limitBounces(limit));
    return `${await inBatches(signal, (limit) => this.suppressions.removeExpired(limit))} suppressions removed`;
  }
}

/** The scheduled work of mail: in every process, whatever its role; the leases share it out. */
@Module({
  imports: [MailModule, WebhooksModule],
  providers: [
    ActionBatches,
    ActionMaintenance,
    EventMaintenance,
    MailRetention,
    OutboxMaintenance,
    RetentionMaintenance,
    WebhookMaintenance,
  ],
})
export class MailMaintenanceModule {}
