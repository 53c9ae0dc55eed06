import { type EventStream, HEARTBEAT_AFTER_MS, type StreamEvent } from './event-stream.js';

interface Listener {
  stream: EventStream;
  /** In milliseconds, as all times here. */
  wroteAt: number;
}

/** Those who listen to streams of one kind. A timer runs while there are any. */
export class Listeners<One extends Listener> {
  private readonly open = new Set<One>();
  private timer: NodeJS.Timeout | undefined;
  private closing = false;

  constructor(
    private readonly everyMs: number,
    private readonly tick: () => void,
  ) {}

  get size(): number {
    return this.open.size;
  }

  /** @param greet tells what is told first. @param release is called when the connection is over */
  add(one: One, greet: () => void, release: () => void): void {
    this.open.add(one);
    this.timer ??= setInterval(this.tick, this.everyMs).unref();
    one.stream.onClose(() => {
      release();
      this.open.delete(one);
      if (this.open.size === 0) this.rest();
    });
    greet();
    if (this.closing) one.stream.end(); // told once, and nobody would tell more
  }

  /** As they are now: some may end meanwhile. */
  all(): One[] {
    return [...this.open];
  }

  send(one: One, event: StreamEvent, now: number): void {
    one.wroteAt = now;
    one.stream.send(event);
  }

  /** The client reads why. */
  end(one: One, reason: string): void {
    one.stream.send({ event: 'end', data: { reason } });
    one.stream.end();
    this.open.delete(one);
  }

  keepAlive(now: number): void {
    for (const one of this.open) {
      if (now - one.wroteAt < HEARTBEAT_AFTER_MS) continue;
      one.wroteAt = now;
      one.stream.heartbeat();
    }
  }

  /** For a stop of the process. No `end` event: who listens connects again, to the next process. */
  drop(): void {
    this.closing = true;
    this.rest();
    for (const { stream } of this.open) stream.drop();
  }

  private rest(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }
}
