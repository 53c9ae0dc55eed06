import { Injectable } from '@nestjs/common';
import { PrismaService, Transactions, type UnitOfWork } from '../../database/prisma.service.js';
import { MailQueue } from '../../queue/mail-queue.js';
import { type ActionKind, changeOf, type KeptFilter, ownersOf } from './actions.js';
import { filterOf } from './asked-filter.js';
import { changeNext } from './batch-changes.js';
import { OutboxSearch } from './search.js';

interface OpenAction {
  id: string;
  action: ActionKind;
  filter: KeptFilter;
  cursor: string | null;
  lastId: string;
}

/**
 * Works the actions that were accepted. What a batch changed, its receipts and how far it came are one commit: whoever
 * goes on after a kill -9 begins behind the last batch, or with the one that was undone.
 */
@Injectable()
export class ActionBatches {
  constructor(
    private readonly prisma: PrismaService,
    private readonly transactions: Transactions,
    readonly search: OutboxSearch,
    readonly queue: MailQueue,
  ) {}

  /**
   * Works the actions that are open, a batch of each in turn: neither a large one nor one that cannot go on holds up
   * those behind it. Answers how many messages it changed. @throws the first of what stopped one, once there is nothing
   * else to do
   */
  async work(signal: AbortSignal): Promise<number> {
    const stopped = new Map<string, unknown>();
    let all = 0;
    for (let goesOn = true; goesOn && !signal.aborted;) {
      goesOn = false;
      for (const id of await this.openIds()) {
        if (signal.aborted || stopped.has(id)) continue;
        try {
          const changed = await this.workOne(id);
          all += changed ?? 0;
          goesOn ||= changed !== undefined;
        } catch (error) {
          stopped.set(id, error);
        }
      }
    }
    const [first] = stopped.values();
    if (stopped.size > 0) throw first;
    return all;
  }

  /** Removes up to `limit` that ended longer ago than so many days. Returns how many. */
  async removeOld(days: number, limit: number): Promise<number> {
    return this.prisma.statements.execute`
      DELETE FROM email_actions WHERE id IN (
        SELECT id FROM email_actions WHERE finished_at < now() - make_interval(days => ${days}::int) ORDER BY id LIMIT ${limit})`;
  }

  private async openIds(): Promise<string[]> {
    const rows = await this.prisma.statements.query<{ id: string }[]>`
      SELECT id::text FROM email_actions WHERE finished_at IS NULL ORDER BY id`;
    return rows.map(({ id }) => id);
  }

  /** A batch of one; undefined where somebody else works it, or it is over. */
  private workOne(id: string): Promise<number | undefined> {
    return this.transactions.run(async (unit) => {
      const [action] = await unit.db.$queryRaw<OpenAction[]>`
        SELECT id, action, filter, cursor, last_id AS "lastId" FROM email_actions
        WHERE id = ${id}::uuid AND finished_at IS NULL FOR UPDATE SKIP LOCKED`;
      return action && this.batch(action, unit);
    });
  }

  private async batch({ id, action, filter, cursor, lastId }: OpenAction, unit: UnitOfWork): Promise<number> {
    const { as, owner, asked } = filter;
    const change = changeOf(action, as);
    const bounds = { after: cursor ?? undefined, lastId };
    const found = filterOf(asked, await ownersOf(owner, unit));
    const { changed, next } = await changeNext(this, found, change, bounds, unit);
    await unit.db.$executeRaw`
      UPDATE email_actions SET done = done + ${changed}, cursor = coalesce(${next}::uuid, last_id),
        finished_at = CASE WHEN ${next}::uuid IS NULL THEN now() END
      WHERE id = ${id}::uuid`;
    return changed;
  }
}
