import { Controller, Get, Header, Injectable, Query, Req, Res, ServiceUnavailableException } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiQuery, ApiResponse, ApiTags } from '@nestjs/swagger';
import {
  type HealthCheckResult,
  HealthCheckService,
  type HealthIndicatorResult,
  HealthIndicatorService,
} from '@nestjs/terminus';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Settings } from '../config/settings.js';
import { allTransports } from '../mail/routing/routes.js';
import { HealthMonitor, Insiders } from './health-monitor.js';
import { type MailReport, reportOf, whyNotFlowing } from './mail-report-policy.js';

/** What the probes are told, from the last background check; nothing is dialled here. */
@Injectable()
export class Indicators {
  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly monitor: HealthMonitor,
    private readonly settings: Settings,
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
      ...(forgets
        ? { warning: 'Redis may throw wake-ups away when its memory is full: set maxmemory-policy to noeviction' }
        : {}),
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
    const broker = { kind: 'another indicator', up: true };
    const problem = whyNotFlowing(reportOf(value, { transports: allTransports(this.settings), broker }));
    return problem ? indicator.degraded({ ...facts, reason: problem.message }) : indicator.up(facts);
  }
}

@ApiTags('health')
@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly indicators: Indicators,
    private readonly insiders: Insiders,
  ) {}

  @Get('live')
  @Header('Cache-Control', 'no-store')
  @ApiOperation({ summary: 'The event loop turns', description: 'Depends on nothing else; for restarts.' })
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  @Get()
  @ApiBearerAuth()
  @Header('Cache-Control', 'no-store')
  @ApiResponse({ status: 200, description: 'Accepting; `status` is ok or degraded' })
  @ApiResponse({
    status: 503,
    description: 'Not accepting: Postgres does not answer. The same document with `status` error, as application/json',
  })
  @ApiOperation({
    summary: 'Ready to accept',
    description:
      '503 only without Postgres. `degraded` with 200 when mail is accepted but not all is well with delivering it. `status` alone; ' +
      'the details with METRICS_TOKEN, an API key of scope admin or the access token of a viewer, and in development at the machine itself.',
  })
  async ready(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<HealthCheckResult | Pick<HealthCheckResult, 'status'>> {
    const result = await this.check();
    if (result.status === 'error') reply.status(503);
    return (await this.insiders.include(request)) ? result : { status: result.status };
  }

  private async check(): Promise<HealthCheckResult> {
    try {
      return await this.health.check([
        () => this.indicators.database(),
        () => this.indicators.broker(),
        () => this.indicators.smtp(),
      ]);
    } catch (error) {
      if (!(error instanceof ServiceUnavailableException)) throw error;
      return error.getResponse() as HealthCheckResult;
    }
  }
}

/** Without Postgres nothing is known but that. */
type Unknown = Omit<MailReport, 'status' | 'ledger' | 'oldestDueSeconds'> & {
  status: 'down';
  ledger: null;
  oldestDueSeconds: null;
};
type Told = MailReport | Unknown;

@ApiTags('health')
@Controller('health/mail')
export class MailHealthController {
  constructor(
    private readonly monitor: HealthMonitor,
    private readonly insiders: Insiders,
    private readonly settings: Settings,
  ) {}

  @Get()
  @ApiBearerAuth()
  @Header('Cache-Control', 'no-store')
  @ApiOperation({
    summary: 'Delivering mail: ledger, workers, transports, and what is wrong',
    description:
      '200, whatever is wrong; with `?strict` 503 unless `status` is `ok`. Read from checks of the last seconds. `status` alone; the rest with ' +
      'METRICS_TOKEN, an API key of scope admin or the access token of a viewer, and in development at the machine itself.',
  })
  @ApiQuery({ name: 'strict', required: false, description: '`?strict`, `?strict=1` or `?strict=true`' })
  @ApiResponse({ status: 200, description: 'What is known of the mail' })
  @ApiResponse({ status: 503, description: 'The same, where it was asked for strictly and `status` is not `ok`' })
  async mail(
    @Query('strict') strict: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Told | Pick<Told, 'status'>> {
    const report = this.report();
    if (report.status !== 'ok' && isOn(strict)) reply.status(503);
    return (await this.insiders.include(request)) ? report : { status: report.status };
  }

  private report(): Told {
    const { value, error } = this.monitor.mailFacts;
    if (value === undefined) {
      const message = `The record cannot be read (${error ?? 'not yet'}); nothing is known of the mail.`;
      return {
        status: 'down',
        ledger: null,
        oldestDueSeconds: null,
        workers: [],
        transports: [],
        notices: [],
        problems: [{ code: 'database_down', message, remedy: 'Look at Postgres and at DATABASE_URL.' }],
      };
    }
    return reportOf(value, { transports: allTransports(this.settings), broker: this.monitor.broker });
  }
}

/** `?strict` alone is the empty string. */
function isOn(flag: unknown): boolean {
  return flag === '' || flag === '1' || flag === 'true';
}
