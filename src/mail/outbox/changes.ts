import { Injectable } from '@nestjs/common';
import type { Lane } from '../../core/lanes.js';
import { PrismaService, type UnitOfWork } from '../../database/prisma.service.js';
import { Prisma } from '../../generated/prisma/client.js';
import type { EmailStatus } from '../../generated/prisma/enums.js';
import { MailQueue } from '../../queue/mail-queue.js';
import { countingHandOvers } from '../subscribers/subscribers.js';
import { isBarred } from '../suppressions/suppressions.js';

export interface LanePause {
  lane: Lane;
  pausedAt: Date;
  reason: string | null;
}

/**
 * Lanes that an operator paused. In Postgres and not in the broker, for a lane is drained by jobs, by timers and by the
 * stand-in: all of them claim, and the claim looks here. What was claimed before goes out.
 */
@Injectable()
export class LanePauses {
  constructor(private readonly prisma: PrismaService) {}

  async list(): Promise<LanePause[]> {
    return this.prisma.statements.query<LanePause[]>`
      SELECT lane, paused_at AS "pausedAt", reason FROM lane_pauses ORDER BY lane`;
  }

  /** Returns those that were not paused before; what is known of the others stays. */
  async pause(lanes: readonly Lane[], reason: string | null, { db }: UnitOfWork): Promise<Lane[]> {
    const paused = await db.$queryRaw<{ lane: Lane }[]>`
      INSERT INTO lane_pauses (lane, reason) SELECT lane, ${reason} FROM unnest(${[...lanes]}::lane[]) AS wanted (lane)
      ON CONFLICT (lane) DO NOTHING RETURNING lane`;
    return paused.map(({ lane }) => lane);
  }

  /** Returns those that were paused. */
  async resume(lanes: readonly Lane[], { db }: UnitOfWork): Promise<Lane[]> {
    const resumed = await db.$queryRaw<
      { lane: Lane }[]
    >`DELETE FROM lane_pauses WHERE lane = ANY(${[...lanes]}::lane[]) RETURNING lane`;
    return resumed.map(({ lane }) => lane);
  }
}

export type TransitionResult =
  | { kind: 'done'; status: EmailStatus }
  | { kind: 'not_found' }
  | { kind: 'invalid_state'; status: EmailStatus }
  | { kind: 'content_erased' };

/** What an operator knows of a message whose outcome is unknown to us. */
export const RESOLUTIONS = ['sent', 'not_sent', 'failed'] as const;
export type Resolution = (typeof RESOLUTIONS)[number];

/** Rows one pass of a periodic task changes at most; the next pass goes on. */
const PASS_LIMIT = 1_000;

export interface Change {
  from: readonly EmailStatus[];
  to: EmailStatus;
  errorCode: string;
  /** The message is to go out again, so its content must still be there. */
  needsContent: boolean;
  /** Due at once where it is left out. */
  dueAt?: Date;
}

export const RETRYABLE = ['failed', 'deferred'] as const satisfies readonly EmailStatus[];
export const CANCELLABLE = ['scheduled', 'queued', 'deferred'] as const satisfies readonly EmailStatus[];

