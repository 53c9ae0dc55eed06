import { Inject, Injectable } from '@nestjs/common';
import { PrismaService } from '../../database/prisma.service.js';
import type { UnitOfWork } from '../../database/unit-of-work.js';
import { Prisma } from '../../generated/prisma/client.js';
import { HARD_BOUNCE_DAYS, type SuppressionReason, type SuppressionScope } from './suppression-policy.js';
import { STANDS, suppressing } from './suppression-sql.js';

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
  constructor(@Inject(PrismaService) private readonly prisma: PrismaService) {}

  /** The stronger reason stays; a new bounce begins its time anew. */
  async add(suppression: NewSuppression): Promise<void> {
    await suppressAll([suppression], this.prisma);
  }

  /** Takes back what its owner said, and nothing that others did. */
  async resubscribe(addressCanonical: string): Promise<void> {
    await this.prisma.suppression.deleteMany({ where: { addressCanonical, scope: 'bulk', reason: 'unsubscribe' } });
  }

  /** Removes up to `limit` that have expired. Returns how many. */
  async removeExpired(limit: number): Promise<number> {
    return this.prisma.$executeRaw`
      DELETE FROM suppressions WHERE id IN (
        SELECT id FROM suppressions WHERE expires_at <= now() ORDER BY expires_at LIMIT ${limit} FOR UPDATE SKIP LOCKED)`;
  }

  /** Gives up to `limit` bounces their end that a build without ends wrote, during an upgrade. Returns how many. */
  async limitBounces(limit: number): Promise<number> {
    return this.prisma.$executeRaw`
      UPDATE suppressions s SET expires_at = s.seen_at + make_interval(hours => 24 * ${HARD_BOUNCE_DAYS}::int)
      WHERE id IN (
        SELECT id FROM suppressions WHERE reason = 'hard_bounce' AND expires_at IS NULL ORDER BY id LIMIT ${limit} FOR UPDATE SKIP LOCKED)`;
  }
}

export async function suppressAll(suppressions: readonly NewSuppression[], db: UnitOfWork['db']): Promise<void> {
  if (suppressions.length === 0) return;
  const rows = suppressions.map(({ addressCanonical: address, scope, reason, source, emailId: email_id }) => ({ address, scope, reason, source, email_id }));
  await db.$executeRaw(
    suppressing(Prisma.sql`
      SELECT address, scope, reason, source, email_id, NULL::timestamptz, NULL::text
      FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) AS input (address text, scope text, reason text, source text, email_id uuid)`),
  );
}

/**
 * What was delivered after its address bounced for the last time proves that the address lives: its bounce counts no longer.
 * Returns the messages that proved it.
 */
export async function liftBounces(deliveredIds: readonly string[], db: UnitOfWork['db']): Promise<string[]> {
  if (deliveredIds.length === 0) return [];
  const lifted = await db.$queryRaw<{ id: string }[]>`
    WITH proven AS (
      SELECT s.id, m.id AS email_id FROM outbound_emails m JOIN suppressions s ON s.address_canonical = m.to_canonical
      WHERE m.id = ANY(${[...deliveredIds]}::uuid[]) AND s.scope = 'all' AND s.reason = 'hard_bounce' AND ${STANDS} AND m.sent_at > s.seen_at
      ORDER BY s.address_canonical FOR UPDATE OF s
    ), gone AS (
      DELETE FROM suppressions s USING proven WHERE s.id = proven.id RETURNING s.id
    )
    SELECT DISTINCT ON (proven.id) proven.email_id AS id FROM proven JOIN gone ON gone.id = proven.id`;
  return lifted.map(({ id }) => id);
}
