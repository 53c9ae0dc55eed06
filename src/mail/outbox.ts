import { Inject, Injectable } from '@nestjs/common';
import { Batcher } from '../core/batcher.js';
import type { Lane } from '../core/lanes.js';
import { passing } from '../core/milestones.js';
import { cut } from '../core/storable.js';
import { PrismaService } from '../database/prisma.service.js';
import type { UnitOfWork } from '../database/unit-of-work.js';
import { Prisma } from '../generated/prisma/client.js';
import type { Places } from '../queue/fair-shares.js';
import { claimStatement, type DueEmail } from './claim-statement.js';
import type { ClaimedEmail, Ending, NewEmail } from './email-rows.js';
import { suppressing } from './suppressions/suppression-sql.js';
import { RETRY_AFTER_UNKNOWN, unknownPolicy } from './unknown-policy.js';

/** Seconds a claim lasts unless it is renewed; how soon a killed worker's mail is picked up again. */
export const LEASE_SECONDS = 20;
/** Rows one rescue looks at; the next one, seconds later, goes on. */
const RESCUE_LIMIT = 500;
/** Characters of a reply that are kept. */
const REPLY_LIMIT = 1_000;

/** A row whose lease ran out. */
interface AbandonedEmail extends Pick<ClaimedEmail, 'id' | 'leaseToken' | 'lane' | 'secret' | 'possibleDuplicate' | 'attempt' | 'maxAttempts' | 'expiresAt'> {
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

interface Finish {
  email: ClaimedEmail;
  ending: Ending;
  worker: string;
}

/**
 * The transitions of `outbound_emails` that a worker makes. Each is one conditional statement that also writes its
 * `email_events` rows, so that no state changes without a receipt; a trigger counts it in the ledger. Leases are judged
 * by the clock of Postgres. Offers and finishes of concurrent deliveries are joined into one statement, and every
 * delivery awaits its own commit.
 */
@Injectable()
export class Outbox {
  private readonly offers = new Batcher((emails: ClaimedEmail[]) => this.offerAll(emails));
  private readonly finishes = new Batcher((finishes: Finish[]) => this.finishAll(finishes));

  constructor(@Inject(PrismaService) private readonly prisma: PrismaService) {}

  /** → queued and due at once, or → scheduled. `accepted` is counted here and nowhere else. */
  async insert(email: NewEmail, unit: UnitOfWork): Promise<void> {
    const status = email.scheduledAt ? 'scheduled' : 'queued';
    await unit.db.$executeRaw`
      WITH accepted AS (
        INSERT INTO outbound_emails (id, lane, status, from_address, to_address, to_canonical, reply_to, template, locale,
          sealed_variables, seal_key_id, secret, max_attempts, scheduled_at, expires_at, next_attempt_at, supersede_key,
          message_id, api_key_id, request_id, traceparent, avoid_transport)
        VALUES (${email.id}::uuid, ${email.lane}::lane, ${status}::email_status, ${email.from}, ${email.to},
          ${email.toCanonical}, ${email.replyTo}, ${email.template}, ${email.locale}, ${email.sealedVariables},
          ${email.sealKeyId}, ${email.secret}, ${email.maxAttempts}, ${email.scheduledAt},
          coalesce(${email.expiresAt}, now() + ${email.livesMs}::float8 * interval '1 millisecond'),
          coalesce(${email.scheduledAt}, now()), ${email.supersedeKey}, ${email.messageId}, ${email.apiKeyId}::uuid,
          ${email.requestId}, ${email.traceparent}, (
            SELECT transport FROM outbound_emails WHERE supersede_key = ${email.supersedeKey} AND transport <> 'none' ORDER BY id DESC LIMIT 1))
        RETURNING id, status
      ), counted AS (
        INSERT INTO ledger_deltas (status, delta) VALUES ('accepted', 1)
      )
      INSERT INTO email_events (email_id, status, attempt) SELECT id, status, 0 FROM accepted`;
  }

  /**
   * scheduled|queued|deferred → sending, for up to `limit` due rows of a lane that nobody else is claiming, and for no more
   * of one recipient's domain than it has places; expired ones end as expired and those for suppressed addresses as
   * suppressed instead. Of a lane that an operator paused there are none, whoever asks: the queue, the timer, the rescue.
   */
  async claim(lane: Lane, limit: number, worker: string, places?: Places): Promise<ClaimedEmails> {
    const due = await this.prisma.$queryRaw<DueEmail[]>(claimStatement({ lane, limit, worker, places, leaseSeconds: LEASE_SECONDS }));
    const rows = due.filter((row) => row.status === 'sending');
    if (rows.length > 0) passing('claimed');
    // Whatever was due, one of them was changed, and each tells of all.
    const { seen = 0, left = [] } = due[0] ?? {};
    return { rows, more: seen === limit, left };
  }

