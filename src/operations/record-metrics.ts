import { Injectable } from '@nestjs/common';
import { Counter, Gauge, Registry } from 'prom-client';
import { Settings } from '../config/settings.js';
import { LANES } from '../core/lanes.js';
import { Logger } from '../core/logger.js';
import { DatabaseSilent } from '../database/database-errors.js';
import { keysOf, allTransports } from '../mail/routing/routes.js';
import type { SmsFigures } from '../otp/sms/sms-traffic.js';
import { COUNTED_AT_MOST, type Readings, RecordReader } from './record-reader.js';

/**
 * Hand-overs a second that a lane is taken to manage at least. The rate of the last minute tells what was done and not
 * what could be: a service with nothing to do would seem to need a minute for its next message.
 */
const LEAST_PER_SECOND = 1;

/** Seconds until everything due is handed over, if it goes on as in the last minute: by this, workers can be added. */
export function drainSeconds(due: number, perSecond: number): number {
  return due / Math.max(perSecond, LEAST_PER_SECOND);
}

/** Milliseconds Postgres may take; a scraper usually gives up after ten seconds. */
const READ_WITHIN_MS = 5_000;

const TRANSPORT_STATES = ['open', 'backing_off', 'paused'] as const;

/** Every process shows the same, whatever it does itself. */
const GAUGES = {
  emails: { name: 'otpost_emails', help: 'Messages by state, as the ledger counts them', labelNames: ['status'] },
  imbalance: {
    name: 'otpost_ledger_imbalance',
    help: 'Accepted messages less those in any state; anything but 0 is a lost or doubled row',
    labelNames: [],
  },
  due: {
    name: 'otpost_due_emails',
    help: `Messages that could go out now, counted up to ${COUNTED_AT_MOST}`,
    labelNames: ['lane'],
  },
  oldestDue: {
    name: 'otpost_oldest_due_seconds',
    help: 'How long the oldest due message has waited',
    labelNames: ['lane'],
  },
  drain: {
    name: 'otpost_drain_seconds_estimate',
    help: 'Due messages by the hand-overs a second of the last minute, which count as 1 at least',
    labelNames: ['lane'],
  },
  alive: { name: 'otpost_workers_alive', help: 'Workers with a heartbeat of the last 15 s', labelNames: ['lane'] },
  heartbeat: {
    name: 'otpost_worker_heartbeat_age_seconds',
    help: 'Since the last heartbeat of a worker that was heard of in the last hour',
    labelNames: ['worker'],
  },
  transports: {
    name: 'otpost_transport_state',
    help: 'The state a configured transport is in has 1, the others 0',
    labelNames: ['transport', 'state'],
  },
  unreachable: {
    name: 'otpost_transport_unreachable_hosts',
    help: 'Hosts that cannot reach a configured transport',
    labelNames: ['transport'],
  },
  webhooks: {
    name: 'otpost_webhooks_waiting',
    help: `Webhooks that are still to be delivered, counted up to ${COUNTED_AT_MOST}; of disabled endpoints none`,
    labelNames: [],
  },
  oldestWebhook: {
    name: 'otpost_webhooks_oldest_due_seconds',
    help: 'How long the oldest due webhook has waited',
    labelNames: [],
  },
  disabledEndpoints: {
    name: 'otpost_webhook_endpoints_disabled',
    help: 'Webhook endpoints that get nothing: disabled by hand, or given up',
    labelNames: [],
  },
  broadcasts: { name: 'otpost_broadcasts', help: 'Broadcasts that are not over', labelNames: ['status'] },
  smsMessages: { name: 'otpost_sms_messages_today', help: 'Messages by SMS this UTC day', labelNames: [] },
  smsDaily: { name: 'otpost_sms_messages_allowed', help: 'Messages by SMS that a UTC day may have', labelNames: [] },
  smsCodes: {
    name: 'otpost_sms_codes_today',
    help: 'Codes by SMS this UTC day, by country and by what became of them',
    labelNames: ['country', 'result'],
  },
  smsClosed: {
    name: 'otpost_sms_country_closed',
    help: 'Whether too few codes of a country were given back for further ones today',
    labelNames: ['country'],
  },
  readable: {
    name: 'otpost_database_up',
    help: 'Whether the record could be read for this scrape',
    labelNames: [],
  },
} as const;

