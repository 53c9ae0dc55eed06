import { Injectable } from '@nestjs/common';
import { sendsTexts, Settings } from '../config/settings.js';
import { PrismaService } from '../database/prisma.service.js';
import { Ledger, type LedgerState } from '../mail/outbox/ledger.js';
import { type DueMail, type HandOverRate, OutboxRecords } from '../mail/outbox/records.js';
import { type TransportRecord, TransportRecords } from '../mail/routing/breaker-records.js';
import { type SmsFigures, SmsTraffic } from '../otp/sms/sms-traffic.js';
import { type HeardWorker, WorkerRegistry } from '../queue/worker-registry.js';

/** Rows that are counted at most; a scrape costs the same whatever waits. */
export const COUNTED_AT_MOST = 10_000;

interface WaitingWebhooks {
  /** Queued or deferred, due or not, {@link COUNTED_AT_MOST} for any more. */
  waiting: number;
  /** How long the oldest due one has waited; 0 when none is due. */
  oldestDueSeconds: number;
  /** Endpoints that get nothing: disabled by people, or given up. */
  disabledEndpoints: number;
}

/** What waits for back ends. What waits for an endpoint that is disabled is left out: nobody expects it to go. */
@Injectable()
export class WaitingWebhooksReader {
  constructor(private readonly prisma: PrismaService) {}

  async read(): Promise<WaitingWebhooks> {
    const [found] = await this.prisma.statements.query<WaitingWebhooks[]>`
      WITH enabled AS (SELECT id FROM webhook_endpoints WHERE disabled_at IS NULL)
      SELECT
        (SELECT count(*)::int FROM (
          SELECT FROM enabled e CROSS JOIN LATERAL (
            SELECT FROM webhook_deliveries d WHERE d.endpoint_id = e.id AND status IN ('queued', 'deferred') LIMIT ${COUNTED_AT_MOST}
          ) AS one LIMIT ${COUNTED_AT_MOST}
        ) AS counted) AS waiting,
        (SELECT coalesce(extract(epoch FROM now() - min(first.next_attempt_at)), 0)::float8 FROM enabled e CROSS JOIN LATERAL (
          SELECT next_attempt_at FROM webhook_deliveries d
          WHERE d.endpoint_id = e.id AND status IN ('queued', 'deferred') AND next_attempt_at <= now()
          ORDER BY next_attempt_at, id LIMIT 1
        ) AS first) AS "oldestDueSeconds",
        (SELECT count(*)::int FROM webhook_endpoints WHERE disabled_at IS NOT NULL) AS "disabledEndpoints"`;
    return found!;
  }
}

/** By what they are in. */
export type OpenBroadcasts = Record<'scheduled' | 'sending' | 'paused', number>;

/** Broadcasts that are not over. */
@Injectable()
export class OpenBroadcastsReader {
  constructor(private readonly prisma: PrismaService) {}

  async read(): Promise<OpenBroadcasts> {
    const [found] = await this.prisma.statements.query<OpenBroadcasts[]>`
      SELECT count(*) FILTER (WHERE paused_at IS NOT NULL)::int AS paused,
        count(*) FILTER (WHERE paused_at IS NULL AND started_at IS NULL)::int AS scheduled,
        count(*) FILTER (WHERE paused_at IS NULL AND started_at IS NOT NULL)::int AS sending
      FROM broadcasts WHERE finished_at IS NULL AND cancelled_at IS NULL`;
    return found!;
  }
}

export interface Readings {
  ledger: LedgerState;
  due: DueMail[];
  rates: HandOverRate[];
  workers: HeardWorker[];
  transports: TransportRecord[];
  webhooks: WaitingWebhooks;
  broadcasts: OpenBroadcasts;
  /** Undefined where no codes go by SMS. */
  sms: SmsFigures | undefined;
}

/** What the record in Postgres tells a scraper; all of it costs the same however much there is. */
@Injectable()
export class RecordReader {
  constructor(
    private readonly ledger: Ledger,
    private readonly records: OutboxRecords,
    private readonly workers: WorkerRegistry,
    private readonly transports: TransportRecords,
    private readonly webhooks: WaitingWebhooksReader,
    private readonly broadcasts: OpenBroadcastsReader,
    private readonly sms: SmsTraffic,
    private readonly settings: Settings,
  ) {}

  /** One after the other: a scrape takes one connection from those who are served, and not six. */
  async read(): Promise<Readings> {
    return {
      ledger: await this.ledger.read(),
      due: await this.records.due(COUNTED_AT_MOST),
      rates: await this.records.handOverRates(),
      workers: await this.workers.heard(),
      transports: await this.transports.list(),
      webhooks: await this.webhooks.read(),
      broadcasts: await this.broadcasts.read(),
      sms: sendsTexts(this.settings) ? await this.sms.read() : undefined,
    };
  }
}
