import { Injectable } from '@nestjs/common';
import { Batcher } from '../../core/batcher.js';
import type { Lane } from '../../core/lanes.js';
import { passing } from '../../core/milestones.js';
import { PrismaService } from '../../database/prisma.service.js';
import { Prisma } from '../../generated/prisma/client.js';
import type { Places } from '../../queue/fair-shares.js';
import { MailQueue } from '../../queue/mail-queue.js';
import { suppressedAmong } from '../suppressions/suppressions.js';
import { attemptStatement, type Step } from './attempt-statement.js';
import { claimStatement, type DueEmail } from './claim-statement.js';
import { splitStatement } from './split-statement.js';
import { type Apart, type ClaimedEmail, type Ending, recipientsOf } from './email-rows.js';
import { DEADLY_CLAIMS, RETRY_AFTER_UNKNOWN, unknownPolicy } from './retry-policy.js';

/** Seconds a claim lasts unless it is renewed; how soon a killed worker's mail is picked up again. */
export const LEASE_SECONDS = 20;
/** Rows one lease recovery looks at; the next one, seconds later, goes on. */
const RECOVERY_LIMIT = 500;

/** A row whose lease ran out. */
interface AbandonedEmail extends Pick<
  ClaimedEmail,
  'id' | 'leaseToken' | 'lane' | 'secret' | 'possibleDuplicate' | 'attempt' | 'maxAttempts' | 'expiresAt'
> {
  offered: boolean;
  /** By the clock of Postgres. */
  now: Date;
}

export interface ClaimedEmails {
  rows: ClaimedEmail[];
  /** There may be further due rows that it did not come to. */
  more: boolean;
  /** Domains of which it left due rows where they are, for want of places. */
  left: string[];
}

/**
 * The transitions of `outbound_emails` that a worker makes. Each is one conditional statement that also writes its
 * `email_events` rows, so that no state changes without a receipt; a trigger counts it in the ledger. Leases are judged
 * by the clock of Postgres. Offers and finishes of concurrent deliveries are joined into one statement, and every
 * delivery awaits the commit.
 */
@Injectable()
export class Outbox {
  private readonly steps = new Batcher((steps: Step[]) => this.writeAll(steps), {
    // A server that refuses in mid-message makes an ending while the offer is still to be written.
    subject: ({ email }) => email.id,
  });

  constructor(
    private readonly prisma: PrismaService,
    private readonly queue: MailQueue,
  ) {}

  /**
   * scheduled|queued|deferred → sending, for up to `limit` due rows of a lane that nobody else is claiming, and for no
   * more of one recipient's domain than it has places; expired ones end as expired and those for suppressed addresses
   * as suppressed instead. Of a lane that an operator paused there are none, whoever asks: the queue, the timer, the
   * stand-in.
   */
  async claim(lane: Lane, limit: number, worker: string, places?: Places): Promise<ClaimedEmails> {
    const claim = { lane, limit, worker, places, leaseSeconds: LEASE_SECONDS };
    const due = await this.prisma.statements.runSql<DueEmail>(claimStatement(claim));
    const rows = due.filter((row) => row.status === 'sending');
    if (rows.length > 0) passing('claimed');
    // Whatever was due, one of them was changed, and each tells of all.
    const { seen = 0, left = [] } = due[0] ?? {};
    return { rows, more: seen === limit, left };
  }

  /** Commits that the attempt is about to release the last byte. False: the lease is lost or the message expired. */
  offer(email: ClaimedEmail): Promise<boolean> {
    return this.steps.submit({ email, end: undefined });
  }

  /**
   * sending → ending, for the attempt that still owns the row; also unknown → ending, when that attempt's definite
   * answer comes late, and deferred → sent|failed, when it comes before the retry that was planned in its place: that
   * one is off. False: somebody else owns the row by now, and nothing was written. An unknown row keeps what is left of
   * its lease, for whoever is to decide about it: when it runs out undecided, lease recovery does.
   */
  finish(email: ClaimedEmail, ending: Ending, worker: string): Promise<boolean> {
    if (ending.apart?.length) return this.split(email, ending, ending.apart, worker);
    return this.steps.submit({ email, end: { ending, worker } });
  }

