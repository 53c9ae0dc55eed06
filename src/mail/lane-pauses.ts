import { Inject, Injectable } from '@nestjs/common';
import type { Lane } from '../core/lanes.js';
import { PrismaService } from '../database/prisma.service.js';
import type { UnitOfWork } from '../database/unit-of-work.js';

export interface LanePause {
  lane: Lane;
  pausedAt: Date;
  reason: string | null;
}

/**
 * Lanes that an operator paused. In Postgres and not in the broker, for a lane is drained by jobs, by timers and by the
 * rescue: all of them claim, and the claim looks here. What was claimed before goes out.
 */
@Injectable()
export class LanePauses {
  constructor(@Inject(PrismaService) private readonly prisma: PrismaService) {}

  async list(): Promise<LanePause[]> {
    return this.prisma.lanePause.findMany({ orderBy: { lane: 'asc' } });
  }

  /** Returns those that were not paused before; what is known of the others stays. */
  async pause(lanes: readonly Lane[], reason: string | null, { db }: UnitOfWork): Promise<Lane[]> {
    const paused = await db.$queryRaw<{ lane: Lane }[]>`
      INSERT INTO lane_pauses (lane, reason) SELECT lane, ${reason} FROM unnest(${[...lanes]}::lane[]) AS wanted (lane)
      ON CONFLICT (lane) DO NOTHING RETURNING lane`;
    return paused.map(({ lane }) => lane);
  }

  /** Returns those that were paused. */
  async resume(lanes: readonly Lane[], { db }: UnitOfWork): Promise<Lane[]> {
    const resumed = await db.$queryRaw<{ lane: Lane }[]>`DELETE FROM lane_pauses WHERE lane = ANY(${[...lanes]}::lane[]) RETURNING lane`;
    return resumed.map(({ lane }) => lane);
  }
}
