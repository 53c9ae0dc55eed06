import { besideUuidv7 } from '../../core/ids.js';
import { cut } from '../../core/input.js';
import { Prisma } from '../../generated/prisma/client.js';
import { suppressing } from '../suppressions/suppressions.js';
import { type Apart, type ClaimedEmail, type Recipient, recipientsOf, recipientsWithout } from './email-rows.js';

/** Characters of a reply that are kept. */
const REPLY_LIMIT = 1_000;

/** An ending as the statements of this room take it. */
export function columnsOf(ending: Apart['ending']): object {
  return {
    status: ending.status,
    transport: ending.transport,
    reply: ending.reply === undefined ? undefined : cut(ending.reply, REPLY_LIMIT),
    error_code: ending.errorCode,
    provider_message_id: ending.providerMessageId,
    delay_ms: ending.delayMs,
    uncounted: ending.uncounted ?? ending.status === 'queued',
    possible_duplicate: ending.possibleDuplicate,
    suppress_reason: ending.suppress?.reason,
    suppress_source: ending.suppress?.source,
  };
}

/** A row to be split off: whom it is for. */
export function placeOf(recipient: Recipient): object {
  const { address, canonical } = recipient;
  return { address, canonical, recipient: [recipient] };
}

/** What a message looks like that is for these only. */
export function leftOf(recipients: readonly Recipient[]): object {
  const [first, ...others] = recipients;
  return { recipients, address: first!.address, canonical: others.length === 0 ? first!.canonical : '' };
}

/**
 * Makes rows of one recipient each out of messages to several: the same content, the same Message-ID, a state and a
 * timeline of their own, counted as accepted. What is left of `recipients` stays with the message.
 * @param origin rows of outbound_emails, locked
 * @param apart a CTE of (from_id, id, address, canonical, recipient, status, transport, reply, error_code,
 *   provider_message_id, delay_ms, uncounted, worker, told_by), the last of them where another than a transport of ours
 *   told it
 */
export const splittingOff = (origin: Prisma.Sql, apart: Prisma.Sql): Prisma.Sql => Prisma.sql`
    split AS (
      INSERT INTO outbound_emails (id, lane, status, from_address, to_address, to_canonical, recipients, reply_to, template, locale,
        sealed_variables, seal_key_id, content_id, secret, attempts, max_attempts, next_attempt_at, scheduled_at, tried_since, expires_at,
        offered_at, message_id, transport, provider_message_id, last_reply, last_error_code, possible_duplicate, api_key_id,
        request_id, traceparent, created_at, sent_at, split_from, subject, tags, metadata)
      SELECT a.id, m.lane, a.status, m.from_address, a.address, a.canonical, a.recipient, m.reply_to, m.template, m.locale,
        CASE WHEN m.secret AND a.status IN ('suppressed', 'delivered', 'bounced', 'complained') THEN NULL ELSE m.sealed_variables END,
        m.seal_key_id, m.content_id, m.secret,
        m.attempts - CASE WHEN a.uncounted THEN 1 ELSE 0 END, m.max_attempts,
        now() + coalesce(a.delay_ms, 0) * interval '1 millisecond', m.scheduled_at, m.tried_since, m.expires_at,
        m.offered_at, m.message_id, coalesce(a.transport, m.transport), coalesce(a.provider_message_id, m.provider_message_id),
        a.reply, a.error_code, m.possible_duplicate AND m.status <> 'deferred', m.api_key_id, m.request_id, m.traceparent, m.created_at,
        CASE WHEN a.status IN ('delivered', 'bounced', 'complained') THEN coalesce(m.sent_at, m.offered_at, now()) END,
        coalesce(m.split_from, m.id), m.subject, m.tags, m.metadata
      FROM ${origin} m JOIN ${apart} a ON a.from_id = m.id
      RETURNING id, status, attempts
    ), split_counted AS (
      INSERT INTO ledger_deltas (status, delta) SELECT 'accepted', count(*) FROM split HAVING count(*) > 0
    ), split_noted AS (
      INSERT INTO email_events (email_id, status, attempt, transport, reply, error_code, worker)
      SELECT split.id, split.status, split.attempts, coalesce(a.told_by, a.transport), a.reply, a.error_code, a.worker
      FROM split JOIN ${apart} a USING (id) ORDER BY split.id
    ), split_unlisted AS ( -- each is looked up by the row that is theirs
      DELETE FROM email_terms t USING ${apart} a JOIN split USING (id)
      WHERE t.term = 'to:' || a.canonical AND t.email_id = a.from_id
    )`;

interface Split {
  email: ClaimedEmail;
  /** Of the recipients that stay; undefined: the message is still being sent to them. */
  ending: Apart['ending'] | undefined;
  apart: readonly Apart[];
  worker: string;
}

