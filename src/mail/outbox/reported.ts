import type { Channel, Lane } from '../../core/lanes.js';
import type { UnitOfWork } from '../../database/prisma.service.js';
import { Prisma } from '../../generated/prisma/client.js';
import { countingHandOvers } from '../subscribers/subscribers.js';
import { lockedAt, type NewSuppression, STANDS, suppressAll } from '../suppressions/suppressions.js';
import { type Recipient, recipientsOf } from './email-rows.js';
import { leftOf, placeOf, splittingOff } from './split-statement.js';

/*
 * What others than workers and people need of `outbound_emails`: providers that report what became of a message,
 * webhooks that carry it, the pages that tell a visitor of it, and the change of APP_SECRET.
 */

type Db = UnitOfWork['db'];

/** A message that a provider reports about. */
export interface ReportedMessage {
  id: string;
  status: string;
  lane: Lane;
  to: string;
  /** Empty where there are several. */
  toCanonical: string;
  /** Null: `to` alone. */
  recipients: Recipient[] | null;
  /** The message it was split off. */
  splitFrom: string | null;
  /** Of its newest attempt that ended. */
  transport: string | null;
  /** Of all its attempts, those before it was split off included. */
  carriers: string[];
  attempts: number;
  providerMessageId: string | null;
  /** RFC 5322, with its angle brackets. */
  messageId: string;
  /** Its outcome was unknown, and a second copy is planned that nobody has claimed. */
  plannedAfterUnknown: boolean;
  /** Locked until the transaction ends; false: somebody else works on it at this moment. */
  held: boolean;
}

/** Only attempts that have ended can be reported about: a report may be faster than our own commit. */
const IS_UNDER_WAY = Prisma.sql`m.status IN ('scheduled', 'queued', 'sending', 'deferred')`;
/** A second copy that is planned after an unknown outcome counts as deferred, but its fate is still that attempt's. */
const IS_PLANNED_AFTER_UNKNOWN = Prisma.sql`(m.status = 'deferred' AND m.possible_duplicate AND m.lease_token IS NOT NULL)`;

/** Of a message `m`: its Message-ID is not made of its own id. As the index of those has it. */
const BEARS_FOREIGN_ID = Prisma.sql`m.message_id NOT LIKE '<' || m.id::text || '@%'`;

/** Of a row of provider_events: as messages have it. */
export const WITH_BRACKETS = Prisma.sql`'<' || btrim(message_id, '<>') || '>'`;

/**
 * Ids of provider events that wait and whose message has settled meanwhile, by our own id, by that of the message which
 * their recipient was split off, by the Message-ID, or by the provider's id. The limits of one keep the planner from
 * reading the whole history.
 * @param waiting rows of provider_events, their `message_id` with brackets
 */
export function eventsOfSettledMessages(waiting: Prisma.Sql, limit: number): Prisma.Sql {
  return Prisma.sql`
    WITH waiting AS (${waiting})
    SELECT waiting.id FROM waiting CROSS JOIN LATERAL (
      SELECT FROM outbound_emails m WHERE m.id = waiting.email_id AND (NOT ${IS_UNDER_WAY} OR ${IS_PLANNED_AFTER_UNKNOWN})
      LIMIT 1) AS known
    UNION
    SELECT waiting.id FROM waiting CROSS JOIN LATERAL (
      SELECT FROM outbound_emails m WHERE m.split_from = waiting.email_id AND m.to_canonical = waiting.recipient_canonical
        AND (NOT ${IS_UNDER_WAY} OR ${IS_PLANNED_AFTER_UNKNOWN})
      LIMIT 1) AS apart
    UNION
    SELECT waiting.id FROM waiting CROSS JOIN LATERAL (
      SELECT FROM outbound_emails m WHERE m.message_id = waiting.message_id AND ${BEARS_FOREIGN_ID}
        AND (NOT ${IS_UNDER_WAY} OR ${IS_PLANNED_AFTER_UNKNOWN})
      LIMIT 1) AS bearing
    UNION
    SELECT waiting.id FROM waiting CROSS JOIN LATERAL (
      SELECT FROM outbound_emails m
      WHERE m.provider_message_id IN (waiting.provider_message_id, '<' || waiting.provider_message_id || '>') AND NOT ${IS_UNDER_WAY}
      LIMIT 1) AS found
    WHERE waiting.email_id IS NULL
    ORDER BY id LIMIT ${limit}`;
}

