import type { Lane } from '../core/lanes.js';
import type { PrismaService } from '../database/prisma.service.js';
import { Prisma } from '../generated/prisma/client.js';
import type { EmailStatus } from '../generated/prisma/enums.js';
import { isBarred } from './suppressions/suppression-sql.js';

export const RETRYABLE = ['failed', 'deferred'] as const satisfies readonly EmailStatus[];
export const CANCELLABLE = ['scheduled', 'queued', 'deferred'] as const satisfies readonly EmailStatus[];

export interface Selection {
  statuses: readonly EmailStatus[];
  lane?: Lane | undefined;
  /** Accepted at or after. */
  since?: Date | undefined;
}

/** What a retry would find. */
export interface Retryable {
  /** It would take so many. */
  retryable: number;
  /** Their content was erased, or they have expired. */
  over: number;
  /** They would only end as suppressed. */
  suppressed: number;
}

/**
 * What an operator does to many messages at once: the same changes as in `Transitions`, one conditional statement a
 * batch with its receipts, so that a long list neither holds locks for long nor makes one huge transaction.
 */
export class OutboxBatches {
  constructor(private readonly prisma: PrismaService) {}

  /** How many a retry would take, and how many it would pass over. */
  async retryable(selection: Selection): Promise<Retryable> {
    const [counted] = await this.prisma.$queryRaw<Retryable[]>`
      SELECT count(*) FILTER (WHERE there AND NOT barred)::int AS retryable, count(*) FILTER (WHERE NOT there)::int AS over,
        count(*) FILTER (WHERE there AND barred)::int AS suppressed
      FROM (SELECT ${IS_THERE} AS there, ${IS_BARRED} AS barred FROM outbound_emails m WHERE ${among(selection)}) AS found`;
    return counted!;
  }

  async cancellable(selection: Selection): Promise<number> {
    const [counted] = await this.prisma.$queryRaw<{ count: number }[]>`
      SELECT count(*)::int AS count FROM outbound_emails WHERE ${among(selection)}`;
    return counted!.count;
  }

  /** failed|deferred → queued, due at once, with at least one attempt left; but for those that would only end as suppressed. */
  async retry(selection: Selection, limit: number): Promise<number> {
    return this.prisma.$executeRaw`
      WITH picked AS (
        SELECT id FROM outbound_emails m WHERE ${among(selection)} AND ${IS_THERE} AND NOT ${IS_BARRED}
        ORDER BY id LIMIT ${limit} FOR UPDATE SKIP LOCKED
      ), changed AS (
        UPDATE outbound_emails m SET
          status = 'queued', last_error_code = 'retried_by_hand', next_attempt_at = now(),
          max_attempts = greatest(max_attempts, attempts + 1), lease_token = NULL
        FROM picked WHERE m.id = picked.id
        RETURNING m.id, m.status, m.attempts
      )
      INSERT INTO email_events (email_id, status, attempt, error_code) SELECT id, status, attempts, 'retried_by_hand' FROM changed`;
  }

  /** scheduled|queued|deferred → cancelled. */
  async cancel(selection: Selection, limit: number): Promise<number> {
    return this.prisma.$executeRaw`
      WITH picked AS (
        SELECT id FROM outbound_emails WHERE ${among(selection)} ORDER BY id LIMIT ${limit} FOR UPDATE SKIP LOCKED
      ), changed AS (
        UPDATE outbound_emails m SET
          status = 'cancelled', last_error_code = 'cancelled_by_hand', next_attempt_at = now(), lease_token = NULL,
          sealed_variables = CASE WHEN secret THEN NULL ELSE sealed_variables END
        FROM picked WHERE m.id = picked.id
        RETURNING m.id, m.status, m.attempts
      )
      INSERT INTO email_events (email_id, status, attempt, error_code) SELECT id, status, attempts, 'cancelled_by_hand' FROM changed`;
  }
}

/** A code of yesterday would only expire. */
const IS_THERE = Prisma.sql`(m.sealed_variables IS NOT NULL AND (m.expires_at IS NULL OR m.expires_at > now()))`;
const IS_BARRED = isBarred(Prisma.sql`m.lane`, Prisma.sql`m.to_canonical`);

function among({ statuses, lane, since }: Selection): Prisma.Sql {
  const conditions = [
    Prisma.sql`status = ANY(${[...statuses]}::email_status[])`,
    ...(lane === undefined ? [] : [Prisma.sql`lane = ${lane}::lane`]),
    ...(since === undefined ? [] : [Prisma.sql`created_at >= ${since}`]),
  ];
  return Prisma.join(conditions, ' AND ');
}
