import { Injectable } from '@nestjs/common';
import { LOWEST_UUID, uuidv7 } from '../../core/ids.js';
import { DatabaseClock } from '../../database/database-clock.js';
import { PrismaService, type UnitOfWork } from '../../database/prisma.service.js';
import { Prisma } from '../../generated/prisma/client.js';
import type { EmailStatus } from '../../generated/prisma/enums.js';
import { HELD, IS_HELD } from '../subscribers/subscribers.js';
import { CANCEL, changing } from './changes.js';
import { CONTENT_ELSEWHERE } from './email-rows.js';

/** Subscribers that one statement looks at at most, where a filter leaves few. */
const WINDOW = 20_000;
/** Messages that one statement puts off, takes back or cancels. */
const BATCH = 1_000;

/** A broadcast whose row is locked, and what its messages are made of. */
export interface OpenBroadcast {
  id: string;
  audienceId: string;
  contentId: string;
  sealKeyId: string;
  subject: string;
  fromAddress: string;
  /** Of its Message-IDs: the domain of the sender. */
  host: string;
  locale: string;
  filter: Record<string, string>;
  maxAttempts: number;
  tags: string[];
  metadata: Record<string, string> | null;
  apiKeyId: string | null;
  requestId: string | null;
  lastId: string | null;
  cursor: string | null;
}

export type StatusCounts = Partial<Record<EmailStatus, number>>;

export interface MadeMessages {
  count: number;
  /** The last subscriber that was looked at. */
  cursor: string | null;
  isOver: boolean;
}

/** The statements on the messages of broadcasts. */
@Injectable()
export class BroadcastMessages {
  constructor(
    private readonly prisma: PrismaService,
    private readonly clock: DatabaseClock,
  ) {}

  /** Messages that are on their way: those that wait for another attempt later hold up nobody. */
  async outstanding(id: string, { db }: UnitOfWork): Promise<number> {
    const [counted] = await db.$queryRaw<{ count: number }[]>`
      SELECT (SELECT count(*) FROM outbound_emails WHERE broadcast_id = ${id}::uuid AND status IN ('queued', 'sending', 'scheduled'))::int
        + (SELECT count(*) FROM outbound_emails WHERE broadcast_id = ${id}::uuid AND status = 'deferred' AND next_attempt_at <= now())::int AS count`;
    return counted!.count;
  }

  /** The next messages, in one statement with their receipts and the count of what was accepted. */
  async make(broadcast: OpenBroadcast, limit: number, { db }: UnitOfWork): Promise<MadeMessages> {
    const { lastId, cursor, fromAddress, host } = broadcast;
    if (lastId === null) return { count: 0, cursor, isOver: true };
    const begin = uuidv7(this.clock.now()).replaceAll('-', '').slice(0, 12);
    const [walked] = await db.$queryRaw<
      { count: number; looked: number; lastChosen: string | null; lastLooked: string | null }[]
    >`
      WITH looked AS MATERIALIZED (
        SELECT id, address, address_canonical, locale, status, attributes FROM subscribers
        WHERE audience_id = ${broadcast.audienceId}::uuid AND id > ${cursor ?? LOWEST_UUID}::uuid AND id <= ${lastId}::uuid
        ORDER BY audience_id, id LIMIT ${WINDOW}
      ), chosen AS MATERIALIZED (
        SELECT id, address, address_canonical, locale,
          (${begin} || '7' || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid AS email_id -- RFC 9562 §5.7
        FROM looked WHERE status = 'active' AND attributes @> ${JSON.stringify(broadcast.filter)}::jsonb ORDER BY id LIMIT ${limit}
      ), accepted AS (
        INSERT INTO outbound_emails (id, lane, status, from_address, to_address, to_canonical, locale, sealed_variables, seal_key_id,
          content_id, secret, subject, tags, metadata, max_attempts, next_attempt_at, message_id, api_key_id, request_id,
          broadcast_id, subscriber_id)
        SELECT email_id, 'bulk', 'queued', ${fromAddress}, address, address_canonical, coalesce(locale, ${broadcast.locale}),
          ${Buffer.from(CONTENT_ELSEWHERE)}::bytea, ${broadcast.sealKeyId}, ${broadcast.contentId}::uuid, false, ${broadcast.subject},
          ${broadcast.tags}::text[], ${broadcast.metadata === null ? null : JSON.stringify(broadcast.metadata)}::jsonb,
          ${broadcast.maxAttempts}::int, now(), '<' || email_id || '@' || ${host} || '>', ${broadcast.apiKeyId}::uuid,
          ${broadcast.requestId}, ${broadcast.id}::uuid, id
        FROM chosen ORDER BY email_id
      ), counted AS (
        INSERT INTO ledger_deltas (status, delta) SELECT 'accepted', count(*) FROM chosen HAVING count(*) > 0
      ), noted AS (
        INSERT INTO email_events (email_id, status, attempt) SELECT email_id, 'queued', 0 FROM chosen ORDER BY email_id
      )
      SELECT (SELECT count(*)::int FROM chosen) AS count, (SELECT count(*)::int FROM looked) AS looked,
        (SELECT id::text FROM chosen ORDER BY id DESC LIMIT 1) AS "lastChosen",
        (SELECT id::text FROM looked ORDER BY id DESC LIMIT 1) AS "lastLooked"`;
    const { count, looked, lastChosen, lastLooked } = walked!;
    const isFull = count === limit;
    return { count, cursor: (isFull ? lastChosen : lastLooked) ?? cursor, isOver: !isFull && looked < WINDOW };
  }