  /** Commits that the attempt is about to release the last byte. False: the lease is lost or the message expired. */
  offer(email: ClaimedEmail): Promise<boolean> {
    return this.offers.submit(email);
  }

  /**
   * sending → ending, for the attempt that still owns the row; also unknown → ending, when that attempt's definite
   * answer comes late, and deferred → sent|failed, when it comes before the retry that was planned in its place: that
   * one is off. False: somebody else owns the row by now, and nothing was written. An unknown row keeps what is left of
   * its lease, for whoever is to decide about it: when it runs out undecided, the rescue does.
   */
  finish(email: ClaimedEmail, ending: Ending, worker: string): Promise<boolean> {
    return this.finishes.submit({ email, ending, worker });
  }

  /**
   * Prolongs what this process still works on, in one statement. What is locked is being offered or finished right now,
   * and can do without.
   */
  async renew(emails: readonly ClaimedEmail[]): Promise<void> {
    if (emails.length === 0) return;
    await this.prisma.$executeRaw`
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
   * What a dead worker left: sending with a lease that ran out → deferred and due at once when nothing was offered, else
   * unknown, and by the policy of unknown outcomes → deferred once more in the same statement. Also what a worker called
   * unknown and died before it decided. The token stays on what was offered, for its attempt may still answer. Returns
   * how many messages were changed.
   *
   * They are judged before they are locked: once the lease is over, nothing that the judgement rests on changes.
   */
  async rescue(worker: string): Promise<number> {
    const abandoned = await this.prisma.$queryRaw<AbandonedEmail[]>`
      SELECT id, lane, lease_token AS "leaseToken", status = 'unknown' OR offered_at IS NOT NULL AS offered, secret,
        possible_duplicate AS "possibleDuplicate", attempts AS attempt, max_attempts AS "maxAttempts",
        expires_at AS "expiresAt", now() AS now
      FROM outbound_emails WHERE id IN (
        (SELECT id FROM outbound_emails WHERE status = 'sending' AND lease_until < now() ORDER BY lease_until LIMIT ${RESCUE_LIMIT})
        UNION ALL
        (SELECT id FROM outbound_emails WHERE status = 'unknown' AND lease_until < now() ORDER BY lease_until LIMIT ${RESCUE_LIMIT})
        LIMIT ${RESCUE_LIMIT})`;
    if (abandoned.length === 0) return 0;
    const [rescued] = await this.prisma.$queryRaw<{ count: number }[]>`
      WITH input AS (
        SELECT * FROM jsonb_to_recordset(${JSON.stringify(abandoned.map(verdictOn))}::jsonb) AS input (id uuid, token uuid, retry_ms int)
      ), mine AS (
        SELECT m.id, m.status AS was, m.status = 'unknown' OR m.offered_at IS NOT NULL AS offered, input.retry_ms
        FROM outbound_emails m JOIN input ON m.id = input.id AND m.lease_token = input.token
        WHERE m.status IN ('sending', 'unknown') AND m.lease_until < now()
        ORDER BY m.id FOR UPDATE OF m SKIP LOCKED
      ), rescued AS (
        UPDATE outbound_emails m SET
          status = CASE
            WHEN mine.offered AND retry_ms IS NULL THEN 'unknown'
            WHEN NOT mine.offered AND m.attempts >= m.max_attempts THEN 'failed' -- it may be what kills the workers
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
        FROM rescued CROSS JOIN LATERAL (VALUES
          (1, CASE WHEN offered THEN 'unknown' ELSE rescued.status::text END, 'lease_expired', was = 'sending'),
          (2, 'deferred', ${RETRY_AFTER_UNKNOWN}::text, retry_ms IS NOT NULL)
        ) AS step (n, status, error_code, taken)
        WHERE taken ORDER BY id, n
      )
      SELECT count(*)::int AS count FROM rescued WHERE was <> status`;
    return rescued!.count;
  }

  private async offerAll(emails: ClaimedEmail[]): Promise<boolean[]> {
    const offered = await this.prisma.$queryRaw<{ token: string }[]>`
      UPDATE outbound_emails m SET offered_at = now()
      FROM unnest(${emails.map(({ id }) => id)}::uuid[], ${emails.map(({ leaseToken }) => leaseToken)}::uuid[]) AS mine (id, token)
      WHERE m.id = mine.id AND m.lease_token = mine.token AND m.status = 'sending'
        AND m.lease_until > now() AND (m.expires_at IS NULL OR m.expires_at > now())
      RETURNING mine.token`;
    const tokens = new Set(offered.map(({ token }) => token));
    return emails.map(({ leaseToken }) => tokens.has(leaseToken));
  }

  private async finishAll(finishes: Finish[]): Promise<boolean[]> {
    const done = await this.prisma.$queryRaw<{ n: number }[]>`
      WITH input AS (
        SELECT * FROM jsonb_to_recordset(${JSON.stringify(finishes.map(recordOf))}::jsonb) AS input (
          n int, id uuid, token uuid, worker text, status email_status, transport text, reply text, error_code text,
          provider_message_id text, delay_ms int, uncounted boolean, possible_duplicate boolean,
          suppress_reason text, suppress_source text)
      ), mine AS (
        SELECT input.* FROM outbound_emails m JOIN input ON m.id = input.id AND m.lease_token = input.token
        WHERE m.status = 'sending' OR (m.status = 'unknown' AND input.status <> 'unknown')
          OR (m.status = 'deferred' AND input.status IN ('sent', 'failed'))
        ORDER BY m.id FOR UPDATE OF m
      ), done AS (
        UPDATE outbound_emails m SET
          status = mine.status,
          attempts = m.attempts - CASE WHEN mine.uncounted THEN 1 ELSE 0 END,
          transport = coalesce(mine.transport, m.transport), last_reply = mine.reply, last_error_code = mine.error_code,
          provider_message_id = coalesce(mine.provider_message_id, m.provider_message_id),
          sent_at = CASE WHEN mine.status = 'sent' THEN now() END,
          next_attempt_at = now() + coalesce(mine.delay_ms, 0) * interval '1 millisecond',
          possible_duplicate = m.status <> 'deferred' AND (m.possible_duplicate OR coalesce(mine.possible_duplicate, false)),
          lease_token = CASE WHEN mine.status = 'unknown' OR mine.possible_duplicate THEN m.lease_token END,
          lease_until = CASE WHEN mine.status = 'unknown' THEN m.lease_until END,
          sealed_variables = CASE WHEN m.secret AND mine.status = 'sent' THEN NULL ELSE m.sealed_variables END
        FROM mine WHERE m.id = mine.id AND m.lease_token = mine.token
        RETURNING mine.n, m.id, m.status, m.attempts, m.to_canonical
      ), noted AS (
        INSERT INTO email_events (email_id, status, attempt, transport, reply, error_code, worker)
        SELECT done.id, done.status, done.attempts, input.transport, input.reply, input.error_code, input.worker
        FROM done JOIN input USING (n)
      ), suppressed AS (
        ${suppressing(Prisma.sql`
          SELECT to_canonical, 'all', suppress_reason, suppress_source, done.id, NULL::timestamptz, NULL::text
          FROM done JOIN input USING (n) WHERE suppress_reason IS NOT NULL`)}
      )
      SELECT n FROM done`;
    const recorded = new Set(done.map(({ n }) => n));
    return finishes.map((_, n) => recorded.has(n));
  }
}

function recordOf({ email, ending, worker }: Finish, n: number): object {
  return {
    n,
    id: email.id,
    token: email.leaseToken,
    worker,
    status: ending.status,
    transport: ending.transport,
    reply: ending.reply === undefined ? undefined : cut(ending.reply, REPLY_LIMIT),
    error_code: ending.errorCode,
    provider_message_id: ending.providerMessageId,
    delay_ms: ending.delayMs,
    uncounted: ending.uncounted ?? ending.status === 'queued',
    possible_duplicate: ending.possibleDuplicate,
    suppress_reason: ending.suppress?.reason,
    suppress_source: ending.suppress?.source,
  };
}

function verdictOn(email: AbandonedEmail): object {
  const policy = email.offered ? unknownPolicy(email, email.now) : 'stay';
  return { id: email.id, token: email.leaseToken, retry_ms: policy === 'stay' ? null : policy.retryAfterMs };
}
