import { Inject, Injectable } from '@nestjs/common';
import { type HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import { ATTEMPTS_JUDGED } from '../mail/mail-history.js';
import { HealthMonitor } from './health-monitor.js';

/** Seconds that due mail may wait before health says so: no worker, or one that is stuck. */
const WAITING_TOO_LONG_S = 30;

/** What the probes are told, from the last background check; nothing is dialled here. */
@Injectable()
export class Indicators {
  constructor(
    @Inject(HealthIndicatorService) private readonly indicators: HealthIndicatorService,
    @Inject(HealthMonitor) private readonly monitor: HealthMonitor,
  ) {}

  /** The only one whose failure is a 503: without Postgres nothing is accepted. */
  database(): HealthIndicatorResult {
    const { error } = this.monitor.database;
    const indicator = this.indicators.check('database');
    return error === undefined ? indicator.up() : indicator.down({ reason: error });
  }

  /** Down it only costs latency: workers drain on their timer. */
  broker(): HealthIndicatorResult {
    const { kind, up, since, error, maxmemoryPolicy, forgets } = this.monitor.broker;
    const indicator = this.indicators.check('broker');
    const facts = {
      kind,
      since: since.toISOString(),
      ...(maxmemoryPolicy === undefined ? {} : { maxmemoryPolicy }),
      ...(forgets ? { warning: 'Redis may throw wake-ups away when its memory is full: set maxmemory-policy to noeviction' } : {}),
    };
    return up ? indicator.up(facts) : indicator.degraded({ ...facts, reason: error });
  }

  /** The last attempts to hand mail over, on whichever worker; and whether mail waits for a worker. */
  smtp(): HealthIndicatorResult {
    const indicator = this.indicators.check('smtp');
    const { value } = this.monitor.mailFacts;
    if (value === undefined) return indicator.degraded({ reason: 'the database does not answer' });
    const { oldestDueSeconds, attempts } = value;
    const recentAttempts = attempts.slice(0, ATTEMPTS_JUDGED);
    const [last] = recentAttempts;
    const facts = {
      oldestDueSeconds,
      lastAttempt: last ? { ...last, at: last.at.toISOString() } : null,
    };
    if (oldestDueSeconds > WAITING_TOO_LONG_S) {
      return indicator.degraded({ ...facts, reason: 'due mail waits: is a worker running?' });
    }
    const noneHandedOver = recentAttempts.length > 0 && recentAttempts.every(({ status }) => status !== 'sent');
    return noneHandedOver ? indicator.degraded({ ...facts, reason: 'no recent attempt was handed over' }) : indicator.up(facts);
  }
}
