import { HOUR_MS } from '../../core/durations.js';
import { lowestUuidv7 } from '../../core/ids.js';
import type { Lane } from '../../core/lanes.js';
import { Prisma } from '../../generated/prisma/client.js';
import { EmailStatus } from '../../generated/prisma/enums.js';

/** What is left out matches everything. */
export interface EmailFilter {
  statuses?: readonly EmailStatus[] | undefined;
  /** Canonical; whether it stands in To, Cc or Bcc. */
  to?: string | undefined;
  /** In lower case; of what API keys sent. */
  from?: string | undefined;
  template?: string | undefined;
  tag?: string | undefined;
  lane?: Lane | undefined;
  transport?: string | undefined;
  errorCode?: string | undefined;
  apiKey?: string | undefined;
  broadcast?: string | undefined;
  /** A part of the subject or of the last reply, in whatever case. */
  q?: string | undefined;
  /** Accepted at or after. */
  since?: Date | undefined;
  /** Accepted before. */
  until?: Date | undefined;
  /** The API keys whose view it is, not empty: whatever else is asked for, nothing but what these sent. */
  owners?: readonly string[] | undefined;
}

export interface Walk {
  /** By id, and so by the time of acceptance. */
  direction: 'older' | 'newer';
  /** The last id that was looked at. */
  after?: string | undefined;
  /** Nothing above this id. */
  lastId?: string | undefined;
}

/** Messages that a statement looks at, at most: what it costs does not grow with what there is. */
export const WINDOW = 50_000;

/** Milliseconds by which the clock that made an id may differ from that of Postgres, which `created_at` is of. */
const MARGIN_MS = HOUR_MS;

/** Those of the partial index `outbound_emails_by_status`. */
const INDEXED_STATUSES: ReadonlySet<EmailStatus> = new Set([
  EmailStatus.scheduled,
  EmailStatus.deferred,
  EmailStatus.failed,
  EmailStatus.unknown,
  EmailStatus.bounced,
  EmailStatus.complained,
  EmailStatus.suppressed,
  EmailStatus.cancelled,
  EmailStatus.expired,
]);

/** What a search starts from: one index, in the order of ids. */
type Driver =
  | { kind: 'terms'; terms: readonly string[] }
  | { kind: 'error'; code: string }
  | { kind: 'status'; statuses: EmailStatus[] }
  | { kind: 'broadcast'; id: string; statuses: readonly EmailStatus[] }
  | { kind: 'all' };

/** By what is rarest, as a rule. */
function driverOf({ to, errorCode, statuses, tag, template, from, apiKey, owners, broadcast }: EmailFilter): Driver {
  if (to !== undefined) return { kind: 'terms', terms: [`to:${to}`] };
  if (broadcast !== undefined)
    return { kind: 'broadcast', id: broadcast, statuses: [...new Set(statuses ?? Object.values(EmailStatus))] };
  if (errorCode !== undefined) return { kind: 'error', code: errorCode };
  if (statuses !== undefined && statuses.every((status) => INDEXED_STATUSES.has(status)))
    return { kind: 'status', statuses: [...new Set(statuses)] };
  if (tag !== undefined) return { kind: 'terms', terms: [`tag:${tag}`] };
  if (template !== undefined) return { kind: 'terms', terms: [`template:${template}`] };
  if (from !== undefined) return { kind: 'terms', terms: [`from:${from}`] };
  // Of a key that is none of theirs nothing is looked at, for it is not theirs to hear of.
  const keys = apiKey !== undefined && (owners?.includes(apiKey) ?? true) ? [apiKey] : owners;
  return keys === undefined ? { kind: 'all' } : { kind: 'terms', terms: keys.map((key) => `key:${key}`) };
}

/**
 * The matching messages among the next {@link WINDOW} of the index, up to `enough` of them, in no order. Each is looked
 * up by its id, one after the other in the order of ids, until there are enough: OFFSET 0 keeps the planner from
 * joining in any other way. Where there are not enough, `windowEnd` says where the window ended, if anything lies
 * beyond; in one statement, for between two of them rows come and go. One row of nulls but for `windowEnd` where none
 * matches.
 * @param columns of `m`, `id` among them
 */
