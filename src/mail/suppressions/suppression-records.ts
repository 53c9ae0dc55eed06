import { Inject, Injectable } from '@nestjs/common';
import { PrismaService } from '../../database/prisma.service.js';
import type { UnitOfWork } from '../../database/unit-of-work.js';
import { Prisma } from '../../generated/prisma/client.js';
import type { SuppressionReason, SuppressionScope } from './suppression-policy.js';
import { STANDS } from './suppression-sql.js';

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

export const SUPPRESSION_COLUMNS = Prisma.sql`s.id, s.address_canonical AS address, s.scope, s.reason, s.source, s.email_id AS "emailId", s.note,
  s.created_at AS "createdAt", s.seen_at AS "lastSeenAt", s.expires_at AS "expiresAt"`;

/** Reading which addresses get no mail. */
@Injectable()
export class SuppressionRecords {
  constructor(@Inject(PrismaService) private readonly prisma: PrismaService) {}

  /** Those that stand, newest first. @param before the id of the last one that was seen */
  async list({ address, reason }: SuppressionFilter, limit: number, before?: bigint): Promise<SuppressionRecord[]> {
    const conditions = [
      STANDS,
      ...(before === undefined ? [] : [Prisma.sql`s.id < ${before}`]),
      ...(address === undefined ? [] : [Prisma.sql`s.address_canonical = ${address}`]),
      ...(reason === undefined ? [] : [Prisma.sql`s.reason = ${reason}`]),
    ];
    return this.prisma.$queryRaw<SuppressionRecord[]>`
      SELECT ${SUPPRESSION_COLUMNS} FROM suppressions s WHERE ${Prisma.join(conditions, ' AND ')} ORDER BY s.id DESC LIMIT ${limit}`;
  }
}

export async function readSuppression(address: string, scope: SuppressionScope, { db }: UnitOfWork): Promise<SuppressionRecord> {
  const [record] = await db.$queryRaw<SuppressionRecord[]>`
    SELECT ${SUPPRESSION_COLUMNS} FROM suppressions s WHERE s.address_canonical = ${address} AND s.scope = ${scope}`;
  return record!;
}
