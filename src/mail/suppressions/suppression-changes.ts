import { Inject, Injectable } from '@nestjs/common';
import { Audit, type Doer } from '../../audit/audit.js';
import { domainOf } from '../../core/email-address.js';
import { Transactions, type UnitOfWork } from '../../database/unit-of-work.js';
import { Prisma } from '../../generated/prisma/client.js';
import type { SuppressionScope } from './suppression-policy.js';
import { readSuppression, SUPPRESSION_COLUMNS, type SuppressionRecord } from './suppression-records.js';
import { STANDS, suppressing } from './suppression-sql.js';

export interface ManualSuppression {
  /** Canonical. */
  address: string;
  scope: SuppressionScope;
  /** Null: it does not expire. */
  expiresAt: Date | null;
  note: string | null;
}

export interface Lift {
  /** Canonical. */
  address: string;
  /** Undefined: whatever stands against the address. */
  scope?: SuppressionScope | undefined;
  /** Why, for the record of who did what. */
  reason: string;
}

export type Addition =
  | { kind: 'added'; record: SuppressionRecord }
  /** As it was asked for already, or by a stronger reason. */
  | { kind: 'stands'; record: SuppressionRecord };

export type Lifting = { kind: 'lifted'; records: SuppressionRecord[] } | { kind: 'not_found' };

/** What people do to the list; each is recorded together with what it changed, and counts from its commit on. */
@Injectable()
export class SuppressionChanges {
  constructor(
    @Inject(Transactions) private readonly transactions: Transactions,
    @Inject(Audit) private readonly audit: Audit,
  ) {}

  async add({ address, scope, expiresAt, note }: ManualSuppression, by: Doer): Promise<Addition> {
    return this.transactions.run(async (unit) => {
      const changed = await unit.db.$executeRaw(
        suppressing(Prisma.sql`SELECT ${address}, ${scope}, 'manual', ${by.actor.kind}, NULL::uuid, ${expiresAt}::timestamptz, ${note}::text`),
      );
      const record = await readSuppression(address, scope, unit);
      if (changed === 0) return { kind: 'stands', record };
      await this.note('suppression.added', record, { expiresAt: expiresAt?.toISOString() ?? null }, by, unit);
      return { kind: 'added', record };
    });
  }

  async lift({ address, scope, reason }: Lift, by: Doer): Promise<Lifting> {
    return this.transactions.run(async (unit) => {
      const records = await unit.db.$queryRaw<SuppressionRecord[]>`
        DELETE FROM suppressions s WHERE s.address_canonical = ${address} AND ${STANDS}
          ${scope === undefined ? Prisma.empty : Prisma.sql`AND s.scope = ${scope}`}
        RETURNING ${SUPPRESSION_COLUMNS}`;
      if (records.length === 0) return { kind: 'not_found' };
      for (const record of records) await this.note('suppression.lifted', record, { was: record.reason, reason }, by, unit);
      return { kind: 'lifted', records };
    });
  }

  /** The domain alone: the record of who did what outlives the address. */
  private async note(action: string, { id, address, scope }: SuppressionRecord, more: Record<string, string | null>, by: Doer, unit: UnitOfWork): Promise<void> {
    const details = { scope, domain: domainOf(address), ...more };
    await this.audit.record({ action, result: 'done', ...by, target: { kind: 'suppression', id: String(id) }, details }, unit);
  }
}
