import { Injectable } from '@nestjs/common';
import { Batcher } from '../../core/batcher.js';
import type { Lane } from '../../core/lanes.js';
import { PrismaService } from '../../database/prisma.service.js';
import { Prisma } from '../../generated/prisma/client.js';
import type { EmailStatus, WebhookFormat } from '../../generated/prisma/enums.js';
import { messageOfEvent } from '../outbox/reported.js';
import { DOWN_AFTER, SCHEDULE } from './retry-policy.js';

/** A row in `sending` that this process owns until its lease runs out, with all that one attempt takes. */
export interface ClaimedDelivery {
  /** `webhook-id` */
  id: string;
  leaseToken: string;
  /** This one included. */
  attempt: number;
  /** Such as email.sent */
  type: string;
  createdAt: Date;
  /** What it says where it tells of no message. */
  payload: Record<string, unknown> | null;
  /** The row of the timeline that it tells of; null when that was removed. */
  event: EmailEventFacts | null;
  endpoint: ClaimedEndpoint;
}

export interface ClaimedEndpoint {
  id: string;
  url: string;
  format: WebhookFormat;
  sealedSecret: Uint8Array;
  sealKeyId: string;
  /** Signs too for a while after a rotation. */
  sealedPreviousSecret: Uint8Array | null;
  previousSealKeyId: string | null;
  /** Failed attempts in a row before this one, and milliseconds since the first of them. */
  failures: number;
  failingMs: number;
  /** How often it had got another address or been enabled. */
  freshStarts: number;
  /** Deliveries that it could have been given by this claim. */
  room: number;
}

export interface EmailEventFacts {
  at: Date;
  emailId: string;
  status: EmailStatus;
  attempt: number;
  transport: string | null;
  reply: string | null;
  errorCode: string | null;
  from: string;
  to: string;
  /** Null: the template has it. */
  subject: string | null;
  template: string | null;
  lane: Lane;
  messageId: string;
  providerMessageId: string | null;
  createdAt: Date;
  scheduledAt: Date | null;
  expiresAt: Date | null;
  tags: string[];
  /** The caller's own words, by name; null: none. */
  metadata: Record<string, string> | null;
  /** The message it was split off. */
  splitFrom: string | null;
}

/** How an attempt ends in the record. `given_back`: it never was one. */
export interface DeliveryEnding {
  status: 'delivered' | 'deferred' | 'failed' | 'given_back';
  /** Milliseconds until a deferred row falls due. */
  delayMs?: number | undefined;
  statusCode?: number | undefined;
  errorCode?: string | undefined;
  /** The first kilobyte of the answer. */
  response?: string | undefined;
  tookMs: number;
}

/** Seconds a claim lasts unless it is renewed; how soon a killed worker's deliveries are made again. */
const LEASE_SECONDS = 20;
/** Deliveries to one endpoint side by side, all workers together: a slow one takes no more than these. */
const PER_ENDPOINT = 10;

interface Finish {
  delivery: ClaimedDelivery;
  ending: DeliveryEnding;
  worker: string;
}

type ClaimedRow = Omit<ClaimedDelivery, 'event' | 'endpoint'> &
  Omit<ClaimedEndpoint, 'id'> &
  Omit<EmailEventFacts, 'at' | 'attempt' | 'createdAt'> & {
    endpointId: string;
    eventAt: Date | null;
    emailAttempt: number;
    emailCreatedAt: Date;
  };

/**
 * The transitions of `webhook_deliveries` that a worker makes: like those of the mail outbox, each one conditional
 * statement, fenced by the token of the claim, leases judged by the clock of Postgres. The rows are made by a trigger
 * on `email_events`. Whoever needs an endpoint and its deliveries locks the endpoint first, and whoever waits for
 * several deliveries locks them in the order of their ids.
 */
@Injectable()
export class WebhookOutbox {
  private readonly finishes = new Batcher((finishes: Finish[]) => this.finishAll(finishes));

  constructor(private readonly prisma: PrismaService) {}

