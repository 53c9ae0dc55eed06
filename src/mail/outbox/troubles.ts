import { Injectable } from '@nestjs/common';
import { DAY_MS, HOUR_MS } from '../../core/durations.js';
import { lowestUuidv7 } from '../../core/ids.js';
import type { Lane } from '../../core/lanes.js';
import { PrismaService } from '../../database/prisma.service.js';

/** Of the lanes that carry them, each by itself; those of one that flows are told of where no other one stands. */
interface ExpiredCodes {
  /** In the last hour, {@link COUNTED_AT_MOST} at most. */
  count: number;
  firstAt: Date;
  /** Whether one was handed over after the last of them expired. */
  flowsAgain: boolean;
}

interface ExpiredInLane {
  lane: Lane;
  count: number;
  firstAt: Date;
  lastAt: Date;
}

interface Bounces {
  /** Messages of the last day that were tried and are over, the newest {@link BOUNCES_OF} at most. */
  looked: number;
  /** Those that came back, that a recipient called junk, or whose mailbox a server refused. */
  bounced: number;
  /** When the first of these was accepted. */
  firstAt: Date | null;
}

/** What asks for a look, though mail may flow all the same. */
export interface MessageTroubles {
  /** Since when the oldest of those is unknown whose outcome nobody has told. */
  unknownSince: Date | null;
  expiredCodes: ExpiredCodes | null;
  bounces: Bounces;
}

const COUNTED_AT_MOST = 10_000;
/** Messages that the share of bounces is made of; so many that one address more or less tips nothing. */
const BOUNCES_OF = 200;
/** Messages looked through for them: the check must not grow with what waits. */
const LOOKED_THROUGH = 1_000;
/** The same, from either end, for a code that was handed over since others expired. */
const LOOKED_FOR_CODES = 5_000;

/** Read every few seconds by health; none of it grows with history. Ids tell when a message was accepted. */
@Injectable()
export class TroubleRecords {
  constructor(private readonly prisma: PrismaService) {}

  async read(): Promise<MessageTroubles> {
    const { now, unknownSince } = await this.nowAndUnknown();
    return {
      unknownSince,
      expiredCodes: await this.expiredCodes(now),
      bounces: await this.bounces(now),
    };
  }

  private async nowAndUnknown(): Promise<{ now: Date; unknownSince: Date | null }> {
    const [row] = await this.prisma.statements.query<{ now: Date; unknownSince: Date | null }[]>`
      SELECT now() AS now, (
        SELECT coalesce(last.at, m.created_at)
        FROM (SELECT id, created_at FROM outbound_emails WHERE status = 'unknown' ORDER BY id LIMIT 1) AS m
        LEFT JOIN LATERAL (SELECT at FROM email_events e WHERE e.email_id = m.id ORDER BY e.id DESC LIMIT 1) AS last ON true
      ) AS "unknownSince"`;
    return row!;
  }

  private async expiredCodes(now: Date): Promise<ExpiredCodes | null> {
    const hourAgo = lowestUuidv7(new Date(now.getTime() - HOUR_MS));
    const byLane = await this.prisma.statements.query<ExpiredInLane[]>`
      SELECT lane, count(*)::int AS count, min(expires_at) AS "firstAt", max(expires_at) AS "lastAt" FROM (
        SELECT lane, expires_at FROM outbound_emails
        WHERE status = 'expired' AND lane IN ('critical', 'sms') AND expires_at IS NOT NULL AND id >= ${hourAgo}::uuid
        LIMIT ${COUNTED_AT_MOST}
      ) AS expired GROUP BY lane`;
    const judged = await Promise.all(
      byLane.map(async (expired) => ({ ...expired, flowsAgain: await this.flowsAgain(expired, hourAgo) })),
    );
    const stuck = judged.filter(({ flowsAgain }) => !flowsAgain);
    const told = stuck.length > 0 ? stuck : judged;
    if (told.length === 0) return null;
    return {
      count: told.reduce((sum, { count }) => sum + count, 0),
      firstAt: new Date(Math.min(...told.map(({ firstAt }) => firstAt.getTime()))),
      flowsAgain: stuck.length === 0,
    };
  }

  /**
   * Whether a message of the lane was handed over after the last one expired. It is looked for among those that were
   * accepted first from then on, and among the newest: no index has the moment, and other mail of the hour may be any
   * amount.
   */
  private async flowsAgain({ lane, lastAt }: ExpiredInLane, hourAgo: string): Promise<boolean> {
    const [found] = await this.prisma.statements.query<{ flows: boolean }[]>`
      SELECT EXISTS (
        SELECT FROM (
          (SELECT lane, sent_at FROM outbound_emails WHERE id >= ${lowestUuidv7(lastAt)}::uuid ORDER BY id LIMIT ${LOOKED_FOR_CODES})
          UNION ALL
          (SELECT lane, sent_at FROM outbound_emails WHERE id >= ${hourAgo}::uuid ORDER BY id DESC LIMIT ${LOOKED_FOR_CODES})
        ) AS looked
        WHERE looked.lane = ${lane}::lane AND looked.sent_at > ${lastAt}
      ) AS flows`;
    return found!.flows;
  }

  private async bounces(now: Date): Promise<Bounces> {
    const [found] = await this.prisma.statements.query<Bounces[]>`
      SELECT count(*)::int AS looked, count(*) FILTER (WHERE bounced)::int AS bounced,
        min(created_at) FILTER (WHERE bounced) AS "firstAt"
      FROM (
        SELECT created_at, status IN ('bounced', 'complained', 'failed') AS bounced
        FROM (
          SELECT created_at, status, last_error_code FROM outbound_emails
          WHERE id >= ${lowestUuidv7(new Date(now.getTime() - DAY_MS))}::uuid AND lane <> 'sms' ORDER BY id DESC LIMIT ${LOOKED_THROUGH}
        ) AS newest
        WHERE status IN ('sent', 'delivered', 'bounced', 'complained')
          OR status = 'failed' AND last_error_code IN ('smtp_550', 'smtp_551', 'smtp_553')
        LIMIT ${BOUNCES_OF}
      ) AS over`;
    return found!;
  }
}
