import { Injectable } from '@nestjs/common';
import { Settings, type TestNumber } from '../../config/settings.js';
import { Clock } from '../../core/clock.js';
import { channelTo } from '../../core/destination.js';
import { Logger } from '../../core/logger.js';
import { maskNumber } from '../../core/mask.js';
import { parsePhoneNumber } from '../../core/phone-number.js';
import { Problem } from '../../core/problems.js';
import { PrismaService, Transactions, type UnitOfWork } from '../../database/prisma.service.js';
import { hashOf, secondsUntil } from '../../limits/limit-policy.js';
import { testNumberIn } from '../../mail/sms/test-numbers.js';
import { dayOf, endOfDay, prefixOf, type Traffic, TRAFFIC_KINDS, type TrafficKind, verdictOn } from './guard-policy.js';

/** Milliseconds between two lines of the log about one rule. */
const WARN_EVERY_MS = 60_000;

/** Rolls back what was counted for a code that does not go out. */
class Closed extends Error {
  constructor(readonly by: TrafficKind) {
    super(`closed by ${by}`);
  }
}

interface Keyed {
  kind: TrafficKind;
  key: string;
}

/**
 * What stands between a request for a code and a text message that is paid for: whether there is a way at all, the
 * countries, and the count of codes that nobody gave back. Addresses of mail pass. Whether anybody has the number does
 * not matter.
 */
@Injectable()
export class SmsGuard {
  private readonly warnedAt = new Map<TrafficKind, number>();

