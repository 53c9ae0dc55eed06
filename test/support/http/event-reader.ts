import { once } from 'node:events';
import { get, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { eventually } from '../signals/wait.js';

export interface ReadEvent {
  event: string;
  id: string | undefined;
  data: unknown;
}

export interface ReaderOptions {
  lastEventId?: string;
  token?: string;
  /** 127.0.0.0/8: another address is another requester. */
  from?: string;
}

/** A client of Server-Sent Events that keeps what it reads. */
export class EventReader {
  readonly events: ReadEvent[] = [];
  comments = 0;
  retry: string | undefined;
  closed = false;
  private rest = '';

  private constructor(private readonly response: IncomingMessage) {
    response.setEncoding('utf8');
    response.on('data', (text: string) => this.read(text));
    response.on('error', () => undefined); // the server may end a connection in the middle; `closed` says so
    response.on('close', () => (this.closed = true));
  }

  /** Resolves when the headers are there. */
  static async open(url: string, { lastEventId, token, from }: ReaderOptions = {}): Promise<EventReader> {
    const request = get(url, {
      agent: false,
      headers: {
        accept: 'text/event-stream',
        ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      ...(from ? { localAddress: from } : {}),
    });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return new EventReader(response);
  }

  get status(): number {
    return this.response.statusCode!;
  }

  get headers(): IncomingHttpHeaders {
    return this.response.headers;
  }

  /** The events so far, once there are so many. */
  async first(count: number): Promise<ReadEvent[]> {
    await eventually(
      () => this.events.length >= count,
      `${count} events, of which came: ${JSON.stringify(this.events)}`,
    );
    return this.events.slice(0, count);
  }

  /** The data of the first event of that name that fits. */
  async until(event: string, fits: (data: never) => boolean = () => true): Promise<unknown> {
    const found = await eventually(
      () => this.events.find((one) => one.event === event && fits(one.data as never)),
      `the event ${event}, of which came: ${JSON.stringify(this.events)}`,
    );
    return found.data;
  }

  /** What was told last, once there are so many. */
  async told(count: number): Promise<string> {
    return ((await this.first(count))[count - 1]!.data as { status: string }).status;
  }

  async end(): Promise<void> {
    await eventually(() => this.closed, 'the end of the stream');
  }

  async close(): Promise<void> {
    this.response.destroy();
    await this.end();
  }

  private read(text: string): void {
    const blocks = (this.rest + text).split('\n\n');
    this.rest = blocks.pop()!;
    for (const block of blocks) this.take(block);
  }

  private take(block: string): void {
    const fields = new Map(
      block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]),
    );
    if (fields.has('')) this.comments++;
    this.retry = fields.get('retry') ?? this.retry;
    const data = fields.get('data');
    if (data !== undefined)
      this.events.push({ event: fields.get('event') ?? 'message', id: fields.get('id'), data: JSON.parse(data) });
  }
}
