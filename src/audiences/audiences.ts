import { Injectable } from '@nestjs/common';
import { Audit, type Doer } from '../audit/audit.js';
import { DatabaseClock } from '../database/database-clock.js';
import { PrismaService, Transactions, type UnitOfWork } from '../database/prisma.service.js';
import { ScheduledTasks } from '../database/scheduled-tasks.js';
import { uuidv7 } from '../core/ids.js';
import { Problem } from '../core/problems.js';
import type { SubscriberStatus } from '../generated/prisma/enums.js';

export interface AudienceRecord {
  id: string;
  name: string;
  createdAt: Date;
}

export type SubscriberCounts = Record<SubscriberStatus, number>;

/** The scheduled task that removes the subscribers of audiences that were deleted. */
export const REMOVAL_TASK = 'audiences.removal';

/** Holds an audience until the end of the transaction: nobody deletes it meanwhile. False: it is gone. */
export async function holdAudience(id: string, { db }: UnitOfWork): Promise<boolean> {
  const found = await db.$queryRaw<unknown[]>`
    SELECT FROM audiences WHERE id = ${id}::uuid AND deleted_at IS NULL FOR KEY SHARE`;
  return found.length > 0;
}

/** People who get the same mail. */
@Injectable()
export class Audiences {
  constructor(
    private readonly prisma: PrismaService,
    private readonly transactions: Transactions,
    private readonly clock: DatabaseClock,
    private readonly scheduled: ScheduledTasks,
    private readonly audit: Audit,
  ) {}

  async create(name: string, by: Doer): Promise<AudienceRecord> {
    const id = uuidv7(this.clock.now());
    return this.transactions.run(async (unit) => {
      const audience = await unit.db.audience.create({ data: { id, name } });
      await this.note('audience.created', id, by, unit);
      return audience;
    });
  }

  /** Newest first. */
  async list(limit: number, after: string | undefined): Promise<AudienceRecord[]> {
    return this.prisma.audience.findMany({
      where: { deletedAt: null, ...(after === undefined ? {} : { id: { lt: after } }) },
      orderBy: { id: 'desc' },
      take: limit,
    });
  }

  /** @throws Problem audience_not_found */
  async get(id: string): Promise<AudienceRecord> {
    const audience = await this.prisma.audience.findFirst({ where: { id, deletedAt: null } });
    if (!audience) throw new Problem('audience_not_found');
    return audience;
  }

  /** How many of its subscribers are in each state. */
  async counts(id: string): Promise<SubscriberCounts> {
    const rows = await this.prisma.statements.query<{ status: SubscriberStatus; count: number }[]>`
      SELECT status, count(*)::int AS count FROM subscribers WHERE audience_id = ${id}::uuid GROUP BY status`;
    const none: SubscriberCounts = { active: 0, pending: 0, unsubscribed: 0, bounced: 0, complained: 0 };
    return { ...none, ...Object.fromEntries(rows.map(({ status, count }) => [status, count])) };
  }

  /** @throws Problem audience_not_found */
  async rename(id: string, name: string, by: Doer): Promise<AudienceRecord> {
    return this.transactions.run(async (unit) => {
      const { count } = await unit.db.audience.updateMany({ where: { id, deletedAt: null }, data: { name } });
      if (count === 0) throw new Problem('audience_not_found');
      await this.note('audience.renamed', id, by, unit);
      return unit.db.audience.findUniqueOrThrow({ where: { id } });
    });
  }

  /**
   * Nobody sees it from then on; its subscribers are removed within seconds, in batches.
   * @throws Problem audience_not_found; audience_in_use while a broadcast to it is not over
   */
  async remove(id: string, by: Doer): Promise<void> {
    await this.transactions.run(async (unit) => {
      const found = await unit.db.$queryRaw`
        SELECT FROM audiences WHERE id = ${id}::uuid AND deleted_at IS NULL FOR UPDATE`;
      if ((found as unknown[]).length === 0) throw new Problem('audience_not_found');
      const open = await unit.db.broadcast.count({ where: { audienceId: id, finishedAt: null } });
      if (open > 0) throw new Problem('audience_in_use');
      await unit.db.$executeRaw`UPDATE audiences SET deleted_at = now() WHERE id = ${id}::uuid`;
      await this.note('audience.deleted', id, by, unit);
      await this.scheduled.makeDue(REMOVAL_TASK, unit);
    });
  }

  private async note(action: string, id: string, by: Doer, unit: UnitOfWork): Promise<void> {
    await this.audit.record({ action, ...by, target: { kind: 'audience', id } }, unit);
  }
}
