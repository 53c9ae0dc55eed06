import { type Calls, lost, pause, refused } from './calls.js';
import { Problem } from './errors.js';
import type { Schema } from './types.js';

/** As the service itself asks browsers to wait, in milliseconds. */
const RECONNECT_MS = 3_000;

interface ServerSentEvent {
  event: string;
  data: string;
  id: string | undefined;
}

/** Server-Sent Events of a code's mail (https://html.spec.whatwg.org/multipage/server-sent-events.html). */
export async function* follow(
  calls: Calls,
  id: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Schema<'DeliveryView'>, void> {
  let last: string | undefined;
  for (;;) {
    const response = await open(calls, id, last, signal);
    if (response === undefined) return;
    for await (const { event, data, id: eventId } of eventsOf(response, signal)) {
      last = eventId ?? last;
      if (event === 'end') return;
      if (event === 'delivery') yield JSON.parse(data) as Schema<'DeliveryView'>;
    }
    await pause(RECONNECT_MS, signal);
  }
}

/** @returns undefined where the last word was told already (204) */
async function open(
  calls: Calls,
  id: string,
  last: string | undefined,
  signal: AbortSignal | undefined,
): Promise<Response | undefined> {
  const url = `${calls.baseUrl}/v1/otp/${encodeURIComponent(id)}/delivery/events`;
  const headers = {
    ...calls.headers(),
    accept: 'text/event-stream',
    ...(last === undefined ? {} : { 'last-event-id': last }),
  };
  signal?.throwIfAborted();
  const init: RequestInit = { headers, redirect: 'manual', ...(signal ? { signal } : {}) };
  try {
    const response = await calls.fetch(url, init);
    if (response.status === 204) return undefined;
    if (response.ok) return response;
    throw refused(response, new Uint8Array(await response.arrayBuffer())).error;
  } catch (cause) {
    signal?.throwIfAborted();
    throw cause instanceof Problem ? cause : lost(cause, url, false).error;
  }
}

/** Ends where the stream does, and where it is cut. */
async function* eventsOf(response: Response, signal: AbortSignal | undefined): AsyncGenerator<ServerSentEvent, void> {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let kept = '';
  try {
    for (;;) {
      // A stream that breaks is one that ended: the caller connects again.
      const { done, value } = await reader.read().catch(() => ({ done: true as const, value: undefined }));
      signal?.throwIfAborted();
      if (done) return;
      const blocks = (kept + value).split('\n\n');
      kept = blocks.pop()!;
      yield* blocks.map(eventIn);
    }
  } finally {
    await reader.cancel().catch(() => undefined); // a stream that was cut is over already
  }
}

function eventIn(block: string): ServerSentEvent {
  const fields = new Map(
    block.split('\n').map((line) => {
      const [, name, value] = /^([^:]*):? ?(.*)$/.exec(line)!;
      return [name!, value!];
    }),
  );
  return { event: fields.get('event') ?? 'message', data: fields.get('data') ?? '', id: fields.get('id') };
}
