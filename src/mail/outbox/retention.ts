import { Injectable } from '@nestjs/common';
import { LOWEST_UUID } from '../../core/ids.js';
import { PrismaService, type UnitOfWork } from '../../database/prisma.service.js';
import { Prisma } from '../../generated/prisma/client.js';

/** States in which nothing is left to happen by our doing; an `unknown` message waits for whoever resolves it. */
const OVER = ['sent', 'delivered', 'bounced', 'complained', 'failed', 'cancelled', 'expired', 'suppressed'];

/** A stretch of a walk through rows that are old enough: messages by their ids. */
export interface Walked<Place = string> {
  /** Rows that were changed, or would be. */
  done: number;
  /** After which it goes on; null: there are no more. */
  last: Place | null;
}

/** Where a walk through contents is. */
interface ContentPlace {
  at: Date;
  id: string;
}

/** Before all contents. */
export const FIRST_CONTENT: ContentPlace = { at: new Date(0), id: LOWEST_UUID };

/** As the index of contents that are still there has it. */
const AT_REST = Prisma.sql`status NOT IN ('queued', 'scheduled', 'deferred', 'sending')`;

/** The end of a message's record. The ledger goes on counting it. */
@Injectable()
export class MailRetention {
  constructor(private readonly prisma: PrismaService) {}

  /**
   * Of the next `limit` messages after an id that were accepted longer ago than so many days, removes those that have
   * been over for as long, their timelines with them. Ids carry the time (UUIDv7), so that the primary key finds the
   * old ones; each is looked at once a pass, however many still wait for their time. Search terms are looked up one by
   * one: in a free join Postgres expects a hundred of each message, and reads all there are (0.5 s for 560,000).
   * @param most removed at most, the oldest of them; all where it is left out
   */
  async removeMessages(
    days: number,
    after: string,
    limit: number,
    { most = limit, unit }: { most?: number; unit?: UnitOfWork } = {},
  ): Promise<Walked> {
    const statement = Prisma.sql`
      WITH seen AS (${accepted(days, after, limit)}), old AS (
        SELECT id FROM outbound_emails m WHERE id = ANY(ARRAY(SELECT id FROM seen)) AND ${areOver(days)}
        ORDER BY id LIMIT ${most} FOR UPDATE SKIP LOCKED
      ), removed AS (
        DELETE FROM outbound_emails m USING old WHERE m.id = old.id RETURNING m.*
      ), unlisted AS (
        DELETE FROM email_terms WHERE ctid = ANY(ARRAY(
          SELECT t.ctid FROM removed
          CROSS JOIN LATERAL email_terms_of(to_canonical, recipients, template, api_key_id, from_address, tags) AS gone (term)
          CROSS JOIN LATERAL (SELECT ctid FROM email_terms t WHERE t.term = gone.term AND t.email_id = removed.id OFFSET 0) AS t))
      )
      SELECT (SELECT count(*) FROM removed)::int AS done, (SELECT id FROM seen ORDER BY id DESC LIMIT 1) AS last`;
    const [walked] = await (unit
      ? unit.db.$queryRaw<Walked[]>(statement)
      : this.prisma.statements.query<Walked[]>`${statement}`);
    return walked!;
  }

  /** How many of the next `limit` such messages it would remove. */
  async countMessages(days: number, after: string, limit: number): Promise<Walked> {
    const [walked] = await this.prisma.statements.query<Walked[]>`
      WITH seen AS (${accepted(days, after, limit)})
      SELECT (SELECT count(*) FROM outbound_emails m WHERE id = ANY(ARRAY(SELECT id FROM seen)) AND ${areOver(days)})::int AS done,
        (SELECT id FROM seen ORDER BY id DESC LIMIT 1) AS last`;
    return walked!;
  }

  /** Erases up to `limit` contents of codes that are over and past their expiry. Returns how many. */
  async eraseCodes(limit: number): Promise<number> {
    return this.prisma.statements.execute`
      UPDATE outbound_emails SET sealed_variables = NULL WHERE id = ANY(ARRAY(
        SELECT id FROM outbound_emails
        WHERE secret AND sealed_variables IS NOT NULL AND ${AT_REST} AND expires_at <= now()
        ORDER BY expires_at LIMIT ${limit} FOR UPDATE SKIP LOCKED))`;
  }

  /**
   * Erases up to `limit` contents of messages whose outcome nobody has told for so many days: these are not over, and
   * stay. Returns how many.
   */
  async eraseUnresolved(days: number, limit: number): Promise<number> {
    return this.prisma.statements.execute`
      UPDATE outbound_emails SET sealed_variables = NULL WHERE id = ANY(ARRAY(
        SELECT id FROM outbound_emails m
        WHERE sealed_variables IS NOT NULL AND ${AT_REST} AND status = 'unknown' AND ${nothingSince(days)}
        ORDER BY created_at LIMIT ${limit} FOR UPDATE SKIP LOCKED))`;
  }