/** The messages by our own ids or the provider's, and what was split off them. */
export async function lockReported(
  ids: readonly string[],
  providerMessageIds: readonly string[],
  db: Db,
): Promise<ReportedMessage[]> {
  if (ids.length + providerMessageIds.length === 0) return [];
  return locked(
    Prisma.sql`
    (m.id = ANY(${[...ids]}::uuid[]) OR m.split_from = ANY(${[...ids]}::uuid[]) OR m.provider_message_id = ANY(${[...providerMessageIds]}))`,
    db,
  );
}

/**
 * Those that bear such a Message-ID, which is not made of their own id: the parts of a message to very many, and who
 * was split off them. The newest first, for whoever composed a message may have sent it once more.
 * @param recipients canonical; of those who were split off, these alone: a message to a thousand may have as many rows
 */
export async function lockBearing(
  messageIds: readonly string[],
  recipients: readonly string[] | undefined,
  db: Db,
): Promise<ReportedMessage[]> {
  if (messageIds.length === 0) return [];
  const theirs = recipients
    ? Prisma.sql`AND (m.split_from IS NULL OR m.to_canonical = ANY(${[...recipients]}))`
    : Prisma.empty;
  return locked(Prisma.sql`(m.message_id = ANY(${[...messageIds]}) AND ${BEARS_FOREIGN_ID} ${theirs})`, db);
}

/**
 * Those that nobody works on at this moment are locked. They are read after they were locked, for a statement that
 * locks sees of all other rows what was there before it found the lock free: it would miss who was split off, and who
 * carried it, while it began.
 */
async function locked(areNamed: Prisma.Sql, db: Db): Promise<ReportedMessage[]> {
  const held = await db.$queryRaw<{ id: string }[]>`
    SELECT m.id FROM outbound_emails m WHERE ${areNamed} FOR UPDATE SKIP LOCKED`;
  return db.$queryRaw<ReportedMessage[]>`
    SELECT id, status, lane, to_address AS "to", to_canonical AS "toCanonical", recipients, split_from AS "splitFrom", transport, attempts, provider_message_id AS "providerMessageId", message_id AS "messageId",
      ${IS_PLANNED_AFTER_UNKNOWN} AS "plannedAfterUnknown", id = ANY(${held.map(({ id }) => id)}::uuid[]) AS held,
      ARRAY(SELECT DISTINCT e.transport FROM email_events e
        WHERE (e.email_id = m.id OR (e.email_id = m.split_from AND e.id < (SELECT min(own.id) FROM email_events own WHERE own.email_id = m.id)))
          AND e.transport <> 'none' AND e.worker IS NOT NULL) AS carriers
    FROM outbound_emails m WHERE ${areNamed} ORDER BY id DESC`;
}

/** A recipient of several of whom something is told. */
export interface ReportedRecipient {
  /** The message they are split off. */
  from: ReportedMessage;
  /** Of the new row. */
  id: string;
  recipient: Recipient;
  status: string;
  reply: string | null;
  errorCode: string | null;
  /** A provider, or `dsn`. */
  source: string;
}

