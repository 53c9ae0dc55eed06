import { type DeliveryStatus, isFinal } from './delivery-status.js';

/** Open streams at most: each holds a connection, and the look at Postgres grows with them. */
export const MOST_STREAMS = { process: 500, requester: 20, challenge: 4 };
/** Milliseconds between two looks at Postgres for all streams of a process. */
export const LOOK_EVERY_MS = 500;
/** Milliseconds of silence before a comment is written: the shortest idle times of proxies are 30 to 60 s. */
export const HEARTBEAT_AFTER_MS = 15_000;
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
export type StreamEnd = (typeof STREAM_ENDS)[number];

/** Why a stream ends now; undefined while there is something to wait for. */
export function streamEnd({ status, overAt }: { status: DeliveryStatus; overAt: Date }, openedAt: Date, now: Date): StreamEnd | undefined {
  if (isFinal(status)) return 'final';
  if (now.getTime() >= overAt.getTime() + OVER_FOR_MS) return 'over';
  return now.getTime() >= openedAt.getTime() + OPEN_FOR_MS ? 'too_long' : undefined;
}
