import { Inject, Injectable } from '@nestjs/common';
import { Counter, Gauge, Registry } from 'prom-client';
import { SETTINGS, type Settings } from '../config/settings.js';
import { LANES } from '../core/lanes.js';
import { LOGGER, type Logger } from '../core/logger.js';
import { DatabaseSilent } from '../database/database-errors.js';
import { keysOf } from '../mail/transport/choices.js';
import type { TransportRecord } from '../mail/transport/transport-records.js';
import { drainSeconds } from './drain-policy.js';
import { COUNTED_AT_MOST } from './due-mail.js';
import { type Readings, RecordReader } from './record-reader.js';

/** Milliseconds Postgres may take; a scraper usually gives up after ten seconds. */
const READ_WITHIN_MS = 5_000;

const TRANSPORT_STATES = ['open', 'backing_off', 'paused'] as const;

/** What the record in Postgres says, the same on every process; read when somebody asks. */
@Injectable()
export class RecordMetrics {
  private readonly accepted: Counter;
  private readonly emails: Gauge<'status'>;
  private readonly imbalance: Gauge;
  private readonly due: Gauge<'lane'>;
  private readonly oldestDue: Gauge<'lane'>;
  private readonly drain: Gauge<'lane'>;
  private readonly alive: Gauge<'lane'>;
  private readonly heartbeat: Gauge<'worker'>;
  private readonly transports: Gauge<'transport' | 'state'>;
  private readonly unreachable: Gauge<'transport'>;
  private readonly webhooks: Gauge;
  private readonly oldestWebhook: Gauge;
  private readonly disabledEndpoints: Gauge;
  private readonly readable: Gauge;
  private readonly configured: string[];
  private refreshing: Promise<void> | undefined;

  constructor(
    @Inject(Registry) private readonly registry: Registry,
    @Inject(SETTINGS) settings: Settings,
    @Inject(RecordReader) private readonly record: RecordReader,
    @Inject(LOGGER) private readonly log: Logger,
  ) {
    this.configured = keysOf(settings.mail.transports);
    this.accepted = new Counter({ name: 'otpost_emails_accepted_total', help: 'Messages ever accepted', registers: [registry] });
    this.emails = this.gauge('otpost_emails', 'Messages by state, as the ledger counts them', 'status');
    this.imbalance = this.gauge('otpost_ledger_imbalance', 'Accepted messages less those in any state; anything but 0 is a lost or doubled row');
    this.due = this.gauge('otpost_due_emails', `Messages that could go out now, counted up to ${COUNTED_AT_MOST}`, 'lane');
    this.oldestDue = this.gauge('otpost_oldest_due_seconds', 'How long the oldest due message has waited', 'lane');
    this.drain = this.gauge('otpost_drain_seconds_estimate', 'Due messages by the hand-overs a second of the last minute, which count as 1 at least', 'lane');
    this.alive = this.gauge('otpost_workers_alive', 'Workers with a heartbeat of the last 15 s', 'lane');
    this.heartbeat = this.gauge('otpost_worker_heartbeat_age_seconds', 'Since the last heartbeat of a worker that was heard of in the last hour', 'worker');
    this.transports = this.gauge('otpost_transport_state', 'The state a configured transport is in has 1, the others 0', 'transport', 'state');
    this.unreachable = this.gauge('otpost_transport_unreachable_hosts', 'Hosts that cannot reach a configured transport', 'transport');
    this.webhooks = this.gauge('otpost_webhooks_waiting', `Webhooks that are still to be delivered, counted up to ${COUNTED_AT_MOST}; of disabled endpoints none`);
    this.oldestWebhook = this.gauge('otpost_webhooks_oldest_due_seconds', 'How long the oldest due webhook has waited');
    this.disabledEndpoints = this.gauge('otpost_webhook_endpoints_disabled', 'Webhook endpoints that get nothing: disabled by hand, or given up');
    this.readable = this.gauge('otpost_database_up', 'Whether the record could be read for this scrape');
  }

  /** Never rejects: without Postgres the metrics of the record are absent, for an old value would pass for a new one. */
  refresh(): Promise<void> {
    this.refreshing ??= this.read().finally(() => (this.refreshing = undefined));
    return this.refreshing;
  }

  private async read(): Promise<void> {
    try {
      this.show(await withinTime(this.record.read()));
    } catch (error) {
      this.log.warn({ err: error }, 'the record could not be read for the metrics');
      this.forget();
      this.readable.set(0);
    }
  }

  private show(readings: Readings): void {
    this.forget();
    this.showMail(readings);
    this.showWorkers(readings);
    for (const name of this.configured) this.showTransport(name, readings.transports.find((record) => record.name === name));
    this.webhooks.set(readings.webhooks.waiting);
    this.oldestWebhook.set(readings.webhooks.oldestDueSeconds);
    this.disabledEndpoints.set(readings.webhooks.disabledEndpoints);
    this.readable.set(1);
  }

  private showMail({ ledger, due, rates }: Readings): void {
    this.accepted.inc(ledger.accepted);
    for (const [status, count] of Object.entries(ledger.states)) this.emails.set({ status }, count);
    this.imbalance.set(ledger.imbalance);
    for (const { lane, count, oldestSeconds } of due) {
      this.due.set({ lane }, count);
      this.oldestDue.set({ lane }, oldestSeconds);
      this.drain.set({ lane }, drainSeconds(count, rates.find((rate) => rate.lane === lane)?.perSecond ?? 0));
    }
  }

  private showWorkers({ workers }: Readings): void {
    for (const lane of LANES) this.alive.set({ lane }, workers.filter(({ alive, lanes }) => alive && lanes.includes(lane)).length);
    for (const { name, age } of workers) this.heartbeat.set({ worker: name }, age);
  }

  /** Without a record: no process that delivers was started with it yet. */
  private showTransport(transport: string, record: TransportRecord | undefined): void {
    const now = record?.pausedAt ? 'paused' : record?.backingOff ? 'backing_off' : 'open';
    for (const state of TRANSPORT_STATES) this.transports.set({ transport, state }, state === now ? 1 : 0);
    this.unreachable.set({ transport }, record?.unreachableFrom.length ?? 0);
  }

  private forget(): void {
    const { accepted, imbalance, webhooks, oldestWebhook, disabledEndpoints } = this;
    for (const metric of [accepted, imbalance, webhooks, oldestWebhook, disabledEndpoints]) metric.remove();
    for (const metric of [this.emails, this.due, this.oldestDue, this.drain, this.alive, this.heartbeat, this.transports, this.unreachable]) metric.reset();
  }

  private gauge<Label extends string>(name: string, help: string, ...labelNames: Label[]): Gauge<Label> {
    return new Gauge({ name, help, labelNames, registers: [this.registry] });
  }
}

async function withinTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const overdue = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DatabaseSilent(`no answer within ${READ_WITHIN_MS} ms`)), READ_WITHIN_MS);
  });
  return Promise.race([work, overdue]).finally(() => clearTimeout(timer));
}