/** Gives each of them a row of their own in that state; those whom nothing is told of stay where they are. */
export async function splitReported(reported: readonly ReportedRecipient[], db: Db): Promise<void> {
  if (reported.length === 0) return;
  const rows = reported.map(({ from, id, recipient, status, reply, errorCode, source }) => ({
    ...{ from_id: from.id, id, status, reply, error_code: errorCode, told_by: source },
    ...placeOf(recipient),
  }));
  const left = [...new Set(reported.map(({ from }) => from))].map((from) => ({
    id: from.id,
    ...leftOf(recipientsOf(from)),
  }));
  await db.$executeRaw`
    WITH apart AS (
      SELECT a.*, NULL::text AS transport, NULL::text AS provider_message_id, 0 AS delay_ms, false AS uncounted, NULL::text AS worker
      FROM json_to_recordset(${JSON.stringify(rows)}::json) AS a (from_id uuid, id uuid, address text, canonical text,
        recipient jsonb, status email_status, reply text, error_code text, told_by text)
    ), ${splittingOff(Prisma.sql`outbound_emails`, Prisma.sql`apart`)}
    UPDATE outbound_emails m SET recipients = l.recipients, to_address = l.address, to_canonical = l.canonical
    FROM json_to_recordset(${JSON.stringify(left)}::json) AS l (id uuid, recipients jsonb, address text, canonical text)
    WHERE m.id = l.id`;
}

/**
 * → what the providers report. What they took without our having heard of it was handed over nevertheless.
 * @param changes rows of id, status, reply and error_code, one a message
 */
export async function changeReported(changes: readonly object[], db: Db): Promise<void> {
  await db.$executeRaw`
    WITH input AS (
      SELECT * FROM json_to_recordset(${JSON.stringify(changes)}::json)
        AS input (id uuid, status email_status, reply text, error_code text)
    ), ${countingHandOvers(Prisma.sql`
      SELECT m.subscriber_id FROM outbound_emails m JOIN input USING (id)
      WHERE m.sent_at IS NULL AND m.subscriber_id IS NOT NULL AND input.status IN ('delivered', 'bounced', 'complained')`)}
    UPDATE outbound_emails m SET
      status = input.status, last_reply = input.reply, last_error_code = input.error_code,
      sent_at = coalesce(m.sent_at, m.offered_at, now()), lease_token = NULL, lease_until = NULL,
      possible_duplicate = m.status <> 'deferred' AND m.possible_duplicate,
      sealed_variables = CASE WHEN m.secret THEN NULL ELSE m.sealed_variables END
    FROM input WHERE m.id = input.id`;
}

/**
 * What was delivered after its address bounced for the last time proves that the address lives: its bounce counts no
 * longer. Returns the messages that proved it.
 */
export async function liftBounces(deliveredIds: readonly string[], db: Db): Promise<string[]> {
  if (deliveredIds.length === 0) return [];
  const lifted = await db.$queryRaw<{ id: string }[]>`
    WITH proven AS (
      SELECT s.id, m.id AS email_id FROM (
        SELECT id, to_canonical, sent_at FROM outbound_emails WHERE id = ANY(${[...deliveredIds]}::uuid[]) ORDER BY to_canonical
      ) AS m CROSS JOIN LATERAL (${lockedAt(Prisma.sql`m.to_canonical`)}) AS s WHERE s.reason = 'hard_bounce' AND ${STANDS} AND m.sent_at > s.seen_at
    ), gone AS (
      DELETE FROM suppressions s USING proven WHERE s.id = proven.id RETURNING s.id
    )
    SELECT DISTINCT ON (proven.id) proven.email_id AS id FROM proven JOIN gone ON gone.id = proven.id`;
  return lifted.map(({ id }) => id);
}

/**
 * Lifts the bounces of those who got a message, and suppresses others: in the order of their addresses, in which
 * everybody locks them, so that no two settlements wait for each other. What bounced after it was delivered is
 * suppressed. Returns the messages that proved that their address lives.
 */
export async function liftAndSuppress(
  deliveredIds: readonly string[],
  suppressions: readonly NewSuppression[],
  db: Db,
): Promise<string[]> {
  const steps = await inOrderOfAddresses(deliveredIds, suppressions, db);
  const lifted: string[] = [];
  for (let from = 0, to = 0; from < steps.length; from = to) {
    const { lifts } = steps[from]!;
    while (steps[to]?.lifts === lifts) to++;
    const places = steps.slice(from, to).map(({ n }) => n);
    if (lifts)
      lifted.push(
        ...(await liftBounces(
          places.map((n) => deliveredIds[n]!),
          db,
        )),
      );
    else
      await suppressAll(
        places.map((n) => suppressions[n]!),
        db,
      );
  }
  return lifted;
}

