import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { domainOf } from '../core/email-address.js';
import { LOWEST_UUID, uuidv7 } from '../core/ids.js';
import { parseRate } from '../core/rate.js';
import { DatabaseClock } from '../database/database-clock.js';
import { PrismaService, Transactions, type UnitOfWork } from '../database/prisma.service.js';
import { Prisma } from '../generated/prisma/client.js';
import { CANCEL, changing } from '../mail/outbox/changes.js';
import { CONTENT_ELSEWHERE } from '../mail/outbox/email-rows.js';
import { HELD, IS_HELD } from '../mail/subscribers/subscribers.js';
import { mailboxOf } from '../mail/transport/mailbox.js';
import { MailQueue } from '../queue/mail-queue.js';
import { Beginnings } from './beginnings.js';
import { allowance, untilNext } from './pace-policy.js';

/** Messages that one transaction makes at most. */
const CHUNK = 2_000;
/** Subscribers that it looks at at most, where a filter leaves few. */
const WINDOW = 20_000;
/** Messages that one transaction puts off, takes back or cancels. */
const BATCH = 1_000;
/** Milliseconds. */
const SHORTEST_WAIT = 50;
const LONGEST_WAIT = 1_000;
/** Milliseconds after which a run ends, and another process may take over. */
const LONGEST_RUN = 60_000;

/** A broadcast whose row is locked. */
interface OpenBroadcast {
  id: string;
  audienceId: string;
  contentId: string;
  sealKeyId: string;
  subject: string;
  fromAddress: string;
  locale: string;
  filter: Record<string, string>;
  rate: string | null;
  tokens: number;
  sinceMs: number;
  maxAttempts: number;
  tags: string[];
  metadata: Record<string, string> | null;
  apiKeyId: string | null;
  requestId: string | null;
  lastId: string | null;
  cursor: string | null;
}

export interface Expanded {
  count: number;
  /** Milliseconds until it can go on; undefined: at once, or never. */
  waitMs?: number;
}

interface Walked {
  count: number;
  /** The last subscriber that was looked at. */
  cursor: string | null;
  isOver: boolean;
}

/**
 * Makes the messages of broadcasts, chunk by chunk. What a chunk made, its receipts, the place in the audience and the tokens it
 * took are one commit, under the lock of the broadcast's row: whoever goes on after a kill -9 begins behind the last chunk, and
 * of two at once one has the row, and the other none.
 */
@Injectable()
export class Expansion {
  constructor(
    private readonly prisma: PrismaService,
    private readonly transactions: Transactions,
    private readonly clock: DatabaseClock,
    private readonly queue: MailQueue,
    private readonly beginnings: Beginnings,
  ) {}

  /**
   * Goes on while there is something to do, each broadcast in turn: one that cannot go on holds up no other. Answers how many
   * messages it made. @throws the first of what stopped one, once there is nothing else to do
   */
  async work(signal: AbortSignal): Promise<number> {
    const until = performance.now() + LONGEST_RUN;
    let all = 0;
    let errors: unknown[] = [];
    while (!signal.aborted && performance.now() < until && (await this.isAnyOpen())) {
      const due = await eachOf(await this.beginnings.due(), (id) => this.beginnings.go(id));
      const open = await eachOf(await this.openIds(), (id) => this.expand(id));
      errors = [...due.errors, ...open.errors];
      const counted = due.steps.reduce((sum, count) => sum + count, 0);
      const made = open.steps.reduce((sum, { count }) => sum + count, 0);
      const moved = await this.settle();
      all += made;
      if (counted + made + moved > 0) continue;
      const waits = open.steps.flatMap(({ waitMs }) => waitMs ?? []);
      if (errors.length > 0 || waits.length === 0) break;
      await pause(Math.max(SHORTEST_WAIT, Math.min(LONGEST_WAIT, ...waits)), signal);
    }
    if (errors.length > 0) throw errors[0];
    return all;
  }

  /** One statement in place of six, each second, where nobody sends broadcasts. */
  private async isAnyOpen(): Promise<boolean> {
    const [row] = await this.prisma.statements.query<{ any: boolean }[]>`
      SELECT EXISTS (SELECT FROM broadcasts WHERE finished_at IS NULL) AS any`;
    return row!.any;
  }

