import { Readable } from 'node:stream';

/** `no-transform`: a proxy that compresses would hold events back. `connection`: a stop need not wait for idle ones. */
export const STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store, no-transform',
  'x-accel-buffering': 'no',
  connection: 'close',
};

/** Milliseconds of silence before a comment is written: the shortest idle times of proxies are 30 to 60 s. */
export const HEARTBEAT_AFTER_MS = 15_000;

/** Bytes that wait for a client who does not read, on top of what the kernel holds; some hundred small events. */
const MOST_WAITING = 16 * 1024;

export interface StreamEvent {
  event: string;
  data: object;
  /** What the client says in Last-Event-ID when it comes again. */
  id?: string;
}

/** The body of one answer of Server-Sent Events (HTML Living Standard, 9.2.5). */
export class EventStream {
  readonly body = new Readable({ read: () => undefined });
  private ended = false;

  /**
   * @param retryMs how long the client waits before it connects again
   * @param mostWaiting bytes; several of the largest events
   */
  constructor(
    retryMs: number,
    private readonly mostWaiting = MOST_WAITING,
  ) {
    this.write(`retry: ${retryMs}\n\n`);
  }

  send({ event, data, id }: StreamEvent): void {
    this.write(`event: ${event}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`);
  }

  /** A comment, which clients pass over: proxies see that the connection lives, and we see when it does not. */
  heartbeat(): void {
    this.write(':\n\n');
  }

  /** The client reads what was sent, and the end. */
  end(): void {
    if (this.over) return;
    this.ended = true;
    this.body.push(null);
  }

  /** The connection ends, whatever the client has read. */
  drop(): void {
    this.body.destroy();
  }

  /** When the client is gone, was dropped, or has read the end. */
  onClose(listener: () => void): void {
    this.body.once('close', listener);
  }

  private get over(): boolean {
    return this.ended || this.body.destroyed;
  }

  private write(text: string): void {
    if (this.over) return;
    // Who does not read is dropped, lest memory grow with every event; a client that still lives connects again.
    if (this.body.readableLength + text.length > this.mostWaiting) this.drop();
    else this.body.push(text);
  }
}