interface AddressStep {
  lifts: boolean;
  /** Its place among those that are lifted, or suppressed. */
  n: number;
}

/** By the collation of Postgres. It is asked only where there are both: each of the two statements has that order. */
async function inOrderOfAddresses(
  deliveredIds: readonly string[],
  suppressions: readonly NewSuppression[],
  db: Db,
): Promise<AddressStep[]> {
  const stepsOf = (all: readonly unknown[], lifts: boolean): AddressStep[] => all.map((_, n) => ({ lifts, n }));
  if (deliveredIds.length === 0 || suppressions.length === 0)
    return [...stepsOf(deliveredIds, true), ...stepsOf(suppressions, false)];
  return db.$queryRaw<AddressStep[]>`
    SELECT lifts, n::int - 1 AS n FROM (
      SELECT (SELECT to_canonical FROM outbound_emails m WHERE m.id = delivered.id) AS address, true AS lifts, n
      FROM unnest(${[...deliveredIds]}::uuid[]) WITH ORDINALITY AS delivered (id, n)
      UNION ALL SELECT address, false, n
      FROM unnest(${suppressions.map(({ addressCanonical }) => addressCanonical)}::text[]) WITH ORDINALITY AS suppressed (address, n)
    ) AS steps ORDER BY address, lifts DESC, n`;
}

/** Canonical addresses of all whom a message was for, those that were split off it included, by message. */
export async function addressesOf(ids: readonly string[], db: Db): Promise<Map<string, string[]>> {
  const found = await db.outboundEmail.findMany({
    where: { OR: [{ id: { in: [...ids] } }, { splitFrom: { in: [...ids] } }] },
    select: { id: true, splitFrom: true, toAddress: true, recipients: true },
  });
  const addresses = new Map<string, string[]>();
  for (const { id, splitFrom, toAddress: to, recipients } of found) {
    const own = recipientsOf({ to, recipients: recipients as Recipient[] | null }).map(({ canonical }) => canonical);
    for (const message of new Set([id, splitFrom ?? id])) {
      addresses.set(message, [...(addresses.get(message) ?? []), ...own]);
    }
  }
  return addresses;
}

/** A change, and what of its message was kept with it. */
interface KeptEvent {
  /** The id in email_events. */
  event: Prisma.Sql;
  /** The first of several recipients; null: the only one. */
  to: Prisma.Sql;
  /** `-infinity`: it was not scheduled; null: it was not kept. */
  scheduledAt: Prisma.Sql;
}

/** What a webhook carries of a change and of its message: what is not kept never changes. */
export const messageOfEvent = ({ event, to, scheduledAt }: KeptEvent) => ({
  columns: Prisma.sql`v.at AS "eventAt", v.email_id AS "emailId", v.status, v.attempt AS "emailAttempt", v.transport, v.reply,
        v.error_code AS "errorCode", m.from_address AS "from", coalesce(${to}, m.to_address) AS "to", m.subject, m.template, m.lane,
        m.message_id AS "messageId", m.provider_message_id AS "providerMessageId", m.created_at AS "emailCreatedAt",
        nullif(coalesce(${scheduledAt}, m.scheduled_at), '-infinity') AS "scheduledAt",
        m.expires_at AS "expiresAt", m.tags, m.metadata, m.split_from AS "splitFrom"`,
  join: Prisma.sql`LEFT JOIN email_events v ON v.id = ${event} LEFT JOIN outbound_emails m ON m.id = v.email_id`,
});

/** The newest of the copies that supersede each other. @param channel of those that went by it */
export const newestCopy = (supersedeKey: Prisma.Sql, channel?: Channel): Prisma.Sql => Prisma.sql`
  SELECT id, status, created_at, last_error_code, last_reply FROM outbound_emails
  WHERE supersede_key = ${supersedeKey} ${channel === undefined ? Prisma.empty : Prisma.sql`AND channel = ${channel}::channel`}
  ORDER BY id DESC LIMIT 1`;
