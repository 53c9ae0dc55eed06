import type { Lane } from '../../core/lanes.js';
import { Prisma } from '../../generated/prisma/client.js';
import { HARD_BOUNCE_DAYS, SUPPRESSION_REASONS, TRY_EVERY_HOURS } from './suppression-policy.js';

/** Of a row `s`: it has not expired, by the clock of Postgres. */
export const STANDS = Prisma.sql`(s.expires_at IS NULL OR s.expires_at > now())`;

/** Of a row `s`: a code may be tried there today. Null, where none was tried, is no bound. */
export const TRY_IS_OPEN = Prisma.sql`(s.scope = 'all' AND s.reason = 'hard_bounce'
  AND greatest(s.seen_at, s.tried_at) <= now() - make_interval(hours => ${TRY_EVERY_HOURS}::int))`;

/** How strong a reason is. */
const strength = (reason: Prisma.Sql): Prisma.Sql => Prisma.sql`array_position(${[...SUPPRESSION_REASONS]}::text[], ${reason})`;

/** Whether messages of the lane to that address would end as suppressed, all of them. @param lane an expression of SQL, as is `address` */
export function isBarred(lane: Prisma.Sql, address: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`EXISTS (SELECT FROM suppressions s WHERE s.address_canonical = ${address} AND s.scope IN ('all', ${lane}::text)
    AND ${STANDS} AND NOT (${lane}::text = 'critical' AND ${TRY_IS_OPEN}))`;
}

/** The strongest reason for which mail of the lane to `due.to_canonical` is suppressed, if there is one. */
export function reasonAgainst(lane: Lane): Prisma.Sql {
  return Prisma.sql`
    SELECT s.reason, s.created_at, s.expires_at, s.tried_email_id FROM suppressions s
    WHERE s.address_canonical = due.to_canonical AND s.scope IN ('all', ${lane}) AND ${STANDS}
    ORDER BY ${strength(Prisma.sql`s.reason`)} DESC LIMIT 1`;
}

/**
 * Writes what is found: rows of (address_canonical, scope, reason, source, email_id, expires_at, note), several for one
 * address if need be. What has expired counts for nothing; otherwise a stronger reason takes the place of a weaker one. A new
 * bounce begins its time anew, and what is added by hand once more has the end it was given last. Rows are locked in the
 * order of their addresses, here and where codes are claimed, so that nobody waits in a circle.
 */
export function suppressing(found: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`
    INSERT INTO suppressions AS s (address_canonical, scope, reason, source, email_id, expires_at, note)
    SELECT DISTINCT ON (address_canonical, scope) address_canonical, scope, reason, source, email_id,
      CASE reason WHEN 'hard_bounce' THEN now() + make_interval(hours => 24 * ${HARD_BOUNCE_DAYS}::int) ELSE expires_at END, note
    FROM (${found}) AS found (address_canonical, scope, reason, source, email_id, expires_at, note)
    ORDER BY address_canonical, scope, ${strength(Prisma.sql`reason`)} DESC
    ON CONFLICT (address_canonical, scope) DO UPDATE SET
      reason = EXCLUDED.reason, source = EXCLUDED.source, email_id = EXCLUDED.email_id, note = EXCLUDED.note,
      created_at = CASE WHEN s.reason = EXCLUDED.reason AND ${STANDS} THEN s.created_at ELSE now() END,
      seen_at = now(), expires_at = EXCLUDED.expires_at, tried_at = NULL, tried_email_id = NULL
    WHERE NOT ${STANDS} OR ${strength(Prisma.sql`EXCLUDED.reason`)} > ${strength(Prisma.sql`s.reason`)}
      OR (s.reason = 'hard_bounce' AND EXCLUDED.reason = 'hard_bounce')
      OR (s.reason = 'manual' AND EXCLUDED.reason = 'manual' AND (s.expires_at, s.note) IS DISTINCT FROM (EXCLUDED.expires_at, EXCLUDED.note))`;
}