  /** The next chunk of a broadcast, as large as its rate lets; of one that somebody else works at, none. */
  async expand(id: string): Promise<Expanded> {
    return this.transactions.run(async (unit) => {
      const broadcast = await this.lock(id, unit);
      if (!broadcast) return { count: 0 };
      const rate = broadcast.rate === null ? undefined : parseRate(broadcast.rate);
      const { tokens, sinceMs } = broadcast;
      const pace = rate && allowance(rate, { tokens, sinceMs, outstanding: await this.outstanding(id, unit) });
      if (rate && pace?.allowed === 0) return { count: 0, waitMs: untilNext(rate, pace.tokens) };
      const walked = await this.make(broadcast, Math.min(CHUNK, pace?.allowed ?? CHUNK), unit);
      await unit.db.$executeRaw`
        UPDATE broadcasts SET cursor = ${walked.cursor}::uuid, expanded = expanded + ${walked.count},
          expanded_at = CASE WHEN ${walked.isOver} THEN now() END,
          tokens = ${pace === undefined ? tokens : pace.tokens - walked.count}::float8, tokens_at = now()
        WHERE id = ${id}::uuid`;
      if (walked.count > 0) unit.afterCommit(() => this.queue.wake('bulk'));
      return { count: walked.count };
    });
  }

  /**
   * What follows from being paused, resumed, cancelled or done, for messages that are made already: claims see to it in any
   * case, and this is ahead of them. Answers how many messages it changed.
   */
  async settle(): Promise<number> {
    return (await this.cancelRest()) + (await this.putOff()) + (await this.takeBack()) + (await this.finish());
  }

  private async openIds(): Promise<string[]> {
    const rows = await this.prisma.statements.query<{ id: string }[]>`
      SELECT id::text FROM broadcasts WHERE finished_at IS NULL AND ${IS_EXPANDING} ORDER BY id`;
    return rows.map(({ id }) => id);
  }

  private async lock(id: string, { db }: UnitOfWork): Promise<OpenBroadcast | undefined> {
    const [broadcast] = await db.$queryRaw<OpenBroadcast[]>`
      SELECT id::text, audience_id::text AS "audienceId", content_id::text AS "contentId", subject, from_address AS "fromAddress",
        locale, filter, rate, tokens, extract(epoch FROM now() - tokens_at)::float8 * 1000 AS "sinceMs", max_attempts AS "maxAttempts",
        tags, metadata, api_key_id::text AS "apiKeyId", request_id AS "requestId", last_id::text AS "lastId", cursor::text,
        coalesce((SELECT seal_key_id FROM email_contents c WHERE c.id = content_id), '') AS "sealKeyId"
      FROM broadcasts WHERE id = ${id}::uuid AND finished_at IS NULL AND ${IS_EXPANDING}
      FOR UPDATE SKIP LOCKED`;
    return broadcast;
  }

  /** Messages that are on their way: those that wait for another attempt later hold up nobody. */
  private async outstanding(id: string, { db }: UnitOfWork): Promise<number> {
    const [counted] = await db.$queryRaw<{ count: number }[]>`
      SELECT (SELECT count(*) FROM outbound_emails WHERE broadcast_id = ${id}::uuid AND status IN ('queued', 'sending', 'scheduled'))::int
        + (SELECT count(*) FROM outbound_emails WHERE broadcast_id = ${id}::uuid AND status = 'deferred' AND next_attempt_at <= now())::int AS count`;
    return counted!.count;
  }

