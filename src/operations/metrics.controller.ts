import { Controller, Get, Header, Inject, Res, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Registry } from 'prom-client';
import { MetricsGuard } from './metrics.guard.js';
import { RecordMetrics } from './record-metrics.js';

@ApiTags('operations')
@ApiBearerAuth()
@UseGuards(MetricsGuard)
@Controller('metrics')
export class MetricsController {
  constructor(
    @Inject(Registry) private readonly registry: Registry,
    @Inject(RecordMetrics) private readonly record: RecordMetrics,
  ) {}

  @Get()
  @Header('Cache-Control', 'no-store')
  @ApiOperation({
    summary: 'Metrics for Prometheus',
    description: 'METRICS_TOKEN as bearer token. Without one: 404 in production, and for this machine alone in development.',
  })
  @ApiProduces(Registry.PROMETHEUS_CONTENT_TYPE)
  async metrics(@Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    await this.record.refresh();
    reply.header('content-type', this.registry.contentType);
    return this.registry.metrics();
  }
}
