import { Batcher } from '../../core/batcher.js';
import { isUrgent, type Lane } from '../../core/lanes.js';
import type { Rate } from '../../core/rate.js';
import type { PrismaService } from '../../database/prisma.service.js';

interface Granted {
  /** Messages that may be sent now. */
  tokens: number;
  /** Milliseconds until the next one, when there is none. */
  retryAfterMs: number;
}

/** What bounds a transport, counted across all workers: a rate, a daily quota, or both. */
export interface Limiter {
  /** Takes up to `wanted`; mail other than codes leaves a reserve alone. */
  take(lane: Lane, wanted: number): Promise<Granted>;
  /** For tokens that found no message. */
  giveBack(tokens: number): Promise<void>;
  /** For a code that goes this way without a token, because another transport failed it. */
  charge(): Promise<void>;
  /** For a message that was tried and not sent, for no fault of its own. */
  notSent(): Promise<void>;
}

/** All of them have to grant; what a later one does not is given back to those before it. */
export class AllOf implements Limiter {
  constructor(private readonly limiters: readonly Limiter[]) {}

  async take(lane: Lane, wanted: number): Promise<Granted> {
    let granted: Granted = { tokens: wanted, retryAfterMs: 0 };
    for (const [index, limiter] of this.limiters.entries()) {
      const next = await limiter.take(lane, granted.tokens);
      const refused = granted.tokens - next.tokens;
      if (refused > 0) await Promise.all(this.limiters.slice(0, index).map((before) => before.giveBack(refused)));
      granted = next;
      if (granted.tokens === 0) break;
    }
    return granted;
  }

  giveBack(tokens: number): Promise<void> {
    return this.each((limiter) => limiter.giveBack(tokens));
  }

  charge(): Promise<void> {
    return this.each((limiter) => limiter.charge());
  }

  notSent(): Promise<void> {
    return this.each((limiter) => limiter.notSent());
  }

  private async each(tell: (limiter: Limiter) => Promise<void>): Promise<void> {
    await Promise.all(this.limiters.map(tell));
  }
}

interface Bucket {
  /** Tokens that come back each millisecond. */
  perMs: number;
  /** Tokens it holds at most: what may go at once after a pause. */
  capacity: number;
  /** The lowest tokens, which only codes may spend. */
  reserve: number;
}

/** A fixed window would spend a minute's mail in its first second and let a code wait for the next one. */
const BURST_MS = 6_000;
const RESERVED_SHARE = 0.4;

/** A smooth bucket: six seconds' worth at once, two fifths of it kept for codes. */
export function bucketOf({ count, windowMs }: Rate): Bucket {
  const perMs = count / windowMs;
  const capacity = Math.max(2, Math.ceil(perMs * BURST_MS));
  return { perMs, capacity, reserve: Math.max(1, Math.floor(capacity * RESERVED_SHARE)) };
}

/** Tokens that must stay in the bucket when mail of this lane is sent. */
export function floorFor(lane: Lane, bucket: Bucket): number {
  return isUrgent(lane) ? 0 : bucket.reserve;
}

/**
 * Whether mail of this lane goes by the next transport when the preferred one has no token. A used-up rate is no
 * failure, and ordinary mail waits for it; a code is dead in minutes.
 */
export function mayOverflow(lane: Lane): boolean {
  return isUrgent(lane);
}

/** Milliseconds until there is a token for this lane; at least 1. */
export function untilNextToken(tokens: number, floor: number, bucket: Bucket): number {
  return Math.max(1, Math.ceil((floor + 1 - tokens) / bucket.perMs));
}

/**
 * The token bucket of a transport, in Postgres and shared by all workers. One statement a take, whatever the number.
 */
export class RateLimiter implements Limiter {
  private readonly bucket: Bucket;
  private readonly charges = new Batcher((messages: undefined[]) => this.chargeAll(messages));

  constructor(
    private readonly prisma: PrismaService,
    private readonly transport: string,
    rate: Rate,
  ) {
    this.bucket = bucketOf(rate);
  }

  async take(lane: Lane, wanted: number): Promise<Granted> {
    const floor = floorFor(lane, this.bucket);
    const { granted, tokens } =
      (await this.spend(wanted, floor)) ?? (await this.fill(), (await this.spend(wanted, floor))!);
    return { tokens: granted, retryAfterMs: granted > 0 ? 0 : untilNextToken(tokens, floor, this.bucket) };
  }