  /** Of a message to several that is being sent: those that get no mail of its lane, and why. */
  async suppressedAmong(email: ClaimedEmail): Promise<Apart[]> {
    const recipients = recipientsOf(email);
    const found = await this.prisma.statements.query<{ canonical: string; reason: string; told: string }[]>(
      suppressedAmong(
        email.lane,
        recipients.map(({ canonical }) => canonical),
      ),
    );
    const reasons = new Map(found.map((one) => [one.canonical, one]));
    return recipients.flatMap((recipient) => {
      const one = reasons.get(recipient.canonical);
      const ending = one && { status: 'suppressed' as const, errorCode: `suppressed_${one.reason}`, reply: one.told };
      return ending ? [{ recipient, ending }] : [];
    });
  }

  /**
   * Gives some recipients of a message that is being sent rows of their own, with their endings, and wakes the lane of
   * those that are due at once; the message goes on for the others, or has the ending given. False: somebody else owns
   * it by now.
   */
  setApart(email: ClaimedEmail, apart: readonly Apart[], worker: string, ending?: Apart['ending']): Promise<boolean> {
    return this.split(email, ending, apart, worker);
  }

  /**
   * Prolongs what this process still works on, in one statement. What is locked is being offered or finished right now,
   * and can do without.
   */
  async renew(emails: readonly ClaimedEmail[]): Promise<void> {
    if (emails.length === 0) return;
    await this.prisma.statements.execute`
      WITH held AS (
        SELECT m.id FROM outbound_emails m
        JOIN unnest(${emails.map(({ id }) => id)}::uuid[], ${emails.map(({ leaseToken }) => leaseToken)}::uuid[]) AS mine (id, token)
          ON m.id = mine.id AND m.lease_token = mine.token
        WHERE m.status = 'sending' AND m.lease_until > now()
        FOR UPDATE OF m SKIP LOCKED
      )
      UPDATE outbound_emails m SET lease_until = now() + make_interval(secs => ${LEASE_SECONDS}) FROM held WHERE m.id = held.id`;
  }

