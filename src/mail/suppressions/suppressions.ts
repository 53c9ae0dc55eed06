import { Injectable } from '@nestjs/common';
import { Audit, type Doer } from '../../audit/audit.js';
import { domainOf } from '../../core/email-address.js';
import type { Lane } from '../../core/lanes.js';
import { PrismaService, Transactions, type UnitOfWork } from '../../database/prisma.service.js';
import { Prisma } from '../../generated/prisma/client.js';
import {
  HARD_BOUNCE_DAYS,
  SUPPRESSION_REASONS,
  type SuppressionReason,
  type SuppressionScope,
  TRY_EVERY_HOURS,
} from './suppression-policy.js';

/** Of a row `s`: it has not expired, by the clock of Postgres. */
export const STANDS = Prisma.sql`(s.expires_at IS NULL OR s.expires_at > now())`;

/** Of a row `s`: a code may be tried there today. Null, where none was tried, is no bound. */
export const TRY_IS_OPEN = Prisma.sql`(s.scope = 'all' AND s.reason = 'hard_bounce'
  AND greatest(s.seen_at, s.tried_at) <= now() - make_interval(hours => ${TRY_EVERY_HOURS}::int))`;

/**
 * The row of the list that stands against all mail to an address, locked. To be joined laterally, and judged outside:
 * found by its address (OFFSET 0), and never by its reason, of which Postgres may not know how many rows have it.
 * @param address canonical; a column
 */
export const lockedAt = (address: Prisma.Sql): Prisma.Sql => Prisma.sql`
  SELECT * FROM suppressions s WHERE s.address_canonical = ${address} AND s.scope = 'all' OFFSET 0 FOR UPDATE`;

/** How strong a reason is. */
const strength = (reason: Prisma.Sql): Prisma.Sql =>
  Prisma.sql`array_position(${[...SUPPRESSION_REASONS]}::text[], ${reason})`;

/**
 * Whether messages of the lane to that address would end as suppressed, all of them. @param lane an expression of SQL,
 * as is `address`
 */
export function isBarred(lane: Prisma.Sql, address: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`EXISTS (SELECT FROM suppressions s WHERE s.address_canonical = ${address} AND s.scope IN ('all', ${lane}::text)
    AND ${STANDS} AND NOT (${lane}::text = 'critical' AND ${TRY_IS_OPEN}))`;
}

/** The strongest reason for which mail of the lane to `due.to_canonical` is suppressed, if there is one. */
export function reasonAgainst(lane: Lane): Prisma.Sql {
  return Prisma.sql`
    SELECT s.reason, s.created_at, s.expires_at, s.tried_email_id FROM suppressions s
    WHERE s.address_canonical = due.to_canonical AND s.scope IN ('all', ${lane}) AND ${STANDS}
    ORDER BY ${strength(Prisma.sql`s.reason`)} DESC LIMIT 1`;
}

const UTC = Prisma.sql`'YYYY-MM-DD"T"HH24:MI:SS"Z"'`;

/** In the place of a server's words: nobody was asked. @param since a column, as is `until` */
export const whySuppressed = (since: Prisma.Sql, until: Prisma.Sql): Prisma.Sql => Prisma.sql`
  'the address is on the suppression list since ' || to_char(${since} AT TIME ZONE 'UTC', ${UTC})
    || coalesce(', until ' || to_char(${until} AT TIME ZONE 'UTC', ${UTC}), '')`;

/** Of these addresses those that get no mail of the lane, each with its strongest reason: (canonical, reason, told). */
export function suppressedAmong(lane: Lane, canonicals: readonly string[]): Prisma.Sql {
  return Prisma.sql`
    SELECT due.to_canonical AS canonical, s.reason, ${whySuppressed(Prisma.sql`s.created_at`, Prisma.sql`s.expires_at`)} AS told
    FROM unnest(${[...canonicals]}::text[]) AS due (to_canonical) CROSS JOIN LATERAL (${reasonAgainst(lane)}) s`;
}

/**
 * Writes what is found: rows of (address_canonical, scope, reason, source, email_id, expires_at, note), several for one
 * address if need be. What has expired counts for nothing; otherwise a stronger reason takes the place of a weaker one.
 * A new bounce begins its time anew, and what is added by hand once more has the end it was given last. Rows are locked
 * in the order of their addresses, here and where codes are claimed, so that nobody waits in a circle.
 */
