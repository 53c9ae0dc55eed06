import { Injectable } from '@nestjs/common';
import { lowestUuidv7 } from '../../core/ids.js';
import type { Lane } from '../../core/lanes.js';
import { PrismaService } from '../../database/prisma.service.js';

/** Messages of one lane that a worker has in its hands. */
export interface Handful {
  lane: Lane;
  count: number;
  /** Since when it has the first of them. */
  since: Date;
}

/** Of one minute. */
export interface Minute {
  at: Date;
  handedOver: number;
  /** Attempts that failed, were deferred, or whose outcome is unknown. */
  notHandedOver: number;
}

export interface HandOvers {
  /** Of the last hour, those in which something was tried; of the newest {@link ATTEMPTS} attempts at most. */
  minutes: Minute[];
  handedOver: number;
  /** Milliseconds from acceptance, or the time it was scheduled for, to hand-over. Null: none was handed over. */
  medianMs: number | null;
  p95Ms: number | null;
}

/** Attempts that throughput is read off: the cost does not grow with history. */
const ATTEMPTS = 5_000;
const COUNTED_AT_MOST = 10_000;

/** What is being handed over, and what was lately: read for whoever looks at the page of operators. */
@Injectable()
export class HandOverRecords {
  constructor(private readonly prisma: PrismaService) {}

  /** What each worker has in its hands, by its name: as many rows as all workers have slots. */
  async inHandsByWorker(): Promise<Map<string, Handful[]>> {
    const rows = await this.prisma.statements.query<(Handful & { worker: string })[]>`
      SELECT begun.worker, m.lane, count(*)::int AS count, min(begun.at) AS since FROM outbound_emails m
      CROSS JOIN LATERAL (
        SELECT worker, at FROM email_events e WHERE e.email_id = m.id AND e.status = 'sending' ORDER BY e.id DESC LIMIT 1
      ) AS begun
      WHERE m.status = 'sending' AND begun.worker IS NOT NULL GROUP BY begun.worker, m.lane ORDER BY m.lane`;
    const by = new Map<string, Handful[]>();
    for (const { worker, ...hand } of rows) by.set(worker, [...(by.get(worker) ?? []), hand]);
    return by;
  }

  /**
   * How many expired before they could be sent, up to 10,000. Their ids tell when they were accepted, and what expires
   * does so soon after: mail that was accepted before is left out.
   */
  async expiredSince(since: Date): Promise<number> {
    const [counted] = await this.prisma.statements.query<{ count: number }[]>`
      SELECT count(*)::int AS count FROM (
        SELECT FROM outbound_emails WHERE status = 'expired' AND id >= ${lowestUuidv7(since)}::uuid LIMIT ${COUNTED_AT_MOST}
      ) AS expired`;
    return counted!.count;
  }

  async lastHour(): Promise<HandOvers> {
    type Row = Omit<HandOvers, 'minutes'> & Minute & { all: boolean };
    const rows = await this.prisma.statements.query<Row[]>`
      WITH newest AS MATERIALIZED (
        SELECT id, at, status, worker, email_id FROM email_events WHERE transport IS NOT NULL ORDER BY id DESC LIMIT ${ATTEMPTS}
      ), attempts AS (
        SELECT date_trunc('minute', n.at) AS minute, n.status = 'sent' AS sent,
          1000 * extract(epoch FROM n.at - greatest(m.created_at, m.scheduled_at))::float8 AS ms
        FROM newest n JOIN outbound_emails m ON m.id = n.email_id
        WHERE n.worker IS NOT NULL AND n.status IN ('sent', 'deferred', 'failed', 'unknown') AND n.at > now() - interval '1 hour'
      )
      SELECT minute AS at, grouping(minute) = 1 AS all, count(*) FILTER (WHERE sent)::int AS "handedOver",
        count(*) FILTER (WHERE NOT sent)::int AS "notHandedOver",
        percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) FILTER (WHERE sent) AS "medianMs",
        percentile_cont(0.95) WITHIN GROUP (ORDER BY ms) FILTER (WHERE sent) AS "p95Ms"
      FROM attempts GROUP BY GROUPING SETS ((minute), ()) ORDER BY minute`;
    const { handedOver = 0, medianMs = null, p95Ms = null } = rows.find(({ all }) => all) ?? {};
    const minutes = rows.filter(({ all }) => !all);
    return {
      minutes: minutes.map(({ at, handedOver, notHandedOver }) => ({ at, handedOver, notHandedOver })),
      ...{ handedOver, medianMs, p95Ms },
    };
  }
}