  /**
   * scheduled|queued|deferred → cancelled, of broadcasts that were cancelled; one walk a state of their own index,
   * whatever else waits.
   */
  async cancelRest(): Promise<number> {
    const picked = Prisma.sql`
      SELECT few.id FROM broadcasts b CROSS JOIN unnest('{queued,scheduled,deferred}'::email_status[]) AS s (status)
      CROSS JOIN LATERAL (
        SELECT id FROM outbound_emails m WHERE m.broadcast_id = b.id AND m.status = s.status
        ORDER BY m.id LIMIT ${BATCH} FOR UPDATE SKIP LOCKED
      ) AS few WHERE b.finished_at IS NULL AND b.cancelled_at IS NOT NULL LIMIT ${BATCH}`;
    const change = { ...CANCEL, errorCode: 'broadcast_cancelled' };
    return (await this.prisma.statements.query<unknown[]>(changing(picked, change))).length;
  }

  /** Due messages of a paused broadcast, which claims would meet one by one. Returns how many it moved. */
  putOff(id: string): Promise<number> {
    return this.prisma.statements.execute`
      UPDATE outbound_emails m SET next_attempt_at = m.next_attempt_at + ${HELD} FROM (
        SELECT id FROM outbound_emails WHERE lane = 'bulk' AND status IN ('queued', 'scheduled', 'deferred')
          AND next_attempt_at <= now() AND broadcast_id = ${id}::uuid
          AND EXISTS (SELECT FROM broadcasts b WHERE b.id = ${id}::uuid AND b.paused_at IS NOT NULL)
        ORDER BY next_attempt_at, id LIMIT ${BATCH} FOR UPDATE SKIP LOCKED
      ) AS due WHERE m.id = due.id`;
  }

  /** The same back, once it goes on. Returns how many it moved. */
  takeBack(id: string): Promise<number> {
    return this.prisma.statements.execute`
      UPDATE outbound_emails m SET next_attempt_at = m.next_attempt_at - ${HELD} FROM (
        SELECT id FROM outbound_emails m WHERE lane = 'bulk' AND status IN ('queued', 'scheduled', 'deferred')
          AND ${IS_HELD} AND broadcast_id = ${id}::uuid
          AND EXISTS (SELECT FROM broadcasts b WHERE b.id = ${id}::uuid AND b.paused_at IS NULL)
        ORDER BY next_attempt_at, id LIMIT ${BATCH} FOR UPDATE SKIP LOCKED
      ) AS held WHERE m.id = held.id`;
  }

  /** How many are in each state. Read off an index alone. */
  async counts(id: string): Promise<StatusCounts> {
    const rows = await this.prisma.statements.query<{ status: EmailStatus; count: number }[]>`
      SELECT status, count(*)::int AS count FROM outbound_emails WHERE broadcast_id = ${id}::uuid GROUP BY status`;
    return Object.fromEntries(rows.map(({ status, count }) => [status, count]));
  }
}

/** Of a broadcast `b`: none of its messages is to go out, or on its way. */
export const HAS_NONE_LEFT = Prisma.sql`(SELECT count(*) FROM (
    SELECT FROM outbound_emails m
    WHERE m.broadcast_id = b.id AND m.status IN ('queued', 'scheduled', 'deferred', 'sending') LIMIT 1) AS left_over) = 0`;
