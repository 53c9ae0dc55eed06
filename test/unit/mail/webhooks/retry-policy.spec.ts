import { askedPause, endpointPause, retryDelay, SCHEDULE } from '../../../../src/mail/webhooks/retry-policy.js';

const [SECOND, MINUTE, HOUR, DAY] = [1_000, 60_000, 3_600_000, 86_400_000];

describe('the next attempt on a webhook', () => {
  it('comes after seconds, then minutes, then hours', () => {
    const delays = Array.from({ length: 12 }, (_, index) => retryDelay({ attempt: index + 1, random: 0 }));
    expect(delays).toEqual([
      5 * SECOND,
      30 * SECOND,
      2 * MINUTE,
      10 * MINUTE,
      HOUR,
      3 * HOUR,
      8 * HOUR,
      12 * HOUR,
      12 * HOUR,
      12 * HOUR,
      12 * HOUR,
      'give_up',
    ]);
  });

  it('is the last one after two to three days', () => {
    for (const spread of [1, 1.1]) {
      const days = (SCHEDULE.reduce<number>((sum, delay) => sum + delay, 0) * spread) / DAY;
      expect(days).toBeGreaterThan(2);
      expect(days).toBeLessThan(3);
    }
  });

  it('is spread by a tenth', () => {
    expect(retryDelay({ attempt: 1, random: 0.5 })).toBe(5_250);
    expect(retryDelay({ attempt: 1, random: 0.999 })).toBeLessThanOrEqual(5_500);
  });

  it('comes no sooner than the endpoint asked, within half a day', () => {
    expect(retryDelay({ attempt: 1, askedMs: MINUTE, random: 0 })).toBe(MINUTE);
    expect(retryDelay({ attempt: 6, askedMs: MINUTE, random: 0 })).toBe(3 * HOUR);
    expect(retryDelay({ attempt: 1, askedMs: 400 * DAY, random: 0 })).toBe(12 * HOUR);
    expect(retryDelay({ attempt: 12, askedMs: MINUTE, random: 0 })).toBe('give_up');
  });
});

describe('an endpoint that failed', () => {
  it('is not blamed for one or two deliveries', () => {
    expect(endpointPause({ failures: 1, failingMs: 0 })).toBe(0);
    expect(endpointPause({ failures: 2, failingMs: DAY })).toBe(0);
  });

  it('is left alone for a quarter of the time it has been down, five seconds to five minutes', () => {
    expect(endpointPause({ failures: 3, failingMs: 0 })).toBe(5 * SECOND);
    expect(endpointPause({ failures: 30, failingMs: 2 * MINUTE })).toBe(30 * SECOND);
    expect(endpointPause({ failures: 4, failingMs: DAY })).toBe(5 * MINUTE);
  });

  it('is left alone from the first time for as long as it asks', () => {
    expect(endpointPause({ failures: 1, failingMs: 0, askedMs: HOUR })).toBe(HOUR);
    expect(endpointPause({ failures: 9, failingMs: DAY, askedMs: SECOND })).toBe(5 * MINUTE);
    expect(endpointPause({ failures: 1, failingMs: 0, askedMs: 400 * DAY })).toBe(12 * HOUR);
  });

  it('is disabled when it took nothing for five days, but not for a few failures far apart', () => {
    expect(endpointPause({ failures: 20, failingMs: 5 * DAY })).toBe('disable');
    expect(endpointPause({ failures: 19, failingMs: 50 * DAY })).toBe(5 * MINUTE);
    expect(endpointPause({ failures: 2_000, failingMs: 5 * DAY - 1 })).toBe(5 * MINUTE);
  });
});

describe('Retry-After', () => {
  const now = new Date('2030-01-31T09:00:00Z');

  it.each([
    ['120', 120_000],
    [' 0 ', 0],
    ['Thu, 31 Jan 2030 09:01:00 GMT', 60_000],
    ['Thu, 31 Jan 2030 08:00:00 GMT', 0],
  ])('%j asks for %d ms', (text, ms) => {
    expect(askedPause(text, now)).toBe(ms);
  });

  it.each([[undefined], [''], ['soon'], ['-5'], ['1.5'], ['2031'.padEnd(5, 'x')], ['Foo, bar GMT']])(
    '%j asks for nothing',
    (text) => {
      expect(askedPause(text, now)).toBeUndefined();
    },
  );
});
