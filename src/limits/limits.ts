import { Injectable } from '@nestjs/common';
import { Settings } from '../config/settings.js';
import { Batcher } from '../core/batcher.js';
import { Clock } from '../core/clock.js';
import { Logger } from '../core/logger.js';
import { RequestMetrics } from '../core/metrics.js';
import { Problem } from '../core/problems.js';
import { PrismaService } from '../database/prisma.service.js';
import { Prisma } from '../generated/prisma/client.js';
import {
  type Asking,
  type Counter,
  countersOf,
  DISOWNED_COST,
  hashOf,
  ipCounters,
  keyCounters,
  refreshCounters,
  refusalOf,
  type UsedUp,
} from './limit-policy.js';

/** Milliseconds between two warnings that the deployment's own limit is reached. */
const WARN_EVERY_MS = 60_000;

/** What became of one counter of a key. */
interface KeyCount extends UsedUp {
  /** The API key's id. */
  owner: string;
  /** How many of its calls this counter lets through now. */
  places: number;
  isFull: boolean;
}

/**
 * As the statement of `countAll`, for many keys: no call is counted in one counter of its key and refused by another.
 */
const COUNT_KEYS = `
    WITH asked AS (
      SELECT a.* FROM set_config('synchronous_commit', 'off', true),
        unnest($1::text[], $2::text[], $3::int[], $4::float8[], $5::int[]) AS a (owner, key, allowed, window_ms, wanted)
    ), stand AS MATERIALIZED (
      SELECT key, count, ends_at FROM request_limits WHERE key = ANY ($2) ORDER BY key FOR UPDATE
    ), free AS (
      SELECT owner, greatest(0, least(min(wanted), min(CASE WHEN ends_at > $6 THEN allowed - count ELSE allowed END))) AS places
      FROM asked LEFT JOIN stand USING (key) GROUP BY owner
    ), taken AS (
      INSERT INTO request_limits AS l (key, count, ends_at)
      SELECT key, places, $6::timestamptz + window_ms * interval '1 millisecond' FROM asked JOIN free USING (owner)
      WHERE places > 0 ORDER BY key
      ON CONFLICT (key) DO UPDATE SET
        count = CASE WHEN l.ends_at <= $6 THEN excluded.count ELSE l.count + excluded.count END,
        ends_at = CASE WHEN l.ends_at <= $6 THEN excluded.ends_at ELSE l.ends_at END
      RETURNING key, count, ends_at
    )
    SELECT owner, key, places - greatest(0, coalesce(taken.count, 0) - allowed) AS places,
      coalesce(taken.count, stand.count) >= allowed AS "isFull", coalesce(taken.ends_at, stand.ends_at) AS "endsAt"
    FROM asked JOIN free USING (owner) LEFT JOIN taken USING (key) LEFT JOIN stand USING (key)`;

/**
 * How often strangers and API keys are let. Counted in Postgres, so that all web processes count together; one
 * statement a call, of its own, so that a call that fails later still counts. Where it cannot be counted, nothing is
 * let through.
 */
