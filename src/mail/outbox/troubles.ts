import { Injectable } from '@nestjs/common';
import { lowestUuidv7 } from '../../core/ids.js';
import { PrismaService } from '../../database/prisma.service.js';

/** Of the lane critical, which carries them. */
interface ExpiredCodes {
  /** In the last hour, {@link COUNTED_AT_MOST} at most. */
  count: number;
  firstAt: Date;
  /** Whether one was handed over after the last of them expired. */
  flowsAgain: boolean;
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
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Read every few seconds by health; none of it grows with history. Ids tell when a message was accepted. */
@Injectable()
export class TroubleRecords {
  constructor(private readonly prisma: PrismaService) {}

  async read(): Promise<MessageTroubles> {
    const [row] = await this.prisma.$queryRaw<{ now: Date }[]>`SELECT now() AS now`;
    const { now } = row!;
    return {
      unknownSince: await this.unknownSince(),
      expiredCodes: await this.expiredCodes(now),
      bounces: await this.bounces(now),
    };
  }

  private async unknownSince(): Promise<Date | null> {
    const [oldest] = await this.prisma.$queryRaw<{ at: Date }[]>`
      SELECT coalesce(last.at, m.created_at) AS at
      FROM (SELECT id, created_at FROM outbound_emails WHERE status = 'unknown' ORDER BY id LIMIT 1) AS m
      LEFT JOIN LATERAL (SELECT at FROM email_events e WHERE e.email_id = m.id ORDER BY e.id DESC LIMIT 1) AS last ON true`;
    return oldest?.at ?? null;
  }

  private async expiredCodes(now: Date): Promise<ExpiredCodes | null> {
    const hourAgo = lowestUuidv7(new Date(now.getTime() - HOUR_MS));
    const [expired] = await this.prisma.$queryRaw<{ count: number; firstAt: Date; lastAt: Date }[]>`
      SELECT count(*)::int AS count, min(expires_at) AS "firstAt", max(expires_at) AS "lastAt" FROM (
        SELECT expires_at FROM outbound_emails
        WHERE status = 'expired' AND lane = 'critical' AND expires_at IS NOT NULL AND id >= ${hourAgo}::uuid LIMIT ${COUNTED_AT_MOST}
      ) AS expired HAVING count(*) > 0`;
    if (!expired) return null;
    const { count, firstAt, lastAt } = expired;
    const [{ flowsAgain } = { flowsAgain: false }] = await this.prisma.$queryRaw<{ flowsAgain: boolean }[]>`
      SELECT EXISTS (
        SELECT FROM outbound_emails WHERE id >= ${hourAgo}::uuid AND lane = 'critical' AND sent_at > ${lastAt}
      ) AS "flowsAgain"`;
    return { count, firstAt, flowsAgain };
  }

  private async bounces(now: Date): Promise<Bounces> {
    const [found] = await this.prisma.$queryRaw<Bounces[]>`
      SELECT count(*)::int AS looked, count(*) FILTER (WHERE bounced)::int AS bounced,
        min(created_at) FILTER (WHERE bounced) AS "firstAt"
      FROM (
        SELECT created_at, status IN ('bounced', 'complained', 'failed') AS bounced
        FROM (
          SELECT created_at, status, last_error_code FROM outbound_emails
          WHERE id >= ${lowestUuidv7(new Date(now.getTime() - DAY_MS))}::uuid ORDER BY id DESC LIMIT ${LOOKED_THROUGH}
        ) AS newest
        WHERE status IN ('sent', 'delivered', 'bounced', 'complained')
          OR status = 'failed' AND last_error_code IN ('smtp_550', 'smtp_551', 'smtp_553')
        LIMIT ${BOUNCES_OF}
      ) AS over`;
    return found!;
  }
}
