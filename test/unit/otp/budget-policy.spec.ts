import fc from 'fast-check';
import {
  budgetOf,
  COMMON_BUDGET,
  delaysAfter,
  DEVICE_BUDGET,
  FORGET_AFTER_MS,
  verdictOn,
} from '../../../src/otp/budget-policy.js';

const now = new Date('2026-11-21T12:00:00Z');
const at = (seconds: number): Date => new Date(now.getTime() + seconds * 1_000);

describe('the failure budget of a destination', () => {
  it('lets 19 failures pass without a wait, then doubles from one minute to one hour', () => {
    const delays = delaysAfter(COMMON_BUDGET);
    expect(delays.slice(0, 19)).toEqual(Array(19).fill(0));
    expect(delays.slice(19, 27)).toEqual([60, 120, 240, 480, 960, 1_920, 3_600, 3_600]);
    expect(delays).toHaveLength(100);
  });

  it('never gets shorter, nor longer than an hour, whatever it allows', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 200 }), (free, max) => {
        const delays = delaysAfter({ free, max });
        expect(delays).toHaveLength(max);
        delays.reduce((before, delay) => (expect(delay).toBeGreaterThanOrEqual(before), delay), 0);
        expect(Math.max(...delays)).toBeLessThanOrEqual(3_600);
      }),
    );
  });

  it.each([
    ['nothing failed yet', null, { kind: 'open' }],
    ['some failed', { failures: 5, blockedUntil: null, updatedAt: at(-1) }, { kind: 'open' }],
    [
      'a wait that is not over',
      { failures: 20, blockedUntil: at(1), updatedAt: at(-59) },
      { kind: 'blocked', until: at(1) },
    ],
    ['a wait that is over', { failures: 20, blockedUntil: now, updatedAt: at(-60) }, { kind: 'open' }],
    [
      'a hundred in a row',
      { failures: 100, blockedUntil: at(-1), updatedAt: at(-3_601) },
      { kind: 'blocked', until: at(86_400 - 3_601) },
    ],
    [
      'a hundred in a row, in the last second of the day after',
      { failures: 100, blockedUntil: at(-1), updatedAt: at(1 - 86_400) },
      { kind: 'blocked', until: at(1) },
    ],
    [
      'a hundred in a row, a day ago',
      { failures: 100, blockedUntil: at(-1), updatedAt: at(-86_400) },
      { kind: 'open' },
    ],
  ])('with %s: %j → %j', (_, state, expected) => {
    expect(verdictOn(state, COMMON_BUDGET, now)).toEqual(expected);
  });

  it('is not forgotten while anybody waits', () => {
    for (const budget of [COMMON_BUDGET, DEVICE_BUDGET])
      expect(Math.max(...delaysAfter(budget)) * 1_000).toBeLessThan(FORGET_AFTER_MS);
  });

  it('is smaller and its own for a device that is known', () => {
    expect(budgetOf(undefined)).toBe(COMMON_BUDGET);
    expect(budgetOf('a device')).toBe(DEVICE_BUDGET);
    expect(DEVICE_BUDGET.max).toBeLessThan(COMMON_BUDGET.max);
  });
});