  async giveBack(tokens: number): Promise<void> {
    await this.prisma.statements.execute`
      UPDATE rate_buckets SET tokens = least(${this.bucket.capacity}::float8, tokens + ${tokens}::float8)
      WHERE transport = ${this.transport}`;
  }

  /** The row is locked before it is read, so that two workers never spend the same token. */
  private async spend(wanted: number, floor: number): Promise<{ granted: number; tokens: number } | undefined> {
    const { perMs, capacity } = this.bucket;
    const [spent] = await this.prisma.statements.query<{ granted: number; tokens: number }[]>`
      UPDATE rate_buckets b SET tokens = judged.refilled - judged.granted, updated_at = judged.at
      FROM (
        SELECT *, least(${wanted}::int, greatest(0, floor(refilled - ${floor}::float8)))::int AS granted FROM (
          SELECT transport, clock_timestamp() AS at, least(${capacity}::float8, tokens
            + greatest(0, extract(epoch FROM clock_timestamp() - updated_at)::float8 * 1000) * ${perMs}::float8) AS refilled
          FROM rate_buckets WHERE transport = ${this.transport} FOR UPDATE
        ) AS locked
      ) AS judged
      WHERE b.transport = judged.transport
      RETURNING judged.granted, b.tokens`;
    return spent;
  }

  /** The bucket may go below zero, and those that come after wait the longer. Concurrent charges are one statement. */
  charge(): Promise<void> {
    return this.charges.submit(undefined);
  }

  /** The server was asked all the same. */
  async notSent(): Promise<void> {
    return Promise.resolve();
  }

  private async chargeAll(messages: undefined[]): Promise<void[]> {
    const { perMs, capacity } = this.bucket;
    await this.prisma.statements.execute`
      INSERT INTO rate_buckets AS b (transport, tokens) VALUES (${this.transport}, ${capacity - messages.length}::float8)
      ON CONFLICT (transport) DO UPDATE SET updated_at = clock_timestamp(), tokens = least(${capacity}::float8, b.tokens
        + greatest(0, extract(epoch FROM clock_timestamp() - b.updated_at)::float8 * 1000) * ${perMs}::float8) - ${messages.length}::float8`;
    return messages.map(() => undefined);
  }

  private async fill(): Promise<void> {
    await this.prisma.statements.execute`
      INSERT INTO rate_buckets (transport, tokens) VALUES (${this.transport}, ${this.bucket.capacity}::float8)
      ON CONFLICT (transport) DO NOTHING`;
  }
}

/** Of a day's messages, kept for codes. */
const RESERVED_QUOTA = 0.1;

/** How much of a quota mail of this lane may use up. */
export function quotaFor(lane: Lane, perDay: number): number {
  return isUrgent(lane) ? perDay : perDay - Math.ceil(perDay * RESERVED_QUOTA);
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
    await this.prisma.statements.execute`
      UPDATE transport_usage SET sent = greatest(0, sent - ${tokens}::int)
      WHERE name = ${this.transport} AND day = (now() AT TIME ZONE 'UTC')::date`;
  }

  charge(): Promise<void> {
    return this.charges.submit(undefined);
  }

  /** A quota counts what was sent: probes of a server that is away must not use it up. */
  notSent(): Promise<void> {
    return this.giveBack(1);
  }

  private async spend(
    limit: number,
    wanted: number,
  ): Promise<{ granted: number; untilTomorrowMs: number } | undefined> {
    const [spent] = await this.prisma.statements.query<{ granted: number; untilTomorrowMs: number }[]>`
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
    await this.prisma.statements.execute`
      INSERT INTO transport_usage (name, day) VALUES (${this.transport}, (now() AT TIME ZONE 'UTC')::date)
      ON CONFLICT (name, day) DO NOTHING`;
  }

  private async chargeAll(messages: undefined[]): Promise<void[]> {
    await this.prisma.statements.execute`
      INSERT INTO transport_usage AS u (name, day, sent)
      VALUES (${this.transport}, (now() AT TIME ZONE 'UTC')::date, ${messages.length}::int)
      ON CONFLICT (name, day) DO UPDATE SET sent = u.sent + excluded.sent`;
    return messages.map(() => undefined);
  }
}
