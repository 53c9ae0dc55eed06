import { Global, Injectable, Module, type OnModuleInit } from '@nestjs/common';
import { Settings } from '../config/settings.js';
import { Clock } from '../core/clock.js';
import { DAY_MS } from '../core/durations.js';
import { inBatches, PrismaService } from '../database/prisma.service.js';
import { ScheduledTasks } from '../database/scheduled-tasks.js';
import { Audit, AuditRecords } from './audit.js';

/** The scheduled work of the audit record: what is older than AUDIT_RETENTION_DAYS. */
@Injectable()
export class AuditMaintenance implements OnModuleInit {
  constructor(
    private readonly settings: Settings,
    private readonly scheduled: ScheduledTasks,
    private readonly prisma: PrismaService,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.scheduled.register({ name: 'audit.events', everyMs: DAY_MS, run: (signal) => this.removeOld(signal) });
  }

  async removeOld(signal: AbortSignal): Promise<string> {
    const until = new Date(this.clock.now().getTime() - this.settings.auditRetentionDays * DAY_MS);
    const removed = await inBatches(
      signal,
      (limit) => this.prisma.statements.execute`
        DELETE FROM audit_events WHERE id IN (
          SELECT id FROM audit_events WHERE at < ${until}::timestamptz ORDER BY at LIMIT ${limit} FOR UPDATE SKIP LOCKED)`,
    );
    return `${removed} audit events removed`;
  }
}

/** The record of who did what; every room above may write to it. */
@Global()
@Module({ providers: [Audit, AuditRecords, AuditMaintenance], exports: [Audit, AuditRecords] })
export class AuditModule {}
