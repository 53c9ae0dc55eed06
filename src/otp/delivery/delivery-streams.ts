import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { Clock } from '../../core/clock.js';
import { EventStream } from '../../core/event-stream.js';
import { Listeners } from '../../core/listeners.js';
import { Logger } from '../../core/logger.js';
import { Bulkhead } from '../../core/semaphore.js';
import { type CodeDeliveryStatus, isFinal } from './delivery-status.js';
import { DeliveryView, ToldDeliveries, type ToldDelivery } from './told-deliveries.js';

/** Open streams at most: each holds a connection, and the look at Postgres grows with them. */
export const MOST_STREAMS = { process: 500, requester: 20, challenge: 4 };
/** Milliseconds between two looks at Postgres for all streams of a process. */
export const LOOK_EVERY_MS = 500;
/** Milliseconds that a client is asked to wait before it connects again. */
export const RECONNECT_AFTER_MS = 3_000;
/** Seconds that a refused client is asked to wait. */
export const REFUSED_FOR_S = 10;
/** Milliseconds for which a stream stays when its code is over: the last word on the mail may come just then. */
const OVER_FOR_MS = 60_000;
/** Milliseconds for which a stream is open at most. */
const OPEN_FOR_MS = 15 * 60_000;

/** Why a stream ends: nothing more comes, the code is over, or it was open for long enough. */
export const STREAM_ENDS = ['final', 'over', 'too_long'] as const;
type StreamEnd = (typeof STREAM_ENDS)[number];

/** Why a stream ends now; undefined while there is something to wait for. */
export function streamEnd(
  { status, overAt }: { status: CodeDeliveryStatus; overAt: Date },
  openedAt: Date,
  now: Date,
): StreamEnd | undefined {
  if (isFinal(status)) return 'final';
  if (now.getTime() >= overAt.getTime() + OVER_FOR_MS) return 'over';
  return now.getTime() >= openedAt.getTime() + OPEN_FOR_MS ? 'too_long' : undefined;
}

/** What one stream counts towards: one client cannot take the places of all others. */
export function placesOf({ requester, challengeId }: StreamRequest): Record<string, number> {
  return {
    process: MOST_STREAMS.process,
    [`requester ${requester}`]: MOST_STREAMS.requester,
    [`challenge ${challengeId}`]: MOST_STREAMS.challenge,
  };
}

interface StreamRequest {
  challengeId: string;
  /** As the limits count requesters. */
  requester: string;
  /** What the client heard last, when it comes again. */
  lastEventId?: string | undefined;
}

type StreamResult =
  | { kind: 'stream'; stream: EventStream }
  /** The client has heard all there is. */
  | { kind: 'heard' }
  | { kind: 'not_found' }
  | { kind: 'too_many' };

/** One client that listens. */
interface Listener {
  challengeId: string;
  stream: EventStream;
  openedAt: Date;
  /** The state it heard last. */
  heard: string | undefined;
  wroteAt: number;
}

/** The open streams of this process. However many there are, one look at Postgres serves them all. */
@Injectable()
export class DeliveryStreams implements OnModuleDestroy {
  private readonly places = new Bulkhead();
  private readonly listeners = new Listeners<Listener>(LOOK_EVERY_MS, () => this.tick());
  private looking = false;
  private failing = false;

  constructor(
    private readonly deliveries: ToldDeliveries,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {}

  /** A place first, then the look: what is refused costs no query. */
  async open(request: StreamRequest): Promise<StreamResult> {
    const release = this.places.take(placesOf(request));
    if (!release) return { kind: 'too_many' };
    let result: StreamResult | undefined;
    try {
      const told = (await this.deliveries.find([request.challengeId])).get(request.challengeId);
      result = told ? this.begin(request, told, release) : { kind: 'not_found' };
      return result;
    } finally {
      if (result?.kind !== 'stream') release();
    }
  }

  /** Streams that are open. */
  get count(): number {
    return this.listeners.size;
  }

  /** Nest waits for open connections after this hook. */
  onModuleDestroy(): void {
    this.listeners.drop();
  }

  private begin({ challengeId, lastEventId }: StreamRequest, told: ToldDelivery, release: () => void): StreamResult {
    const now = this.clock.now();
    if (told.stateId === lastEventId && streamEnd(told, now, now)) return { kind: 'heard' };
    const stream = new EventStream(RECONNECT_AFTER_MS);
    const listener: Listener = { challengeId, stream, openedAt: now, heard: lastEventId, wroteAt: now.getTime() };
    this.listeners.add(listener, () => this.tell(listener, told, now), release);
    return { kind: 'stream', stream };
  }

  private tick(): void {
    this.listeners.keepAlive(this.clock.now().getTime());
    if (!this.looking) void this.look();
  }

  private async look(): Promise<void> {
    this.looking = true;
    try {
      const listeners = this.listeners.all();
      const found = await this.deliveries.find([...new Set(listeners.map(({ challengeId }) => challengeId))]);
      for (const listener of listeners) this.tell(listener, found.get(listener.challengeId), this.clock.now());
      this.failing = false;
    } catch (error) {
      // Once per outage and not twice a second; streams stay open and go on when Postgres is back.
      if (!this.failing)
        this.log.warn({ err: error }, 'what became of codes cannot be told: the database does not answer');
      this.failing = true;
    } finally {
      this.looking = false;
    }
  }

  /** Nothing told: the challenge was removed, long after its end. */
  private tell(listener: Listener, told: ToldDelivery | undefined, now: Date): void {
    if (told && told.stateId !== listener.heard) this.tellState(listener, told, now);
    const reason = told ? streamEnd(told, listener.openedAt, now) : 'over';
    if (reason) this.listeners.end(listener, reason);
  }

  private tellState(listener: Listener, told: ToldDelivery, now: Date): void {
    listener.heard = told.stateId;
    const event = { event: 'delivery', id: told.stateId, data: DeliveryView.of(told) };
    this.listeners.send(listener, event, now.getTime());
  }
}
