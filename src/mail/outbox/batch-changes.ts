import type { Lane } from '../../core/lanes.js';
import type { UnitOfWork } from '../../database/prisma.service.js';
import { Prisma } from '../../generated/prisma/client.js';
import type { MailQueue } from '../../queue/mail-queue.js';
import { uuidBefore } from './action-policy.js';
import { type Change, changing, IS_BARRED, IS_THERE } from './changes.js';
import type { Found, OutboxSearch } from './search.js';
import { countStatement, type EmailFilter } from './search-statement.js';

/** Messages that one transaction looks at, and changes, at most. */
const BATCH = 1_000;

/** What a change would find. */
export interface Prospect {
  /** It would take so many. */
  count: number;
  /** Their content was erased, or they have expired. */
  over: number;
  /** They would only end as suppressed. */
  suppressed: number;
  /** Where a walk through all of them begins; undefined: there is none. */
  after: string | undefined;
  /** The last of them. */
  lastId: string | null;
}

/** Of the messages that a filter finds, those in a state that the change starts from. */
export function legalFor({ from }: Change, filter: EmailFilter): EmailFilter {
  return { ...filter, statuses: from.filter((status) => filter.statuses?.includes(status) ?? true) };
}

/** Counts what a change would take, and what it would pass over. */
export async function prospectOf(filter: EmailFilter, change: Change, { db }: UnitOfWork): Promise<Prospect> {
  const goesOut = change.needsContent;
  const [found] = await db.$queryRaw<(Found & Pick<Prospect, 'over' | 'suppressed'>)[]>(
    countStatement(
      legalFor(change, filter),
      Prisma.sql`count(*) FILTER (WHERE NOT ${goesOut} OR ${IS_THERE} AND NOT ${IS_BARRED})::int AS count,
        count(*) FILTER (WHERE ${goesOut} AND NOT ${IS_THERE})::int AS over,
        count(*) FILTER (WHERE ${goesOut} AND ${IS_THERE} AND ${IS_BARRED})::int AS suppressed,
        min(m.id::text) AS "firstId", max(m.id::text) AS "lastId"`,
    ),
  );
  const { firstId, ...prospect } = found!;
  return { ...prospect, after: firstId === null ? undefined : uuidBefore(firstId) };
}

interface Bounds {
  /** The message that the batch before ended with. */
  after: string | undefined;
  lastId: string;
  /** No more than so many are changed. */
  most?: number;
}

/**
 * Changes the next of the messages that a filter finds, oldest first, wakes who sends them, and answers how many they
 * were and where to go on; `next` null: there are no more. How far it came, or a line in the record of who did what, is
 * for the caller to write in the same transaction.
 */
export async function changeNext(
  { search, queue }: { search: OutboxSearch; queue: MailQueue },
  filter: EmailFilter,
  change: Change,
  { after, lastId, most = BATCH }: Bounds,
  unit: UnitOfWork,
): Promise<{ changed: number; next: string | null }> {
  const { ids, next } = await search.nextIds(legalFor(change, filter), { after, lastId, limit: BATCH }, unit);
  const changed =
    ids.length === 0 ? [] : await unit.db.$queryRaw<{ lane: Lane }[]>(changing(picking(ids, change, most), change));
  if (change.needsContent) {
    const lanes = new Set(changed.map(({ lane }) => lane));
    unit.afterCommit(() => lanes.forEach((lane) => queue.wake(lane)));
  }
  return { changed: changed.length, next };
}

/**
 * Waits for whoever holds one of them, for the walk does not come back: they are locked in the order of their ids, as
 * everywhere, and judged once more, each by its own row. What is to go out again and would only end as expired or
 * suppressed stays as it is.
 * @param ids in their order
 */
function picking(ids: readonly string[], { from, needsContent }: Change, most: number): Prisma.Sql {
  const sendable = needsContent ? Prisma.sql`AND ${IS_THERE} AND NOT ${IS_BARRED}` : Prisma.empty;
  return Prisma.sql`
    SELECT m.id FROM unnest(${[...ids]}::uuid[]) AS found (id) CROSS JOIN LATERAL (
      SELECT id FROM outbound_emails m WHERE m.id = found.id AND status = ANY(${[...from]}::email_status[]) ${sendable} FOR UPDATE
    ) AS m LIMIT ${most}`;
}
