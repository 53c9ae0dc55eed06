import type { Lane } from '../core/lanes.js';
import type { Rate } from '../core/rate.js';
import type { PrismaService } from '../database/prisma.service.js';
import { type Bucket, bucketOf, floorFor, untilNextToken } from './rate-policy.js';

export interface Granted {
  /** Messages that may be sent now. */
  tokens: number;
  /** Milliseconds until the next one, when there is none. */
  retryAfterMs: number;
}

/** The token bucket of a transport, in Postgres and shared by all workers. One statement a take, whatever the number. */
export class RateLimiter {
  private readonly bucket: Bucket;

  constructor(
    private readonly prisma: PrismaService,
    private readonly transport: string,
    rate: Rate,
  ) {
    this.bucket = bucketOf(rate);
  }

  /** Takes up to `wanted` tokens; mail other than codes leaves the reserve alone. */
  async take(lane: Lane, wanted: number): Promise<Granted> {
    const floor = floorFor(lane, this.bucket);
    const { granted, tokens } = (await this.spend(wanted, floor)) ?? (await this.fill(), (await this.spend(wanted, floor))!);
    return { tokens: granted, retryAfterMs: granted > 0 ? 0 : untilNextToken(tokens, floor, this.bucket) };
  }

  /** For tokens that found no message. */
  async giveBack(tokens: number): Promise<void> {
    await this.prisma.$executeRaw`
      UPDATE rate_buckets SET tokens = least(${this.bucket.capacity}::float8, tokens + ${tokens}::float8)
      WHERE transport = ${this.transport}`;
  }

  /** The row is locked before it is read, so that two workers never spend the same token. */
  private async spend(wanted: number, floor: number): Promise<{ granted: number; tokens: number } | undefined> {
    const { perMs, capacity } = this.bucket;
    const [spent] = await this.prisma.$queryRaw<{ granted: number; tokens: number }[]>`
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

  private async fill(): Promise<void> {
    await this.prisma.$executeRaw`
      INSERT INTO rate_buckets (transport, tokens) VALUES (${this.transport}, ${this.bucket.capacity}::float8)
      ON CONFLICT (transport) DO NOTHING`;
  }
}
