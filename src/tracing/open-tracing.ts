import type { Settings } from '../config/settings.js';
import type { Logger } from '../core/logger.js';
import { Tracing } from '../core/tracing.js';

/**
 * Spans go to the collector of OTEL_EXPORTER_OTLP_ENDPOINT, by OTLP over HTTP; without one there are none, and
 * OpenTelemetry is not even loaded: it takes 0.3 s and 16 MB (measured).
 */
export async function openTracing({ tracesEndpoint, role }: Settings, log: Logger): Promise<Tracing> {
  if (tracesEndpoint === undefined) return new Tracing();
  const { tracingTo } = await import('./otel-tracing.js');
  log.info({ collector: tracesEndpoint }, 'traces are on');
  return tracingTo(tracesEndpoint, role, log);
}
