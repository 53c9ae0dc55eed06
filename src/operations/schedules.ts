import { Injectable } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { MOMENT, WORD } from '../core/shapes.js';
import { PrismaService } from '../database/prisma.service.js';

/** Seconds after which a task that nobody took is late: each process looks for them every second. */
const LATE_AFTER_S = 60;

class ScheduleView {
  @ApiProperty({ example: 'retention' })
  name!: string;

  @ApiProperty({ format: 'date-time' })
  nextRunAt!: Date;

  @ApiProperty({ description: 'It has been due for a minute, and no process took it' })
  late!: boolean;

  @ApiProperty({ ...WORD, example: 'web-1:4711', description: 'The process that does it at this moment' })
  runningOn!: string | null;

  @ApiProperty(MOMENT)
  lastRunAt!: Date | null;

  @ApiProperty({ type: Number, nullable: true, description: 'Milliseconds' })
  lastTookMs!: number | null;

  @ApiProperty({ ...WORD, example: '3 erased', description: 'What it did' })
  lastResult!: string | null;

  @ApiProperty(WORD)
  lastError!: string | null;
}

export class ScheduleList {
  @ApiProperty({ type: [ScheduleView] })
  items!: ScheduleView[];

  @ApiProperty(WORD)
  nextCursor!: string | null;
}

/** Periodic work that processes share, by name. */
@Injectable()
export class Schedules {
  constructor(private readonly prisma: PrismaService) {}

  async list(): Promise<ScheduleList> {
    const items = await this.prisma.statements.query<ScheduleView[]>`
      SELECT name, next_run_at AS "nextRunAt",
        next_run_at < now() - make_interval(secs => ${LATE_AFTER_S}) AND coalesce(lease_until <= now(), true) AS late,
        CASE WHEN lease_until > now() THEN leased_by END AS "runningOn", last_run_at AS "lastRunAt",
        last_took_ms AS "lastTookMs", last_result AS "lastResult", last_error AS "lastError"
      FROM scheduled_tasks ORDER BY name`;
    return { items, nextCursor: null };
  }
}
