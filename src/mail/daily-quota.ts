import { Batcher } from '../core/batcher.js';
import type { Lane } from '../core/lanes.js';
import type { PrismaService } from '../database/prisma.service.js';
import type { Granted, Limiter } from './limiter.js';

/** Of a day's messages, kept for codes. */
const RESERVED_SHARE = 0.1;

/** How much of a quota mail of this lane may use up. */
export function quotaFor(lane: Lane, perDay: number): number {
  return lane === 'critical' ? perDay : perDay - Math.ceil(perDay * RESERVED_SHARE);
}

/**
 * What a provider allows a day, such as Gmail's 500. Counted by UTC days in Postgres, whose clock all workers share; a
 * provider that counts otherwise answers for itself, and that answer pauses the transport.
 */
export class DailyQuota implements Limiter {
  private readonly charges = new Batcher((messages: undefined[]) => this.chargeAll(messages));

  constructor(
    private readonly prisma: PrismaService,
    private readonly transport: string,
    private readonly perDay: number,
  ) {}

  /** One statement; a second one on the first take of a day. */
  async take(lane: Lane, wanted: number): Promise<Granted> {
    const limit = quotaFor(lane, this.perDay);
    const spent = (await this.spend(limit, wanted)) ?? (await this.begin(), await this.spend(limit, wanted));
    if (!spent) return { tokens: 0, retryAfterMs: 1 }; // a day has just begun
    return { tokens: spent.granted, retryAfterMs: spent.granted > 0 ? 0 : spent.untilTomorrowMs };
  }

  async giveBack(tokens: number): Promise<void> {
    await this.prisma.$executeRaw`
      UPDATE transport_usage SET sent = greatest(0, sent - ${tokens}::int)
      WHERE name = ${this.transport} AND day = (now() AT TIME ZONE 'UTC')::date`;
  }

  charge(): Promise<void> {
    return this.charges.submit(undefined);
  }

  /** A quota counts what was sent: trials of a server that is away must not use it up. */
  notSent(): Promise<void> {
    return this.giveBack(1);
  }

  private async spend(limit: number, wanted: number): Promise<{ granted: number; untilTomorrowMs: number } | undefined> {
    const [spent] = await this.prisma.$queryRaw<{ granted: number; untilTomorrowMs: number }[]>`
      UPDATE transport_usage u SET sent = u.sent + judged.granted
      FROM (
        SELECT name, day, least(${wanted}::int, greatest(0, ${limit}::int - sent)) AS granted
        FROM transport_usage WHERE name = ${this.transport} AND day = (now() AT TIME ZONE 'UTC')::date FOR UPDATE
      ) AS judged
      WHERE u.name = judged.name AND u.day = judged.day
      RETURNING judged.granted, 1000 * extract(epoch FROM judged.day + 1 - now() AT TIME ZONE 'UTC')::float8 AS "untilTomorrowMs"`;
    return spent;
  }

  private async begin(): Promise<void> {
    await this.prisma.$executeRaw`
      INSERT INTO transport_usage (name, day) VALUES (${this.transport}, (now() AT TIME ZONE 'UTC')::date)
      ON CONFLICT (name, day) DO NOTHING`;
  }

  private async chargeAll(messages: undefined[]): Promise<void[]> {
    await this.prisma.$executeRaw`
      INSERT INTO transport_usage AS u (name, day, sent)
      VALUES (${this.transport}, (now() AT TIME ZONE 'UTC')::date, ${messages.length}::int)
      ON CONFLICT (name, day) DO UPDATE SET sent = u.sent + excluded.sent`;
    return messages.map(() => undefined);
  }
}
