import { Injectable } from '@nestjs/common';
import { PrismaService } from '../../database/prisma.service.js';
import { Prisma } from '../../generated/prisma/client.js';

/** States in which nothing is left to happen by our doing; an `unknown` message waits for whoever resolves it. */
const OVER = ['sent', 'delivered', 'bounced', 'complained', 'failed', 'cancelled', 'expired', 'suppressed'];

/** The end of a message's record. The ledger goes on counting it. */
@Injectable()
export class MailRetention {
  constructor(private readonly prisma: PrismaService) {}

  /**
   * Removes up to `limit` messages that are over and were accepted longer ago than so many days, their timelines with
   * them. Ids carry the time (UUIDv7), so that the primary key finds the old ones. Search terms are looked up one by one: in
   * a free join Postgres expects a hundred of each message, and reads all there are (0.5 s for 560,000). Returns how many.
   */
  async removeMessages(days: number, limit: number): Promise<number> {
    const [removed] = await this.prisma.statements.query<{ count: number }[]>`
      WITH old AS (
        SELECT id FROM outbound_emails
        WHERE id < ${lowestIdAfter(days)}
          AND created_at < now() - make_interval(days => ${days}::int) AND status = ANY(${OVER}::email_status[])
        ORDER BY id LIMIT ${limit} FOR UPDATE SKIP LOCKED
      ), removed AS (
        DELETE FROM outbound_emails m USING old WHERE m.id = old.id RETURNING m.*
      ), unlisted AS (
        DELETE FROM email_terms WHERE ctid = ANY(ARRAY(
          SELECT t.ctid FROM removed
          CROSS JOIN LATERAL email_terms_of(to_canonical, recipients, template, api_key_id, from_address, tags) AS gone (term)
          CROSS JOIN LATERAL (SELECT ctid FROM email_terms t WHERE t.term = gone.term AND t.email_id = removed.id OFFSET 0) AS t))
      )
      SELECT count(*)::int AS count FROM removed`;
    return removed!.count;
  }

  /**
   * Removes up to `limit` contents that no message needs any more: those of codes at once, the others after so many days.
   * Their files go when nothing else needs them. Each content is looked up by its index (OFFSET 0), and what was picked by its
   * key: free joins compare all with all where Postgres takes the rows of one side for one. Returns how many.
   */
  async removeContents(days: number, limit: number): Promise<number> {
    return this.prisma.statements.execute`
      DELETE FROM email_contents WHERE id = ANY(ARRAY(
        SELECT id FROM email_contents c
        WHERE (c.secret OR c.created_at < now() - make_interval(days => ${days}::int))
          AND NOT EXISTS (SELECT FROM outbound_emails m WHERE m.content_id = c.id AND m.sealed_variables IS NOT NULL OFFSET 0)
          AND NOT EXISTS (SELECT FROM broadcasts b WHERE b.content_id = c.id AND b.finished_at IS NULL)
        ORDER BY c.created_at LIMIT ${limit} FOR UPDATE SKIP LOCKED))`;
  }

  /** How many of them there are now. */
  async countMessages(days: number): Promise<number> {
    const [counted] = await this.prisma.statements.query<{ count: number }[]>`
      SELECT count(*)::int AS count FROM outbound_emails
      WHERE id < ${lowestIdAfter(days)}
        AND created_at < now() - make_interval(days => ${days}::int) AND status = ANY(${OVER}::email_status[])`;
    return counted!.count;
  }

  /** The same for what the `capture:` transport keeps for the inbox. */
  async removeCaptured(days: number, limit: number): Promise<number> {
    return this.prisma.statements.execute`
      DELETE FROM captured_messages WHERE id IN (
        SELECT id FROM captured_messages WHERE created_at < now() - make_interval(days => ${days}::int)
        ORDER BY created_at, id LIMIT ${limit} FOR UPDATE SKIP LOCKED)`;
  }
}

/** No UUIDv7 made that many days ago is above it. A margin of an hour, for ids are made outside of Postgres. */
function lowestIdAfter(days: number): Prisma.Sql {
  return Prisma.sql`(lpad(to_hex((1000 * extract(epoch FROM now() - make_interval(days => ${days}::int, hours => -1)))::bigint), 12, '0')
          || '70008000000000000000')::uuid`;
}
