import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Settings } from '../config/settings.js';
import { Clock } from '../core/clock.js';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../core/durations.js';
import { inBatches, PrismaService } from '../database/prisma.service.js';
import { ScheduledTasks } from '../database/scheduled-tasks.js';
import { FORGET_AFTER_MS } from './budget-policy.js';
import { SmsGuard } from './sms/sms-guard.js';

/**
 * How far back the hourly run looks, so that it does not take longer the more challenges are kept; the daily one sees
 * all.
 */
const LATELY_DAYS = 1;

/** The scheduled work of one-time codes: what ended, and what may be forgotten. */
@Injectable()
export class OtpMaintenance implements OnModuleInit {
  constructor(
    private readonly settings: Settings,
    private readonly scheduled: ScheduledTasks,
    private readonly prisma: PrismaService,
    private readonly clock: Clock,
    private readonly sms: SmsGuard,
  ) {}

  onModuleInit(): void {
    this.scheduled.register(
      {
        name: 'otp.challenges',
        everyMs: DAY_MS,
        run: async (signal) => {
          const removed = await inBatches(signal, (limit) => this.removeChallenges(limit));
          const erased = await inBatches(signal, (limit) => this.eraseCodes(limit, this.settings.retentionDays + 1));
          return `${removed} challenges removed, ${erased} codes erased`;
        },
      },
      {
        name: 'otp.sms',
        everyMs: DAY_MS,
        run: async (signal) => {
          const { retentionDays } = this.settings;
          return `${await inBatches(signal, (limit) => this.sms.removeOld(retentionDays, limit))} counts of SMS removed`;
        },
      },
      {
        name: 'otp.codes',
        everyMs: HOUR_MS,
        run: async (signal) =>
          `${await inBatches(signal, (limit) => this.eraseCodes(limit, LATELY_DAYS))} codes erased`,
      },
      {
        name: 'otp.failures',
        everyMs: HOUR_MS,
        run: async (signal) =>
          `${await inBatches(signal, (limit) => this.removeFailures(limit))} rows of failures removed`,
      },
    );
  }

  private async removeChallenges(limit: number): Promise<number> {
    return this.prisma.statements.execute`
      DELETE FROM otp_challenges WHERE id IN (
        SELECT id FROM otp_challenges
        WHERE expires_at < ${this.ago(this.settings.retentionDays * DAY_MS)}
        ORDER BY expires_at LIMIT ${limit} FOR UPDATE SKIP LOCKED)`;
  }

  /**
   * Of challenges that ended by their time; all that end otherwise lose theirs at once. A minute late: a resend that
   * was judged just before may be under way.
   */
  private async eraseCodes(limit: number, days: number): Promise<number> {
    return this.prisma.statements.execute`
      UPDATE otp_challenges SET sealed_code = NULL WHERE id IN (
        SELECT id FROM otp_challenges
        WHERE expires_at < ${this.ago(MINUTE_MS)} AND expires_at > ${this.ago(days * DAY_MS)}
          AND sealed_code IS NOT NULL
        ORDER BY expires_at LIMIT ${limit} FOR UPDATE SKIP LOCKED)`;
  }

  /** They count for nothing any more, but name addresses of people. */
  private async removeFailures(limit: number): Promise<number> {
    return this.prisma.statements.execute`
      DELETE FROM failure_budgets WHERE (destination, purpose, device) IN (
        SELECT destination, purpose, device FROM failure_budgets
        WHERE updated_at < ${this.ago(FORGET_AFTER_MS)}
        ORDER BY updated_at LIMIT ${limit} FOR UPDATE SKIP LOCKED)`;
  }

  private ago(ms: number): Date {
    return new Date(this.clock.now().getTime() - ms);
  }
}
