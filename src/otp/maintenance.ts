import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { SETTINGS, type Settings } from '../config/settings.js';
import { inBatches } from '../database/in-batches.js';
import { PrismaService } from '../database/prisma.service.js';
import { ScheduledTasks } from '../database/scheduled-tasks.js';

const DAY_MS = 24 * 60 * 60_000;

/** The scheduled work of one-time codes: challenges that ended long ago, and what waited for them. */
@Injectable()
export class OtpMaintenance implements OnModuleInit {
  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    @Inject(ScheduledTasks) private readonly scheduled: ScheduledTasks,
    @Inject(PrismaService) private readonly prisma: PrismaService,
  ) {}

  onModuleInit(): void {
    this.scheduled.register({ name: 'otp.challenges', everyMs: DAY_MS, run: (signal) => this.removeOld(signal) });
  }

  private async removeOld(signal: AbortSignal): Promise<string> {
    return `${await inBatches(signal, (limit) => this.removeChallenges(limit))} challenges removed`;
  }

  private async removeChallenges(limit: number): Promise<number> {
    return this.prisma.$executeRaw`
      DELETE FROM otp_challenges WHERE id IN (
        SELECT id FROM otp_challenges
        WHERE expires_at < now() - make_interval(days => ${this.settings.retentionDays}::int)
        ORDER BY expires_at LIMIT ${limit} FOR UPDATE SKIP LOCKED)`;
  }
}
