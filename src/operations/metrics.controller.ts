import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  Header,
  Injectable,
  Res,
  UseGuards,
} from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Registry } from 'prom-client';
import { Settings } from '../config/settings.js';
import { bearerOf, sameSecret } from '../core/credentials.js';
import { Problems } from '../core/problem-docs.js';
import { Problem } from '../core/problems.js';
import { isAtTheMachine } from '../http/pages/origin.js';
import { RecordMetrics } from './record-metrics.js';

/** Numbers tell how a business goes: whoever reads them has METRICS_TOKEN, or in development sits at the machine. */
@Injectable()
class MetricsGuard implements CanActivate {
  constructor(private readonly settings: Settings) {}

  canActivate(context: ExecutionContext): boolean {
    const { headers, socket } = context.switchToHttp().getRequest<FastifyRequest>();
    const { metricsToken } = this.settings;
    if (metricsToken === undefined) {
      if (isAtTheMachine({ address: socket.remoteAddress, host: headers.host }, this.settings)) return true;
      throw new Problem('not_found');
    }
    const bearer = bearerOf(headers.authorization);
    if (bearer !== undefined && sameSecret(bearer, metricsToken)) return true;
    throw new Problem('unauthorized', {
      detail: 'The metrics need "Authorization: Bearer <METRICS_TOKEN>".',
      remedy: 'Give the scraper the token that the operator has set.',
      headers: { 'www-authenticate': 'Bearer realm="metrics"' },
    });
  }
}

@ApiTags('operations')
@ApiBearerAuth()
@UseGuards(MetricsGuard)
@Controller('metrics')
export class MetricsController {
  constructor(
    private readonly registry: Registry,
    private readonly record: RecordMetrics,
  ) {}

  @Get()
  @Header('Cache-Control', 'no-store')
  @ApiOperation({
    summary: 'Metrics for Prometheus',
    description:
      'METRICS_TOKEN as bearer token. Without one: 404 in production, and for this machine alone in development.',
  })
  @ApiProduces(Registry.PROMETHEUS_CONTENT_TYPE)
  @Problems('not_found')
  async metrics(@Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    await this.record.refresh();
    reply.header('content-type', this.registry.contentType);
    return this.registry.metrics();
  }
}
