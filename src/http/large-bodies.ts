import type { IncomingMessage } from 'node:http';
import { type Release, Semaphore } from '../core/semaphore.js';

/**
 * What a route says of its bodies with @RouteConfig({ large }): `held`, they are large and in memory as a whole;
 * `streamed`, the handler reads them as they come.
 */
export type LargeBodies = 'held' | 'streamed';

/** Milliseconds. */
export interface TurnTimes {
  /** Without a byte from the client. */
  pauseMs: number;
  /** For the whole body, from its first byte on. */
  wholeMs: number;
}

interface TurnBounds extends TurnTimes {
  atOnce: number;
}

/**
 * A body that is held is in memory as bytes, as text, as JSON and decoded. Of one that is streamed a few hundred KB
 * are. 60 seconds for 36 MiB are 5 Mbit/s.
 */
const BOUNDS: Record<LargeBodies, TurnBounds> = {
  held: { atOnce: 2, pauseMs: 10_000, wholeMs: 60_000 },
  streamed: { atOnce: 8, pauseMs: 10_000, wholeMs: 300_000 },
};
/** Bodies of each kind that wait for their turn. What came of one is at most what a socket reads at once. */
const MOST_WAITING = 200;

/** Bytes up to which a body waits for no turn, whatever its route. */
export const SMALL_BODY = 1024 * 1024;

/** Requests whose bodies wait for their turn: Node's own time for a request is not for them. */
export const timedElsewhere = new WeakSet<IncomingMessage>();

/** Whose turn it is to be read, among bodies of one kind. Turns go round the callers. */
export class Turns {
  private readonly semaphore: Semaphore;
  readonly times: TurnTimes;

  constructor({ atOnce, ...times }: TurnBounds) {
    this.times = times;
    this.semaphore = new Semaphore(atOnce, { mostWaiting: MOST_WAITING });
  }

  static ofAllKinds(): Record<LargeBodies, Turns> {
    return { held: new Turns(BOUNDS.held), streamed: new Turns(BOUNDS.streamed) };
  }

  /** @throws LineFull */
  next(caller: string): Promise<Release> {
    return this.semaphore.acquire({ key: caller });
  }
}
