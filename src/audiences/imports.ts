import { Injectable } from '@nestjs/common';
import { Audit, type Doer } from '../audit/audit.js';
import { uuidv7 } from '../core/ids.js';
import { Problem } from '../core/problems.js';
import { DatabaseClock } from '../database/database-clock.js';
import { PrismaService, Transactions } from '../database/prisma.service.js';
import { ScheduledTasks } from '../database/scheduled-tasks.js';
import type { SubscriberImport } from '../generated/prisma/client.js';
import { StoredFiles } from '../mail/files/stored-files.js';
import { holdAudience } from './audiences.js';
import { IMPORT_TASK, MOST_FAULTS } from './import-batches.js';
import type { ImportFormat } from './import-policy.js';

/** Bytes of a file: a million subscribers with some attributes. */
export const IMPORT_LIMIT = 100 * 1024 * 1024;

export type ImportRecord = SubscriberImport & { faults: { line: number; code: string; message: string }[] };

/** Files of subscribers: accepted and looked at here, worked off by ImportBatches. */
@Injectable()
export class Imports {
  constructor(
    private readonly prisma: PrismaService,
    private readonly transactions: Transactions,
    private readonly files: StoredFiles,
    private readonly clock: DatabaseClock,
    private readonly scheduled: ScheduledTasks,
    private readonly audit: Audit,
  ) {}

  /** @throws Problem body_too_large, audience_not_found */
  async accept(
    audienceId: string,
    format: ImportFormat,
    body: AsyncIterable<Uint8Array>,
    by: Doer,
  ): Promise<ImportRecord> {
    const file = await this.files.store(body, IMPORT_LIMIT);
    const id = uuidv7(this.clock.now());
    return this.transactions.run(async (unit) => {
      if (!(await holdAudience(audienceId, unit))) throw new Problem('audience_not_found');
      const row = await unit.db.subscriberImport.create({
        data: { id, audienceId, fileId: file.id, format, size: file.size },
      });
      const entry = { action: 'audience.import_started', ...by, target: { kind: 'audience', id: audienceId } };
      await this.audit.record({ ...entry, details: { import: id, bytes: file.size, format } }, unit);
      await this.scheduled.makeDue(IMPORT_TASK, unit);
      return { ...row, faults: [] };
    });
  }

  /** The newest first; without what is wrong with their rows. */
  async list(audienceId: string, take: number, before: string | undefined): Promise<ImportRecord[]> {
    const rows = await this.prisma.subscriberImport.findMany({
      where: { audienceId, ...(before === undefined ? {} : { id: { lt: before } }) },
      orderBy: { id: 'desc' },
      take,
    });
    return rows.map((row) => ({ ...row, faults: [] }));
  }

  /** With the first of its bad rows. @throws Problem import_not_found */
  async get(audienceId: string, id: string): Promise<ImportRecord> {
    const row = await this.prisma.subscriberImport.findFirst({
      where: { id, audienceId, audience: { deletedAt: null } },
      include: { faults: { orderBy: { line: 'asc' }, take: MOST_FAULTS } },
    });
    if (!row) throw new Problem('import_not_found');
    return row;
  }
}
