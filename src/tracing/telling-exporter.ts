import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base';
import type { Logger } from '../core/logger.js';

type Done = Parameters<SpanExporter['export']>[1];

/** Says once that the collector does not take the spans, and once that it does again. Without this the SDK drops them silently. */
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
    if (error && !this.failing) this.log.warn({ error: error.message, spans }, 'the collector takes no traces; they are dropped, mail goes on');
    if (!error && this.failing) this.log.info('the collector takes traces again');
    this.failing = error !== undefined;
  }
}
