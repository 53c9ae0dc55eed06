import { Batcher } from '../core/batcher.js';
import type { Lane } from '../core/lanes.js';
import type { Rate } from '../core/rate.js';
import type { PrismaService } from '../database/prisma.service.js';
import type { Granted, Limiter } from './limiter.js';
import { type Bucket, bucketOf, floorFor, untilNextToken } from './rate-policy.js';

/** The token bucket of a transport, in Postgres and shared by all workers. One statement a take, whatever the number. */
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

  /**
   * For a message that goes this way without a token, because another transport failed it: it does not wait, the bucket
   * may go below zero, and those that come after wait the longer. Concurrent ones are one statement.
   */
  charge(): Promise<void> {
    return this.charges.submit(undefined);
  }

  /** The server was asked all the same. */
  async notSent(): Promise<void> {
    return Promise.resolve();
  }

  private async chargeAll(messages: undefined[]): Promise<void[]> {
    const { perMs, capacity } = this.bucket;
    await this.prisma.$executeRaw`
      INSERT INTO rate_buckets AS b (transport, tokens) VALUES (${this.transport}, ${capacity - messages.length}::float8)
      ON CONFLICT (transport) DO UPDATE SET updated_at = clock_timestamp(), tokens = least(${capacity}::float8, b.tokens
        + greatest(0, extract(epoch FROM clock_timestamp() - b.updated_at)::float8 * 1000) * ${perMs}::float8) - ${messages.length}::float8`;
    return messages.map(() => undefined);
  }

  private async fill(): Promise<void> {
    await this.prisma.$executeRaw`
      INSERT INTO rate_buckets (transport, tokens) VALUES (${this.transport}, ${this.bucket.capacity}::float8)
      ON CONFLICT (transport) DO NOTHING`;
  }
}
