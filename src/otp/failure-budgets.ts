import { Inject, Injectable } from '@nestjs/common';
import { Problem } from '../core/problems.js';
import { PrismaService } from '../database/prisma.service.js';
import type { UnitOfWork } from '../database/unit-of-work.js';
import { Prisma } from '../generated/prisma/client.js';
import { budgetOf, type BudgetVerdict, COMMON_BUDGET, delaysAfter, DEVICE_BUDGET, FORGET_AFTER_MS, verdictOn } from './budget-policy.js';

/** Whose failures are counted together. */
export interface BudgetKey {
  /** Canonical. */
  destination: string;
  /** Of codes, their budgetClass. */
  purpose: string;
  /** Of a device that is known for the destination. */
  device: string | undefined;
}

/**
 * Failures more in `failure_budgets`, for each budget that is not used up; those are returned. They are the first ones
 * again where the last is so long ago that the row of failures has ended. It is to be a part of the statement that counts
 * the try.
 * @param rows a query of `destination`, `purpose`, `device` ('' where it is none) and `failures`, each budget once
 */
export function countFailures(rows: Prisma.Sql, now: Date): Prisma.Sql {
  const forgotten = Prisma.sql`b.updated_at <= ${new Date(now.getTime() - FORGET_AFTER_MS)}`;
  const failures = Prisma.sql`CASE WHEN ${forgotten} THEN excluded.failures ELSE b.failures + excluded.failures END`;
  const most = Prisma.sql`CASE b.device WHEN '' THEN ${COMMON_BUDGET.max}::int ELSE ${DEVICE_BUDGET.max}::int END`;
  const delays = Prisma.sql`CASE b.device WHEN '' THEN ${delaysAfter(COMMON_BUDGET)}::int[] ELSE ${delaysAfter(DEVICE_BUDGET)}::int[] END`;
  return Prisma.sql`
    INSERT INTO failure_budgets AS b (destination, purpose, device, failures, updated_at)
    SELECT r.destination, r.purpose, r.device, r.failures, ${now} FROM (${rows}) r ORDER BY 1, 2, 3
    ON CONFLICT (destination, purpose, device) DO UPDATE SET
      failures = ${failures},
      blocked_until = nullif(${now}::timestamptz + (${delays})[least(${failures}, ${most})] * interval '1 second', ${now}::timestamptz),
      updated_at = ${now}
    WHERE ${forgotten} OR (b.failures < ${most} AND (b.blocked_until IS NULL OR b.blocked_until <= ${now}))
    RETURNING destination, purpose, device`;
}

/** Wrong codes and passwords in a row, by destination and purpose; alike for addresses that nobody has. */
@Injectable()
export class FailureBudgets {
  constructor(@Inject(PrismaService) private readonly prisma: PrismaService) {}

  /** Counts a failure before anything is compared, so that parallel guesses cannot be undercounted; {@link clear} takes it back. */
  async begin(key: BudgetKey, now: Date): Promise<BudgetVerdict> {
    const rows = Prisma.sql`SELECT ${key.destination}::text AS destination, ${key.purpose}::text AS purpose, ${key.device ?? ''}::text AS device, 1 AS failures`;
    const counted = await this.prisma.$queryRaw<unknown[]>(countFailures(rows, now));
    return counted.length > 0 ? { kind: 'open' } : this.look(key, now);
  }

  /** Whether one more try would be let through. */
  async look({ destination, purpose, device }: BudgetKey, now: Date): Promise<BudgetVerdict> {
    const where = { destination_purpose_device: { destination, purpose, device: device ?? '' } };
    return verdictOn(await this.prisma.failureBudget.findUnique({ where }), budgetOf(device), now);
  }

  /** Takes failures back that were counted beforehand, and were none. */
  async takeBack({ destination, purpose, device }: BudgetKey, failures: number, unit: UnitOfWork): Promise<void> {
    await unit.db.$executeRaw`
      UPDATE failure_budgets SET
        failures = greatest(failures - ${failures}::int, 0),
        blocked_until = CASE WHEN failures - ${failures}::int >= ${budgetOf(device).free}::int THEN blocked_until END
      WHERE destination = ${destination} AND purpose = ${purpose} AND device = ${device ?? ''}`;
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
