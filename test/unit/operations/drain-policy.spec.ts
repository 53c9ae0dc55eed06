import { drainSeconds } from '../../../src/operations/record-metrics.js';

describe('the estimate of how long a lane needs', () => {
  it('is what waits by the rate of the last minute', () => {
    expect(drainSeconds(3_000, 50)).toBe(60);
    expect(drainSeconds(0, 50)).toBe(0);
  });

  it('takes a lane that handed nothing over lately for one that can do one a second: it was idle, or stands still', () => {
    expect(drainSeconds(1, 0)).toBe(1);
    expect(drainSeconds(1, 1 / 60)).toBe(1);
    expect(drainSeconds(10_000, 0)).toBe(10_000);
    expect(drainSeconds(0, 0)).toBe(0);
  });
});
