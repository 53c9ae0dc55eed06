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
  return Prisma.sql`WITH ${holding(steps)}, ${Prisma.join(works)} ${Prisma.join(taken, ' UNION ALL ')}`;
}

/**
 * What the attempts own, as it is once it is locked: in the order of ids, as everybody locks messages whom they wait
 * for. A batch of an operator may have locked some of them before it found that they are on their way. The state is
 * text, for which there is no index: one plan serves until the table is analysed anew, and the index of a state that
 * few were in when it was made may hold a million by then.
 */
function holding(steps: readonly Step[]): Prisma.Sql {
  const [ids, tokens] = [steps.map(({ email }) => email.id), steps.map(({ email }) => email.leaseToken)];
  return Prisma.sql`
    held AS (
      SELECT m.id, m.lease_token AS token, m.status::text AS status, m.lease_until, m.expires_at
      FROM outbound_emails m JOIN unnest(${ids}::uuid[], ${tokens}::uuid[]) AS own (id, token) ON m.id = own.id AND m.lease_token = own.token
      WHERE ${isAmong(ids)} AND m.status::text IN ('sending', 'unknown', 'deferred')
      ORDER BY m.id FOR UPDATE OF m
    )`;
}

function offering(offers: readonly { email: ClaimedEmail; n: number }[]): Prisma.Sql {
  const [own, places] = [offers.map(({ email }) => email.id), offers.map(({ n }) => n)];
  return Prisma.sql`
    offered AS (
      UPDATE outbound_emails m SET offered_at = now()
      FROM held JOIN unnest(${own}::uuid[], ${places}::int[]) AS mine (id, n) USING (id)
      WHERE m.id = held.id AND held.status = 'sending'
        AND held.lease_until > now() AND (held.expires_at IS NULL OR held.expires_at > now())
      RETURNING mine.n
    )`;
}

/** @param counts some are of broadcasts, and were handed over */
function finishing(ends: readonly object[], counts: boolean): Prisma.Sql {
  return Prisma.sql`
    input AS (
      SELECT * FROM json_to_recordset(${JSON.stringify(ends)}::json) AS input (
        n int, id uuid, token uuid, worker text, status email_status, transport text, reply text, error_code text,
        provider_message_id text, delay_ms int, uncounted boolean, possible_duplicate boolean,
        suppress_reason text, suppress_source text)
    ), mine AS (
      SELECT input.* FROM held JOIN input USING (id, token)
      WHERE held.status = 'sending' OR (held.status = 'unknown' AND input.status <> 'unknown')
        OR (held.status = 'deferred' AND input.status IN ('sent', 'failed'))
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
      FROM mine WHERE m.id = mine.id
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
