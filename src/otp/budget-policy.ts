import { DAY_MS } from '../core/durations.js';

/**
 * Failures in a row that a destination and purpose are allowed, whichever codes they were made with: a new code does
 * not forget them (NIST SP 800-63B-4, 3.1.3.2; never more than 100 in a row, 3.2.2).
 */
interface FailureBudget {
  /** Failures without a delay. */
  free: number;
  /** None after so many, until they are forgotten; the mailed link, which cannot be guessed, works all the time. */
  max: number;
}

export const COMMON_BUDGET: FailureBudget = { free: 20, max: 100 };
/** A device that signed in before has its own, so that a stranger who uses up the common one does not lock it out. */
export const DEVICE_BUDGET: FailureBudget = { free: 10, max: 50 };

const FIRST_DELAY_SECONDS = 60;
const LONGEST_DELAY_SECONDS = 3_600;
/**
 * Milliseconds without a failure after which a row of failures has ended, so that nobody is shut out for ever by
 * others. Longer than the longest delay, or waiting would begin the row anew.
 */
export const FORGET_AFTER_MS = DAY_MS;

/** Seconds to wait after each failure, the first one's first; 0 where there is no wait. */
export function delaysAfter({ free, max }: FailureBudget): number[] {
  return Array.from({ length: max }, (_, index) => {
    const beyond = index + 1 - free;
    return beyond < 0 ? 0 : Math.min(FIRST_DELAY_SECONDS * 2 ** Math.min(beyond, 10), LONGEST_DELAY_SECONDS);
  });
}

export function budgetOf(device: string | undefined): FailureBudget {
  return device === undefined ? COMMON_BUDGET : DEVICE_BUDGET;
}

interface BudgetState {
  failures: number;
  blockedUntil: Date | null;
  /** Of the last failure. */
  updatedAt: Date;
}

export type BudgetVerdict = { kind: 'open' } | { kind: 'blocked'; until: Date };

export function verdictOn(state: BudgetState | null, budget: FailureBudget, now: Date): BudgetVerdict {
  if (state === null) return { kind: 'open' };
  const forgottenAt = new Date(state.updatedAt.getTime() + FORGET_AFTER_MS);
  if (forgottenAt <= now) return { kind: 'open' };
  if (state.failures >= budget.max) return { kind: 'blocked', until: forgottenAt };
  return state.blockedUntil !== null && state.blockedUntil > now
    ? { kind: 'blocked', until: state.blockedUntil }
    : { kind: 'open' };
}
