import { type Failure, secondsOf, waitBeforeNext } from '../../../clients/typescript/src/retry-policy.js';

const RULES = { retries: 3, maxWaitMs: 10_000 };
const answer = (status: number, code?: string, retryAfter?: number): Failure => ({
  kind: 'answer',
  status,
  code,
  retryAfter,
});
const BROKE_OFF: Failure = { kind: 'no_answer', sent: true };
const NEVER_LEFT: Failure = { kind: 'no_answer', sent: false };
const again = (failure: Failure, repeatable: boolean): boolean =>
  waitBeforeNext(failure, RULES, repeatable, 1, 0.5) !== undefined;

describe('when the client tries again', () => {
  it.each<[string, Failure, { repeatable: boolean; other: boolean }]>([
    ['a 429', answer(429, 'rate_limited'), { repeatable: true, other: true }],
    ['a 503', answer(503, 'unavailable'), { repeatable: true, other: true }],
    ['a 503 of a proxy', answer(503), { repeatable: true, other: true }],
    ['a connection that was never made', NEVER_LEFT, { repeatable: true, other: true }],
    ['a connection that broke off', BROKE_OFF, { repeatable: true, other: false }],
    ['a gateway that gave up', answer(504), { repeatable: true, other: false }],
    ['the same request under way', answer(409, 'idempotency_in_flight'), { repeatable: true, other: false }],
    ['a message in another state', answer(409, 'invalid_state'), { repeatable: false, other: false }],
    ['a refusal', answer(422, 'validation_failed'), { repeatable: false, other: false }],
    ['a fault of ours', answer(500, 'internal'), { repeatable: false, other: false }],
    ['too many wrong codes', answer(429, 'otp_locked', 1), { repeatable: false, other: false }],
    ['a person who wants it again too soon', answer(429, 'resend_too_soon', 1), { repeatable: false, other: false }],
  ])('%s', (_, failure, { repeatable, other }) => {
    expect([again(failure, true), again(failure, false)]).toEqual([repeatable, other]);
  });

  it('is as often as it may, and no more', () => {
    expect([1, 2, 3, 4].map((tried) => waitBeforeNext(BROKE_OFF, RULES, true, tried, 0.5) !== undefined)).toEqual([
      true,
      true,
      true,
      false,
    ]);
    expect(waitBeforeNext(BROKE_OFF, { ...RULES, retries: 0 }, true, 1, 0.5)).toBeUndefined();
  });
});

describe('how long the client waits', () => {
  const waits = (chance: number): (number | undefined)[] =>
    [1, 2, 3, 8].map((tried) => waitBeforeNext(BROKE_OFF, { ...RULES, retries: 9 }, true, tried, chance));

  it('is twice as long each time, with chance, up to the longest wait', () => {
    expect(waits(0)).toEqual([0, 0, 0, 0]);
    expect(waits(0.5)).toEqual([125, 250, 500, 5_000]);
  });

  it('is never less than what was asked for, and none at all where that is too long', () => {
    const wait = (seconds: number): number | undefined =>
      waitBeforeNext(answer(429, 'rate_limited', seconds), RULES, true, 1, 0.5);
    expect([wait(0), wait(3), wait(10), wait(11)]).toEqual([125, 3_000, 10_000, undefined]);
  });

  it('is read of Retry-After as seconds and as a date, and not of anything else', () => {
    const now = Date.UTC(2026, 10, 29, 12);
    expect(secondsOf('7', now)).toBe(7);
    expect(secondsOf('Sun, 29 Nov 2026 12:00:02 GMT', now)).toBe(2);
    expect(secondsOf('Sun, 29 Nov 2026 11:00:00 GMT', now)).toBe(0);
    expect([secondsOf(null, now), secondsOf('soon', now)]).toEqual([undefined, undefined]);
  });
});
