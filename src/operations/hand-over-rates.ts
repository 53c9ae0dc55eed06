import { Inject, Injectable } from '@nestjs/common';
import type { Lane } from '../core/lanes.js';
import { PrismaService } from '../database/prisma.service.js';

/** Seconds that are looked back. */
const WINDOW_S = 60;
/** Attempts that are looked at; where there were more in the window, the time that these took is the window. */
const ATTEMPTS_LOOKED_AT = 2_000;

export interface HandOverRate {
  lane: Lane;
  /** Messages that all workers together hand over. */
  perSecond: number;
}

/** How fast mail leaves, by lane, read off the newest attempts in the timelines; the cost does not grow with history. */
@Injectable()
export class HandOverRates {
  constructor(@Inject(PrismaService) private readonly prisma: PrismaService) {}

  async read(): Promise<HandOverRate[]> {
    return this.prisma.$queryRaw<HandOverRate[]>`
      WITH newest AS MATERIALIZED (
        SELECT id, at, status, worker, email_id FROM email_events WHERE transport IS NOT NULL ORDER BY id DESC LIMIT ${ATTEMPTS_LOOKED_AT}
      ), span AS (
        SELECT CASE WHEN count(*) < ${ATTEMPTS_LOOKED_AT} THEN ${WINDOW_S}::float8
          ELSE least(${WINDOW_S}::float8, greatest(extract(epoch FROM now() - min(at)), 0.001)::float8) END AS seconds
        FROM newest
      ), handed_over AS (
        SELECT m.lane FROM newest JOIN outbound_emails m ON m.id = newest.email_id
        WHERE newest.status = 'sent' AND newest.worker IS NOT NULL AND newest.at > now() - ${WINDOW_S} * interval '1 second'
      )
      SELECT lanes.lane, (SELECT count(*) FROM handed_over h WHERE h.lane = lanes.lane) / span.seconds AS "perSecond"
      FROM unnest(enum_range(NULL::lane)) AS lanes (lane) CROSS JOIN span`;
  }
}
