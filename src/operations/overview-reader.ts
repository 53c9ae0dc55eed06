import { Injectable } from '@nestjs/common';
import { sendsTexts, Settings } from '../config/settings.js';
import { HOUR_MS } from '../core/durations.js';
import type { Lane } from '../core/lanes.js';
import { VERSION } from '../core/process-facts.js';
import type { Rate } from '../core/rate.js';
import { DatabaseClock } from '../database/database-clock.js';
import { PrismaService } from '../database/prisma.service.js';
import { HealthMonitor, MailFactsReader, type WorkerFacts } from '../health/health-monitor.js';
import { reportOf } from '../health/mail-report-policy.js';
import type { TransportReport } from '../health/troubles-policy.js';
import type { LedgerState } from '../mail/outbox/ledger.js';
import { type Handful, HandOverRecords, type HandOvers } from '../mail/outbox/hand-overs.js';
import { type LaneFacts, OutboxRecords } from '../mail/outbox/records.js';
import { keysOf, allTransports } from '../mail/routing/routes.js';
import { type DatedProblem, weighed } from './overview-policy.js';
import { drainSeconds } from './record-metrics.js';

export interface LaneState extends LaneFacts {
  /** Messages handed over a second in the last minute, by all workers. */
  perSecond: number;
  /** Until everything due is handed over, if it goes on like this. */
  drainSeconds: number;
}

export interface WorkerState extends WorkerFacts {
  /** Messages it has in its hands. */
  sending: number;
  /** The same by lane. */
  hands: Handful[];
  /** Scheduled work that it does at this moment. */
  tasks: string[];
}

export interface TransportState extends TransportReport {
  rate: Rate | null;
  /** Messages a day; `sentToday` counts those of this day in UTC. */
  daily: number | null;
  sentToday: number | null;
}

export interface Overview {
  at: Date;
  version: string;
  /** The first one is what to mend first. */
  problems: DatedProblem[];
  /** Queued and deferred. */
  waiting: number;
  /** Messages that expired in the last hour before they could be sent, up to 10,000. */
  expiredLastHour: number;
  ledger: LedgerState;
  lanes: LaneState[];
  workers: WorkerState[];
  transports: TransportState[];
  handOvers: HandOvers;
  /** Where the trace of a message is looked at; `{traceId}` in it stands for its id. Null: not configured. */
  traceUrl: string | null;
}

/**
 * All that the first page of Operations shows, from the record: it survives a restart, and is the same on every
 * process.
 */
@Injectable()
export class OverviewReader {
  private reading: Promise<Overview> | undefined;

  constructor(
    private readonly settings: Settings,
    private readonly prisma: PrismaService,
    private readonly facts: MailFactsReader,
    private readonly records: OutboxRecords,
    private readonly handOvers: HandOverRecords,
    private readonly monitor: HealthMonitor,
    private readonly clock: DatabaseClock,
  ) {}

  /** However many look at once, it is read once. */
  read(): Promise<Overview> {
    this.reading ??= this.readNow().finally(() => (this.reading = undefined));
    return this.reading;
  }

  /** One after the other, as scrapes do: a page that is open all day takes one connection. */
  private async readNow(): Promise<Overview> {
    const facts = await this.facts.read();
    const lanes = await this.records.lanes();
    const rates = await this.records.handOverRates();
    const sending = await this.handOvers.inHandsByWorker();
    const tasks = await this.tasksByWorker();
    const handOvers = await this.handOvers.lastHour();
    const now = this.clock.now();
    const configured = allTransports(this.settings);
    const sms = sendsTexts(this.settings);
    const { broker } = this.monitor;
    const report = reportOf(facts, { transports: configured, broker });
    const perSecond = (lane: Lane): number => rates.find((rate) => rate.lane === lane)?.perSecond ?? 0;
    const keys = keysOf(configured);
    return {
      at: now,
      version: VERSION,
      problems: weighed(report, facts, { now, brokerSince: broker.since }),
      waiting: facts.ledger.states.queued + facts.ledger.states.deferred,
      expiredLastHour: await this.handOvers.expiredSince(new Date(now.getTime() - HOUR_MS)),
      ledger: facts.ledger,
      // Who has no codes by SMS need not look at a lane that is always empty.
      lanes: lanes
        .filter(({ lane, due, later, sending: held }) => lane !== 'sms' || sms || due + later + held > 0)
        .map((lane) => ({
          ...lane,
          perSecond: perSecond(lane.lane),
          drainSeconds: Math.ceil(drainSeconds(lane.due, perSecond(lane.lane))),
        })),
      workers: facts.workers.map((worker) => {
        const hands = sending.get(worker.name) ?? [];
        const sum = hands.reduce((all, { count }) => all + count, 0);
        return { ...worker, sending: sum, hands, tasks: tasks.get(worker.name) ?? [] };
      }),
      transports: report.transports.map((transport) => {
        const { rate, daily } = configured[keys.indexOf(transport.name)]!;
        const sentToday = daily === undefined ? null : (facts.usedToday.get(transport.name) ?? 0);
        return { ...transport, rate: rate ?? null, daily: daily ?? null, sentToday };
      }),
      handOvers,
      traceUrl: this.settings.traceUrl ?? null,
    };
  }

  private async tasksByWorker(): Promise<Map<string, string[]>> {
    const rows = await this.prisma.statements.query<{ worker: string; names: string[] }[]>`
      SELECT leased_by AS worker, array_agg(name ORDER BY name) AS names FROM scheduled_tasks
      WHERE leased_by IS NOT NULL AND lease_until > now() GROUP BY leased_by`;
    return new Map(rows.map(({ worker, names }) => [worker, names]));
  }
}
