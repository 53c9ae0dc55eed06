import { Injectable } from '@nestjs/common';
import { HOUR_MS } from '../../core/durations.js';
import { PrismaService, type UnitOfWork } from '../../database/prisma.service.js';
import { Prisma } from '../../generated/prisma/client.js';
import type { SubscriberStatus } from '../../generated/prisma/enums.js';

/*
 * What the statements on messages need of the people they are for: whether one still wants a broadcast's message at the
 * moment it is claimed, what it says of them, and what counts when it was handed over.
 */

/** Somebody of an audience, as the words of a broadcast see them. */
export interface SubscriberWords {
  email: string;
  locale: string | null;
  attributes: Record<string, string>;
}

/**
 * Of a message `m`: whom of an audience it is for, as they are now; null where it is for none, or they were removed.
 */
export const SUBSCRIBER_OF_MESSAGE = Prisma.sql`CASE WHEN m.subscriber_id IS NOT NULL THEN (
    SELECT jsonb_build_object('email', s.address, 'locale', s.locale, 'attributes', s.attributes)
    FROM subscribers s WHERE s.id = m.subscriber_id) END`;

/**
 * Days that the messages of a paused broadcast are put off by, and taken back by: some hundred years of exactly 24
 * hours.
 */
const HELD_DAYS = 36_525;
export const HELD = Prisma.sql`make_interval(hours => 24 * ${HELD_DAYS}::int)`;
/** Of a message `m`: it is put off. No message is scheduled as far ahead. */
export const IS_HELD = Prisma.sql`m.next_attempt_at > now() + make_interval(hours => 12 * ${HELD_DAYS}::int)`;

/** The same of a time. */
export function isHeld(nextAttemptAt: Date, now: Date): boolean {
  return nextAttemptAt.getTime() > now.getTime() + HELD_DAYS * 12 * HOUR_MS;
}

/** Of a row `due` of a claim: what its broadcast and its subscriber say to it; nulls where it is of no broadcast. */
export const WORD_OF_BROADCAST = Prisma.sql`
    SELECT b.cancelled_at IS NOT NULL AS cancelled, b.paused_at IS NOT NULL AS paused,
      CASE WHEN due.subscriber_id IS NOT NULL AND s.status IS DISTINCT FROM 'active' THEN coalesce(s.status::text, 'removed') END AS gone
    FROM (SELECT) AS one
    LEFT JOIN broadcasts b ON b.id = due.broadcast_id
    LEFT JOIN subscribers s ON s.id = due.subscriber_id`;

/**
 * Common table expressions that count what was handed over with whom it was for. Their rows are locked in the order of
 * ids, so that of workers that finish messages to the same people nobody waits in a circle.
 * @param handedOver rows of (subscriber_id), one a message that was handed over for the first time
 */
export const countingHandOvers = (handedOver: Prisma.Sql): Prisma.Sql => Prisma.sql`
    handed_over AS MATERIALIZED (${handedOver}), counted_on AS (
      SELECT s.id FROM subscribers s
      WHERE s.id = ANY(ARRAY(SELECT subscriber_id FROM handed_over WHERE subscriber_id IS NOT NULL)) ORDER BY s.id FOR NO KEY UPDATE
    ), counted AS (
      UPDATE subscribers s SET last_sent_at = now(),
        sent_count = sent_count + (SELECT count(*)::int FROM handed_over h WHERE h.subscriber_id = s.id)
      FROM counted_on WHERE s.id = counted_on.id
    )`;

/** Who leaves by a message of a broadcast, and who comes back. */
export interface Leaver {
  subscriberId: string;
  addressCanonical: string;
  emailId: string;
}

/** What people say of themselves on the page behind List-Unsubscribe. */
@Injectable()
export class Subscriptions {
  constructor(private readonly prisma: PrismaService) {}

  /** The name of the audience; undefined where it, or the subscriber, is gone. */
  async audienceOf(subscriberId: string): Promise<string | undefined> {
    const [found] = await this.prisma.statements.query<{ name: string }[]>`
      SELECT a.name FROM subscribers s JOIN audiences a ON a.id = s.audience_id
      WHERE s.id = ${subscriberId}::uuid AND a.deleted_at IS NULL`;
    return found?.name;
  }

  /** active|pending → unsubscribed, in one audience. The messages that wait for them end when they are claimed. */
  async leave({ subscriberId, addressCanonical, emailId }: Leaver): Promise<void> {
    await this.prisma.statements.execute`
      UPDATE subscribers SET status = 'unsubscribed', status_email_id = ${emailId}::uuid, status_changed_at = now(), challenge_id = NULL
      WHERE id = ${subscriberId}::uuid AND address_canonical = ${addressCanonical} AND status IN ('active', 'pending')`;
  }

  /** unsubscribed → active, wherever they left by that very message: nothing that was said otherwise is taken back. */
  async comeBack({ addressCanonical, emailId }: Omit<Leaver, 'subscriberId'>): Promise<void> {
    await this.prisma.statements.execute`
      UPDATE subscribers SET status = 'active', status_email_id = NULL, status_changed_at = now()
      WHERE address_canonical = ${addressCanonical} AND status_email_id = ${emailId}::uuid AND status = 'unsubscribed'`;
  }
}

/** pending → active, by whoever has the code. Undefined: it is pending no longer. */
export async function confirmByChallenge(
  challengeId: string,
  { db }: UnitOfWork,
): Promise<{ id: string; audienceId: string; status: SubscriberStatus } | undefined> {
  const [confirmed] = await db.$queryRaw<{ id: string; audienceId: string; status: SubscriberStatus }[]>`
    UPDATE subscribers SET status = 'active', status_changed_at = now(), status_email_id = NULL, challenge_id = NULL
    WHERE challenge_id = ${challengeId} AND status = 'pending'
    RETURNING id::text, audience_id::text AS "audienceId", status`;
  return confirmed;
}
