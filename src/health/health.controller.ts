import { Controller, Get, Header, Inject, Req, Res, ServiceUnavailableException } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { type HealthCheckResult, HealthCheckService } from '@nestjs/terminus';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Indicators } from './indicators.js';
import { Insiders } from './insiders.js';

@ApiTags('health')
@Controller('health')
export class HealthController {
  constructor(
    @Inject(HealthCheckService) private readonly health: HealthCheckService,
    @Inject(Indicators) private readonly indicators: Indicators,
    @Inject(Insiders) private readonly insiders: Insiders,
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
  @ApiResponse({ status: 503, description: 'Not accepting: Postgres does not answer. The same document with `status` error, as application/json' })
  @ApiOperation({
    summary: 'Ready to accept',
    description:
      '503 only without Postgres. `degraded` with 200 when mail is accepted but its way out is not well. `status` alone; ' +
      'the details with METRICS_TOKEN, an API key of scope admin or the access token of an operator, and in development at the machine itself.',
  })
  async ready(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<HealthCheckResult | Pick<HealthCheckResult, 'status'>> {
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
