import { Injectable } from '@nestjs/common';
import type { Lane } from '../../core/lanes.js';
import { PrismaService, Transactions, type UnitOfWork } from '../../database/prisma.service.js';
import { Prisma } from '../../generated/prisma/client.js';
import { MailQueue } from '../../queue/mail-queue.js';
import { type ActionKind, changeOf, type KeptFilter, legalFor, ownersOf } from './actions.js';
import { filterOf } from './asked-filter.js';
import { type Change, changing, IS_BARRED, IS_THERE } from './changes.js';
import { OutboxSearch } from './search.js';

/** Messages that one transaction changes at most. */
const BATCH = 1_000;

interface OpenAction {
  id: string;
  action: ActionKind;
  filter: KeptFilter;
  cursor: string | null;
  lastId: string;
}

/**
 * Works the actions that were accepted, oldest first. What a batch changed, its receipts and how far it came are one
 * commit: whoever goes on after a kill -9 begins behind the last batch, or with the one that was undone.
 */
@Injectable()
export class ActionBatches {
  constructor(
    private readonly prisma: PrismaService,
    private readonly transactions: Transactions,
    private readonly search: OutboxSearch,
    private readonly queue: MailQueue,
  ) {}

  /**
   * One batch of the oldest open action. Answers how many messages it changed; undefined when there is nothing to do.
   */
  async workOne(): Promise<number | undefined> {
    const [open] = await this.prisma.statements.query<unknown[]>`
      SELECT FROM email_actions WHERE finished_at IS NULL LIMIT 1`;
    if (!open) return undefined;
    return this.transactions.run(async (unit) => {
      const [action] = await unit.db.$queryRaw<OpenAction[]>`
        SELECT id, action, filter, cursor, last_id AS "lastId" FROM email_actions WHERE finished_at IS NULL
        ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED`;
      return action && this.work(action, unit);
    });
  }

  /** Removes up to `limit` that ended longer ago than so many days. Returns how many. */
  async removeOld(days: number, limit: number): Promise<number> {
    return this.prisma.statements.execute`
      DELETE FROM email_actions WHERE id IN (
        SELECT id FROM email_actions WHERE finished_at < now() - make_interval(days => ${days}::int) ORDER BY id LIMIT ${limit})`;
  }

  private async work({ id, action, filter, cursor, lastId }: OpenAction, unit: UnitOfWork): Promise<number> {
    const { as, owner, asked } = filter;
    const change = changeOf(action, as);
    const bounds = { after: cursor ?? undefined, lastId, limit: BATCH };
    const matching = legalFor(change, filterOf(asked, await ownersOf(owner, unit)));
    const { ids, next } = await this.search.nextIds(matching, bounds, unit);
    const changed =
      ids.length === 0 ? [] : await unit.db.$queryRaw<{ lane: Lane }[]>(changing(picking(ids, change), change));
    await unit.db.$executeRaw`
      UPDATE email_actions SET done = done + ${changed.length}, cursor = coalesce(${next}::uuid, last_id),
        finished_at = CASE WHEN ${next}::uuid IS NULL THEN now() END
      WHERE id = ${id}::uuid`;
    if (change.needsContent) {
      const lanes = new Set(changed.map(({ lane }) => lane));
      unit.afterCommit(() => lanes.forEach((lane) => this.queue.wake(lane)));
    }
    return changed.length;
  }
}

/**
 * Waits for whoever holds one of them, for the walk does not come back: they are locked in the order of their ids, as
 * everywhere, and judged once more, each by its own row. What is to go out again and would only end as expired or
 * suppressed stays as it is.
 * @param ids in their order
 */
function picking(ids: readonly string[], { from, needsContent }: Change): Prisma.Sql {
  const sendable = needsContent ? Prisma.sql`AND ${IS_THERE} AND NOT ${IS_BARRED}` : Prisma.empty;
  return Prisma.sql`
    SELECT m.id FROM unnest(${[...ids]}::uuid[]) AS found (id) CROSS JOIN LATERAL (
      SELECT id FROM outbound_emails m WHERE m.id = found.id AND status = ANY(${[...from]}::email_status[]) ${sendable} FOR UPDATE
    ) AS m`;
}
