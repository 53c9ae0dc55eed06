import { Inject, Injectable } from '@nestjs/common';
import { quote } from '../core/quote.js';
import { PrismaService } from '../database/prisma.service.js';
import type { EmailStatus } from '../generated/prisma/enums.js';

/** Attempts that are looked through for those of each transport; the check must not grow with what is sent. */
const ATTEMPTS_LOOKED_AT = 500;
/** Attempts by which a transport is judged: one address that does not exist is no outage, five in a row are. */
const ATTEMPTS_JUDGED = 5;

export interface AttemptFacts {
  transport: string;
  status: EmailStatus;
  errorCode: string | null;
  /** The server's words on one line, without addresses; null when it said nothing or took the message. */
  reply: string | null;
  at: Date;
}

/** Messages that a worker has had in its hands for long. */
export interface SlowHandovers {
  count: number;
  oldestSeconds: number;
  /** Those whose last byte was released, and whose final reply has not come. */
  awaitingReply: number;
}

/** Seconds after which a hand-over is slow: a thing of moments mostly, though its final reply may take 10 minutes. */
const SLOW_AFTER_S = 30;

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
   * no worker.
   */
  async newestAttempts(): Promise<AttemptFacts[]> {
    const attempts = await this.prisma.$queryRaw<AttemptFacts[]>`
      SELECT transport, status, "errorCode", reply, at FROM (
        SELECT id, transport, status, error_code AS "errorCode", CASE WHEN status <> 'sent' THEN reply END AS reply, at,
          row_number() OVER (PARTITION BY transport ORDER BY id DESC) AS nth
        FROM (
          SELECT * FROM email_events
          WHERE transport IS NOT NULL AND transport <> 'none' AND worker IS NOT NULL AND status IN ('sent', 'deferred', 'failed', 'unknown')
          ORDER BY id DESC LIMIT ${ATTEMPTS_LOOKED_AT}
        ) AS recent
      ) AS attempts WHERE nth <= ${ATTEMPTS_JUDGED} ORDER BY id DESC`;
    return attempts.map((attempt) => ({ ...attempt, reply: attempt.reply === null ? null : quote(attempt.reply) }));
  }

  /** As many as all workers have slots, whatever was sent before. */
  async slowHandovers(): Promise<SlowHandovers> {
    const [slow] = await this.prisma.$queryRaw<SlowHandovers[]>`
      SELECT count(*)::int AS count, coalesce(round(max(extract(epoch FROM now() - begun.at))), 0)::int AS "oldestSeconds",
        count(m.offered_at)::int AS "awaitingReply"
      FROM outbound_emails m
      CROSS JOIN LATERAL (SELECT at FROM email_events e WHERE e.email_id = m.id AND e.status = 'sending' ORDER BY e.id DESC LIMIT 1) AS begun
      WHERE m.status = 'sending' AND begun.at < now() - make_interval(secs => ${SLOW_AFTER_S})`;
    return slow!;
  }
}
