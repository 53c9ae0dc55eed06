import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { SETTINGS, type Settings } from '../config/settings.js';
import { Clock } from '../core/clock.js';
import { inBatches } from '../database/in-batches.js';
import { PrismaService } from '../database/prisma.service.js';
import { ScheduledTasks } from '../database/scheduled-tasks.js';

const DAY_MS = 24 * 60 * 60_000;

/** The scheduled work of the audit record: what is older than AUDIT_RETENTION_DAYS. */
@Injectable()
export class AuditMaintenance implements OnModuleInit {
  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    @Inject(ScheduledTasks) private readonly scheduled: ScheduledTasks,
    @Inject(PrismaService) private readonly prisma: PrismaService,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.scheduled.register({ name: 'audit.events', everyMs: DAY_MS, run: (signal) => this.removeOld(signal) });
  }

  async removeOld(signal: AbortSignal): Promise<string> {
    const until = new Date(this.clock.now().getTime() - this.settings.auditRetentionDays * DAY_MS);
    return `${await inBatches(signal, (limit) => this.removeBefore(until, limit))} audit events removed`;
  }

  private async removeBefore(until: Date, limit: number): Promise<number> {
    return this.prisma.$executeRaw`
      DELETE FROM audit_events WHERE id IN (
        SELECT id FROM audit_events WHERE at < ${until}::timestamptz ORDER BY at LIMIT ${limit} FOR UPDATE SKIP LOCKED)`;
  }
}
