/**
 * Of a span: ids, names from short lists of ours, numbers. Never an address, a code, or the words of a server, which
 * quote both.
 */
export type SpanAttributes = Record<string, string | number | boolean | undefined>;

export type SpanKind = 'server' | 'producer' | 'consumer' | 'client' | 'internal';

/** A piece of work on a message's way, in a trace where there is one. Ends once; what comes after that is not heard. */
export interface Span {
  /** How another process names it as the parent of its own (W3C Trace Context §3.2). */
  readonly traceparent: string | undefined;
  child(name: string, kind: SpanKind, attributes?: SpanAttributes): Span;
  note(attributes: SpanAttributes): void;
  /** `failure`: a short code, which marks the span as failed. */
  end(failure?: string): void;
}

/** Where spans come from. Without a collector this one, which makes none. */
export class Tracing {
  /** `parent`: a traceparent; a span without one begins a trace. */
  start(_name: string, _kind: SpanKind, _attributes: SpanAttributes, _parent?: string | null): Span {
    return NO_SPAN;
  }

  /** Runs `work` with a span that {@link current} finds from there on, also behind awaits. */
  enter(_span: Span, work: () => void): void {
    work();
  }

  /** The span that was entered, or one that is none. */
  get current(): Span {
    return NO_SPAN;
  }

  /** Sends what is still here, for two seconds at most. */
  async close(): Promise<void> {}
}

export const NO_SPAN: Span = {
  traceparent: undefined,
  child: () => NO_SPAN,
  note: () => undefined,
  end: () => undefined,
};

/** Ends the spans with the work; of an error they say no more than its name, for messages quote. */
export async function during<T>(span: Span | readonly Span[], work: () => Promise<T>): Promise<T> {
  const end = (failure?: string): void => [span].flat().forEach((one) => one.end(failure));
  try {
    return await work();
  } catch (error) {
    end(error instanceof Error ? error.name : 'Error');
    throw error;
  } finally {
    end();
  }
}
