import { Inject, Injectable } from '@nestjs/common';
import { PrismaService } from '../database/prisma.service.js';
import type { EmailStatus } from '../generated/prisma/enums.js';

/** Attempts that are looked through for those of each transport; the check must not grow with what is sent. */
const ATTEMPTS_LOOKED_AT = 500;
/** Attempts by which a transport is judged: one address that does not exist is no outage, five in a row are. */
export const ATTEMPTS_JUDGED = 5;

export interface AttemptFacts {
  transport: string;
  status: EmailStatus;
  errorCode: string | null;
  at: Date;
}

/** What the record tells of the way out, read by health on whichever host it runs. */
@Injectable()
export class MailHistory {
  constructor(@Inject(PrismaService) private readonly prisma: PrismaService) {}

  /** Seconds for which the oldest due message has waited; 0 when none is due. */
  async oldestDueSeconds(): Promise<number> {
    const [oldest] = await this.prisma.$queryRaw<{ seconds: number }[]>`
      SELECT coalesce(extract(epoch FROM now() - min(oldest)), 0)::float8 AS seconds
      FROM unnest(enum_range(NULL::lane)) AS lanes (lane)
      CROSS JOIN LATERAL (
        SELECT next_attempt_at AS oldest FROM outbound_emails m
        WHERE m.lane = lanes.lane AND status IN ('queued', 'scheduled', 'deferred') AND next_attempt_at <= now()
        ORDER BY next_attempt_at, id LIMIT 1
      ) AS due`;
    return Math.round(oldest!.seconds);
  }

  /**
   * The newest few attempts of each transport on any worker, newest first. What failed before it came to a transport,
   * such as a template that does not render, says nothing of any, and nor does what a provider tells later, which has
   * no worker. Without the replies: they quote addresses, and anybody may ask for health.
   */
  newestAttempts(): Promise<AttemptFacts[]> {
    return this.prisma.$queryRaw<AttemptFacts[]>`
      SELECT transport, status, "errorCode", at FROM (
        SELECT id, transport, status, error_code AS "errorCode", at,
          row_number() OVER (PARTITION BY transport ORDER BY id DESC) AS nth
        FROM (
          SELECT * FROM email_events
          WHERE transport IS NOT NULL AND transport <> 'none' AND worker IS NOT NULL AND status IN ('sent', 'deferred', 'failed', 'unknown')
          ORDER BY id DESC LIMIT ${ATTEMPTS_LOOKED_AT}
        ) AS recent
      ) AS attempts WHERE nth <= ${ATTEMPTS_JUDGED} ORDER BY id DESC`;
  }
}