export const CANCEL: Change = {
  from: CANCELLABLE,
  to: 'cancelled',
  errorCode: 'cancelled_by_hand',
  needsContent: false,
};
export const RETRY: Change = {
  from: RETRYABLE,
  to: 'queued',
  errorCode: 'retried_by_hand',
  needsContent: true,
};
export const RESOLVE: Record<Resolution, Change> = {
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
    private readonly prisma: PrismaService,
    private readonly queue: MailQueue,
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

  /** scheduled|queued|deferred → scheduled for that time; → queued where it is over. */
  reschedule(id: string, dueAt: Date, now: Date, unit?: UnitOfWork): Promise<TransitionResult> {
    const to = dueAt > now ? 'scheduled' : 'queued';
    return this.change(id, { ...CANCEL, to, errorCode: 'rescheduled_by_hand', needsContent: true, dueAt }, unit);
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
    return this.prisma.statements.execute`
      WITH dead AS (
        SELECT id FROM outbound_emails
        WHERE status IN ('queued', 'scheduled', 'deferred') AND expires_at <= now()
        ORDER BY expires_at LIMIT ${limit} FOR UPDATE SKIP LOCKED
      ), expired AS (
        UPDATE outbound_emails m SET
          status = 'expired', sealed_variables = CASE WHEN secret THEN NULL ELSE sealed_variables END
        FROM dead WHERE m.id = dead.id
        RETURNING m.id, m.status, m.attempts
      )
      INSERT INTO email_events (email_id, status, attempt) SELECT id, status, attempts FROM expired`;
  }

  private async change(id: string, change: Change, unit?: UnitOfWork): Promise<TransitionResult> {
    const { from, to, needsContent } = change;
    const db = unit?.db ?? this.prisma;
    const content = needsContent ? Prisma.sql`AND sealed_variables IS NOT NULL` : Prisma.empty;
    const picked = Prisma.sql`
      SELECT id FROM outbound_emails WHERE id = ${id}::uuid AND status = ANY(${[...from]}::email_status[]) ${content} FOR UPDATE`;
    const [changed] = await db.$queryRaw<{ lane: Lane }[]>(changing(picked, change));
    if (!changed) return this.whyNot(id, from, db);
    const wake = () => this.queue.wake(changed.lane);
    const isDue = needsContent && to !== 'scheduled';
    if (isDue && unit) unit.afterCommit(wake);
    else if (isDue) wake();
    return { kind: 'done', status: to };
  }

  private async whyNot(
    id: string,
    from: readonly EmailStatus[],
    db: Prisma.TransactionClient,
  ): Promise<TransitionResult> {
    const row = await db.outboundEmail.findUnique({ where: { id }, select: { status: true } });
    if (!row) return { kind: 'not_found' };
    return from.includes(row.status) ? { kind: 'content_erased' } : { kind: 'invalid_state', status: row.status };
  }
}

/**
 * What a person changes, with its receipts. What is to go out again is due at once, and has an attempt left; what is
 * over and carried a code has no content any more.
 * @param picked ids of locked rows
 */
export function changing(picked: Prisma.Sql, { to, errorCode, needsContent, dueAt }: Change): Prisma.Sql {
  return Prisma.sql`
    WITH picked AS (${picked}), changed AS (
      UPDATE outbound_emails m SET
        status = ${to}::email_status, last_error_code = ${errorCode},
        next_attempt_at = coalesce(${dueAt ?? null}::timestamptz, now()), scheduled_at = coalesce(${dueAt ?? null}::timestamptz, scheduled_at),
        max_attempts = CASE WHEN ${needsContent} THEN greatest(max_attempts, attempts + 1) ELSE max_attempts END,
        lease_token = NULL, tried_since = CASE WHEN ${needsContent} THEN NULL ELSE tried_since END,
        sent_at = CASE WHEN ${to} = 'sent' THEN coalesce(offered_at, now()) ELSE sent_at END,
        sealed_variables = CASE WHEN secret AND ${to} IN ('cancelled', 'sent') THEN NULL ELSE sealed_variables END
      FROM picked WHERE m.id = picked.id
      RETURNING m.id, m.lane, m.status, m.attempts, m.subscriber_id
    ), ${to === 'sent' ? Prisma.sql`${countingHandOvers(Prisma.sql`SELECT subscriber_id FROM changed`)},` : Prisma.empty}
    noted AS (
      INSERT INTO email_events (email_id, status, attempt, error_code)
      SELECT id, status, attempts, ${errorCode} FROM changed
    )
    SELECT lane FROM changed`;
}

/**
 * What was to wait until then at most is due at once: the next messages after an id. Answers the last one of them.
 * @param limit messages
 */
export function lettingGo(until: Date, after: string, limit: number): Prisma.Sql {
  return Prisma.sql`
    WITH moved AS (
      UPDATE outbound_emails SET next_attempt_at = now() WHERE id = ANY(ARRAY(
        SELECT id FROM outbound_emails
        WHERE status = 'deferred' AND id > ${after}::uuid AND next_attempt_at > now() AND next_attempt_at <= ${until}
        ORDER BY id LIMIT ${limit} FOR UPDATE SKIP LOCKED)) RETURNING id
    ) SELECT max(id::text) AS last FROM moved`;
}

/** A code of yesterday would only expire. */
export const IS_THERE = Prisma.sql`(m.sealed_variables IS NOT NULL AND (m.expires_at IS NULL OR m.expires_at > now()))`;
export const IS_BARRED = isBarred(Prisma.sql`m.lane`, Prisma.sql`m.to_canonical`);