type Gauges = { [Name in keyof typeof GAUGES]: Gauge<(typeof GAUGES)[Name]['labelNames'][number]> };

/** What the record in Postgres says, the same on every process; read when somebody asks. */
@Injectable()
export class RecordMetrics {
  private readonly accepted: Counter;
  private readonly gauges: Gauges;
  private readonly configured: string[];
  private refreshing: Promise<void> | undefined;

  constructor(
    registry: Registry,
    settings: Settings,
    private readonly record: RecordReader,
    private readonly log: Logger,
  ) {
    const registers = [registry];
    this.configured = keysOf(allTransports(settings));
    this.accepted = new Counter({ name: 'otpost_emails_accepted_total', help: 'Messages ever accepted', registers });
    this.gauges = Object.fromEntries(
      Object.entries(GAUGES).map(([name, gauge]) => [name, new Gauge({ ...gauge, registers })]),
    ) as unknown as Gauges;
  }

  /**
   * Never rejects: without Postgres the metrics of the record are absent, for an old value would pass for a new one.
   */
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
      this.gauges.readable.set(0);
    }
  }

  private show({ ledger, due, rates, workers, transports, webhooks, broadcasts, sms }: Readings): void {
    const { gauges } = this;
    this.forget();
    this.accepted.inc(ledger.accepted);
    for (const [status, count] of Object.entries(ledger.states)) gauges.emails.set({ status }, count);
    gauges.imbalance.set(ledger.imbalance);
    for (const { lane, due: count, oldestDueSeconds } of due) {
      gauges.due.set({ lane }, count);
      gauges.oldestDue.set({ lane }, oldestDueSeconds);
      gauges.drain.set({ lane }, drainSeconds(count, rates.find((rate) => rate.lane === lane)?.perSecond ?? 0));
    }
    for (const lane of LANES)
      gauges.alive.set({ lane }, workers.filter(({ alive, lanes }) => alive && lanes.includes(lane)).length);
    for (const { name, silentMs } of workers) gauges.heartbeat.set({ worker: name }, silentMs / 1_000);
    for (const transport of this.configured) {
      // Without a record: no process that delivers was started with it yet.
      const record = transports.find(({ name }) => name === transport);
      const now = record?.pausedAt ? 'paused' : record?.backingOff ? 'backing_off' : 'open';
      for (const state of TRANSPORT_STATES) gauges.transports.set({ transport, state }, state === now ? 1 : 0);
      gauges.unreachable.set({ transport }, record?.unreachableFrom.length ?? 0);
    }
    gauges.webhooks.set(webhooks.waiting);
    gauges.oldestWebhook.set(webhooks.oldestDueSeconds);
    gauges.disabledEndpoints.set(webhooks.disabledEndpoints);
    for (const [status, count] of Object.entries(broadcasts)) gauges.broadcasts.set({ status }, count);
    if (sms) this.showSms(sms);
    gauges.readable.set(1);
  }

  /** Countries are those of SMS_COUNTRIES, so the label has few values; numbers are in none. */
  private showSms({ messages, daily, countries }: SmsFigures): void {
    const { gauges } = this;
    gauges.smsMessages.set(messages);
    gauges.smsDaily.set(daily);
    for (const { key: country, codes, verified, refused, closed } of countries) {
      for (const [result, count] of Object.entries({ requested: codes, verified, refused }))
        gauges.smsCodes.set({ country, result }, count);
      gauges.smsClosed.set({ country }, closed ? 1 : 0);
    }
  }

  private forget(): void {
    this.accepted.remove();
    for (const [name, gauge] of Object.entries(this.gauges)) {
      if (GAUGES[name as keyof Gauges].labelNames.length > 0) gauge.reset();
      else if (gauge !== this.gauges.readable) gauge.remove();
    }
  }
}

async function withinTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const overdue = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DatabaseSilent(`no answer within ${READ_WITHIN_MS} ms`)), READ_WITHIN_MS);
  });
  return Promise.race([work, overdue]).finally(() => clearTimeout(timer));
}