  /**
   * queued|deferred → sending, for up to `limit` due rows: of every endpoint that is neither disabled nor left alone
   * for a while, as many as it may have side by side, and one when it is down. The endpoints take turns. An endpoint
   * for which another worker is claiming at this moment is passed over, lest both fill it; one for which another
   * claimed a moment ago is counted anew.
   */
  async claim(limit: number): Promise<ClaimedDelivery[]> {
    const message = messageOfEvent({
      event: Prisma.sql`c.email_event_id`,
      to: Prisma.sql`c.to_address`,
      scheduledAt: Prisma.sql`c.scheduled_at`,
    });
    const rows = await this.prisma.statements.query<ClaimedRow[]>`
      WITH open AS (
        SELECT id, failures FROM webhook_endpoints e
        WHERE disabled_at IS NULL AND (backoff_until IS NULL OR backoff_until <= now())
          AND EXISTS (SELECT FROM webhook_deliveries d
            WHERE d.endpoint_id = e.id AND d.status IN ('queued', 'deferred') AND d.next_attempt_at <= now())
        FOR NO KEY UPDATE SKIP LOCKED
      ), roomy AS (
        SELECT id, greatest(0, CASE WHEN failures >= ${DOWN_AFTER}::int THEN 1 ELSE ${PER_ENDPOINT}::int END
          - webhooks_under_way(open.id)) AS room
        FROM open
      ), due AS (
        SELECT d.id, roomy.room, row_number() OVER (PARTITION BY roomy.id ORDER BY d.next_attempt_at, d.id) AS turn
        FROM roomy CROSS JOIN LATERAL (
          SELECT id, next_attempt_at FROM webhook_deliveries d
          WHERE d.endpoint_id = roomy.id AND d.status IN ('queued', 'deferred') AND d.next_attempt_at <= now()
          ORDER BY d.next_attempt_at, d.id LIMIT roomy.room
          FOR UPDATE SKIP LOCKED
        ) AS d
      ), chosen AS (
        SELECT id, room FROM due ORDER BY turn, id LIMIT ${limit}
      ), claimed AS (
        UPDATE webhook_deliveries d SET
          status = 'sending', attempts = attempts + 1,
          lease_token = gen_random_uuid(), lease_until = now() + make_interval(secs => ${LEASE_SECONDS})
        FROM chosen WHERE d.id = chosen.id
        RETURNING d.*, chosen.room
      )
      SELECT c.id, c.lease_token AS "leaseToken", c.attempts AS attempt, c.type, c.created_at AS "createdAt", c.payload,
        c.room::int AS room, e.id AS "endpointId", e.url, e.format, e.sealed_secret AS "sealedSecret", e.seal_key_id AS "sealKeyId",
        CASE WHEN e.previous_secret_until > now() THEN e.sealed_previous_secret END AS "sealedPreviousSecret",
        e.previous_seal_key_id AS "previousSealKeyId", e.failures, e.fresh_starts AS "freshStarts",
        coalesce(extract(epoch FROM now() - e.failing_since) * 1000, 0)::float8 AS "failingMs",
        ${message.columns}
      FROM claimed c JOIN webhook_endpoints e ON e.id = c.endpoint_id ${message.join}`;
    return rows.map(deliveryOf);
  }

  /**
   * sending → ending, with its row in the log, for the claim that still owns the delivery. False: it is another's by
   * now.
   */
  finish(delivery: ClaimedDelivery, ending: DeliveryEnding, worker: string): Promise<boolean> {
    return this.finishes.submit({ delivery, ending, worker });
  }

  /** Prolongs what this process still works on. */
  async renew(deliveries: readonly ClaimedDelivery[]): Promise<void> {
    if (deliveries.length === 0) return;
    const [ids, tokens] = [deliveries.map(({ id }) => id), deliveries.map(({ leaseToken }) => leaseToken)];
    await this.prisma.statements.execute`
      WITH mine AS (
        SELECT d.id FROM webhook_deliveries d JOIN unnest(${ids}::uuid[], ${tokens}::uuid[]) AS held (id, token)
          ON d.id = held.id AND d.lease_token = held.token
        WHERE d.status = 'sending' AND d.lease_until > now() ORDER BY d.id FOR UPDATE OF d
      )
      UPDATE webhook_deliveries d SET lease_until = now() + make_interval(secs => ${LEASE_SECONDS})
      FROM mine WHERE d.id = mine.id`;
  }

  /**
   * What a dead worker left: sending with a lease that ran out → deferred and due at once, or → failed after its last
   * attempt. Returns how many.
   */
  async takeBackExpired(worker: string, limit = 500): Promise<number> {
    return this.prisma.statements.execute`
      WITH abandoned AS (
        SELECT id FROM webhook_deliveries WHERE status = 'sending' AND lease_until < now()
        LIMIT ${limit} FOR UPDATE SKIP LOCKED
      ), taken AS (
        UPDATE webhook_deliveries d SET
          status = CASE WHEN d.attempts > ${SCHEDULE.length}::int THEN 'failed' ELSE 'deferred' END,
          next_attempt_at = now(), lease_token = NULL, lease_until = NULL
        FROM abandoned WHERE d.id = abandoned.id
        RETURNING d.id, d.attempts
      )
      INSERT INTO webhook_attempts (delivery_id, attempt, error_code, took_ms, worker)
      SELECT id, attempts, 'lease_expired', 0, ${worker} FROM taken`;
  }

  /** The endpoint took a delivery: what was held against it is forgotten. */
  async endpointWorked(endpoint: ClaimedEndpoint): Promise<void> {
    await this.prisma.statements.execute`
      UPDATE webhook_endpoints SET failures = 0, failing_since = NULL, backoff_until = NULL
      WHERE ${isAsClaimed(endpoint)} AND failures > 0`;
  }