  /**
   * What a dead worker left: sending with a lease that ran out → deferred and due at once when nothing was offered,
   * else unknown, and by the policy of unknown outcomes → deferred once more in the same statement. Also what a worker
   * called unknown and died before it decided. The token stays on what was offered, for its attempt may still answer.
   * Returns how many messages were changed.
   *
   * They are judged before they are locked: once the lease is over, nothing that the judgement rests on changes.
   */
  async takeBackExpired(worker: string): Promise<number> {
    const abandoned = await this.prisma.statements.query<AbandonedEmail[]>`
      SELECT id, lane, lease_token AS "leaseToken", status = 'unknown' OR offered_at IS NOT NULL AS offered, secret,
        possible_duplicate AS "possibleDuplicate", attempts AS attempt, max_attempts AS "maxAttempts",
        expires_at AS "expiresAt", now() AS now
      FROM outbound_emails WHERE id IN (
        (SELECT id FROM outbound_emails WHERE status = 'sending' AND lease_until < now() ORDER BY lease_until LIMIT ${RECOVERY_LIMIT})
        UNION ALL
        (SELECT id FROM outbound_emails WHERE status = 'unknown' AND lease_until < now() ORDER BY lease_until LIMIT ${RECOVERY_LIMIT})
        LIMIT ${RECOVERY_LIMIT})`;
    if (abandoned.length === 0) return 0;
    const [recovered] = await this.prisma.statements.query<{ count: number }[]>`
      WITH input AS (
        SELECT * FROM json_to_recordset(${JSON.stringify(abandoned.map(verdictOn))}::json) AS input (id uuid, token uuid, retry_ms int)
      ), mine AS (
        SELECT m.id, m.status AS was, m.status = 'unknown' OR m.offered_at IS NOT NULL AS offered, input.retry_ms
        FROM outbound_emails m JOIN input ON m.id = input.id AND m.lease_token = input.token
        WHERE m.status IN ('sending', 'unknown') AND m.lease_until < now()
        ORDER BY m.id FOR UPDATE OF m SKIP LOCKED
      ), recovered AS (
        UPDATE outbound_emails m SET
          status = CASE
            WHEN mine.offered AND retry_ms IS NULL THEN 'unknown'
            WHEN NOT mine.offered AND ${DEATHS_BEFORE} + 1 >= ${DEADLY_CLAIMS} THEN 'failed' -- it may be what kills the workers
            ELSE 'deferred' END::email_status,
          next_attempt_at = now() + coalesce(retry_ms, 0) * interval '1 millisecond', lease_until = NULL,
          possible_duplicate = m.possible_duplicate OR retry_ms IS NOT NULL,
          last_reply = CASE WHEN was = 'unknown' THEN m.last_reply END,
          last_error_code = CASE
            WHEN retry_ms IS NOT NULL THEN ${RETRY_AFTER_UNKNOWN} WHEN was = 'unknown' THEN m.last_error_code ELSE 'lease_expired' END,
          lease_token = CASE WHEN mine.offered THEN m.lease_token END
        FROM mine WHERE m.id = mine.id
        RETURNING m.id, was, m.status, mine.offered, retry_ms, m.attempts
      ), noted AS (
        INSERT INTO email_events (email_id, status, attempt, error_code, worker)
        SELECT id, step.status::email_status, attempts, step.error_code, ${worker}
        FROM recovered CROSS JOIN LATERAL (VALUES
          (1, CASE WHEN offered THEN 'unknown' ELSE recovered.status::text END, 'lease_expired', was = 'sending'),
          (2, 'deferred', ${RETRY_AFTER_UNKNOWN}::text, retry_ms IS NOT NULL)
        ) AS step (n, status, error_code, taken)
        WHERE taken ORDER BY id, n
      )
      SELECT count(*)::int AS count FROM recovered WHERE was <> status`;
    return recovered!.count;
  }

  private async split(
    email: ClaimedEmail,
    ending: Apart['ending'] | undefined,
    apart: readonly Apart[],
    worker: string,
  ): Promise<boolean> {
    const statement = splitStatement({ email, ending, apart, worker });
    const owned = (await this.prisma.statements.query<unknown[]>(statement)).length > 0;
    // The drain that claimed the message may have ended while it was under way.
    if (owned && [ending, ...apart.map((one) => one.ending)].some(isDueAtOnce)) this.queue.wake(email.lane);
    return owned;
  }

  private async writeAll(steps: Step[]): Promise<boolean[]> {
    const rows = await this.prisma.statements.runSql<{ n: number }>(attemptStatement(steps));
    const taken = new Set(rows.map(({ n }) => n));
    return steps.map((_, n) => taken.has(n));
  }
}

/** Of a message `m`: how many workers died with it, unoffered, one after the other and with nothing else in between. */
const DEATHS_BEFORE = Prisma.sql`(
  SELECT count(*) FROM email_events e WHERE e.email_id = m.id AND e.error_code = 'lease_expired' AND e.id > (
    SELECT coalesce(max(other.id), 0) FROM email_events other
    WHERE other.email_id = m.id AND other.status <> 'sending' AND other.error_code IS DISTINCT FROM 'lease_expired'))`;

function isDueAtOnce(ending: Apart['ending'] | undefined): boolean {
  return (ending?.status === 'queued' || ending?.status === 'deferred') && !ending.delayMs;
}

function verdictOn(email: AbandonedEmail): object {
  const policy = email.offered ? unknownPolicy(email, email.now) : 'stay';
  return { id: email.id, token: email.leaseToken, retry_ms: policy === 'stay' ? null : policy.retryAfterMs };
}
