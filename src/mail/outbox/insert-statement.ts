import { channelOf } from '../../core/lanes.js';
import { type CompanionRow, insertingCompanions } from '../../database/companion-rows.js';
import { Prisma } from '../../generated/prisma/client.js';
import type { NewContent, NewEmail } from './email-rows.js';

/** Bytes of sealed content that one statement carries. */
const MOST_BYTES = 4 * 1024 * 1024;

/** Of sealed content. */
export function bytesOf({ sealedVariables, content }: NewEmail): number {
  return sealedVariables.length + (content?.sealed.length ?? 0);
}

/** Parts of a batch, none of them so large that a statement holds up all others. */
export function inStatements(emails: readonly NewEmail[]): NewEmail[][] {
  const parts: NewEmail[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const email of emails) {
    const own = bytesOf(email);
    if (bytes + own > MOST_BYTES) parts.push([]);
    bytes = bytes + own > MOST_BYTES ? own : bytes + own;
    parts.at(-1)!.push(email);
  }
  return parts;
}

/** The answer to a request, which is kept with what the request did. */
export interface KeptAnswer {
  /** As {@link firstCaller} takes it. */
  caller: string;
  key: string;
  fingerprint: Uint8Array;
  /** Of HTTP. */
  status: number;
  answer: object;
  now: Date;
  until: Date;
}

/**
 * Bytes of many rows in one parameter, and where those of each are: base64 within JSON is a third more to write, to
 * send, to read and to decode.
 */
class TogetherBytes {
  private readonly parts: Uint8Array[] = [];
  private length = 0;

  /** As `substring(… FROM sealed_from FOR sealed_for)` takes them. */
  add(bytes: Uint8Array): { sealed_from: number; sealed_for: number } {
    const place = { sealed_from: this.length + 1, sealed_for: bytes.length };
    this.parts.push(bytes);
    this.length += bytes.length;
    return place;
  }

  get all(): Buffer {
    return Buffer.concat(this.parts, this.length);
  }
}

/** Messages that are accepted together or not at all. */
export interface Arrival {
  emails: readonly NewEmail[];
  /** Committed with them. */
  companions?: readonly CompanionRow[];
  /** Where there is an answer under this key already, nothing is accepted. */
  kept?: KeptAnswer;
}

/**
 * A caller's first key: whoever rotates keys goes on with the same requests, and the former one may still be in use.
 */
export function firstCaller(caller: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`
    WITH RECURSIVE line (id, step) AS (
      SELECT ${caller}, 0
      UNION ALL SELECT k.id::text, line.step + 1 FROM line JOIN api_keys k ON k.replaced_by::text = line.id
    ) SELECT id AS caller FROM line ORDER BY step DESC LIMIT 1`;
}

/** Taken until the transaction ends by whoever carries out the request. */
function requestLock(caller: Prisma.Sql, key: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`pg_try_advisory_xact_lock(hashtextextended('idempotency:' || ${caller} || ':' || ${key}, 0))`;
}

/** Accepts messages with their contents and receipts, and counts them: one statement, however many there are. */
export function insertStatement(emails: readonly NewEmail[]): Prisma.Sql {
  return arrivalStatement([{ emails }]);
}

/**
 * The same for many callers. Answers a row for each arrival with a key: its index `n`; whether the key was `free`, for
 * nobody else carries the request out; and whether it was `taken`, for no answer was there.
 */
