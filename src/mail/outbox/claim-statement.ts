import type { Lane } from '../../core/lanes.js';
import { Prisma } from '../../generated/prisma/client.js';
import type { EmailStatus } from '../../generated/prisma/enums.js';
import { fullOf, type Places } from '../../queue/fair-shares.js';
import { HELD, WORD_OF_BROADCAST } from '../subscribers/subscribers.js';
import { lockedAt, reasonAgainst, STANDS, TRY_IS_OPEN, whySuppressed } from '../suppressions/suppressions.js';
import type { ClaimedEmail } from './email-rows.js';
import { KEPT_COLUMNS, WITH_CONTENT } from './records.js';

export interface Claim {
  lane: Lane;
  limit: number;
  worker: string;
  leaseSeconds: number;
  /** By recipients' domains; undefined: they have as many as there are. */
  places: Places | undefined;
}

/** What the statement answers for each row that it changed. */
export interface DueEmail extends ClaimedEmail {
  status: EmailStatus;
  /** How many due rows it looked at, this one's neighbours that stay where they are included. */
  seen: number;
  /** Domains of some that stay where they are. */
  left: string[];
}

/**
 * Claims in one statement: locks due rows, judges them, changes them and writes their receipts. The locked subset
 * stands in a CTE: without that fence the planner may update more rows than the limit.
 */
export function claimStatement({ lane, limit, worker, leaseSeconds, places }: Claim): Prisma.Sql {
  const triesBounced = lane === 'critical';
  const { columns, word, verdict, stays, ended, why } = lane === 'bulk' ? OF_BROADCASTS : OF_NONE;
  return Prisma.sql`
    WITH due AS (
      SELECT id, to_canonical, expires_at, next_attempt_at ${columns} FROM outbound_emails
      WHERE lane = ${lane}::lane AND status IN ('queued', 'scheduled', 'deferred') AND next_attempt_at <= now()
        AND NOT EXISTS (SELECT FROM lane_pauses p WHERE p.lane = ${lane}::lane) ${outsideOf(places)}
      ORDER BY next_attempt_at, id
      LIMIT ${limit}
      FOR UPDATE SKIP LOCKED
    ), ${triesBounced ? TRIES : Prisma.empty}
    judged AS (
      SELECT due.*, s.reason, s.created_at AS since, s.expires_at AS until ${lane === 'bulk' ? Prisma.sql`, b.paused AND NOT b.cancelled AS paused, b.gone` : Prisma.empty}, CASE
        WHEN due.expires_at <= now() THEN 'expired' ${verdict}
        WHEN s.reason IS NOT NULL ${triesBounced ? IS_NO_TRY : Prisma.empty} THEN 'suppressed'
        ${ended}
        ELSE 'sending' END::email_status AS next
      FROM due LEFT JOIN LATERAL (${reasonAgainst(lane)}) s ON true ${word}
        ${triesBounced ? Prisma.sql`LEFT JOIN tried ON tried.address_canonical = due.to_canonical` : Prisma.empty}
    ), ${picked(places)}
    changed AS (
      UPDATE outbound_emails m SET
        status = picked.next,
        attempts = attempts + CASE picked.next WHEN 'sending' THEN 1 ELSE 0 END,
        offered_at = ${stays(Prisma.sql`m.offered_at`, Prisma.sql`NULL`)},
        lease_token = ${stays(Prisma.sql`m.lease_token`, Prisma.sql`CASE picked.next WHEN 'sending' THEN gen_random_uuid() END`)},
        lease_until = CASE picked.next WHEN 'sending' THEN now() + make_interval(secs => ${leaseSeconds}) END,
        tried_since = CASE picked.next WHEN 'sending' THEN coalesce(tried_since, now()) ELSE tried_since END,
        sealed_variables = CASE WHEN picked.next = 'sending' OR NOT secret THEN sealed_variables END,
        last_error_code = ${why(Prisma.sql`CASE picked.next WHEN 'suppressed' THEN 'suppressed_' || picked.reason ELSE last_error_code END`)},
        last_reply = CASE picked.next WHEN 'suppressed' THEN ${WHY_SUPPRESSED} ELSE last_reply END
        ${lane === 'bulk' ? PUT_OFF : Prisma.empty}
      FROM picked WHERE m.id = picked.id
      RETURNING m.*
    ), noted AS (
      INSERT INTO email_events (email_id, status, attempt, worker, error_code, reply)
      SELECT id, status, attempts, ${worker}, CASE WHEN status IN ('suppressed', 'cancelled') THEN last_error_code END,
        CASE status WHEN 'suppressed' THEN last_reply END
      FROM changed ${lane === 'bulk' ? Prisma.sql`WHERE status NOT IN ('queued', 'scheduled', 'deferred')` : Prisma.empty}
    )
    SELECT ${KEPT_COLUMNS}, status, lease_token AS "leaseToken", attempts AS attempt,
      ${domainOf(Prisma.sql`to_canonical`)} AS domain, possible_duplicate AS "possibleDuplicate", request_id AS "requestId",
      traceparent, m.created_at AS "createdAt", scheduled_at AS "scheduledAt", tried_since AS "triedSince", avoid_transport AS "avoidTransport",
      (SELECT count(*)::int FROM judged) AS seen, ${places ? LEFT : Prisma.sql`ARRAY[]::text[]`} AS "left"
    FROM changed m ${WITH_CONTENT}`;
}