export function suppressing(found: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`
    INSERT INTO suppressions AS s (address_canonical, scope, reason, source, email_id, expires_at, note)
    SELECT DISTINCT ON (address_canonical, scope) address_canonical, scope, reason, source, email_id,
      CASE reason WHEN 'hard_bounce' THEN now() + make_interval(hours => 24 * ${HARD_BOUNCE_DAYS}::int) ELSE expires_at END, note
    FROM (${found}) AS found (address_canonical, scope, reason, source, email_id, expires_at, note)
    ORDER BY address_canonical, scope, ${strength(Prisma.sql`reason`)} DESC
    ON CONFLICT (address_canonical, scope) DO UPDATE SET
      reason = EXCLUDED.reason, source = EXCLUDED.source, email_id = EXCLUDED.email_id, note = EXCLUDED.note,
      created_at = CASE WHEN s.reason = EXCLUDED.reason AND ${STANDS} THEN s.created_at ELSE now() END,
      seen_at = now(), expires_at = EXCLUDED.expires_at, tried_at = NULL, tried_email_id = NULL
    WHERE NOT ${STANDS} OR ${strength(Prisma.sql`EXCLUDED.reason`)} > ${strength(Prisma.sql`s.reason`)}
      OR (s.reason = 'hard_bounce' AND EXCLUDED.reason = 'hard_bounce')
      OR (s.reason = 'manual' AND EXCLUDED.reason = 'manual' AND (s.expires_at, s.note) IS DISTINCT FROM (EXCLUDED.expires_at, EXCLUDED.note))`;
}

export interface NewSuppression {
  addressCanonical: string;
  scope: SuppressionScope;
  reason: SuppressionReason;
  /** What told us: smtp, a provider, one_click, a person. */
  source: string;
  emailId: string | null;
}

/** Addresses that get no mail, or no bulk mail; asked when a message is claimed. */
@Injectable()
export class Suppressions {
  constructor(private readonly prisma: PrismaService) {}

  /** The stronger reason stays; a new bounce begins its time anew. */
  async add(suppression: NewSuppression): Promise<void> {
    await suppressAll([suppression], this.prisma);
  }

  /** Takes back what its owner said, and nothing that others did. */
  async resubscribe(addressCanonical: string, db: UnitOfWork['db'] = this.prisma): Promise<void> {
    await db.suppression.deleteMany({ where: { addressCanonical, scope: 'bulk', reason: 'unsubscribe' } });
  }

  /**
   * Locks what is said of an address, for whoever is about to change its subscribers and then takes it back: who
   * suppresses has it first too, so that nobody waits in a circle.
   */
  async hold(addressCanonical: string, { db }: UnitOfWork): Promise<void> {
    await db.$queryRaw`SELECT FROM suppressions WHERE address_canonical = ${addressCanonical} AND scope = 'bulk' FOR UPDATE`;
  }

  /** Removes up to `limit` that have expired. Returns how many. */
  async removeExpired(limit: number): Promise<number> {
    return this.prisma.statements.execute`
      DELETE FROM suppressions WHERE id IN (
        SELECT id FROM suppressions WHERE expires_at <= now() ORDER BY expires_at LIMIT ${limit} FOR UPDATE SKIP LOCKED)`;
  }

  /** Gives up to `limit` bounces their end that a build without ends wrote, during an upgrade. Returns how many. */
  async limitBounces(limit: number): Promise<number> {
    return this.prisma.statements.execute`
      UPDATE suppressions s SET expires_at = s.seen_at + make_interval(hours => 24 * ${HARD_BOUNCE_DAYS}::int)
      WHERE id IN (
        SELECT id FROM suppressions WHERE reason = 'hard_bounce' AND expires_at IS NULL ORDER BY id LIMIT ${limit} FOR UPDATE SKIP LOCKED)`;
  }
}

