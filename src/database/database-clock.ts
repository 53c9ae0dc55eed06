import type { OnModuleDestroy } from '@nestjs/common';
import { Clock } from '../core/clock.js';
import type { Logger } from '../core/logger.js';
import type { PrismaService } from './prisma.service.js';
import { untilAnswered } from './waiting.js';

/** One look at the clock of somebody else, in milliseconds. */
interface ClockReading {
  /** What that clock said. */
  said: number;
  /** By our own monotonic clock: before the question, and after the answer. */
  asked: number;
  answered: number;
}

/** Milliseconds that two clocks may differ before people are told. */
export const SKEW_LIMIT_MS = 2_000;

/**
 * How far a clock is ahead of our monotonic one, in milliseconds. A reading does not say when in its time the clock was
 * looked at, and so leaves room as wide as it took. What is known already moves only as far as the narrowest reading
 * proves it wrong: a slow answer from a busy database moves nothing, and the time does not jitter.
 */
export function offsetOf(readings: readonly ClockReading[], known?: number): number {
  const { said, asked, answered } = readings.reduce((best, one) =>
    one.answered - one.asked < best.answered - best.asked ? one : best,
  );
  const [least, most] = [said - answered, said - asked];
  return known === undefined ? (least + most) / 2 : Math.min(most, Math.max(least, known));
}

/** Statements of one look: the first may wait for a connection. */
const READINGS = 3;
/** Milliseconds between two looks. A monotonic clock drifts by 30 ms a minute at most (RFC 5905: 500 ppm). */
const LOOK_EVERY_MS = 60_000;
/** Milliseconds between two looks for a reason. */
const LOOK_AGAIN_MS = 1_000;
/** Milliseconds by which the host's clock has jumped when it has. */
const JUMP_MS = 1_000;

/**
 * The clock of Postgres as this process knows it: looked at when it starts and each minute, carried on by the monotonic
 * clock in between and while Postgres is away. The host's own clock may be wrong or be set meanwhile; that it jumps is
 * a hint to look, for the monotonic clock stands still while a machine sleeps. Two processes differ by the time that
 * a statement takes.
 */
export class DatabaseClock extends Clock implements OnModuleDestroy {
  private readonly prisma: PrismaService;
  /** Milliseconds: Postgres is ahead of `performance.now()`. */
  private offset: number;
  /** The same for the host's clock, when it was compared last. */
  private hostOffset = hostOffset();
  private looking = false;
  private lookedAt = performance.now();
  private timer: NodeJS.Timeout | undefined;
  private log: Logger | undefined;
  private told = false;

  private constructor(prisma: PrismaService, readings: readonly ClockReading[]) {
    super();
    this.prisma = prisma;
    this.offset = offsetOf(readings);
  }

  /** For a command, which is soon over. */
  static async read(prisma: PrismaService): Promise<DatabaseClock> {
    return new DatabaseClock(prisma, await readingsOf(prisma));
  }

  /** For a process that stays, and tells operators of a host whose own clock is wrong. */
  static async open(prisma: PrismaService, log: Logger): Promise<DatabaseClock> {
    const clock = await untilAnswered(log, () => DatabaseClock.read(prisma));
    clock.log = log;
    clock.timer = setInterval(() => void clock.look(), LOOK_EVERY_MS).unref();
    clock.tellSkew();
    return clock;
  }

  now(): Date {
    const at = performance.now();
    if (Math.abs(hostOffset() - this.hostOffset) > JUMP_MS && at - this.lookedAt > LOOK_AGAIN_MS) void this.look();
    return new Date(at + this.offset);
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  private async look(): Promise<void> {
    if (this.looking) return;
    this.looking = true;
    this.lookedAt = performance.now();
    try {
      this.offset = offsetOf(await readingsOf(this.prisma), this.offset);
      this.hostOffset = hostOffset();
      this.tellSkew();
    } catch (error) {
      this.log?.debug({ err: error }, 'the clock of Postgres could not be read; the last reading holds');
    } finally {
      this.looking = false;
    }
  }

  /** Once, and again only after it was right in between. */
  private tellSkew(): void {
    const aheadMs = Math.round(this.hostOffset - this.offset);
    const wrong = Math.abs(aheadMs) > SKEW_LIMIT_MS;
    if (wrong && !this.told) {
      const facts = { hostAheadMs: aheadMs };
      this.log?.warn(
        facts,
        'the clocks of this host and of Postgres differ; codes, sessions and mail go by that of Postgres. Turn on time synchronisation (NTP) on both',
      );
    }
    this.told = wrong;
  }
}

/** Milliseconds by which the host's clock is ahead of the monotonic one. */
function hostOffset(): number {
  return Date.now() - performance.now();
}

async function readingsOf(prisma: PrismaService): Promise<ClockReading[]> {
  const readings: ClockReading[] = [];
  while (readings.length < READINGS) {
    const asked = performance.now();
    const [row] = await prisma.statements.query<
      { said: number }[]
    >`SELECT (1000 * extract(epoch FROM clock_timestamp()))::float8 AS said`;
    readings.push({ said: row!.said, asked, answered: performance.now() });
  }
  return readings;
}
