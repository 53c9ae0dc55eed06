import { Prisma } from '../../generated/prisma/client.js';
import { countingHandOvers } from '../subscribers/subscribers.js';
import { suppressing } from '../suppressions/suppressions.js';
import type { ClaimedEmail, Ending } from './email-rows.js';
import { columnsOf } from './split-statement.js';

/** What an attempt asks to be written: that it is about to release the last byte, or how it ended. */
export interface Step {
  email: ClaimedEmail;
  /** Undefined: an offer. */
  end: { ending: Ending; worker: string } | undefined;
}

/**
 * Of a row that is found by its id. As text, for which there is no index: one plan serves until the table is analysed
 * anew, and the index of a state that few were in when it was made may hold a million by then.
 */
const status = Prisma.sql`m.status::text`;

/** Says once more which rows, for of a join alone Postgres expects so many that it reads a table of thousands whole. */
const isAmong = (ids: readonly string[]): Prisma.Sql => Prisma.sql`m.id = ANY(${ids}::uuid[])`;

/** Of what ended in this statement. */
const HANDED_OVER = Prisma.sql`SELECT subscriber_id FROM done WHERE status = 'sent' AND subscriber_id IS NOT NULL`;

/**
 * Offers and endings of concurrent deliveries, together in one commit. Answers `n`, its place, for each that took
 * effect.
 */
export function attemptStatement(steps: readonly Step[]): Prisma.Sql {
  const offers = steps.flatMap((step, n) => (step.end ? [] : [{ ...step, n }]));
  const ends = steps.flatMap(({ email, end }, n) => (end ? [recordOf(email, end, n)] : []));
  // Of other mail nobody counts anything, and it pays nothing.
  const counts = steps.some(({ email, end }) => email.subscriberId && end?.ending.status === 'sent');
  const parts = [
    ...(offers.length > 0 ? [{ work: offering(offers), taken: Prisma.sql`SELECT n FROM offered` }] : []),
    ...(ends.length > 0 ? [{ work: finishing(ends, counts), taken: Prisma.sql`SELECT n FROM done` }] : []),
  ];
  const [works, taken] = [parts.map((part) => part.work), parts.map((part) => part.taken)];
  return Prisma.sql`WITH ${Prisma.join(works)} ${Prisma.join(taken, ' UNION ALL ')}`;
}

function offering(offers: readonly { email: ClaimedEmail; n: number }[]): Prisma.Sql {
  const [ids, tokens] = [offers.map(({ email }) => email.id), offers.map(({ email }) => email.leaseToken)];
  return Prisma.sql`
    offered AS (
      UPDATE outbound_emails m SET offered_at = now()
      FROM unnest(${ids}::uuid[], ${tokens}::uuid[], ${offers.map(({ n }) => n)}::int[]) AS mine (id, token, n)
      WHERE ${isAmong(ids)} AND m.id = mine.id AND m.lease_token = mine.token AND ${status} = 'sending'
        AND m.lease_until > now() AND (m.expires_at IS NULL OR m.expires_at > now())
      RETURNING mine.n
    )`;
}

/** @param counts some are of broadcasts, and were handed over */
function finishing(ends: readonly { id: string }[], counts: boolean): Prisma.Sql {
  const ids = ends.map(({ id }) => id);
  return Prisma.sql`
    input AS (
      SELECT * FROM json_to_recordset(${JSON.stringify(ends)}::json) AS input (
        n int, id uuid, token uuid, worker text, status email_status, transport text, reply text, error_code text,
        provider_message_id text, delay_ms int, uncounted boolean, possible_duplicate boolean,
        suppress_reason text, suppress_source text)
    ), mine AS (
      SELECT input.* FROM outbound_emails m JOIN input ON m.id = input.id AND m.lease_token = input.token
      WHERE ${isAmong(ids)} AND (${status} = 'sending' OR (${status} = 'unknown' AND input.status <> 'unknown')
        OR (${status} = 'deferred' AND input.status IN ('sent', 'failed')))
      ORDER BY m.id FOR UPDATE OF m
    ), done AS (
      UPDATE outbound_emails m SET
        status = mine.status,
        attempts = m.attempts - CASE WHEN mine.uncounted THEN 1 ELSE 0 END,
        transport = coalesce(mine.transport, m.transport), last_reply = mine.reply, last_error_code = mine.error_code,
        provider_message_id = coalesce(mine.provider_message_id, m.provider_message_id),
        sent_at = CASE WHEN mine.status = 'sent' THEN now() END,
        next_attempt_at = now() + coalesce(mine.delay_ms, 0) * interval '1 millisecond',
        possible_duplicate = m.status <> 'deferred' AND (m.possible_duplicate OR coalesce(mine.possible_duplicate, false)),
        lease_token = CASE WHEN mine.status = 'unknown' OR mine.possible_duplicate THEN m.lease_token END,
        lease_until = CASE WHEN mine.status = 'unknown' THEN m.lease_until END,
        sealed_variables = CASE WHEN m.secret AND mine.status = 'sent' THEN NULL ELSE m.sealed_variables END
      FROM mine WHERE ${isAmong(ids)} AND m.id = mine.id AND m.lease_token = mine.token
      RETURNING mine.n, m.id, m.status, m.attempts, m.to_canonical, m.subscriber_id
    ), noted AS (
      INSERT INTO email_events (email_id, status, attempt, transport, reply, error_code, worker)
      SELECT done.id, done.status, done.attempts, input.transport, input.reply, input.error_code, input.worker
      FROM done JOIN input USING (n)
    ), ${counts ? Prisma.sql`${countingHandOvers(HANDED_OVER)},` : Prisma.empty} suppressed AS (
      ${suppressing(Prisma.sql`
        SELECT to_canonical, 'all', suppress_reason, suppress_source, done.id, NULL::timestamptz, NULL::text
        FROM done JOIN input USING (n) WHERE suppress_reason IS NOT NULL`)}
    )`;
}

function recordOf({ id, leaseToken: token }: ClaimedEmail, { ending, worker }: NonNullable<Step['end']>, n: number) {
  return { n, id, token, worker, ...columnsOf(ending) };
}