/**
 * sending → ending for some recipients of a message, and something else for each of the others, in one statement: kill
 * -9 leaves all of it or nothing. Holds for the attempt that owns the row, and for its late answer to an outcome that
 * was unknown, unless a provider told of one of them meanwhile: that one has a row already. Returns a row where it took
 * effect.
 */
export function splitStatement({ email, ending, apart, worker }: Split): Prisma.Sql {
  const recipients = recipientsOf(email);
  const left = recipientsWithout(email, apart);
  const rows = apart.map(({ recipient, ending: own }) => ({
    ...{ from_id: email.id, id: besideUuidv7(email.id), worker },
    ...placeOf(recipient),
    ...columnsOf(own),
  }));
  const main = ending ? columnsOf(ending) : {};
  return Prisma.sql`
    WITH mine AS (
      SELECT m.* FROM outbound_emails m
      WHERE m.id = ${email.id}::uuid AND m.lease_token = ${email.leaseToken}::uuid AND (m.status = 'sending'
        OR (m.status = 'unknown' AND ${ending?.status !== undefined && ending.status !== 'unknown'})
        OR (m.status = 'deferred' AND ${ending?.status === 'sent' || ending?.status === 'failed'}))
        AND m.recipients = ${JSON.stringify(recipients)}::jsonb
      FOR UPDATE
    ), apart AS (
      SELECT * FROM json_to_recordset(${JSON.stringify(rows)}::json) AS a (from_id uuid, id uuid, address text, canonical text,
        recipient jsonb, status email_status, transport text, reply text, error_code text, provider_message_id text, delay_ms int,
        uncounted boolean, worker text, told_by text, suppress_reason text, suppress_source text)
    ), ${splittingOff(Prisma.sql`mine`, Prisma.sql`apart`)},
    main AS (
      SELECT * FROM jsonb_to_record(${JSON.stringify(main)}::jsonb) AS e (status email_status, transport text, reply text,
        error_code text, provider_message_id text, delay_ms int, uncounted boolean, possible_duplicate boolean,
        suppress_reason text, suppress_source text)
    ), done AS (
      UPDATE outbound_emails m SET
        recipients = l.recipients, to_address = l.address, to_canonical = l.canonical,
        status = coalesce(main.status, m.status),
        attempts = m.attempts - CASE WHEN main.uncounted THEN 1 ELSE 0 END,
        transport = coalesce(main.transport, m.transport),
        last_reply = CASE WHEN main.status IS NULL THEN m.last_reply ELSE main.reply END,
        last_error_code = CASE WHEN main.status IS NULL THEN m.last_error_code ELSE main.error_code END,
        provider_message_id = coalesce(main.provider_message_id, m.provider_message_id),
        sent_at = CASE WHEN main.status = 'sent' THEN now() END,
        next_attempt_at = CASE WHEN main.status IS NULL THEN m.next_attempt_at
          ELSE now() + coalesce(main.delay_ms, 0) * interval '1 millisecond' END,
        possible_duplicate = CASE WHEN main.status IS NULL THEN m.possible_duplicate
          ELSE m.status <> 'deferred' AND (m.possible_duplicate OR coalesce(main.possible_duplicate, false)) END,
        lease_token = CASE WHEN main.status IS NULL OR main.status = 'unknown' OR main.possible_duplicate THEN m.lease_token END,
        lease_until = CASE WHEN main.status IS NULL OR main.status = 'unknown' THEN m.lease_until END,
        sealed_variables = CASE WHEN m.secret AND main.status IN ('sent', 'suppressed') THEN NULL ELSE m.sealed_variables END
      FROM mine LEFT JOIN main ON true CROSS JOIN jsonb_to_record(${JSON.stringify(leftOf(left))}::jsonb)
        AS l (recipients jsonb, address text, canonical text)
      WHERE m.id = mine.id
      RETURNING m.id, m.status, m.attempts, m.to_canonical, main.status IS NOT NULL AS ended
    ), noted AS (
      INSERT INTO email_events (email_id, status, attempt, transport, reply, error_code, worker)
      SELECT done.id, done.status, done.attempts, main.transport, main.reply, main.error_code, ${worker} FROM done, main WHERE ended
    ), suppressed AS (
      ${suppressing(Prisma.sql`
        SELECT canonical, 'all', suppress_reason, suppress_source, split.id, NULL::timestamptz, NULL::text
        FROM split JOIN apart USING (id) WHERE suppress_reason IS NOT NULL
        UNION ALL
        SELECT to_canonical, 'all', suppress_reason, suppress_source, done.id, NULL, NULL
        FROM done, main WHERE suppress_reason IS NOT NULL AND to_canonical <> ''`)}
    )
    SELECT id FROM done`;
}