export function arrivalStatement(arrivals: readonly Arrival[]): Prisma.Sql {
  const placed = arrivals.map((arrival, n) => ({ companions: [], ...arrival, n: arrival.kept ? n : null }));
  const emails = placed.flatMap(({ emails, n }) => emails.map((email) => ({ ...email, n })));
  const contents = emails.flatMap(({ content, secret, n }) => (content ? [{ ...content, secret, n }] : []));
  const companions = placed.flatMap(({ companions, n }) => companions.map((companion) => ({ ...companion, n })));
  const kept = arrivals.flatMap((arrival, n) => (arrival.kept ? [{ ...arrival.kept, n }] : []));
  const sealed = new TogetherBytes();
  const rows = emails.map((email) => rowOf(email, sealed));
  const isTaken =
    kept.length === 0 ? Prisma.empty : Prisma.sql`WHERE n IS NULL OR n IN (SELECT n FROM standing WHERE taken)`;
  return Prisma.sql`
    WITH ${kept.length === 0 ? Prisma.empty : keeping(kept)}
    input AS (
      SELECT * FROM json_to_recordset(${JSON.stringify(rows)}::json) AS input (
        n int, id uuid, lane lane, channel channel, sender text, recipient text, canonical text, recipients jsonb, reply_to text, template text,
        locale text, sealed_from int, sealed_for int, seal_key_id text, content_id uuid, secret boolean, subject text, tags text[], metadata jsonb,
        max_attempts int, scheduled_at timestamptz, expires_at timestamptz, lives_ms float8, supersede_key text, message_id text,
        api_key_id uuid, request_id text, traceparent text) ${isTaken}
    ), ${contents.length === 0 ? Prisma.empty : storing(contents, isTaken)} ${insertingCompanions(companions, isTaken)}
    accepted AS (
      INSERT INTO outbound_emails (id, lane, channel, status, from_address, to_address, to_canonical, recipients, reply_to, template, locale,
        sealed_variables, seal_key_id, content_id, secret, subject, tags, metadata, max_attempts, scheduled_at, expires_at,
        next_attempt_at, supersede_key, message_id, api_key_id, request_id, traceparent, avoid_transport)
      SELECT id, lane, channel, CASE WHEN scheduled_at IS NULL THEN 'queued' ELSE 'scheduled' END::email_status, sender, recipient, canonical,
        recipients, reply_to, template, locale, substring(${sealed.all}::bytea FROM sealed_from FOR sealed_for), seal_key_id, content_id, secret, subject, tags, metadata,
        max_attempts, scheduled_at, coalesce(expires_at, now() + lives_ms * interval '1 millisecond'), coalesce(scheduled_at, now()),
        supersede_key, message_id, api_key_id, request_id, traceparent, (
          SELECT transport FROM outbound_emails former
          WHERE former.supersede_key = input.supersede_key AND transport <> 'none' ORDER BY id DESC LIMIT 1)
      FROM input
      RETURNING id, status
    ), counted AS (
      INSERT INTO ledger_deltas (status, delta) SELECT 'accepted', count(*) FROM input HAVING count(*) > 0
    ), noted AS (
      INSERT INTO email_events (email_id, status, attempt) SELECT id, status, 0 FROM accepted ORDER BY id
    )
    ${kept.length === 0 ? Prisma.sql`SELECT 1 WHERE false` : Prisma.sql`SELECT n, free, taken FROM standing`}`;
}

/**
 * Who comes while the same request is under way is not kept waiting: waiting takes a connection, and whoever repeats a
 * request without pause could take them all. The lock may have become free after this statement began to look: the row
 * tells, for nobody writes over what is still kept.
 */
function keeping(kept: readonly (KeptAnswer & { n: number })[]): Prisma.Sql {
  return Prisma.sql`${asked(kept)}, locked AS MATERIALIZED (
      SELECT *, ${requestLock(Prisma.sql`first`, Prisma.sql`key`)} AS free FROM keys
    ), kept AS (${writing(Prisma.sql`locked WHERE free`)}), standing AS (
      SELECT n, free, kept.caller IS NOT NULL AS taken
      FROM locked LEFT JOIN kept ON kept.caller = locked.first AND kept.key = locked.key
    ),`;
}

/** Of a request that holds its lock: changes no row where another answer is kept already. */
export function keepStatement(kept: KeptAnswer): Prisma.Sql {
  return Prisma.sql`WITH ${asked([{ ...kept, n: 0 }])} ${writing(Prisma.sql`keys`)}`;
}