  /**
   * It did not: everything for it waits for so many milliseconds. False: it got another address or was enabled since it
   * was claimed, or is gone.
   */
  async endpointFailed(endpoint: ClaimedEndpoint, pauseMs: number): Promise<boolean> {
    const changed = await this.prisma.statements.execute`
      UPDATE webhook_endpoints SET
        failures = failures + 1, failing_since = coalesce(failing_since, now()),
        backoff_until = greatest(backoff_until, now() + ${pauseMs} * interval '1 millisecond')
      WHERE ${isAsClaimed(endpoint)}`;
    return changed === 1;
  }

  /** `fresh`: it got another address or was enabled since it was claimed, and stays enabled. */
  async disable(endpoint: ClaimedEndpoint, reason: 'gone' | 'failing'): Promise<'disabled' | 'was_disabled' | 'fresh'> {
    const changed = await this.prisma.statements.execute`
      UPDATE webhook_endpoints SET
        disabled_at = now(), disabled_reason = ${reason}, failures = failures + 1, failing_since = coalesce(failing_since, now())
      WHERE ${isAsClaimed(endpoint)} AND disabled_at IS NULL`;
    if (changed === 1) return 'disabled';
    const [found] = await this.prisma.statements.query<{ same: boolean }[]>`
      SELECT ${isAsClaimed(endpoint)} AS same FROM webhook_endpoints WHERE id = ${endpoint.id}::uuid`;
    return found?.same === false ? 'fresh' : 'was_disabled';
  }

  /** queued|deferred → failed, where the endpoint is gone or was given up. Those of one that people disabled wait. */
  async failWaitingOfDisabled(limit: number): Promise<number> {
    return this.prisma.statements.execute`
      WITH waiting AS (
        SELECT d.id FROM webhook_endpoints e CROSS JOIN LATERAL (
          SELECT id FROM webhook_deliveries d WHERE d.endpoint_id = e.id AND d.status IN ('queued', 'deferred')
          LIMIT ${limit} FOR UPDATE SKIP LOCKED
        ) AS d
        WHERE e.disabled_reason IN ('gone', 'failing') LIMIT ${limit}
      ), failed AS (
        UPDATE webhook_deliveries d SET status = 'failed' FROM waiting WHERE d.id = waiting.id
        RETURNING d.id, d.attempts
      )
      INSERT INTO webhook_attempts (delivery_id, attempt, error_code, took_ms)
      SELECT id, attempts, 'endpoint_disabled', 0 FROM failed`;
  }

  private async finishAll(finishes: Finish[]): Promise<boolean[]> {
    const done = await this.prisma.statements.query<{ n: number }[]>`
      WITH input AS (
        SELECT * FROM json_to_recordset(${JSON.stringify(finishes.map(recordOf))}::json) AS input (
          n int, id uuid, token uuid, worker text, status text, delay_ms float8, status_code int, error_code text,
          response text, took_ms int)
      ), mine AS (
        SELECT input.*, d.attempts FROM webhook_deliveries d JOIN input ON d.id = input.id AND d.lease_token = input.token
        WHERE d.status = 'sending' ORDER BY d.id FOR UPDATE OF d
      ), done AS (
        UPDATE webhook_deliveries d SET
          status = CASE WHEN mine.status <> 'given_back' THEN mine.status WHEN mine.attempts > 1 THEN 'deferred' ELSE 'queued' END,
          attempts = d.attempts - CASE WHEN mine.status = 'given_back' THEN 1 ELSE 0 END,
          next_attempt_at = now() + coalesce(mine.delay_ms, 0) * interval '1 millisecond',
          delivered_at = CASE WHEN mine.status = 'delivered' THEN now() END,
          lease_token = NULL, lease_until = NULL
        FROM mine WHERE d.id = mine.id
        RETURNING mine.n
      ), noted AS (
        INSERT INTO webhook_attempts (delivery_id, attempt, status_code, error_code, response, took_ms, worker)
        SELECT id, attempts, status_code, error_code, response, took_ms, worker FROM mine WHERE status <> 'given_back'
      )
      SELECT n FROM done`;
    const recorded = new Set(done.map(({ n }) => n));
    return finishes.map((_, n) => recorded.has(n));
  }
}

/** What an attempt came to says nothing of an endpoint that began anew meanwhile. */
const isAsClaimed = ({ id, freshStarts }: ClaimedEndpoint): Prisma.Sql =>
  Prisma.sql`id = ${id}::uuid AND fresh_starts = ${freshStarts}::int`;

function recordOf({ delivery, ending, worker }: Finish, n: number): object {
  const { status, delayMs, statusCode, errorCode, response, tookMs } = ending;
  const told = { status, delay_ms: delayMs, status_code: statusCode, error_code: errorCode, response, took_ms: tookMs };
  return { n, id: delivery.id, token: delivery.leaseToken, worker, ...told };
}

function deliveryOf(row: ClaimedRow): ClaimedDelivery {
  return {
    ...row,
    event: row.eventAt && { ...row, at: row.eventAt, attempt: row.emailAttempt, createdAt: row.emailCreatedAt },
    endpoint: { ...row, id: row.endpointId },
  };
}