/** Canonical addresses have one @: core/email-address.ts. */
const domainOf = (address: Prisma.Sql): Prisma.Sql => Prisma.sql`split_part(${address}, '@', 2)`;

/** Domains without a place are passed over at once, for what waits for them may be more than the limit. */
function outsideOf(places: Places | undefined): Prisma.Sql {
  return places
    ? Prisma.sql`AND ${domainOf(Prisma.sql`to_canonical`)} <> ALL(${fullOf(places)}::text[])`
    : Prisma.empty;
}

/** Of each domain as many as it has places, the first that are due. What ends here needs none. */
function picked(places: Places | undefined): Prisma.Sql {
  if (!places) return Prisma.sql`picked AS (SELECT * FROM judged),`;
  const [domains, counts] = [[...places.used.keys()], [...places.used.values()]];
  return Prisma.sql`ranked AS (
      SELECT *, ${domainOf(Prisma.sql`to_canonical`)} AS domain,
        row_number() OVER (PARTITION BY ${domainOf(Prisma.sql`to_canonical`)}, next ORDER BY next_attempt_at, id) AS place
      FROM judged
    ), picked AS (
      SELECT ranked.* FROM ranked LEFT JOIN unnest(${domains}::text[], ${counts}::int[]) AS held (domain, count) USING (domain)
      WHERE next <> 'sending' OR place <= ${places.most}::int - coalesce(held.count, 0)
    ),`;
}

const LEFT = Prisma.sql`ARRAY(SELECT DISTINCT domain FROM ranked WHERE id NOT IN (SELECT id FROM picked))`;

/**
 * The one code a day that is tried at an address that bounced: the row of the list is locked, so that of many claims at
 * once one has the try. The newest code has it, for that is the one its owner waits for; until it has ended, it keeps
 * it.
 */
const TRIES = Prisma.sql`open AS (
      SELECT s.address_canonical FROM (
        SELECT DISTINCT to_canonical FROM due WHERE due.expires_at IS NULL OR due.expires_at > now() ORDER BY to_canonical
      ) AS asked CROSS JOIN LATERAL (${lockedAt(Prisma.sql`asked.to_canonical`)}) AS s WHERE ${STANDS} AND ${TRY_IS_OPEN}
    ), tried AS (
      UPDATE suppressions s SET tried_at = now(), tried_email_id = (
        SELECT due.id FROM due WHERE due.to_canonical = s.address_canonical AND (due.expires_at IS NULL OR due.expires_at > now())
        ORDER BY due.id DESC LIMIT 1)
      FROM open WHERE s.address_canonical = open.address_canonical AND s.scope = 'all'
      RETURNING s.address_canonical, s.tried_email_id
    ),`;

const IS_NO_TRY = Prisma.sql`AND NOT (s.reason = 'hard_bounce' AND (due.id IS NOT DISTINCT FROM s.tried_email_id OR due.id IS NOT DISTINCT FROM tried.tried_email_id))`;

/** What a claim of one lane asks besides. */
interface Besides {
  columns: Prisma.Sql;
  word: Prisma.Sql;
  verdict: Prisma.Sql;
  ended: Prisma.Sql;
  stays: (kept: Prisma.Sql, otherwise: Prisma.Sql) => Prisma.Sql;
  why: (otherwise: Prisma.Sql) => Prisma.Sql;
}

/** Broadcasts go by one lane, and the claims of the others ask nothing of them. */
const OF_NONE: Besides = {
  columns: Prisma.empty,
  word: Prisma.empty,
  verdict: Prisma.empty,
  ended: Prisma.empty,
  stays: (_, otherwise) => otherwise,
  why: (otherwise) => otherwise,
};

/**
 * The messages of a broadcast that was cancelled end, those of a paused one are put off without a receipt, for nothing
 * happened to them, and whoever left meanwhile gets nothing.
 */
const OF_BROADCASTS: Besides = {
  columns: Prisma.sql`, status, broadcast_id, subscriber_id`,
  word: Prisma.sql`LEFT JOIN LATERAL (${WORD_OF_BROADCAST}) b ON due.broadcast_id IS NOT NULL`,
  verdict: Prisma.sql`WHEN b.cancelled THEN 'cancelled' WHEN b.paused THEN due.status::text`,
  ended: Prisma.sql`WHEN b.gone IS NOT NULL THEN 'suppressed'`,
  stays: (kept, otherwise) => Prisma.sql`CASE WHEN picked.paused THEN ${kept} ELSE ${otherwise} END`,
  why: (otherwise) => Prisma.sql`CASE WHEN picked.next = 'cancelled' THEN 'broadcast_cancelled'
          WHEN picked.next = 'suppressed' AND picked.reason IS NULL THEN 'subscriber_' || picked.gone ELSE ${otherwise} END`,
};
const PUT_OFF = Prisma.sql`, next_attempt_at = CASE WHEN picked.next = picked.status THEN m.next_attempt_at + ${HELD} ELSE m.next_attempt_at END`;

const WHY_SUPPRESSED = whySuppressed(Prisma.sql`picked.since`, Prisma.sql`picked.until`);
