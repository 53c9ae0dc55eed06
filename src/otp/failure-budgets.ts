import { Inject, Injectable } from '@nestjs/common';
import { Problem } from '../core/problems.js';
import { PrismaService } from '../database/prisma.service.js';
import type { UnitOfWork } from '../database/unit-of-work.js';
import { Prisma } from '../generated/prisma/client.js';
import { budgetOf, type BudgetVerdict, delaysAfter, FORGET_AFTER_MS, verdictOn } from './budget-policy.js';

/** Whose failures are counted together. */
export interface BudgetKey {
  /** Canonical. */
  destination: string;
  purpose: string;
  /** Of a device that is known for the destination. */
  device: string | undefined;
}

/**
 * One failure more in `failure_budgets`, unless the budget is used up: nothing is returned then. It is the first one again
 * where the last is so long ago that the row of failures has ended. It is to be a part of the statement that counts the try.
 * @param rows a query of `destination` and `purpose`, with one row or none
 */
export function countFailure(rows: Prisma.Sql, device: string | undefined, now: Date): Prisma.Sql {
  const budget = budgetOf(device);
  const delays = delaysAfter(budget);
  const forgotten = Prisma.sql`b.updated_at <= ${new Date(now.getTime() - FORGET_AFTER_MS)}`;
  const failures = Prisma.sql`CASE WHEN ${forgotten} THEN 1 ELSE b.failures + 1 END`;
  return Prisma.sql`
    INSERT INTO failure_budgets AS b (destination, purpose, device, failures, updated_at)
    SELECT r.destination, r.purpose, ${device ?? ''}, 1, ${now} FROM (${rows}) r
    ON CONFLICT (destination, purpose, device) DO UPDATE SET
      failures = ${failures},
      blocked_until = nullif(${now}::timestamptz + (${delays}::int[])[${failures}] * interval '1 second', ${now}::timestamptz),
      updated_at = ${now}
    WHERE ${forgotten} OR (b.failures < ${budget.max} AND (b.blocked_until IS NULL OR b.blocked_until <= ${now}))
    RETURNING failures`;
}

/** Wrong codes and passwords in a row, by destination and purpose; alike for addresses that nobody has. */
@Injectable()
export class FailureBudgets {
  constructor(@Inject(PrismaService) private readonly prisma: PrismaService) {}

  /** Counts a failure before anything is compared, so that parallel guesses cannot be undercounted; {@link clear} takes it back. */
  async begin(key: BudgetKey, now: Date): Promise<BudgetVerdict> {
    const rows = Prisma.sql`SELECT ${key.destination}::text AS destination, ${key.purpose}::text AS purpose`;
    const counted = await this.prisma.$queryRaw<unknown[]>(countFailure(rows, key.device, now));
    return counted.length > 0 ? { kind: 'open' } : this.look(key, now);
  }

  /** Whether one more try would be let through. */
  async look({ destination, purpose, device }: BudgetKey, now: Date): Promise<BudgetVerdict> {
    const where = { destination_purpose_device: { destination, purpose, device: device ?? '' } };
    return verdictOn(await this.prisma.failureBudget.findUnique({ where }), budgetOf(device), now);
  }

  /** After a success: its row of failures has ended, and those of all devices with it. */
  async clear({ destination, purpose }: { destination: string; purpose: string }, unit: UnitOfWork): Promise<void> {
    await unit.db.failureBudget.deleteMany({ where: { destination, purpose } });
  }
}

/** 429, the same whether the destination is anybody's. */
export function tooManyFailures({ until }: { until: Date }, now: Date): Problem {
  const seconds = Math.max(1, Math.ceil((until.getTime() - now.getTime()) / 1_000));
  return new Problem('too_many_failures', { headers: { 'retry-after': String(seconds) } });
}
