import { Injectable } from '@nestjs/common';
import { LOWEST_UUID } from '../core/ids.js';
import { PrismaService } from '../database/prisma.service.js';
import { Prisma } from '../generated/prisma/client.js';

/** Subscribers that one statement counts at most: what it costs does not grow with the audience. */
const WINDOW = 50_000;

/** How far an audience is counted. */
interface Counted {
  count: number;
  /** The last subscriber that was looked at. */
  upTo: string;
}

/**
 * Begins broadcasts whose time has come, each by itself. Its audience is counted a window at a time, and the last
 * window and the beginning are one statement. How far one is stands in memory alone: another process counts anew.
 */
@Injectable()
export class Beginnings {
  private counted = new Map<string, Counted>();

  constructor(private readonly prisma: PrismaService) {}

  /** Those whose time has come. */
  async due(): Promise<string[]> {
    const rows = await this.prisma.statements.query<{ id: string }[]>`
      SELECT id::text FROM broadcasts WHERE finished_at IS NULL AND ${IS_DUE} ORDER BY id`;
    const ids = rows.map(({ id }) => id);
    this.counted = new Map([...this.counted].filter(([id]) => ids.includes(id)));
    return ids;
  }

  /**
   * Counts a window of its audience, and begins it where that was the last one: whoever joins from then on does not get
   * it. Answers how many it counted, and 0 where it began, or somebody else has its row.
   */
  async go(id: string): Promise<number> {
    const { count, upTo } = this.counted.get(id) ?? { count: 0, upTo: LOWEST_UUID };
    const [found] = await this.prisma.statements.query<{ count: number; looked: number; last: string | null }[]>`
      WITH due AS MATERIALIZED (
        SELECT id, audience_id, filter FROM broadcasts WHERE id = ${id}::uuid AND finished_at IS NULL AND ${IS_DUE} FOR UPDATE SKIP LOCKED
      ), looked AS MATERIALIZED (
        SELECT s.id, s.gets FROM due CROSS JOIN LATERAL (
          SELECT id, status = 'active' AND attributes @> due.filter AS gets FROM subscribers
          WHERE audience_id = due.audience_id AND id > ${upTo}::uuid ORDER BY audience_id, id LIMIT ${WINDOW}
        ) AS s
      ), counted AS MATERIALIZED (
        SELECT count(*) FILTER (WHERE gets)::int AS count, count(*)::int AS looked,
          (SELECT id FROM looked ORDER BY id DESC LIMIT 1) AS last FROM looked
      ), began AS (
        UPDATE broadcasts b SET started_at = now(), tokens_at = now(), total = ${count}::int + counted.count,
          last_id = coalesce(counted.last, nullif(${upTo}::uuid, ${LOWEST_UUID}::uuid))
        FROM due, counted WHERE b.id = due.id AND counted.looked < ${WINDOW}
      )
      SELECT count, looked, last::text AS last FROM counted`;
    const { looked, last } = found!;
    if (looked < WINDOW) return 0;
    this.counted.set(id, { count: count + found!.count, upTo: last! });
    return looked;
  }
}

const IS_DUE = Prisma.sql`started_at IS NULL AND cancelled_at IS NULL AND paused_at IS NULL
  AND (scheduled_at IS NULL OR scheduled_at <= now())`;
