import { AsyncLocalStorage } from 'node:async_hooks';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type Context,
  SpanKind as OtelKind,
  type Span as OtelSpan,
  ROOT_CONTEXT,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Tracer,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  type ReadableSpan,
  type SpanExporter,
} from '@opentelemetry/sdk-trace-base';
import type { Logger } from '../core/logger.js';
import { VERSION } from '../core/process-facts.js';
import { NO_SPAN, type Span, type SpanAttributes, type SpanKind, Tracing } from '../core/tracing.js';

type Done = Parameters<SpanExporter['export']>[1];

/**
 * Says once that the collector does not take the spans, and once that it does again. Without this the SDK drops them
 * silently.
 */
export class TellingExporter implements SpanExporter {
  private failing = false;

  constructor(
    private readonly exporter: SpanExporter,
    private readonly log: Logger,
  ) {}

  export(spans: ReadableSpan[], done: Done): void {
    this.exporter.export(spans, (result) => {
      this.tell(result.error, spans.length);
      done(result);
    });
  }

  async forceFlush(): Promise<void> {
    await this.exporter.forceFlush?.();
  }

  async shutdown(): Promise<void> {
    await this.exporter.shutdown();
  }

  private tell(error: Error | undefined, spans: number): void {
    if (error && !this.failing)
      this.log.warn({ error: error.message, spans }, 'the collector takes no traces; they are dropped, mail goes on');
    if (!error && this.failing) this.log.info('the collector takes traces again');
    this.failing = error !== undefined;
  }
}

/** Milliseconds that a stop waits for the collector. */
const FLUSH_WITHIN_MS = 2_000;

const KINDS: Record<SpanKind, OtelKind> = {
  server: OtelKind.SERVER,
  producer: OtelKind.PRODUCER,
  consumer: OtelKind.CONSUMER,
  client: OtelKind.CLIENT,
  internal: OtelKind.INTERNAL,
};

/**
 * Spans of an OpenTelemetry provider. Nothing is registered globally: two services in one process keep theirs apart.
 */
export class OtelTracing extends Tracing {
  private readonly entered = new AsyncLocalStorage<Span>();

  /** `shutdown` sends what is still here. */
  constructor(
    private readonly tracer: Tracer,
    private readonly shutdown: () => Promise<void>,
  ) {
    super();
  }

  override start(name: string, kind: SpanKind, attributes: SpanAttributes, parent?: string | null): Span {
    return startSpan(this.tracer, name, kind, attributes, contextOf(parent));
  }

  override enter(span: Span, work: () => void): void {
    this.entered.run(span, work);
  }

  override get current(): Span {
    return this.entered.getStore() ?? NO_SPAN;
  }

  override async close(): Promise<void> {
    await Promise.race([this.shutdown(), delay(FLUSH_WITHIN_MS, undefined, { ref: false })]);
  }
}

function startSpan(tracer: Tracer, name: string, kind: SpanKind, attributes: SpanAttributes, parent: Context): Span {
  const span = tracer.startSpan(name, { kind: KINDS[kind], attributes }, parent);
  const context = trace.setSpan(parent, span);
  return {
    traceparent: traceparentOf(span),
    child: (ownName, ownKind, own = {}) => startSpan(tracer, ownName, ownKind, own, context),
    note: (more) => void span.setAttributes(more),
    end: (failure) => {
      if (!span.isRecording()) return;
      if (failure !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: failure });
      span.end();
    },
  };
}

function traceparentOf(span: OtelSpan): string {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return `00-${traceId}-${spanId}-${(traceFlags & TraceFlags.SAMPLED).toString(16).padStart(2, '0')}`;
}

/** What is no traceparent begins a trace of its own (W3C Trace Context §3.2.2.3: ids of zeros are none). */
function contextOf(traceparent: string | null | undefined): Context {
  const [, traceId, spanId, flags] =
    /^00-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-([\da-f]{2})$/.exec(traceparent ?? '') ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return ROOT_CONTEXT;
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16) & TraceFlags.SAMPLED,
    isRemote: true,
  });
}

/**
 * Spans are sent in batches, by default every 5 s. How many are kept, with which headers they go and how they are
 * batched, OpenTelemetry's own SDK reads from its variables (OTEL_TRACES_SAMPLER, OTEL_EXPORTER_OTLP_HEADERS,
 * OTEL_BSP_SCHEDULE_DELAY and others:
 * https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/).
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
    spanProcessors: [
      new BatchSpanProcessor(new TellingExporter(new OTLPTraceExporter({ url: `${endpoint}/v1/traces` }), log)),
    ],
  });
  return new OtelTracing(provider.getTracer('otpost', VERSION), () => provider.shutdown());
}
