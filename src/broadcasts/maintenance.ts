import { Injectable, Module, type OnModuleInit } from '@nestjs/common';
import { Settings } from '../config/settings.js';
import { DAY_MS, SECOND_MS } from '../core/durations.js';
import { inBatches, PrismaService } from '../database/prisma.service.js';
import { ScheduledTasks } from '../database/scheduled-tasks.js';
import { MailModule } from '../mail/mail.module.js';
import { Beginnings } from './beginnings.js';
import { BROADCAST_TASK } from './broadcasts.js';
import { Expansion } from './expansion.js';

/** The scheduled work of broadcasts. */
@Injectable()
class BroadcastMaintenance implements OnModuleInit {
  constructor(
    private readonly settings: Settings,
    private readonly scheduled: ScheduledTasks,
    private readonly expansion: Expansion,
    private readonly prisma: PrismaService,
  ) {}

  onModuleInit(): void {
    this.scheduled.register(
      {
        name: BROADCAST_TASK,
        everyMs: SECOND_MS,
        run: async (signal) => `${await this.expansion.work(signal)} messages made`,
      },
      {
        name: 'broadcasts.old',
        everyMs: DAY_MS,
        run: async (signal) => `${await inBatches(signal, (limit) => this.removeOld(limit))} removed`,
      },
    );
  }

  private removeOld(limit: number): Promise<number> {
    return this.prisma.statements.execute`
      DELETE FROM broadcasts WHERE id IN (
        SELECT id FROM broadcasts WHERE finished_at < now() - make_interval(days => ${this.settings.retentionDays}::int)
        ORDER BY id LIMIT ${limit})`;
  }
}

/** What is scheduled, in every process. */
@Module({ imports: [MailModule], providers: [BroadcastMaintenance, Beginnings, Expansion] })
export class BroadcastMaintenanceModule {}
