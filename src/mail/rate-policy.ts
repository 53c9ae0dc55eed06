import type { Lane } from '../core/lanes.js';
import type { Rate } from '../core/rate.js';

export interface Bucket {
  /** Tokens that come back each millisecond. */
  perMs: number;
  /** Tokens it holds at most: what may go at once after a pause. */
  capacity: number;
  /** The lowest tokens, which only codes may spend. */
  reserve: number;
}

/** A fixed window would spend a minute's mail in its first second and let a code wait for the next one. */
const BURST_MS = 6_000;
const RESERVED_SHARE = 0.4;

/** A smooth bucket: six seconds' worth at once, two fifths of it kept for codes. */
export function bucketOf({ count, windowMs }: Rate): Bucket {
  const perMs = count / windowMs;
  const capacity = Math.max(2, Math.ceil(perMs * BURST_MS));
  return { perMs, capacity, reserve: Math.max(1, Math.floor(capacity * RESERVED_SHARE)) };
}

/** Tokens that must stay in the bucket when mail of this lane is sent. */
export function floorFor(lane: Lane, bucket: Bucket): number {
  return lane === 'critical' ? 0 : bucket.reserve;
}

/**
 * Whether mail of this lane goes by the next transport when the preferred one has no token. A used-up rate is no
 * failure, and ordinary mail waits for it; a code is dead in minutes.
 */
export function mayOverflow(lane: Lane): boolean {
  return lane === 'critical';
}

/** Milliseconds until there is a token for this lane; at least 1. */
export function untilNextToken(tokens: number, floor: number, bucket: Bucket): number {
  return Math.max(1, Math.ceil((floor + 1 - tokens) / bucket.perMs));
}
