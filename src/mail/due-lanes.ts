import { Inject, Injectable } from '@nestjs/common';
import type { Lane } from '../core/lanes.js';
import { PrismaService } from '../database/prisma.service.js';

/** Which lanes have mail that is due and that nobody has claimed, but for those that an operator paused. */
@Injectable()
export class DueLanes {
  constructor(@Inject(PrismaService) private readonly prisma: PrismaService) {}

  /** One step into the partial index a lane, however much waits. */
  async read(): Promise<Lane[]> {
    const due = await this.prisma.$queryRaw<{ lane: Lane }[]>`
      SELECT lanes.lane FROM unnest(enum_range(NULL::lane)) AS lanes (lane)
      CROSS JOIN LATERAL (
        SELECT 1 FROM outbound_emails m
        WHERE m.lane = lanes.lane AND status IN ('queued', 'scheduled', 'deferred') AND next_attempt_at <= now()
        ORDER BY next_attempt_at, id LIMIT 1
      ) AS due
      WHERE NOT EXISTS (SELECT FROM lane_pauses p WHERE p.lane = lanes.lane)`;
    return due.map(({ lane }) => lane);
  }
}