export function searchStatement(filter: EmailFilter, walk: Walk, enough: number, columns: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`
    WITH page AS MATERIALIZED (
      SELECT ${columns} FROM (${looked(filter, walk)}) AS looked (id)
      CROSS JOIN LATERAL (
        SELECT * FROM outbound_emails m WHERE m.id = looked.id AND ${conditionsOf(filter)} OFFSET 0
      ) AS m
      ORDER BY looked.id ${order(walk)} LIMIT ${enough}
    )
    SELECT page.*, (
      SELECT CASE WHEN (SELECT count(*) FROM page) < ${enough} THEN (
        SELECT looked.id FROM (${looked(filter, walk)}) AS looked (id) ORDER BY looked.id ${order(walk)} OFFSET ${WINDOW - 1} LIMIT 1
      ) END
    ) AS "windowEnd"
    FROM (VALUES (1)) AS always LEFT JOIN page ON true`;
}

/**
 * All that match, however many. As in a search, what a term finds is looked up by id, one after the other: in a free
 * join Postgres takes rows that are newer than its statistics for one row, and compares each with each (4 s for 5,000,
 * measured).
 * @param answers expressions on `m`, aggregates included
 */
export function countStatement(filter: EmailFilter, answers: Prisma.Sql, groupBy = Prisma.empty): Prisma.Sql {
  const driver = driverOf(filter);
  const conditions = conditionsOf(filter);
  const range = (id: Prisma.Sql): Prisma.Sql => within(filter, { direction: 'older' }, id);
  if (driver.kind !== 'terms')
    return Prisma.sql`
      SELECT ${answers} FROM outbound_emails m WHERE ${range(Prisma.sql`m.id`)} AND ${conditions} ${groupBy}`;
  return Prisma.sql`
    SELECT ${answers} FROM email_terms t
    CROSS JOIN LATERAL (SELECT * FROM outbound_emails m WHERE m.id = t.email_id AND ${conditions} OFFSET 0) AS m
    WHERE ${among(
      Prisma.sql`t.term`,
      driver.terms.map((term) => Prisma.sql`${term}`),
    )} AND ${range(Prisma.sql`t.email_id`)} ${groupBy}`;
}

/** The next {@link WINDOW} ids of the index that the search starts from. */
function looked(filter: EmailFilter, walk: Walk): Prisma.Sql {
  const driver = driverOf(filter);
  const id = Prisma.sql`m.id`;
  const found = (condition: Prisma.Sql): Prisma.Sql => Prisma.sql`
    SELECT m.id FROM outbound_emails m WHERE ${condition} AND ${within(filter, walk, id)} ORDER BY m.id ${order(walk)} LIMIT ${WINDOW}`;
  switch (driver.kind) {
    case 'terms': {
      const place = within(filter, walk, Prisma.sql`t.email_id`);
      const walks = driver.terms.map(
        (term) => Prisma.sql`
        SELECT t.email_id FROM email_terms t WHERE t.term = ${term} AND ${place} ORDER BY t.email_id ${order(walk)} LIMIT ${WINDOW}`,
      );
      return merged(walks, walk);
    }
    case 'error':
      return found(Prisma.sql`m.last_error_code = ${driver.code}`);
    case 'broadcast':
    case 'status': {
      const of = driver.kind === 'broadcast' ? Prisma.sql`m.broadcast_id = ${driver.id}::uuid AND` : Prisma.empty;
      const walks = driver.statuses.map((status) => found(Prisma.sql`${of} m.status = ${literal(status)}`));
      return merged(walks, walk);
    }
    case 'all':
      return found(Prisma.sql`true`);
  }
}