  /**
   * Of the next `limit` contents after a place, those of codes or those that are older than so many days, removes what
   * no message needs any more. Their files go when nothing else needs them. Each content is looked at once a pass, for
   * most of the old ones are needed until retention has removed their messages, and each by its index (OFFSET 0): free
   * joins compare all with all where Postgres takes the rows of one side for one.
   */
  async removeContents(
    which: 'codes' | { olderThanDays: number },
    { at, id }: ContentPlace,
    limit: number,
  ): Promise<Walked<ContentPlace>> {
    const candidates =
      which === 'codes'
        ? Prisma.sql`secret`
        : Prisma.sql`created_at < now() - make_interval(days => ${which.olderThanDays}::int)`;
    const [walked] = await this.prisma.statements.query<{ done: number; at: Date | null; id: string }[]>`
      WITH seen AS (
        SELECT id, created_at FROM email_contents WHERE ${candidates} AND (created_at, id) > (${at}::timestamptz, ${id}::uuid)
        ORDER BY created_at, id LIMIT ${limit}
      ), removed AS (
        DELETE FROM email_contents WHERE id = ANY(ARRAY(
          SELECT id FROM email_contents c WHERE id = ANY(ARRAY(SELECT id FROM seen))
            AND NOT EXISTS (SELECT FROM outbound_emails m WHERE m.content_id = c.id AND m.sealed_variables IS NOT NULL OFFSET 0)
            AND NOT EXISTS (SELECT FROM broadcasts b WHERE b.content_id = c.id AND b.finished_at IS NULL)
          FOR UPDATE SKIP LOCKED)) RETURNING id
      )
      SELECT (SELECT count(*) FROM removed)::int AS done, last.created_at AS at, last.id
      FROM (VALUES (1)) AS always LEFT JOIN (SELECT * FROM seen ORDER BY created_at DESC, id DESC LIMIT 1) AS last ON true`;
    const { done, at: lastAt, id: lastId } = walked!;
    return { done, last: lastAt && { at: lastAt, id: lastId } };
  }

  /** The same for what the `capture:` transport keeps for the inbox. */
  async removeCaptured(days: number, limit: number): Promise<number> {
    return this.prisma.statements.execute`
      DELETE FROM captured_messages WHERE id IN (
        SELECT id FROM captured_messages WHERE created_at < now() - make_interval(days => ${days}::int)
        ORDER BY created_at, id LIMIT ${limit} FOR UPDATE SKIP LOCKED)`;
  }
}

/** Ids of the next messages after one that were accepted longer ago than so many days. */
function accepted(days: number, after: string, limit: number): Prisma.Sql {
  return Prisma.sql`SELECT id FROM outbound_emails WHERE id > ${after}::uuid AND id < ${lowestIdAfter(days)} ORDER BY id LIMIT ${limit}`;
}

/** Accepted before, and nothing happened to it since: a message may have waited for its time, a pause or a quota. */
function nothingSince(days: number): Prisma.Sql {
  const then = Prisma.sql`now() - make_interval(days => ${days}::int)`;
  return Prisma.sql`m.created_at < ${then} AND NOT EXISTS (SELECT FROM email_events e WHERE e.email_id = m.id AND e.at >= ${then} OFFSET 0)`;
}

function areOver(days: number): Prisma.Sql {
  return Prisma.sql`m.status = ANY(${OVER}::email_status[]) AND ${nothingSince(days)}`;
}

/** Goes through rows from a place on, so many a statement. Returns how many were changed. */
export async function walk<Place>(
  signal: AbortSignal,
  from: Place,
  step: (after: Place, limit: number) => Promise<Walked<Place>>,
  limit = 1_000,
): Promise<number> {
  let all = 0;
  for (let after: Place | null = from; after !== null && !signal.aborted;) {
    const { done, last }: Walked<Place> = await step(after, limit);
    all += done;
    after = last;
  }
  return all;
}

/** The same through the messages that were accepted longer ago than retention lasts. */
export function walkMessages(
  signal: AbortSignal,
  step: (after: string, limit: number) => Promise<Walked>,
  limit?: number,
): Promise<number> {
  return walk(signal, LOWEST_UUID, step, limit);
}

/** No UUIDv7 made that many days ago is above it. A margin of an hour, for ids are made outside of Postgres. */
function lowestIdAfter(days: number): Prisma.Sql {
  return Prisma.sql`(lpad(to_hex((1000 * extract(epoch FROM now() - make_interval(days => ${days}::int, hours => -1)))::bigint), 12, '0')
          || '70008000000000000000')::uuid`;
}
