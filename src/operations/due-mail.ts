import { Inject, Injectable } from '@nestjs/common';
import type { Lane } from '../core/lanes.js';
import { PrismaService } from '../database/prisma.service.js';

/** Rows that are counted at most; a scrape costs the same whatever waits. */
export const COUNTED_AT_MOST = 10_000;

export interface DueMail {
  lane: Lane;
  /** Messages that could go out now, {@link COUNTED_AT_MOST} for any more. */
  count: number;
  /** How long the oldest of them has waited; 0 when there is none. */
  oldestSeconds: number;
}

/** What waits for a worker, by lane, read off the partial index of due rows. */
@Injectable()
export class DueMailReader {
  constructor(@Inject(PrismaService) private readonly prisma: PrismaService) {}

  async read(): Promise<DueMail[]> {
    return this.prisma.$queryRaw<DueMail[]>`
      SELECT lanes.lane, due.count, due."oldestSeconds"
      FROM unnest(enum_range(NULL::lane)) AS lanes (lane)
      CROSS JOIN LATERAL (
        SELECT count(*)::int AS count,
          coalesce(extract(epoch FROM now() - min(next_attempt_at)), 0)::float8 AS "oldestSeconds"
        FROM (
          SELECT next_attempt_at FROM outbound_emails m
          WHERE m.lane = lanes.lane AND status IN ('queued', 'scheduled', 'deferred') AND next_attempt_at <= now()
          ORDER BY next_attempt_at, id LIMIT ${COUNTED_AT_MOST}
        ) AS first
      ) AS due`;
  }
}
