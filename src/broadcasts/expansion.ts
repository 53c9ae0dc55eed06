import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { domainOf } from '../core/email-address.js';
import { parseRate } from '../core/rate.js';
import { PrismaService, Transactions, type UnitOfWork } from '../database/prisma.service.js';
import { Prisma } from '../generated/prisma/client.js';
import { BroadcastMessages, HAS_NONE_LEFT, type OpenBroadcast } from '../mail/outbox/broadcast-messages.js';
import { mailboxOf } from '../mail/transport/mailbox.js';
import { MailQueue } from '../queue/mail-queue.js';
import { Beginnings } from './beginnings.js';
import { allowance, untilNext } from './pace-policy.js';

/** Messages that one transaction makes at most. */
const CHUNK = 2_000;
/** Milliseconds. */
const SHORTEST_WAIT = 50;
const LONGEST_WAIT = 1_000;
/** Milliseconds after which a run ends, and another process may take over. */
const LONGEST_RUN = 60_000;

/** A broadcast whose row is locked, and how far its rate lets it go. */
interface PacedBroadcast extends Omit<OpenBroadcast, 'host'> {
  rate: string | null;
  tokens: number;
  sinceMs: number;
}

export interface Expanded {
  count: number;
  /** Milliseconds until it can go on; undefined: at once, or never. */
  waitMs?: number;
}

/**
 * Makes the messages of broadcasts, chunk by chunk. What a chunk made, its receipts, the place in the audience and the
 * tokens it took are one commit, under the lock of the broadcast's row: whoever goes on after a kill -9 begins behind
 * the last chunk, and of two at once one has the row, and the other none.
 */
@Injectable()
export class Expansion {
  constructor(
    private readonly prisma: PrismaService,
    private readonly transactions: Transactions,
    private readonly messages: BroadcastMessages,
    private readonly queue: MailQueue,
    private readonly beginnings: Beginnings,
  ) {}

  /**
   * Goes on while there is something to do, each broadcast in turn: one that cannot go on holds up no other. Answers
   * how many messages it made. @throws the first of what stopped one, once there is nothing else to do
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
      const pace = rate && allowance(rate, { tokens, sinceMs, outstanding: await this.messages.outstanding(id, unit) });
      if (rate && pace?.allowed === 0) return { count: 0, waitMs: untilNext(rate, pace.tokens) };
      const walked = await this.messages.make(
        { ...broadcast, host: domainOf(mailboxOf(broadcast.fromAddress).address) },
        Math.min(CHUNK, pace?.allowed ?? CHUNK),
        unit,
      );
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
   * What follows from being paused, resumed, cancelled or done, for messages that are made already: claims see to it in
   * any case, and this is ahead of them. Answers how many messages it changed.
   */
  async settle(): Promise<number> {
    return (await this.messages.cancelRest()) + (await this.putOff()) + (await this.takeBack()) + (await this.finish());
  }

  private async openIds(): Promise<string[]> {
    const rows = await this.prisma.statements.query<{ id: string }[]>`
      SELECT id::text FROM broadcasts WHERE finished_at IS NULL AND ${IS_EXPANDING} ORDER BY id`;
    return rows.map(({ id }) => id);
  }

  private async lock(id: string, { db }: UnitOfWork): Promise<PacedBroadcast | undefined> {
    const [broadcast] = await db.$queryRaw<PacedBroadcast[]>`
      SELECT id::text, audience_id::text AS "audienceId", content_id::text AS "contentId", subject, from_address AS "fromAddress",
        locale, filter, rate, tokens, extract(epoch FROM now() - tokens_at)::float8 * 1000 AS "sinceMs", max_attempts AS "maxAttempts",
        tags, metadata, api_key_id::text AS "apiKeyId", request_id AS "requestId", last_id::text AS "lastId", cursor::text,
        coalesce((SELECT seal_key_id FROM email_contents c WHERE c.id = content_id), '') AS "sealKeyId"
      FROM broadcasts WHERE id = ${id}::uuid AND finished_at IS NULL AND ${IS_EXPANDING}
      FOR UPDATE SKIP LOCKED`;
    return broadcast;
  }

  /** Due messages of paused broadcasts, which claims would meet one by one. Older pauses have none left. */
  private async putOff(): Promise<number> {
    const paused = await this.prisma.statements.query<{ id: string }[]>`
      SELECT id::text FROM broadcasts
      WHERE finished_at IS NULL AND cancelled_at IS NULL AND paused_at > now() - interval '10 minutes' ORDER BY id`;
    let moved = 0;
    for (const { id } of paused) moved += await this.messages.putOff(id);
    return moved;
  }

  /** The same back, once they go on; a claim that began before may still put some off for a moment. */
  private async takeBack(): Promise<number> {
    const resumed = await this.prisma.statements.query<{ id: string; settled: boolean }[]>`
      SELECT id::text, resumed_at < now() - interval '1 minute' AS settled FROM broadcasts
      WHERE finished_at IS NULL AND cancelled_at IS NULL AND paused_at IS NULL AND holding ORDER BY id`;
    let moved = 0;
    for (const { id, settled } of resumed) {
      const back = await this.messages.takeBack(id);
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
          AND ${HAS_NONE_LEFT}
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
