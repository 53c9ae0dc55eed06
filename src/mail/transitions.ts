import { Inject, Injectable } from '@nestjs/common';
import type { Lane } from '../core/lanes.js';
import { PrismaService } from '../database/prisma.service.js';
import type { UnitOfWork } from '../database/unit-of-work.js';
import { Prisma } from '../generated/prisma/client.js';
import type { EmailStatus } from '../generated/prisma/enums.js';
import { MailQueue } from '../queue/mail-queue.js';

export type TransitionResult =
  | { kind: 'done'; status: EmailStatus }
  | { kind: 'not_found' }
  | { kind: 'invalid_state'; status: EmailStatus }
  | { kind: 'content_erased' };

/** What an operator knows of a message whose outcome is unknown to us. */
export type Resolution = 'sent' | 'not_sent' | 'failed';

/** Rows one pass of a periodic task changes at most; the next pass goes on. */
const PASS_LIMIT = 1_000;

interface Change {
  from: readonly EmailStatus[];
  to: EmailStatus;
  errorCode: string;
  /** The message is to go out again, so its content must still be there. */
  needsContent: boolean;
}

const CANCEL: Change = { from: ['scheduled', 'queued', 'deferred'], to: 'cancelled', errorCode: 'cancelled_by_hand', needsContent: false };
const RETRY: Change = { from: ['failed', 'deferred'], to: 'queued', errorCode: 'retried_by_hand', needsContent: true };
const RESOLVE: Record<Resolution, Change> = {
  sent: { from: ['unknown'], to: 'sent', errorCode: 'resolved_by_hand', needsContent: false },
  failed: { from: ['unknown'], to: 'failed', errorCode: 'resolved_by_hand', needsContent: false },
  not_sent: { from: ['unknown'], to: 'deferred', errorCode: 'resolved_by_hand', needsContent: true },
};

/**
 * The transitions that people and the calendar make. Conditional like a worker's: of a cancel and a claim at the same
 * moment one waits for the other and finds the row changed.
 */
@Injectable()
export class Transitions {
  constructor(
    @Inject(PrismaService) private readonly prisma: PrismaService,
    @Inject(MailQueue) private readonly queue: MailQueue,
  ) {}

  /** scheduled|queued|deferred → cancelled. */
  cancel(id: string, unit?: UnitOfWork): Promise<TransitionResult> {
    return this.change(id, CANCEL, unit);
  }

  /** failed|deferred → queued, due at once, with at least one attempt left. */
  retry(id: string, unit?: UnitOfWork): Promise<TransitionResult> {
    return this.change(id, RETRY, unit);
  }

  /** unknown → sent|failed, or → deferred and due at once when it is known not to have been sent. */
  resolve(id: string, as: Resolution, unit?: UnitOfWork): Promise<TransitionResult> {
    return this.change(id, RESOLVE[as], unit);
  }

  /** Copies of one message that have not started → cancelled: only the newest copy is worth sending. */
  async supersede(key: string, unit: UnitOfWork, errorCode = 'superseded'): Promise<void> {
    await unit.db.$executeRaw`
      WITH superseded AS (
        UPDATE outbound_emails SET
          status = 'cancelled', last_error_code = ${errorCode},
          sealed_variables = CASE WHEN secret THEN NULL ELSE sealed_variables END
        WHERE supersede_key = ${key} AND status IN ('queued', 'scheduled', 'deferred')
        RETURNING id, status, attempts
      )
      INSERT INTO email_events (email_id, status, attempt, error_code)
      SELECT id, status, attempts, ${errorCode} FROM superseded`;
  }

  /** Pending rows whose expiry has passed → expired, also where no worker claims. Returns how many. */
  async expireDue(limit = PASS_LIMIT): Promise<number> {
    return this.prisma.$executeRaw`
      WITH dead AS (
        SELECT id FROM outbound_emails
        WHERE status IN ('queued', 'scheduled', 'deferred') AND expires_at <= now()
        LIMIT ${limit} FOR UPDATE SKIP LOCKED
      ), expired AS (
        UPDATE outbound_emails m SET
          status = 'expired', sealed_variables = CASE WHEN secret THEN NULL ELSE sealed_variables END
        FROM dead WHERE m.id = dead.id
        RETURNING m.id, m.status, m.attempts
      )
      INSERT INTO email_events (email_id, status, attempt) SELECT id, status, attempts FROM expired`;
  }

  /** Content that nobody needs any more: codes past their expiry, everything else after so many days. Returns how many. */
  async eraseContent(olderThanDays: number, limit = PASS_LIMIT): Promise<number> {
    return this.prisma.$executeRaw`
      UPDATE outbound_emails SET sealed_variables = NULL
      WHERE id IN (
        SELECT id FROM outbound_emails
        WHERE sealed_variables IS NOT NULL AND status NOT IN ('queued', 'scheduled', 'deferred', 'sending')
          AND ((secret AND expires_at <= now()) OR created_at < now() - make_interval(days => ${olderThanDays}::int))
        LIMIT ${limit} FOR UPDATE SKIP LOCKED)`;
  }

  private async change(id: string, { from, to, errorCode, needsContent }: Change, unit?: UnitOfWork): Promise<TransitionResult> {
    const db = unit?.db ?? this.prisma;
    const content = needsContent ? Prisma.sql`AND sealed_variables IS NOT NULL` : Prisma.empty;
    const [changed] = await db.$queryRaw<{ lane: Lane }[]>`
      WITH changed AS (
        UPDATE outbound_emails SET
          status = ${to}::email_status, last_error_code = ${errorCode}, next_attempt_at = now(),
          max_attempts = CASE WHEN ${needsContent} THEN greatest(max_attempts, attempts + 1) ELSE max_attempts END,
          lease_token = NULL,
          sent_at = CASE WHEN ${to} = 'sent' THEN coalesce(offered_at, now()) ELSE sent_at END,
          sealed_variables = CASE WHEN secret AND ${to} IN ('cancelled', 'sent') THEN NULL ELSE sealed_variables END
        WHERE id = ${id}::uuid AND status = ANY(${[...from]}::email_status[]) ${content}
        RETURNING id, lane, status, attempts
      ), noted AS (
        INSERT INTO email_events (email_id, status, attempt, error_code)
        SELECT id, status, attempts, ${errorCode} FROM changed
      )
      SELECT lane FROM changed`;
    if (!changed) return this.whyNot(id, from, db);
    const wake = () => this.queue.wake(changed.lane);
    if (needsContent && unit) unit.afterCommit(wake);
    else if (needsContent) wake();
    return { kind: 'done', status: to };
  }

  private async whyNot(id: string, from: readonly EmailStatus[], db: Prisma.TransactionClient): Promise<TransitionResult> {
    const row = await db.outboundEmail.findUnique({ where: { id }, select: { status: true } });
    if (!row) return { kind: 'not_found' };
    return from.includes(row.status) ? { kind: 'content_erased' } : { kind: 'invalid_state', status: row.status };
  }
}
