import { type Outcome, UNASKED } from '../transport/transport.js';

export interface Attempted {
  outcome: Outcome;
  /** The transport that had the last word; `none` when no breaker let the message pass. */
  transport: string;
}

/** This transport cannot take the message, and said nothing of what becomes of it. */
export function isForOthers(outcome: Outcome): boolean {
  return outcome.kind === 'failed' && outcome.elsewhere === true;
}

/** That was clear before anybody was asked: it says nothing of whoever would have been. */
export function isUnasked(outcome: Outcome): boolean {
  return outcome.kind === 'failed' && UNASKED.includes(outcome.errorCode);
}

/**
 * Whether the later one of two outcomes is that of the message. A server's word about it weighs more than another
 * server's absence, and this more than that a third one cannot take it: who is away may.
 */
export function decides(later: Outcome, former: Outcome): boolean {
  const weightOf = (outcome: Outcome): number => (isForOthers(outcome) ? 0 : isUncounted(outcome) ? 1 : 2);
  return weightOf(later) > weightOf(former) || (weightOf(later) === weightOf(former) && !isUncounted(later));
}

/** A message that no open transport can take may go by one that is not open. */
export function waitingFor({ outcome, transport }: Attempted): Attempted {
  const { errorCode, reply } = outcome as Extract<Outcome, { kind: 'failed' }>;
  return {
    outcome: { kind: 'deferred', uncounted: true, errorCode, ...(reply === undefined ? {} : { reply }) },
    transport,
  };
}

/**
 * Milliseconds until the transport that said so may be tried again with the message; what it refuses for good is for
 * others alone.
 */
export function waitOf(outcome: Outcome): number {
  if (outcome.kind === 'failed') return Number.POSITIVE_INFINITY;
  return outcome.kind === 'deferred' ? (outcome.afterMs ?? 0) : 0;
}

export function isUncounted(outcome: Outcome): outcome is Extract<Outcome, { kind: 'deferred' }> {
  return outcome.kind === 'deferred' && outcome.uncounted === true;
}
