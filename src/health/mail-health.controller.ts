import { Controller, Get, Header, Inject, Query, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { SETTINGS, type Settings } from '../config/settings.js';
import { HealthMonitor } from './health-monitor.js';
import { Insiders } from './insiders.js';
import { type MailReport, reportOf } from './mail-report-policy.js';

/** Without Postgres nothing is known but that. */
type Unknown = Omit<MailReport, 'status' | 'ledger' | 'oldestDueSeconds'> & { status: 'down'; ledger: null; oldestDueSeconds: null };
type Told = MailReport | Unknown;

@ApiTags('health')
@Controller('health/mail')
export class MailHealthController {
  constructor(
    @Inject(HealthMonitor) private readonly monitor: HealthMonitor,
    @Inject(Insiders) private readonly insiders: Insiders,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  @Get()
  @ApiBearerAuth()
  @Header('Cache-Control', 'no-store')
  @ApiOperation({
    summary: 'The way out for mail: ledger, workers, transports, and what is wrong',
    description:
      '200, whatever is wrong; with `?strict` 503 unless `status` is `ok`. Read from checks of the last seconds. `status` alone; the rest with ' +
      'METRICS_TOKEN, an API key of scope admin or the access token of an operator, and in development at the machine itself.',
  })
  @ApiQuery({ name: 'strict', required: false, description: '`?strict`, `?strict=1` or `?strict=true`' })
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
      return { status: 'down', ledger: null, oldestDueSeconds: null, workers: [], transports: [], problems: [{ code: 'database_down', message, remedy: 'Look at Postgres and at DATABASE_URL.' }] };
    }
    const transports = this.settings.mail.transports.map(({ name }) => name);
    return reportOf(value, { transports, broker: this.monitor.broker });
  }
}

/** `?strict` alone is the empty string. */
function isOn(flag: unknown): boolean {
  return flag === '' || flag === '1' || flag === 'true';
}
