import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { SETTINGS, type Settings } from '../config/settings.js';
import { inBatches } from '../database/in-batches.js';
import { PrismaService } from '../database/prisma.service.js';
import { ScheduledTasks } from '../database/scheduled-tasks.js';

const DAY_MS = 24 * 60 * 60_000;

/** The scheduled work of accounts: sessions that ended, and refresh tokens that are good for nothing any more. */
@Injectable()
export class AccountsMaintenance implements OnModuleInit {
  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    @Inject(ScheduledTasks) private readonly scheduled: ScheduledTasks,
    @Inject(PrismaService) private readonly prisma: PrismaService,
  ) {}

  onModuleInit(): void {
    this.scheduled.register({ name: 'accounts.sessions', everyMs: DAY_MS, run: (signal) => this.removeOld(signal) });
  }

  private async removeOld(signal: AbortSignal): Promise<string> {
    const sessions = await inBatches(signal, (limit) => this.removeSessions(limit));
    const tokens = await inBatches(signal, (limit) => this.removeTokens(limit));
    return `${sessions} sessions and ${tokens} refresh tokens removed`;
  }

  /** Their refresh tokens go with them. */
  private async removeSessions(limit: number): Promise<number> {
    return this.prisma.$executeRaw`
      DELETE FROM sessions WHERE id IN (
        SELECT id FROM sessions
        WHERE least(expires_at, revoked_at) < now() - make_interval(days => ${this.settings.retentionDays}::int)
        LIMIT ${limit} FOR UPDATE SKIP LOCKED)`;
  }

  /** One that is past its own end proves nothing, not even theft: it is refused as if it were not known. */
  private async removeTokens(limit: number): Promise<number> {
    return this.prisma.$executeRaw`
      DELETE FROM refresh_tokens WHERE token_hash IN (
        SELECT token_hash FROM refresh_tokens WHERE expires_at < now() - interval '1 day'
        LIMIT ${limit} FOR UPDATE SKIP LOCKED)`;
  }
}
