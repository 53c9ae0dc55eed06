import { Injectable } from '@nestjs/common';
import { Problem } from '../core/problems.js';
import { PrismaService, type UnitOfWork } from '../database/prisma.service.js';
import { Prisma } from '../generated/prisma/client.js';
import { secondsUntil } from '../limits/limit-policy.js';
import {
  budgetOf,
  type BudgetVerdict,
  COMMON_BUDGET,
  delaysAfter,
  DEVICE_BUDGET,
  FORGET_AFTER_MS,
  verdictOn,
} from './budget-policy.js';

/** Failures with one key are counted together. */
export interface BudgetKey {
  /** Canonical. */
  destination: string;
  /** For a code, its `budgetClass` (purposes.ts). */
  purpose: string;
  /** Id of a device that signed in to the destination before. */
  device: string | undefined;
}

/**
 * SQL that adds failures to each budget that is not used up, and returns these budgets. It is a part of the statement
 * that counts the try. Where the last failure is too long ago, the row of failures has ended, and counting begins at
 * zero.
 * @param rows a query of `destination`, `purpose`, `device` ('' where there is none) and `failures`, each budget once
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

/**
 * Wrong codes and passwords in a row, by destination and purpose. An address that nobody has is counted in the same
 * way.
 */
@Injectable()
export class FailureBudgets {
  constructor(private readonly prisma: PrismaService) {}

  /**
   * Counts a failure before anything is compared: parallel guesses cannot be undercounted. {@link clear} takes it back.
   */
  async begin(key: BudgetKey, now: Date): Promise<BudgetVerdict> {
    const rows = Prisma.sql`SELECT ${key.destination}::text AS destination, ${key.purpose}::text AS purpose, ${key.device ?? ''}::text AS device, 1 AS failures`;
    const counted = await this.prisma.statements.query<unknown[]>(countFailures(rows, now));
    return counted.length > 0 ? { kind: 'open' } : this.look(key, now);
  }

  /** Whether one more try is let through. */
  async look({ destination, purpose, device }: BudgetKey, now: Date): Promise<BudgetVerdict> {
    const where = { destination_purpose_device: { destination, purpose, device: device ?? '' } };
    return verdictOn(await this.prisma.failureBudget.findUnique({ where }), budgetOf(device), now);
  }

  /** Locks budgets in the order of {@link countFailures}: who changes several in one transaction does so first. */
  async hold(keys: readonly Pick<BudgetKey, 'destination' | 'purpose'>[], unit: UnitOfWork): Promise<void> {
    await unit.db.$queryRaw`
      SELECT 1 FROM failure_budgets WHERE (destination, purpose) IN (
        SELECT * FROM unnest(${keys.map(({ destination }) => destination)}::text[], ${keys.map(({ purpose }) => purpose)}::text[]))
      ORDER BY destination, purpose, device FOR UPDATE`;
  }

  /** Takes back failures that were counted beforehand and were none. */
  async takeBack({ destination, purpose, device }: BudgetKey, failures: number, unit: UnitOfWork): Promise<void> {
    await unit.db.$executeRaw`
      UPDATE failure_budgets SET
        failures = greatest(failures - ${failures}::int, 0),
        blocked_until = CASE WHEN failures - ${failures}::int >= ${budgetOf(device).free}::int THEN blocked_until END
      WHERE destination = ${destination} AND purpose = ${purpose} AND device = ${device ?? ''}`;
  }

  /** After a success: the row of failures has ended, that of every device included. */
  async clear({ destination, purpose }: { destination: string; purpose: string }, unit: UnitOfWork): Promise<void> {
    await unit.db.failureBudget.deleteMany({ where: { destination, purpose } });
  }
}

/** 429; the same whether anybody has the destination. */
export function tooManyFailures({ until }: { until: Date }, now: Date): Problem {
  return new Problem('too_many_failures', { headers: { 'retry-after': String(secondsUntil(until, now)) } });
}
