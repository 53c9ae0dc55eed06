import { Inject, Injectable } from '@nestjs/common';
import type { Lane } from '../core/lanes.js';
import { PrismaService } from '../database/prisma.service.js';
import type { UnitOfWork } from '../database/unit-of-work.js';
import type { EmailStatus } from '../generated/prisma/enums.js';

/** Seconds a claim lasts unless it is renewed; how soon a killed worker's mail is picked up again. */
export const LEASE_SECONDS = 20;
/** Rows one rescue looks at; the next one, seconds later, goes on. */
const RESCUE_LIMIT = 100;

/** A row in `sending` that this process owns until its lease runs out. */
export interface ClaimedEmail {
  id: string;
  lane: Lane;
  leaseToken: string;
  /** This one included. */
  attempt: number;
  maxAttempts: number;
  expiresAt: Date | null;
  from: string;
  to: string;
  template: string;
  locale: string;
  sealedVariables: Uint8Array | null;
  sealKeyId: string;
  messageId: string;
  requestId: string | null;
  /** When the row was accepted. */
  createdAt: Date;
}

/** What `accept` writes. */
export interface NewEmail {
  id: string;
  lane: Lane;
  from: string;
  to: string;
  template: string;
  locale: string;
  sealedVariables: Uint8Array;
  sealKeyId: string;
  secret: boolean;
  maxAttempts: number;
  expiresAt: Date | null;
  supersedeKey: string | null;
  messageId: string;
  requestId: string | null;
}

/** How an attempt ends in the record. */
export interface Ending {
  status: Extract<EmailStatus, 'sent' | 'deferred' | 'failed' | 'unknown' | 'queued'>;
  transport?: string;
  reply?: string;
  errorCode?: string;
  providerMessageId?: string;
  /** Milliseconds until a deferred row falls due. */
  delayMs?: number;
}

/**
 * The transitions of `outbound_emails`. Each is one conditional statement that also writes its `email_events` row, so
 * that no state changes without a receipt. Leases are judged by the clock of Postgres.
 */
@Injectable()
export class Outbox {
  constructor(@Inject(PrismaService) private readonly prisma: PrismaService) {}

  /** → queued, due at once. */
  async insert(email: NewEmail, unit: UnitOfWork): Promise<void> {
    await unit.db.$executeRaw`
      WITH accepted AS (
        INSERT INTO outbound_emails (id, lane, status, from_address, to_address, template, locale, sealed_variables,
          seal_key_id, secret, max_attempts, expires_at, supersede_key, message_id, request_id)
        VALUES (${email.id}::uuid, ${email.lane}::lane, 'queued', ${email.from}, ${email.to}, ${email.template},
          ${email.locale}, ${email.sealedVariables}, ${email.sealKeyId}, ${email.secret}, ${email.maxAttempts},
          ${email.expiresAt}, ${email.supersedeKey}, ${email.messageId}, ${email.requestId})
        RETURNING id
      )
      INSERT INTO email_events (email_id, status, attempt) SELECT id, 'queued', 0 FROM accepted`;
  }

  /**
   * queued|scheduled|deferred → sending, for up to `limit` due rows of a lane that nobody else is claiming; those whose
   * expiry has passed end as expired instead. The locked subset stands in a CTE: without that fence the planner may
   * update more rows than the limit.
   */
  async claim(lane: Lane, limit: number, worker: string): Promise<{ rows: ClaimedEmail[]; more: boolean }> {
    const due = await this.prisma.$queryRaw<(ClaimedEmail & { status: EmailStatus })[]>`
      WITH due AS (
        SELECT id FROM outbound_emails
        WHERE lane = ${lane}::lane AND status IN ('queued', 'scheduled', 'deferred') AND next_attempt_at <= now()
        ORDER BY next_attempt_at, id
        LIMIT ${limit}
        FOR UPDATE SKIP LOCKED
      ), taken AS (
        UPDATE outbound_emails m SET
          status = 'sending', attempts = attempts + 1, offered_at = NULL,
          lease_token = gen_random_uuid(), lease_until = now() + make_interval(secs => ${LEASE_SECONDS})
        FROM due WHERE m.id = due.id AND (m.expires_at IS NULL OR m.expires_at > now())
        RETURNING m.*
      ), dead AS (
        UPDATE outbound_emails m SET
          status = 'expired', sealed_variables = CASE WHEN secret THEN NULL ELSE sealed_variables END
        FROM due WHERE m.id = due.id AND m.expires_at <= now()
        RETURNING m.*
      ), changed AS (
        SELECT * FROM taken UNION ALL SELECT * FROM dead
      ), noted AS (
        INSERT INTO email_events (email_id, status, attempt, worker)
        SELECT id, status, attempts, ${worker} FROM changed
      )
      SELECT id, lane, status, lease_token AS "leaseToken", attempts AS attempt, max_attempts AS "maxAttempts",
        expires_at AS "expiresAt", from_address AS "from", to_address AS "to", template, locale,
        sealed_variables AS "sealedVariables", seal_key_id AS "sealKeyId", message_id AS "messageId",
        request_id AS "requestId", created_at AS "createdAt"
      FROM changed`;
    return { rows: due.filter((row) => row.status === 'sending'), more: due.length === limit };
  }

