import { Global, Injectable, Module, type OnModuleInit } from '@nestjs/common';
import { Clock } from '../core/clock.js';
import { HOUR_MS } from '../core/durations.js';
import { inBatches, PrismaService } from '../database/prisma.service.js';
import { ScheduledTasks } from '../database/scheduled-tasks.js';
import { Limits } from './limits.js';

/** The scheduled work of limits: windows that are over. They count for nothing, but name addresses of people. */
@Injectable()
export class LimitsMaintenance implements OnModuleInit {
  constructor(
    private readonly scheduled: ScheduledTasks,
    private readonly prisma: PrismaService,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.scheduled.register({ name: 'limits.windows', everyMs: HOUR_MS, run: (signal) => this.removeOver(signal) });
  }

  private async removeOver(signal: AbortSignal): Promise<string> {
    const now = this.clock.now();
    const windows = await inBatches(signal, (limit) => this.removeWindows(now, limit));
    const destinations = await inBatches(signal, (limit) => this.removeDestinations(now, limit));
    return `${windows} windows and ${destinations} destinations removed`;
  }

  private async removeWindows(now: Date, limit: number): Promise<number> {
    return this.prisma.statements.execute`
      DELETE FROM request_limits WHERE key IN (
        SELECT key FROM request_limits WHERE ends_at <= ${now}::timestamptz
        ORDER BY ends_at LIMIT ${limit} FOR UPDATE SKIP LOCKED)`;
  }

  private async removeDestinations(now: Date, limit: number): Promise<number> {
    return this.prisma.statements.execute`
      DELETE FROM requested_destinations WHERE (key, destination) IN (
        SELECT key, destination FROM requested_destinations WHERE ends_at <= ${now}::timestamptz
        ORDER BY ends_at LIMIT ${limit} FOR UPDATE SKIP LOCKED)`;
  }
}

/** Part of the web role: workers answer no strangers. */
@Global()
@Module({ providers: [Limits, LimitsMaintenance], exports: [Limits] })
export class LimitsModule {}
