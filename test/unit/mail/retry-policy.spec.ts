import fc from 'fast-check';
import { retryDelay, type RetryQuestion } from '../../../src/mail/retry-policy.js';

const now = new Date('2026-11-21T12:00:00Z');
const question: RetryQuestion = {
  lane: 'critical',
  attempt: 1,
  maxAttempts: 20,
  now,
  expiresAt: new Date(now.getTime() + 600_000),
  random: 0,
};

describe('the retry of a message', () => {
  it('comes within two seconds for a code and within a minute otherwise', () => {
    expect(retryDelay({ ...question, random: 0.999 })).toBeLessThanOrEqual(2_000);
    expect(retryDelay({ ...question, lane: 'default', expiresAt: null, random: 0.999 })).toBeLessThanOrEqual(60_000);
  });

  it('gives up when the attempts are used up', () => {
    expect(retryDelay({ ...question, attempt: 20 })).toBe('give_up');
    expect(retryDelay({ ...question, attempt: 19 })).not.toBe('give_up');
  });

  it('never waits beyond the expiry, nor a negative time', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('critical' as const, 'default' as const, 'bulk' as const),
        fc.integer({ min: 1, max: 1_000 }),
        fc.integer({ min: -10_000, max: 3_600_000 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (lane, attempt, expiresIn, random) => {
          const expiresAt = new Date(now.getTime() + expiresIn);
          const delay = retryDelay({ lane, attempt, maxAttempts: 2_000, now, expiresAt, random });
          expect(delay).toBeGreaterThanOrEqual(0);
          expect(delay).toBeLessThanOrEqual(Math.max(0, expiresIn));
        },
      ),
    );
  });

  it('waits longer after each attempt, up to a day', () => {
    const delays = Array.from({ length: 30 }, (_, n) =>
      retryDelay({ lane: 'default', attempt: n + 1, maxAttempts: 99, now, expiresAt: null, random: 0 }),
    ) as number[];
    expect(delays).toEqual([...delays].sort((a, b) => a - b));
    expect(delays.at(-1)).toBe(12 * 60 * 60_000);
  });

  it('is spread by chance, so that deferred mail does not come back in a wave', () => {
    const early = retryDelay({ ...question, attempt: 4 }) as number;
    const late = retryDelay({ ...question, attempt: 4, random: 0.999 }) as number;
    expect(late).toBeGreaterThan(early * 1.9);
  });
});
