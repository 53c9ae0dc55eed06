import { type Lane, LANES } from '../../core/lanes.js';
import type { Ending } from '../outbox/email-rows.js';
import { OFFER_NOT_RECORDED, UNASKED } from '../transport/transport.js';

/** Milliseconds. */
export interface StandInTiming {
  /** Without a word from any worker of a lane, before this process delivers in its place. */
  silentFor: number;
  /** A heartbeat that young ends it again. */
  aliveWithin: number;
  /** Without trying, after this process found no transport of its own. */
  pause: number;
  /** After which a probe that was never told of counts as over. */
  probe: number;
}

export const STAND_IN_TIMING: StandInTiming = { silentFor: 30_000, aliveWithin: 15_000, pause: 60_000, probe: 60_000 };
/** Attempts in a row without a transport, once one had worked, until this process pauses. */
const FAILURES_IN_A_ROW = 5;

/** What an attempt taught about this process's own connection; `not_tried`: the message was given back before any. */
export type HandOverResult = 'worked' | 'none' | 'not_tried';

const NOT_TRIED: readonly string[] = [OFFER_NOT_RECORDED, ...UNASKED];

/**
 * Of an attempt that was put off for no fault of the message: whatever was tried, this process did not get so far as to
 * offer it. A server that told recipients apart was reached.
 */
export function resultOf({ status, uncounted, errorCode = '', apart = [] }: Ending): HandOverResult {
  if (status === 'queued' || NOT_TRIED.includes(errorCode)) return 'not_tried';
  return status === 'deferred' && uncounted === true && apart.length === 0 ? 'none' : 'worked';
}

export interface StandInView {
  /** Lanes this process takes over now, because mail is due and nobody else is there. */
  started: Lane[];
  /** Lanes it hands back. */
  ended: Lane[];
  /** Lanes to drain now. */
  drain: Lane[];
  /** Milliseconds for which the most silent lane of `drain` has had no worker. */
  silentMs: number;
}

/**
 * When a process that is no worker delivers: while a lane has due mail and no worker has been heard of for long enough.
 * It starts with one message alone, for a web process often cannot reach SMTP, and what it cannot send it must not
 * keep from others. Times are milliseconds of one monotonic clock.
 */
export class StandInPolicy {
  private readonly lastHeard: Map<Lane, number>;
  private readonly lanes = new Set<Lane>();
  private proven = false;
  private probeSince: number | undefined;
  private failures = 0;
  private pausedUntil = Number.NEGATIVE_INFINITY;

  /** Nobody is called silent for longer than this process has listened: workers that start beside it have time to. */
  constructor(
    now: number,
    private readonly timing: StandInTiming = STAND_IN_TIMING,
  ) {
    this.lastHeard = new Map(LANES.map((lane) => [lane, now]));
  }

  /** @param silence milliseconds since the last heartbeat of a lane's workers; lanes without any are left out. */
  look(now: number, silence: ReadonlyMap<Lane, number>, due: readonly Lane[]): StandInView {
    for (const [lane, ms] of silence) this.lastHeard.set(lane, Math.max(this.lastHeard.get(lane)!, now - ms));
    const silentMs = (lane: Lane): number => now - this.lastHeard.get(lane)!;
    const ended = [...this.lanes].filter((lane) => silentMs(lane) < this.timing.aliveWithin);
    const started = due.filter(
      (lane) => !this.lanes.has(lane) && silentMs(lane) >= this.timing.silentFor && now >= this.pausedUntil,
    );
    for (const lane of ended) this.lanes.delete(lane);
    for (const lane of started) this.lanes.add(lane);
    if (this.lanes.size === 0) this.proven = false;
    const drain = now >= this.pausedUntil ? due.filter((lane) => this.lanes.has(lane)) : [];
    return { started, ended, drain, silentMs: Math.max(0, ...drain.map(silentMs)) };
  }

  /** How many of `limit` rows may be claimed now. */
  grant(now: number, lane: Lane, limit: number): number {
    if (!this.lanes.has(lane) || now < this.pausedUntil) return 0;
    if (this.proven) return limit;
    if (this.probeSince !== undefined && now - this.probeSince < this.timing.probe) return 0;
    this.probeSince = now;
    return Math.min(limit, 1);
  }

  /** A claim that was granted found nothing. */
  foundNothing(): void {
    this.probeSince = undefined;
  }

  /** `paused`: this process gives up for a while. */
  attempted(now: number, result: HandOverResult): 'goes_on' | 'paused' {
    this.probeSince = undefined;
    if (result === 'not_tried') return 'goes_on';
    if (result === 'worked') {
      this.proven = true;
      this.failures = 0;
      return 'goes_on';
    }
    this.failures++;
    if (now < this.pausedUntil || (this.proven && this.failures < FAILURES_IN_A_ROW)) return 'goes_on';
    this.proven = false;
    this.failures = 0;
    this.pausedUntil = now + this.timing.pause;
    return 'paused';
  }
}