  constructor(
    private readonly settings: Settings,
    private readonly prisma: PrismaService,
    private readonly transactions: Transactions,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {}

  /**
   * What is known without looking into any record. @param canonical a destination's @throws Problem sms_not_configured,
   * sms_country
   */
  require(canonical: string): void {
    if (channelTo(canonical) !== 'sms') return;
    const { transports, countries } = this.settings.sms;
    if (transports.length === 0) throw new Problem('sms_not_configured');
    if (this.testNumber(canonical)) return;
    const country = parsePhoneNumber(canonical)?.country;
    if (country === undefined || !countries.includes(country)) throw new Problem('sms_country');
  }

  /**
   * Counts a message to a number, or refuses it and counts none. The rows are locked in one order until all are judged,
   * so that of many requests at once none passes too many; for texts, which cost money each, that is fast enough.
   * @param what a new code, or one that is sent again
   * @throws Problem sms_not_configured, sms_country, sms_limited
   */
  async take(canonical: string, what: 'code' | 'copy'): Promise<void> {
    this.require(canonical);
    if (channelTo(canonical) !== 'sms' || this.testNumber(canonical)) return;
    const { guard, daily } = this.settings.sms;
    const now = this.clock.now();
    const keys = keysOf(canonical);
    try {
      await this.transactions.run(async (unit) => {
        const counted = await this.count(keys, what, now, unit);
        const verdict =
          guard === 'off'
            ? verdictOn(
                counted.filter(({ kind }) => kind === 'all'),
                { daily },
              )
            : verdictOn(counted, { daily });
        if (verdict.kind === 'open') return;
        if (guard === 'record' && verdict.by !== 'all')
          return this.tell(verdict.by, canonical, 'would have been refused', now);
        throw new Closed(verdict.by);
      });
    } catch (error) {
      if (!(error instanceof Closed)) throw error;
      this.tell(error.by, canonical, 'was refused', now);
      await this.countRefused(keys, error.by, now);
      throw new Problem('sms_limited', {
        detail: DETAILS[error.by],
        headers: { 'retry-after': String(secondsUntil(endOfDay(now), now)) },
      });
    }
  }

  /** A code that went to a number alone was given back. @param issuedAt when it was made, for that day has its count */
  async verified(canonical: string, issuedAt: Date, { db }: UnitOfWork): Promise<void> {
    if (this.testNumber(canonical)) return;
    const keys = keysOf(canonical);
    await db.$executeRaw`
      UPDATE sms_traffic t SET verified = t.verified + 1
      FROM (
        SELECT s.kind, s.key FROM sms_traffic s
        JOIN unnest(${keys.map(({ kind }) => kind)}::text[], ${keys.map(({ key }) => key)}::text[]) AS k (kind, key) USING (kind, key)
        WHERE s.day = ${dayOf(issuedAt)}::date ORDER BY s.kind, s.key FOR UPDATE OF s
      ) AS held
      WHERE t.day = ${dayOf(issuedAt)}::date AND t.kind = held.kind AND t.key = held.key`;
  }

  /** Of a number of test that is still good: its code is always the same, and nothing is sent. */
  testNumber(canonical: string): TestNumber | undefined {
    return testNumberIn(this.settings.sms.testNumbers, canonical, this.clock.now());
  }

  /** Removes up to `limit` counts of days that are longer ago. Returns how many. */
  async removeOld(days: number, limit: number): Promise<number> {
    return this.prisma.statements.execute`
      DELETE FROM sms_traffic WHERE (day, kind, key) IN (
        SELECT day, kind, key FROM sms_traffic
        WHERE day < ${dayOf(this.clock.now())}::date - ${days}::int LIMIT ${limit} FOR UPDATE SKIP LOCKED)`;
  }

  private async count(
    keys: readonly Keyed[],
    what: 'code' | 'copy',
    now: Date,
    { db }: UnitOfWork,
  ): Promise<Traffic[]> {
    return db.$queryRaw<Traffic[]>`
      INSERT INTO sms_traffic AS t (day, kind, key, messages, codes)
      SELECT ${dayOf(now)}::date, kind, key, 1, ${what === 'code' ? 1 : 0}::int
      FROM unnest(${keys.map(({ kind }) => kind)}::text[], ${keys.map(({ key }) => key)}::text[]) AS k (kind, key)
      ORDER BY kind, key
      ON CONFLICT (day, kind, key) DO UPDATE SET messages = t.messages + 1, codes = t.codes + excluded.codes
      RETURNING kind, messages, codes, verified`;
  }

  /** For those who look on, under the rule that was broken and under the country. */
  private async countRefused(keys: readonly Keyed[], by: TrafficKind, now: Date): Promise<void> {
    const told = keys.filter(({ kind }) => kind === by || kind === 'country' || kind === 'all');
    await this.prisma.statements.execute`
      INSERT INTO sms_traffic AS t (day, kind, key, refused)
      SELECT ${dayOf(now)}::date, kind, key, 1
      FROM unnest(${told.map(({ kind }) => kind)}::text[], ${told.map(({ key }) => key)}::text[]) AS k (kind, key)
      ORDER BY kind, key
      ON CONFLICT (day, kind, key) DO UPDATE SET refused = t.refused + 1`;
  }

  private tell(by: TrafficKind, canonical: string, what: string, now: Date): void {
    if (now.getTime() - (this.warnedAt.get(by) ?? Number.NEGATIVE_INFINITY) < WARN_EVERY_MS) return;
    this.warnedAt.set(by, now.getTime());
    const cause = by === 'all' ? 'SMS_DAILY is reached' : `too few codes of its ${by} are given back`;
    this.log.warn({ number: maskNumber(canonical), rule: by }, `a code by SMS ${what}: ${cause}; see docs/sms.md`);
  }
}

/** The same whether anybody has the number. */
const DETAILS: Record<TrafficKind, string> = {
  all: 'No more codes go by SMS today.',
  country: 'No more codes go to numbers of that country today.',
  prefix: 'No more codes go to numbers like that today.',
  number: 'No more codes go to this number today.',
};

/** Only the hash of a number is kept, and the number without its last digits. */
function keysOf(e164: string): Keyed[] {
  const keys: Record<TrafficKind, string> = {
    all: '',
    country: parsePhoneNumber(e164)?.country ?? '',
    prefix: prefixOf(e164),
    number: hashOf(e164).toString('base64url'),
  };
  return TRAFFIC_KINDS.map((kind) => ({ kind, key: keys[kind] }));
}