  /** Commits that the attempt is about to release the last byte. False: the lease is lost or the message expired. */
  async offer(email: ClaimedEmail): Promise<boolean> {
    const offered = await this.prisma.$executeRaw`
      UPDATE outbound_emails SET offered_at = now()
      WHERE id = ${email.id}::uuid AND lease_token = ${email.leaseToken}::uuid AND status = 'sending'
        AND lease_until > now() AND (expires_at IS NULL OR expires_at > now())`;
    return offered === 1;
  }

  /**
   * sending → ending, for the attempt that still owns the row; also unknown → ending, when that attempt's definite
   * answer comes late. False: somebody else owns the row by now, and nothing was written.
   */
  async finish(email: ClaimedEmail, ending: Ending, worker: string): Promise<boolean> {
    const { status, transport = null, reply = null, errorCode = null, providerMessageId = null, delayMs = null } = ending;
    const noted = await this.prisma.$executeRaw`
      WITH done AS (
        UPDATE outbound_emails SET
          status = ${status}::email_status,
          attempts = attempts - CASE WHEN ${status} = 'queued' THEN 1 ELSE 0 END,
          transport = coalesce(${transport}, transport), last_reply = ${reply}, last_error_code = ${errorCode},
          provider_message_id = coalesce(${providerMessageId}, provider_message_id),
          sent_at = CASE WHEN ${status} = 'sent' THEN now() END,
          next_attempt_at = now() + coalesce(${delayMs}::int, 0) * interval '1 millisecond',
          lease_token = CASE WHEN ${status} = 'unknown' THEN lease_token END, lease_until = NULL,
          sealed_variables = CASE WHEN secret AND ${status} = 'sent' THEN NULL ELSE sealed_variables END
        WHERE id = ${email.id}::uuid AND lease_token = ${email.leaseToken}::uuid
          AND (status = 'sending' OR (status = 'unknown' AND ${status} <> 'unknown'))
        RETURNING id, status, attempts
      )
      INSERT INTO email_events (email_id, status, attempt, transport, reply, error_code, worker)
      SELECT id, status, attempts, ${transport}, ${reply}, ${errorCode}, ${worker} FROM done`;
    return noted === 1;
  }

  /** Prolongs what this process still works on, in one statement. */
  async renew(emails: readonly ClaimedEmail[]): Promise<void> {
    if (emails.length === 0) return;
    const ids = emails.map(({ id }) => id);
    const tokens = emails.map(({ leaseToken }) => leaseToken);
    await this.prisma.$executeRaw`
      UPDATE outbound_emails m SET lease_until = now() + make_interval(secs => ${LEASE_SECONDS})
      FROM unnest(${ids}::uuid[], ${tokens}::uuid[]) AS mine (id, token)
      WHERE m.id = mine.id AND m.lease_token = mine.token AND m.status = 'sending' AND m.lease_until > now()`;
  }

  /**
   * What a dead worker left: sending with a lease that ran out → deferred and due at once when nothing was offered,
   * else unknown. Returns how many rows were rescued.
   */
  async rescue(worker: string): Promise<number> {
    return this.prisma.$executeRaw`
      WITH abandoned AS (
        SELECT id FROM outbound_emails WHERE status = 'sending' AND lease_until < now()
        LIMIT ${RESCUE_LIMIT} FOR UPDATE SKIP LOCKED
      ), rescued AS (
        UPDATE outbound_emails m SET
          status = CASE WHEN m.offered_at IS NULL THEN 'deferred' ELSE 'unknown' END::email_status,
          next_attempt_at = now(), lease_until = NULL, last_reply = NULL, last_error_code = 'lease_expired',
          lease_token = CASE WHEN m.offered_at IS NULL THEN NULL ELSE m.lease_token END
        FROM abandoned WHERE m.id = abandoned.id
        RETURNING m.id, m.status, m.attempts
      )
      INSERT INTO email_events (email_id, status, attempt, error_code, worker)
      SELECT id, status, attempts, 'lease_expired', ${worker} FROM rescued`;
  }

  /** Copies of one message that have not started yet → cancelled: only the newest copy is worth sending. */
  async supersede(key: string, unit: UnitOfWork): Promise<void> {
    await unit.db.$executeRaw`
      WITH superseded AS (
        UPDATE outbound_emails SET
          status = 'cancelled', last_error_code = 'superseded',
          sealed_variables = CASE WHEN secret THEN NULL ELSE sealed_variables END
        WHERE supersede_key = ${key} AND status IN ('queued', 'scheduled', 'deferred')
        RETURNING id, status, attempts
      )
      INSERT INTO email_events (email_id, status, attempt, error_code)
      SELECT id, status, attempts, 'superseded' FROM superseded`;
  }

  /** The state of the newest copy under a key, and when it changed. */
  async newestCopy(key: string): Promise<{ status: EmailStatus; updatedAt: Date } | undefined> {
    const [newest] = await this.prisma.$queryRaw<{ status: EmailStatus; updatedAt: Date }[]>`
      SELECT m.status, coalesce((SELECT max(at) FROM email_events WHERE email_id = m.id), m.created_at) AS "updatedAt"
      FROM outbound_emails m WHERE supersede_key = ${key} ORDER BY id DESC LIMIT 1`;
    return newest;
  }
}