export async function suppressAll(suppressions: readonly NewSuppression[], db: UnitOfWork['db']): Promise<void> {
  if (suppressions.length === 0) return;
  const rows = suppressions.map(({ addressCanonical: address, scope, reason, source, emailId: email_id }) => ({
    address,
    scope,
    reason,
    source,
    email_id,
  }));
  await db.$executeRaw(
    suppressing(Prisma.sql`
      SELECT address, scope, reason, source, email_id, NULL::timestamptz, NULL::text
      FROM json_to_recordset(${JSON.stringify(rows)}::json) AS input (address text, scope text, reason text, source text, email_id uuid)`),
  );
}

export interface SuppressionRecord {
  id: bigint;
  /** Canonical. */
  address: string;
  scope: SuppressionScope;
  reason: SuppressionReason;
  source: string;
  emailId: string | null;
  note: string | null;
  createdAt: Date;
  /** When it bounced last. */
  lastSeenAt: Date;
  /** Null: it stands until somebody lifts it. */
  expiresAt: Date | null;
}

/** What is left out matches everything. */
export interface SuppressionFilter {
  /** Canonical. */
  address?: string | undefined;
  reason?: SuppressionReason | undefined;
}

const SUPPRESSION_COLUMNS = Prisma.sql`s.id, s.address_canonical AS address, s.scope, s.reason, s.source, s.email_id AS "emailId", s.note,
  s.created_at AS "createdAt", s.seen_at AS "lastSeenAt", s.expires_at AS "expiresAt"`;

/** Reading which addresses get no mail. */
@Injectable()
export class SuppressionRecords {
  constructor(private readonly prisma: PrismaService) {}

  /** Those that stand, newest first. @param before the id of the last one that was seen */
  async list({ address, reason }: SuppressionFilter, limit: number, before?: bigint): Promise<SuppressionRecord[]> {
    const conditions = [
      STANDS,
      ...(before === undefined ? [] : [Prisma.sql`s.id < ${before}`]),
      ...(address === undefined ? [] : [Prisma.sql`s.address_canonical = ${address}`]),
      ...(reason === undefined ? [] : [Prisma.sql`s.reason = ${reason}`]),
    ];
    return this.prisma.statements.query<SuppressionRecord[]>`
      SELECT ${SUPPRESSION_COLUMNS} FROM suppressions s WHERE ${Prisma.join(conditions, ' AND ')} ORDER BY s.id DESC LIMIT ${limit}`;
  }
}

async function readSuppression(
  address: string,
  scope: SuppressionScope,
  { db }: UnitOfWork,
): Promise<SuppressionRecord> {
  const [record] = await db.$queryRaw<SuppressionRecord[]>`
    SELECT ${SUPPRESSION_COLUMNS} FROM suppressions s WHERE s.address_canonical = ${address} AND s.scope = ${scope}`;
  return record!;
}

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

type Addition =
  | { kind: 'added'; record: SuppressionRecord }
  /** As it was asked for already, or by a stronger reason. */
  | { kind: 'stands'; record: SuppressionRecord };

type Lifting = { kind: 'lifted'; records: SuppressionRecord[] } | { kind: 'not_found' };

/** What people do to the list; each is recorded together with what it changed, and counts from its commit on. */
@Injectable()
export class SuppressionChanges {
  constructor(
    private readonly transactions: Transactions,
    private readonly audit: Audit,
  ) {}

  async add({ address, scope, expiresAt, note }: ManualSuppression, by: Doer): Promise<Addition> {
    return this.transactions.run(async (unit) => {
      const changed = await unit.db.$executeRaw(
        suppressing(
          Prisma.sql`SELECT ${address}, ${scope}, 'manual', ${by.actor.kind}, NULL::uuid, ${expiresAt}::timestamptz, ${note}::text`,
        ),
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
      for (const record of records)
        await this.note('suppression.lifted', record, { was: record.reason, reason }, by, unit);
      return { kind: 'lifted', records };
    });
  }

  /** The domain alone: the record of who did what outlives the address. */
  private async note(
    action: string,
    { id, address, scope }: SuppressionRecord,
    more: Record<string, string | null>,
    by: Doer,
    unit: UnitOfWork,
  ): Promise<void> {
    const details = { scope, domain: domainOf(address), ...more };
    await this.audit.record(
      { action, result: 'done', ...by, target: { kind: 'suppression', id: String(id) }, details },
      unit,
    );
  }
}
