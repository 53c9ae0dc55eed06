import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Settings } from '../config/settings.js';
import { Clock } from '../core/clock.js';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../core/durations.js';
import { inBatches, PrismaService } from '../database/prisma.service.js';
import { ScheduledTasks } from '../database/scheduled-tasks.js';

/** Of one that was in use for a month 2,900 refresh tokens go with it, one for each access token. */
const SESSIONS_AT_ONCE = 50;

/** The scheduled work of accounts: what ended, and is good for nothing any more. */
@Injectable()
export class AccountsMaintenance implements OnModuleInit {
  constructor(
    private readonly settings: Settings,
    private readonly scheduled: ScheduledTasks,
    private readonly prisma: PrismaService,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.scheduled.register(
      {
        name: 'accounts.sessions',
        everyMs: DAY_MS,
        run: async (signal) => {
          const sessions = await inBatches(signal, (limit) => this.removeSessions(limit), SESSIONS_AT_ONCE);
          const tokens = await inBatches(signal, (limit) => this.removeTokens(limit));
          return `${sessions} sessions and ${tokens} refresh tokens removed`;
        },
      },
      {
        name: 'accounts.email_changes',
        everyMs: DAY_MS,
        run: async (signal) =>
          `${await inBatches(signal, (limit) => this.removeChanges(limit))} changes of addresses removed`,
      },
      {
        name: 'accounts.registrations',
        everyMs: HOUR_MS,
        run: async (signal) =>
          `${await inBatches(signal, (limit) => this.removeRegistrations(limit))} registrations removed`,
      },
    );
  }

  /** Their refresh tokens go with them. */
  private async removeSessions(limit: number): Promise<number> {
    return this.prisma.statements.execute`
      DELETE FROM sessions WHERE id = ANY(ARRAY(
        SELECT id FROM sessions
        WHERE least(expires_at, revoked_at) < ${this.ago(this.settings.retentionDays * DAY_MS)}
        ORDER BY least(expires_at, revoked_at) LIMIT ${limit} FOR UPDATE SKIP LOCKED))`;
  }

  /** A token that is past its own end proves nothing, not even theft: it is refused as if it were not known. */
  private async removeTokens(limit: number): Promise<number> {
    return this.prisma.statements.execute`
      DELETE FROM refresh_tokens WHERE token_hash = ANY(ARRAY(
        SELECT token_hash FROM refresh_tokens WHERE expires_at < ${this.ago(DAY_MS)}
        ORDER BY expires_at LIMIT ${limit} FOR UPDATE SKIP LOCKED))`;
  }

  /** They hold an address that somebody had. */
  private async removeChanges(limit: number): Promise<number> {
    return this.prisma.statements.execute`
      DELETE FROM email_changes WHERE id IN (
        SELECT id FROM email_changes WHERE expires_at < ${this.ago(this.settings.retentionDays * DAY_MS)}
        ORDER BY expires_at LIMIT ${limit} FOR UPDATE SKIP LOCKED)`;
  }

  /**
   * What strangers typed, a hash of a password among it, waits no longer than the code that it belongs to. A minute
   * more: a code that was right just before may be under way. There are as few as were begun in an hour, so all are
   * looked at.
   */
  private async removeRegistrations(limit: number): Promise<number> {
    return this.prisma.statements.execute`
      DELETE FROM pending_registrations WHERE challenge_id IN (
        SELECT p.challenge_id FROM pending_registrations p JOIN otp_challenges c ON c.id = p.challenge_id
        WHERE c.expires_at < ${this.ago(MINUTE_MS)}
        LIMIT ${limit} FOR UPDATE OF p SKIP LOCKED)`;
  }

  private ago(ms: number): Date {
    return new Date(this.clock.now().getTime() - ms);
  }
}
