import { Inject, Injectable } from '@nestjs/common';
import { PrismaService } from '../database/prisma.service.js';
import type { EmailStatus } from '../generated/prisma/enums.js';

/** Attempts that are looked at: one address that does not exist is no outage, five in a row are. */
const RECENT_ATTEMPTS = 5;

export interface MailState {
  /** Seconds for which the oldest due message has waited; 0 when none is due. */
  oldestDueSeconds: number;
  /** The newest attempts on any worker, newest first. */
  recentAttempts: { status: EmailStatus; transport: string; errorCode: string | null; at: Date }[];
}

/** What the record tells of the way out, read by health on whichever host it runs. */
@Injectable()
export class MailHistory {
  constructor(@Inject(PrismaService) private readonly prisma: PrismaService) {}

  async state(): Promise<MailState> {
    const [oldest, recentAttempts] = await Promise.all([
      this.prisma.$queryRaw<{ seconds: number }[]>`
        SELECT coalesce(extract(epoch FROM now() - min(oldest)), 0)::float8 AS seconds
        FROM unnest(enum_range(NULL::lane)) AS lanes (lane)
        CROSS JOIN LATERAL (
          SELECT next_attempt_at AS oldest FROM outbound_emails m
          WHERE m.lane = lanes.lane AND status IN ('queued', 'scheduled', 'deferred') AND next_attempt_at <= now()
          ORDER BY next_attempt_at, id LIMIT 1
        ) AS due`,
      this.prisma.$queryRaw<MailState['recentAttempts']>`
        SELECT status, transport, error_code AS "errorCode", at FROM email_events
        WHERE transport IS NOT NULL ORDER BY id DESC LIMIT ${RECENT_ATTEMPTS}`,
    ]);
    return { oldestDueSeconds: Math.round(oldest[0]!.seconds), recentAttempts };
  }
}
