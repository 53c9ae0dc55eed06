import { DAY_MS } from '../../core/durations.js';

/**
 * Whom codes by SMS are counted for: a number, the ten thousand numbers around it, its country, and all of them.
 * Whoever is paid for text messages has codes sent to numbers of their own, which nobody gives back; they come in rows,
 * from one country.
 */
export const TRAFFIC_KINDS = ['all', 'country', 'prefix', 'number'] as const;
export type TrafficKind = (typeof TRAFFIC_KINDS)[number];

/** What was counted on one UTC day. */
export interface Traffic {
  kind: TrafficKind;
  /** Messages, resends included. */
  messages: number;
  /** Codes. */
  codes: number;
  /** Codes that were given back. */
  verified: number;
}

/** Digits at the end of a number that its prefix leaves out. */
const BLOCK_DIGITS = 4;

/**
 * `free`: codes a day that are not judged, for somebody has to be first. `share`: of codes that have to be given back
 * from then on. People who sign up give back more than half of theirs; a burst that has only just begun none, which
 * `free` has room for.
 */
export const RULES: Readonly<Record<Exclude<TrafficKind, 'all'>, { free: number; share: number }>> = {
  number: { free: 10, share: 0.1 },
  prefix: { free: 25, share: 0.2 },
  country: { free: 100, share: 0.25 },
};

export interface GuardBounds {
  /** Messages a UTC day. */
  daily: number;
}

/** Why no code goes to a number: the rule that it broke, the widest first. */
export type GuardVerdict = { kind: 'open' } | { kind: 'closed'; by: TrafficKind };

/** @param counted those of one number, the one that is asked about included */
export function verdictOn(counted: readonly Traffic[], { daily }: GuardBounds): GuardVerdict {
  const closed = TRAFFIC_KINDS.find((kind) => {
    const traffic = counted.find((one) => one.kind === kind);
    return traffic !== undefined && isClosed(traffic, daily);
  });
  return closed === undefined ? { kind: 'open' } : { kind: 'closed', by: closed };
}

function isClosed({ kind, messages, codes, verified }: Traffic, daily: number): boolean {
  if (kind === 'all') return messages > daily;
  const { free, share } = RULES[kind];
  // The newest cannot have been given back yet.
  return codes > free && verified < share * (codes - 1);
}

export function prefixOf(e164: string): string {
  return e164.slice(0, -BLOCK_DIGITS);
}

/** When counting begins anew. */
export function dayOf(at: Date): string {
  return at.toISOString().slice(0, 10);
}

export function endOfDay(at: Date): Date {
  return new Date(Date.parse(`${dayOf(at)}T00:00:00Z`) + DAY_MS);
}
