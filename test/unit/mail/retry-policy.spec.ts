import fc from 'fast-check';
import { DEFAULT_MAX_ATTEMPTS, retryDelay, type FailedAttempt } from '../../../src/mail/outbox/retry-policy.js';

const now = new Date('2026-11-21T12:00:00Z');
const question: FailedAttempt = {
  lane: 'critical',
  attempt: 1,
  maxAttempts: 20,
  now,
  triedSince: now,
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

  it.each(['default', 'bulk'] as const)(
    'goes on for more than a day and less than four, where no number of attempts was given: %s',
    (lane) => {
      const lasts = (random: number): number => {
        const made = Array.from({ length: DEFAULT_MAX_ATTEMPTS[lane] - 1 }, (_, n) => n + 1);
        const delays = made.map((attempt) =>
          retryDelay({ ...question, lane, attempt, maxAttempts: DEFAULT_MAX_ATTEMPTS[lane], expiresAt: null, random }),
        ) as number[];
        return delays.reduce((sum, delay) => sum + delay, 0) / 3_600_000;
      };
      expect(lasts(0)).toBeGreaterThan(24);
      expect(lasts(0.999)).toBeLessThan(96);
    },
  );

  it('never waits beyond the expiry, nor a negative time', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('critical' as const, 'default' as const, 'bulk' as const),
        fc.integer({ min: 1, max: 1_000 }),
        fc.integer({ min: -10_000, max: 3_600_000 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (lane, attempt, expiresIn, random) => {
          const expiresAt = new Date(now.getTime() + expiresIn);
          const delay = retryDelay({ lane, attempt, maxAttempts: 2_000, now, triedSince: now, expiresAt, random });
          expect(delay).toBeGreaterThanOrEqual(0);
          expect(delay).toBeLessThanOrEqual(Math.max(0, expiresIn));
        },
      ),
    );
  });

  it('waits longer after each attempt, up to a day', () => {
    const delays = Array.from({ length: 30 }, (_, n) =>
      retryDelay({
        lane: 'default',
        attempt: n + 1,
        maxAttempts: 99,
        now,
        triedSince: now,
        expiresAt: null,
        random: 0,
      }),
    ) as number[];
    expect(delays).toEqual([...delays].sort((a, b) => a - b));
    expect(delays.at(-1)).toBe(12 * 60 * 60_000);
  });

  it('is spread by chance, so that deferred mail does not come back in a wave', () => {
    const early = retryDelay({ ...question, attempt: 4 }) as number;
    const late = retryDelay({ ...question, attempt: 4, random: 0.999 }) as number;
    expect(late).toBeGreaterThan(early * 1.9);
  });

  it('is not before the moment the server asked for, little after it, and not beyond the expiry', () => {
    expect(retryDelay({ ...question, afterMs: 90_000 })).toBe(90_000);
    expect(retryDelay({ ...question, afterMs: 90_000, random: 0.999 })).toBeGreaterThan(100_000);
    expect(retryDelay({ ...question, afterMs: 90_000, random: 0.999 })).toBeLessThanOrEqual(108_000);
    expect(retryDelay({ ...question, afterMs: 3_600_000 })).toBe(600_000);
  });

  it('after greylisting comes in 5 to 15 minutes, but for a code by its own schedule', () => {
    const greylisted = { ...question, greylisted: true, expiresAt: null };
    expect(retryDelay({ ...greylisted, lane: 'default' })).toBe(300_000);
    expect(retryDelay({ ...greylisted, lane: 'bulk', random: 0.999 })).toBeGreaterThan(890_000);
    expect(retryDelay({ ...greylisted, lane: 'bulk', random: 0.999 })).toBeLessThanOrEqual(900_000);
    expect(retryDelay({ ...greylisted, random: 0.999 })).toBeLessThanOrEqual(2_000);
    expect(retryDelay({ ...greylisted, afterMs: 60_000 })).toBe(60_000);
  });

  it('never gives up for an attempt that does not count', () => {
    expect(retryDelay({ ...question, attempt: 20, afterMs: 1_000, uncounted: true })).toBe(1_000);
  });

  it('gives up when its reason has lasted too long: a mailbox that is full for a day', () => {
    const hour = 3_600_000;
    const full = { ...question, lane: 'default', expiresAt: null, withinMs: 24 * hour, afterMs: hour } as const;
    expect(retryDelay({ ...full, triedSince: new Date(now.getTime() - 22 * hour) })).toBe(hour);
    expect(retryDelay({ ...full, triedSince: new Date(now.getTime() - 23.5 * hour) })).toBe('give_up');
  });
});