@Injectable()
export class Limits {
  /** Of concurrent calls together. */
  private readonly callsOfKeys = new Batcher((keys: string[]) => this.countKeys(keys));
  private warnedAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly prisma: PrismaService,
    private readonly settings: Settings,
    private readonly clock: Clock,
    private readonly log: Logger,
    private readonly metrics: RequestMetrics,
  ) {}

  /**
   * Counts a call of a stranger against all limits it falls under, or against none when one of them is used up.
   * @throws Problem rate_limited
   */
  async take(asking: Asking): Promise<void> {
    await this.count(countersOf(asking, this.settings.limits), asking.destination);
  }

  /** @throws Problem rate_limited */
  async takeKey(apiKeyId: string): Promise<void> {
    if (this.settings.limits.key.length === 0) return;
    const usedUp = await this.callsOfKeys.submit(apiKeyId);
    if (usedUp.length > 0) this.refuse(usedUp, keyCounters(apiKeyId, this.settings.limits), this.clock.now());
  }

  /** @param sessionId of the refresh token, where it is good for one. @throws Problem rate_limited */
  async takeRefresh(ip: string, sessionId: string | undefined): Promise<void> {
    await this.count(refreshCounters(ip, sessionId, this.settings.limits));
  }

  /**
   * Charges whoever asked for what its owner disowned.
   * @param requester as requesterOf made it
   */
  async slowDown(requester: string): Promise<void> {
    const now = this.clock.now();
    const charged = ipCounters(requester, this.settings.limits);
    if (charged.length === 0) return;
    await this.prisma.statements.execute`
      INSERT INTO request_limits AS l (key, count, ends_at)
      SELECT key, ${DISOWNED_COST}::int, ${now}::timestamptz + window_ms * interval '1 millisecond'
      FROM unnest(${charged.map(({ key }) => key)}::text[], ${charged.map(({ rate }) => rate.windowMs)}::float8[]) AS a (key, window_ms)
      ORDER BY key
      ON CONFLICT (key) DO UPDATE SET
        count = CASE WHEN l.ends_at <= ${now}::timestamptz THEN excluded.count ELSE l.count + excluded.count END,
        ends_at = CASE WHEN l.ends_at <= ${now}::timestamptz THEN excluded.ends_at ELSE l.ends_at END`;
  }

  private async count(asked: Counter[], destination?: string): Promise<void> {
    if (asked.length === 0) return;
    const now = this.clock.now();
    const usedUp = await this.countAll(asked, destination, now);
    if (usedUp.length > 0) this.refuse(usedUp, asked, now);
  }

  /** @throws Problem */
  private refuse(usedUp: readonly UsedUp[], asked: readonly Counter[], now: Date): never {
    const { policy, detail, headers } = refusalOf(usedUp, asked, now);
    this.metrics.limitRefused(policy);
    if (policy === 'public-mail') this.warn(now);
    throw new Problem('rate_limited', { detail, headers });
  }

  /**
   * Answers the counters that let nothing more through; none when the call may go on.
   *
   * First all of them are looked at, and if one is used up none is counted: a requester whose own limit is reached
   * cannot go on to use up the budget of an address. What is counted then says for itself whether it was too much, for
   * others may have looked at the same moment. The rows are locked in the order of their keys, so that no two calls
   * wait for each other, and the one that all share last. A destination is noted as asked for only by a call that
   * was let, and costs its requester nothing from then on.
   *
   * This statement alone does not wait for the disk (measured: 2 ms instead of 4): a crash of Postgres forgets the
   * counts of its last half second, and rows that many share are locked for a shorter time.
   */
  private async countAll(asked: Counter[], destination: string | undefined, now: Date): Promise<UsedUp[]> {
    const hash = destination === undefined ? null : hashOf(destination);
    const statement = Prisma.sql`
      WITH asked AS (
        SELECT a.* FROM set_config('synchronous_commit', 'off', true), unnest(
          ${asked.map(({ key }) => key)}::text[], ${asked.map(({ rate }) => rate.count)}::int[],
          ${asked.map(({ rate }) => rate.windowMs)}::float8[], ${asked.map(({ policy }) => policy === 'ip-destinations')}::bool[]
        ) AS a (key, allowed, window_ms, distinct_only)
      ), charged AS (
        SELECT * FROM asked WHERE NOT (distinct_only AND EXISTS (
          SELECT FROM requested_destinations d
          WHERE d.key = asked.key AND d.destination = ${hash}::bytea AND d.ends_at > ${now}::timestamptz))
      ), used_up AS (
        SELECT l.key, l.ends_at FROM charged JOIN request_limits l USING (key)
        WHERE l.ends_at > ${now}::timestamptz AND l.count >= charged.allowed
      ), taken AS (
        INSERT INTO request_limits AS l (key, count, ends_at)
        SELECT key, 1, ${now}::timestamptz + window_ms * interval '1 millisecond' FROM charged
        WHERE NOT EXISTS (SELECT FROM used_up)
        ORDER BY key
        ON CONFLICT (key) DO UPDATE SET
          count = CASE WHEN l.ends_at <= ${now}::timestamptz THEN 1 ELSE l.count + 1 END,
          ends_at = CASE WHEN l.ends_at <= ${now}::timestamptz THEN excluded.ends_at ELSE l.ends_at END
        RETURNING key, count, ends_at
      ), too_many AS (
        SELECT key, taken.ends_at FROM taken JOIN asked USING (key) WHERE taken.count > asked.allowed
      ), noted AS (
        INSERT INTO requested_destinations (key, destination, ends_at)
        SELECT key, ${hash}::bytea, taken.ends_at FROM taken JOIN asked USING (key)
        WHERE distinct_only AND NOT EXISTS (SELECT FROM too_many)
        ORDER BY key
        ON CONFLICT (key, destination) DO UPDATE SET ends_at = excluded.ends_at
      )
      SELECT key, ends_at AS "endsAt" FROM used_up UNION ALL SELECT key, ends_at FROM too_many`;
    return this.prisma.statements.runSql<UsedUp>(statement);
  }

  /**
   * As {@link countAll} for calls of keys: of each key as many are let, and counted, as its fullest counter still lets.
   * Answers for each call the counters that let it through no more.
   */
  private async countKeys(keys: string[]): Promise<UsedUp[][]> {
    const calls = new Map<string, number>();
    for (const key of keys) calls.set(key, (calls.get(key) ?? 0) + 1);
    const asked = [...calls].flatMap(([owner, wanted]) =>
      keyCounters(owner, this.settings.limits).map((counter) => ({ owner, wanted, ...counter })),
    );
    const counted = await this.prisma.statements.run<KeyCount>(COUNT_KEYS, [
      asked.map(({ owner }) => owner),
      asked.map(({ key }) => key),
      asked.map(({ rate }) => rate.count),
      asked.map(({ rate }) => rate.windowMs),
      asked.map(({ wanted }) => wanted),
      this.clock.now(),
    ]);
    return keys.map((owner) => {
      const own = counted.filter((count) => count.owner === owner);
      const isLet = own.every((count) => count.places > 0);
      for (const count of own) count.places--;
      return isLet ? [] : own.filter(({ isFull }) => isFull);
    });
  }

  /** Nobody can ask for a code any more until it ends: an attack, or a success that the limit was not set for. */
  private warn(now: Date): void {
    if (now.getTime() - this.warnedAt < WARN_EVERY_MS) return;
    this.warnedAt = now.getTime();
    this.log.warn(
      'LIMIT_PUBLIC_MAIL is reached: requests of strangers that need mail are refused for now; raise it if they are genuine',
    );
  }
}
