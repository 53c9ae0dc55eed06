import { hostname } from 'node:os';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { Logger } from '../core/logger.js';
import { VERSION } from '../core/version.js';
import { OtelTracing } from './otel-tracing.js';
import { TellingExporter } from './telling-exporter.js';

/**
 * Spans are sent in batches, by default every 5 s. How many are kept, with which headers they go and how they are
 * batched, OpenTelemetry's own SDK reads from its variables (OTEL_TRACES_SAMPLER, OTEL_EXPORTER_OTLP_HEADERS,
 * OTEL_BSP_SCHEDULE_DELAY and others: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/).
 * @param endpoint without `/v1/traces`
 */
export function tracingTo(endpoint: string, role: string, log: Logger): OtelTracing {
  const ours = resourceFromAttributes({
    'service.name': 'otpost',
    'service.version': VERSION,
    'service.instance.id': `${hostname()}:${process.pid}`,
    'otpost.role': role,
  });
  const provider = new BasicTracerProvider({
    // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES come last and win.
    resource: ours.merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor(new TellingExporter(new OTLPTraceExporter({ url: `${endpoint}/v1/traces` }), log))],
  });
  return new OtelTracing(provider.getTracer('otpost', VERSION), () => provider.shutdown());
}
