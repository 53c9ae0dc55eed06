import { AsyncLocalStorage } from 'node:async_hooks';
import { type Context, ROOT_CONTEXT, type Span as OtelSpan, SpanKind as OtelKind, SpanStatusCode, TraceFlags, type Tracer, trace } from '@opentelemetry/api';
import { setTimeout as delay } from 'node:timers/promises';
import { NO_SPAN, type Span, type SpanAttributes, type SpanKind, Tracing } from '../core/tracing.js';

/** Milliseconds that a stop waits for the collector. */
const FLUSH_WITHIN_MS = 2_000;

const KINDS: Record<SpanKind, OtelKind> = {
  server: OtelKind.SERVER,
  producer: OtelKind.PRODUCER,
  consumer: OtelKind.CONSUMER,
  client: OtelKind.CLIENT,
  internal: OtelKind.INTERNAL,
};

/** Spans of an OpenTelemetry provider. Nothing is registered globally: two services in one process keep theirs apart. */
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
  const [, traceId, spanId, flags] = /^00-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-([\da-f]{2})$/.exec(traceparent ?? '') ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return ROOT_CONTEXT;
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & TraceFlags.SAMPLED, isRemote: true });
}
