import { Controller, Get, Header, Inject, Res, ServiceUnavailableException } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { type HealthCheckResult, HealthCheckService } from '@nestjs/terminus';
import type { FastifyReply } from 'fastify';
import { Indicators } from './indicators.js';

@ApiTags('health')
@Controller('health')
export class HealthController {
  constructor(
    @Inject(HealthCheckService) private readonly health: HealthCheckService,
    @Inject(Indicators) private readonly indicators: Indicators,
  ) {}

  @Get('live')
  @Header('Cache-Control', 'no-store')
  @ApiOperation({ summary: 'The event loop turns', description: 'Depends on nothing else; for restarts.' })
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  @Get()
  @Header('Cache-Control', 'no-store')
  @ApiResponse({ status: 200, description: 'Accepting; `status` is ok or degraded' })
  @ApiResponse({ status: 503, description: 'Not accepting: Postgres does not answer. The same document with `status` error, as application/json' })
  @ApiOperation({
    summary: 'Ready to accept',
    description: '503 only without Postgres. `degraded` with 200 when mail is accepted but its way out is not well.',
  })
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<HealthCheckResult> {
    try {
      return await this.health.check([
        () => this.indicators.database(),
        () => this.indicators.broker(),
        () => this.indicators.smtp(),
      ]);
    } catch (error) {
      if (!(error instanceof ServiceUnavailableException)) throw error;
      reply.status(503);
      return error.getResponse() as HealthCheckResult;
    }
  }
}
