import type { Lane } from '../core/lanes.js';
import type { PrismaService } from '../database/prisma.service.js';
import type { EmailStatus } from '../generated/prisma/enums.js';

export interface LaneFacts {
  lane: Lane;
  /** Could go out now. */
  due: number;
  /** Scheduled or deferred for later. */
  later: number;
  sending: number;
  /** 0 when none is due. */
  oldestDueSeconds: number;
  pausedAt: Date | null;
  pauseReason: string | null;
  /** Live workers that work it. */
  workers: number;
}

export interface ListedEmail {
  id: string;
  lane: Lane;
  status: EmailStatus;
  to: string;
  template: string | null;
  attempts: number;
  createdAt: Date;
  nextAttemptAt: Date;
  transport: string | null;
  lastErrorCode: string | null;
}

export interface OutboxFilter {
  status?: EmailStatus | undefined;
  lane?: Lane | undefined;
  /** Canonical. */
  to?: string | undefined;
  /** Accepted at or after. */
  since?: Date | undefined;
}

/** What operators ask of the outbox. */
export class OutboxRecords {
  constructor(private readonly prisma: PrismaService) {}

  /** All lanes, in one snapshot. Grows with what is not over yet, not with history: partial indexes hold just that. */
  async lanes(aliveWithinMs: number): Promise<LaneFacts[]> {
    return this.prisma.$queryRaw<LaneFacts[]>`
      SELECT lanes.lane, due, later, sending, "oldestDueSeconds", p.paused_at AS "pausedAt", p.reason AS "pauseReason",
        (SELECT count(*)::int FROM workers w WHERE lanes.lane::text = ANY(w.lanes)
          AND w.heartbeat_at > now() - ${aliveWithinMs} * interval '1 millisecond') AS workers
      FROM unnest(enum_range(NULL::lane)) AS lanes (lane)
      LEFT JOIN lane_pauses p ON p.lane = lanes.lane
      CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE next_attempt_at <= now())::int AS due, count(*) FILTER (WHERE next_attempt_at > now())::int AS later,
          round(extract(epoch FROM greatest(now() - min(next_attempt_at), interval '0')))::int AS "oldestDueSeconds"
        FROM outbound_emails m WHERE m.lane = lanes.lane AND status IN ('queued', 'scheduled', 'deferred')
      ) AS pending
      CROSS JOIN LATERAL (
        SELECT count(*)::int AS sending FROM outbound_emails m WHERE m.lane = lanes.lane AND status = 'sending'
      ) AS claimed
      ORDER BY lanes.lane`;
  }

  /** The newest first, without their content. */
  async list({ status, lane, to, since }: OutboxFilter, limit: number): Promise<ListedEmail[]> {
    const rows = await this.prisma.outboundEmail.findMany({
      where: {
        ...(status === undefined ? {} : { status }),
        ...(lane === undefined ? {} : { lane }),
        ...(to === undefined ? {} : { toCanonical: to }),
        ...(since === undefined ? {} : { createdAt: { gte: since } }),
      },
      select: { id: true, lane: true, status: true, toAddress: true, template: true, attempts: true, createdAt: true, nextAttemptAt: true, transport: true, lastErrorCode: true },
      orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
      take: limit,
    });
    return rows.map(({ toAddress, ...row }) => ({ ...row, to: toAddress }));
  }
}
