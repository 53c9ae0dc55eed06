import { Inject, Injectable } from '@nestjs/common';
import { type HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import { SETTINGS, type Settings } from '../config/settings.js';
import { HealthMonitor } from './health-monitor.js';
import { reportOf, whyNotFlowing } from './mail-report-policy.js';

/** What the probes are told, from the last background check; nothing is dialled here. */
@Injectable()
export class Indicators {
  constructor(
    @Inject(HealthIndicatorService) private readonly indicators: HealthIndicatorService,
    @Inject(HealthMonitor) private readonly monitor: HealthMonitor,
    @Inject(SETTINGS) private readonly settings: Settings,
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
    const [last] = attempts;
    const facts = { oldestDueSeconds, lastAttempt: last ? { ...last, at: last.at.toISOString() } : null };
    const transports = this.settings.mail.transports.map(({ name }) => name);
    const problem = whyNotFlowing(reportOf(value, { transports, broker: { kind: 'another indicator', up: true } }));
    return problem ? indicator.degraded({ ...facts, reason: problem.message }) : indicator.up(facts);
  }
}
