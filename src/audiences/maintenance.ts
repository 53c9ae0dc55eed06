import { Injectable, Module, type OnModuleInit } from '@nestjs/common';
import { Settings } from '../config/settings.js';
import { DAY_MS, SECOND_MS } from '../core/durations.js';
import { inBatches, PrismaService } from '../database/prisma.service.js';
import { ScheduledTasks } from '../database/scheduled-tasks.js';
import { MailModule } from '../mail/mail.module.js';
import { REMOVAL_TASK } from './audiences.js';
import { IMPORT_TASK, ImportBatches } from './import-batches.js';

/** The scheduled work of audiences. */
@Injectable()
class AudienceMaintenance implements OnModuleInit {
  constructor(
    private readonly settings: Settings,
    private readonly scheduled: ScheduledTasks,
    private readonly imports: ImportBatches,
    private readonly prisma: PrismaService,
  ) {}

  onModuleInit(): void {
    this.scheduled.register(
      {
        name: IMPORT_TASK,
        everyMs: 5 * SECOND_MS,
        run: async (signal) => `${await this.imports.work(signal)} lines worked off`,
      },
      {
        name: REMOVAL_TASK,
        everyMs: DAY_MS,
        run: async (signal) => `${await inBatches(signal, (limit) => this.removeDeleted(limit))} subscribers removed`,
      },
      {
        name: 'audiences.old_imports',
        everyMs: DAY_MS,
        run: async (signal) =>
          `${await inBatches(signal, (limit) => this.imports.removeOld(this.settings.retentionDays, limit))} removed`,
      },
    );
  }

  /**
   * Removes up to `limit` subscribers of audiences that were deleted, and those audiences that have none left. Returns
   * how many.
   */
  private async removeDeleted(limit: number): Promise<number> {
    const removed = await this.prisma.statements.execute`
      DELETE FROM subscribers WHERE id IN (
        SELECT s.id FROM audiences a JOIN subscribers s ON s.audience_id = a.id WHERE a.deleted_at IS NOT NULL LIMIT ${limit})`;
    await this.prisma.statements.execute`
      DELETE FROM audiences a WHERE deleted_at IS NOT NULL AND NOT EXISTS (SELECT FROM subscribers s WHERE s.audience_id = a.id)`;
    return removed;
  }
}

/** What is scheduled, in every process. */
@Module({ imports: [MailModule], providers: [AudienceMaintenance, ImportBatches] })
export class AudienceMaintenanceModule {}