function conditionsOf(filter: EmailFilter): Prisma.Sql {
  const { statuses, to, from, template, tag, lane, transport, errorCode, apiKey, broadcast, owners, q, since, until } =
    filter;
  const driver = driverOf(filter);
  const has = (term: string): Prisma.Sql[] =>
    driver.kind === 'terms' && driver.terms.includes(term)
      ? []
      : // OFFSET 0: asked for each row by the whole key, and not joined.
        [Prisma.sql`EXISTS (SELECT FROM email_terms t WHERE t.term = ${term} AND t.email_id = m.id OFFSET 0)`];
  const pattern = q === undefined ? '' : `%${q.replaceAll(/[\\%_]/g, '\\$&')}%`;
  return and(
    ...(statuses === undefined ? [] : [among(Prisma.sql`m.status`, statuses.map(literal))]),
    ...(to === undefined ? [] : has(`to:${to}`)),
    ...(from === undefined ? [] : has(`from:${from}`)),
    ...(template === undefined ? [] : [Prisma.sql`m.template = ${template}`]),
    ...(tag === undefined ? [] : [Prisma.sql`${tag} = ANY(m.tags)`]),
    ...(lane === undefined ? [] : [Prisma.sql`m.lane = ${lane}::lane`]),
    ...(transport === undefined ? [] : [Prisma.sql`m.transport = ${transport}`]),
    ...(errorCode === undefined ? [] : [Prisma.sql`m.last_error_code = ${errorCode}`]),
    ...(apiKey === undefined ? [] : [Prisma.sql`m.api_key_id = ${apiKey}::uuid`]),
    ...(broadcast === undefined ? [] : [Prisma.sql`m.broadcast_id = ${broadcast}::uuid`]),
    ...(owners === undefined
      ? []
      : [
          among(
            Prisma.sql`m.api_key_id`,
            owners.map((key) => Prisma.sql`${key}::uuid`),
          ),
        ]),
    ...(q === undefined ? [] : [Prisma.sql`(m.subject ILIKE ${pattern} OR m.last_reply ILIKE ${pattern})`]),
    ...(since === undefined ? [] : [Prisma.sql`m.created_at >= ${since}`]),
    ...(until === undefined ? [] : [Prisma.sql`m.created_at < ${until}`]),
  );
}

/** Walks, each in its order, as one: an index scan over several values has no order. */
function merged(walks: readonly Prisma.Sql[], walk: Walk): Prisma.Sql {
  if (walks.length === 1) return walks[0]!;
  const all = Prisma.join(
    walks.map((one) => Prisma.sql`(${one})`),
    ' UNION ALL ',
  );
  return Prisma.sql`SELECT id FROM (${all}) AS m (id) ORDER BY id ${order(walk)} LIMIT ${WINDOW}`;
}

/** Where the walk may be, by the time in the ids; `created_at` decides of what is found there. */
function within({ since, until }: EmailFilter, { direction, after, lastId }: Walk, id: Prisma.Sql): Prisma.Sql {
  const beyond = direction === 'older' ? Prisma.sql`<` : Prisma.sql`>`;
  return and(
    ...(after === undefined ? [] : [Prisma.sql`${id} ${beyond} ${after}::uuid`]),
    ...(lastId === undefined ? [] : [Prisma.sql`${id} <= ${lastId}::uuid`]),
    ...(since === undefined ? [] : [Prisma.sql`${id} >= ${lowestUuidv7(new Date(since.getTime() - MARGIN_MS))}::uuid`]),
    ...(until === undefined ? [] : [Prisma.sql`${id} < ${lowestUuidv7(new Date(until.getTime() + MARGIN_MS))}::uuid`]),
  );
}

/** Written out, so that the planner sees that the partial index has it. */
function literal(status: EmailStatus): Prisma.Sql {
  return Prisma.raw(`'${EmailStatus[status]}'::email_status`);
}

function order({ direction }: Walk): Prisma.Sql {
  return direction === 'older' ? Prisma.sql`DESC` : Prisma.sql`ASC`;
}

/** @param values not empty */
function among(value: Prisma.Sql, values: readonly Prisma.Sql[]): Prisma.Sql {
  return Prisma.sql`${value} IN (${Prisma.join([...values])})`;
}

function and(...conditions: Prisma.Sql[]): Prisma.Sql {
  return conditions.length === 0 ? Prisma.sql`true` : Prisma.join(conditions, ' AND ');
}