function asked(kept: readonly (KeptAnswer & { n: number })[]): Prisma.Sql {
  const rows = kept.map((one) => ({ ...one, fingerprint: Buffer.from(one.fingerprint).toString('base64') }));
  return Prisma.sql`keys AS (
      SELECT keys.*, first.caller AS first FROM json_to_recordset(${JSON.stringify(rows)}::json) AS keys (
        n int, caller text, key text, fingerprint text, status int, answer jsonb, now timestamptz, until timestamptz)
      CROSS JOIN LATERAL (${firstCaller(Prisma.sql`keys.caller`)}) AS first
    )`;
}

function writing(rows: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`
      INSERT INTO idempotency_keys AS k (caller, key, fingerprint, status, answer, created_at, expires_at)
      SELECT first, key, decode(fingerprint, 'base64'), status, answer, now, until FROM ${rows} ORDER BY first, key
      ON CONFLICT (caller, key) DO UPDATE SET
        fingerprint = EXCLUDED.fingerprint, status = EXCLUDED.status, answer = EXCLUDED.answer,
        created_at = EXCLUDED.created_at, expires_at = EXCLUDED.expires_at
      WHERE k.expires_at <= EXCLUDED.created_at
      RETURNING caller, key`;
}

/** Not checked by a foreign key: the rows that name a content are written by the same statement. */
function storing(
  contents: readonly (NewContent & { secret: boolean; n: number | null })[],
  isTaken: Prisma.Sql,
): Prisma.Sql {
  const bytes = new TogetherBytes();
  const rows = contents.map(({ n, id, sealed, sealKeyId, secret }) => ({
    ...{ n, id, secret, seal_key_id: sealKeyId },
    ...bytes.add(sealed),
  }));
  const files = contents.flatMap(({ n, id, files }) =>
    [...new Set(files)].map((file_id) => ({ n, content_id: id, file_id })),
  );
  return Prisma.sql`stored AS (
      INSERT INTO email_contents (id, sealed, seal_key_id, secret)
      SELECT id, substring(${bytes.all}::bytea FROM sealed_from FOR sealed_for), seal_key_id, secret
      FROM json_to_recordset(${JSON.stringify(rows)}::json) AS c (n int, id uuid, sealed_from int, sealed_for int, seal_key_id text, secret boolean)
      ${isTaken}
    ), with_files AS (
      INSERT INTO email_content_files (content_id, file_id)
      SELECT content_id, file_id FROM json_to_recordset(${JSON.stringify(files)}::json) AS f (n int, content_id uuid, file_id uuid) ${isTaken}
    ),`;
}

/** What is null is left out: Postgres reads it the same, and reads less. */
function rowOf(email: NewEmail & { n: number | null }, sealed: TogetherBytes): object {
  return {
    n: email.n ?? undefined,
    id: email.id,
    lane: email.lane,
    channel: channelOf(email.lane),
    sender: email.from,
    recipient: email.to,
    canonical: email.toCanonical,
    recipients: email.recipients ?? undefined,
    reply_to: email.replyTo ?? undefined,
    template: email.template ?? undefined,
    locale: email.locale,
    ...sealed.add(email.sealedVariables),
    seal_key_id: email.sealKeyId,
    content_id: email.content?.id ?? email.partOf ?? undefined,
    secret: email.secret,
    subject: email.subject ?? undefined,
    tags: email.tags,
    metadata: email.metadata ?? undefined,
    max_attempts: email.maxAttempts,
    scheduled_at: email.scheduledAt ?? undefined,
    expires_at: email.expiresAt ?? undefined,
    lives_ms: email.livesMs ?? undefined,
    supersede_key: email.supersedeKey ?? undefined,
    message_id: email.messageId,
    api_key_id: email.apiKeyId ?? undefined,
    request_id: email.requestId ?? undefined,
    traceparent: email.traceparent ?? undefined,
  };
}