  /** One statement: messages, receipts, the count of what was accepted. */
  private async make(broadcast: OpenBroadcast, limit: number, { db }: UnitOfWork): Promise<Walked> {
    const { lastId, cursor, fromAddress } = broadcast;
    if (lastId === null) return { count: 0, cursor, isOver: true };
    const begin = uuidv7(this.clock.now()).replaceAll('-', '').slice(0, 12);
    const host = domainOf(mailboxOf(fromAddress).address);
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
   * scheduled|queued|deferred → cancelled, of broadcasts that were cancelled; one walk a state of their own index, whatever
   * else waits.
   */
  private async cancelRest(): Promise<number> {
    const picked = Prisma.sql`
      SELECT few.id FROM broadcasts b CROSS JOIN unnest('{queued,scheduled,deferred}'::email_status[]) AS s (status)
      CROSS JOIN LATERAL (
        SELECT id FROM outbound_emails m WHERE m.broadcast_id = b.id AND m.status = s.status
        ORDER BY m.id LIMIT ${BATCH} FOR UPDATE SKIP LOCKED
      ) AS few WHERE b.finished_at IS NULL AND b.cancelled_at IS NOT NULL LIMIT ${BATCH}`;
    const change = { ...CANCEL, errorCode: 'broadcast_cancelled' };
    return (await this.prisma.statements.query<unknown[]>(changing(picked, change))).length;
  }

  /** Due messages of paused broadcasts, which claims would meet one by one. Older pauses have none left. */
  private async putOff(): Promise<number> {
    const paused = await this.prisma.statements.query<{ id: string }[]>`
      SELECT id::text FROM broadcasts
      WHERE finished_at IS NULL AND cancelled_at IS NULL AND paused_at > now() - interval '10 minutes' ORDER BY id`;
    let moved = 0;
    for (const { id } of paused) {
      moved += await this.prisma.statements.execute`
        UPDATE outbound_emails m SET next_attempt_at = m.next_attempt_at + ${HELD} FROM (
          SELECT id FROM outbound_emails WHERE lane = 'bulk' AND status IN ('queued', 'scheduled', 'deferred')
            AND next_attempt_at <= now() AND broadcast_id = ${id}::uuid
            AND EXISTS (SELECT FROM broadcasts b WHERE b.id = ${id}::uuid AND b.paused_at IS NOT NULL)
          ORDER BY next_attempt_at, id LIMIT ${BATCH} FOR UPDATE SKIP LOCKED
        ) AS due WHERE m.id = due.id`;
    }
    return moved;
  }

  /** The same back, once they go on; a claim that began before may still put some off for a moment. */
  private async takeBack(): Promise<number> {
    const resumed = await this.prisma.statements.query<{ id: string; settled: boolean }[]>`
      SELECT id::text, resumed_at < now() - interval '1 minute' AS settled FROM broadcasts
      WHERE finished_at IS NULL AND cancelled_at IS NULL AND paused_at IS NULL AND holding ORDER BY id`;
    let moved = 0;
    for (const { id, settled } of resumed) {
      const back = await this.prisma.statements.execute`
        UPDATE outbound_emails m SET next_attempt_at = m.next_attempt_at - ${HELD} FROM (
          SELECT id FROM outbound_emails m WHERE lane = 'bulk' AND status IN ('queued', 'scheduled', 'deferred')
            AND ${IS_HELD} AND broadcast_id = ${id}::uuid
            AND EXISTS (SELECT FROM broadcasts b WHERE b.id = ${id}::uuid AND b.paused_at IS NULL)
          ORDER BY next_attempt_at, id LIMIT ${BATCH} FOR UPDATE SKIP LOCKED
        ) AS held WHERE m.id = held.id`;
      if (back === 0 && settled) {
        await this.prisma.statements.execute`
          UPDATE broadcasts SET holding = false WHERE id = ${id}::uuid AND paused_at IS NULL`;
      }
      moved += back;
    }
    if (moved > 0) this.queue.wake('bulk');
    return moved;
  }

  /** Those with nothing left to go out. Answers 0, for no message is changed. */
  private async finish(): Promise<0> {
    await this.prisma.statements.execute`
      UPDATE broadcasts b SET finished_at = now() WHERE id IN (
        SELECT id FROM broadcasts b WHERE finished_at IS NULL AND (expanded_at IS NOT NULL OR cancelled_at IS NOT NULL)
          AND (SELECT count(*) FROM (
            SELECT FROM outbound_emails m
            WHERE m.broadcast_id = b.id AND m.status IN ('queued', 'scheduled', 'deferred', 'sending') LIMIT 1) AS left_over) = 0
        ORDER BY id FOR UPDATE OF b SKIP LOCKED)`;
    return 0;
  }
}

const IS_EXPANDING = Prisma.sql`started_at IS NOT NULL AND expanded_at IS NULL AND paused_at IS NULL AND cancelled_at IS NULL`;

/** What came of each, and what stopped some. */
async function eachOf<T>(
  ids: readonly string[],
  step: (id: string) => Promise<T>,
): Promise<{ steps: T[]; errors: unknown[] }> {
  const steps: T[] = [];
  const errors: unknown[] = [];
  for (const id of ids) {
    try {
      steps.push(await step(id));
    } catch (error) {
      errors.push(error);
    }
  }
  return { steps, errors };
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch((error: Error) => {
    if (error.name !== 'AbortError') throw error;
  });
}
