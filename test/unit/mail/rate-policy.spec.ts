import fc from 'fast-check';
import { parseRate } from '../../../src/core/rate.js';
import { bucketOf, floorFor, untilNextToken } from '../../../src/mail/routing/rate-limits.js';

describe('a rate', () => {
  it.each([
    ['50/min', { count: 50, windowMs: 60_000 }],
    ['10/s', { count: 10, windowMs: 1_000 }],
    ['500/day', { count: 500, windowMs: 86_400_000 }],
    ['5/15min', { count: 5, windowMs: 900_000 }],
  ])('%s is read', (text, rate) => {
    expect(parseRate(text)).toEqual(rate);
  });

  it.each(['0/min', '50', '50/month', '-1/s', '1.5/s', '5/0min', '50 / min', ''])('%j is none', (text) => {
    expect(parseRate(text)).toBeUndefined();
  });
});

describe('a bucket', () => {
  it('lets no minute pass more than the rate and one burst', () => {
    const bucket = bucketOf({ count: 50, windowMs: 60_000 });
    expect(bucket.capacity + bucket.perMs * 60_000).toBeCloseTo(55);
  });

  it('always keeps something for codes, and something for the rest', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9_999_999 }),
        fc.constantFrom(1_000, 60_000, 86_400_000),
        (count, windowMs) => {
          const bucket = bucketOf({ count, windowMs });
          expect(floorFor('critical', bucket)).toBe(0);
          expect(floorFor('bulk', bucket)).toBeGreaterThanOrEqual(1);
          expect(floorFor('bulk', bucket)).toBeLessThan(bucket.capacity);
        },
      ),
    );
  });

  it('says when the next token is there', () => {
    const bucket = bucketOf({ count: 60, windowMs: 60_000 });
    expect(untilNextToken(0, 0, bucket)).toBe(1_000);
    expect(untilNextToken(0.5, 2, bucket)).toBe(2_500);
    expect(untilNextToken(5, 0, bucket)).toBe(1);
  });
});
