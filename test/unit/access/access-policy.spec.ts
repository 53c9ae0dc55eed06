import {
  allows,
  lifetimeFault,
  overlapEnd,
  reaches,
  readDuration,
  SCOPES,
  successorExpiry,
} from '../../../src/access/access-policy.js';

const NOW = new Date('2026-11-21T12:00:00Z');
const hoursAhead = (hours: number) => new Date(NOW.getTime() + hours * 3_600_000);

describe('the life of a key', () => {
  it.each([
    ['90d', 90 * 86_400_000],
    ['12h', 12 * 3_600_000],
    ['3650d', 3_650 * 86_400_000],
    ['3651d', undefined],
    ['0d', undefined],
    ['90', undefined],
    ['-1d', undefined],
    ['1.5d', undefined],
    ['90 d', undefined],
    ['', undefined],
  ])('reads %j', (text, duration) => {
    expect(readDuration(text)).toBe(duration);
  });

  it('is as long for a successor as it was for the key before', () => {
    expect(successorExpiry({ createdAt: hoursAhead(-100), expiresAt: hoursAhead(20) }, NOW)).toEqual(hoursAhead(120));
    expect(successorExpiry({ createdAt: hoursAhead(-100), expiresAt: null }, NOW)).toBeNull();
  });

  it('ends with the overlap, and no later than it would have', () => {
    expect(overlapEnd({ createdAt: NOW, expiresAt: null }, 24, NOW)).toEqual(hoursAhead(24));
    expect(overlapEnd({ createdAt: NOW, expiresAt: hoursAhead(25) }, 24, NOW)).toEqual(hoursAhead(24));
    expect(overlapEnd({ createdAt: NOW, expiresAt: hoursAhead(23) }, 24, NOW)).toEqual(hoursAhead(23));
    expect(overlapEnd({ createdAt: NOW, expiresAt: null }, 0, NOW)).toEqual(NOW);
  });

  it('begins before it ends, and lasts ten years at most', () => {
    expect(lifetimeFault(NOW, NOW)?.code).toBe('in_the_past');
    expect(lifetimeFault(hoursAhead(3_650 * 24 + 1), NOW)?.code).toBe('too_far_ahead');
    expect(lifetimeFault(hoursAhead(3_650 * 24), NOW)).toBeUndefined();
  });
});

describe('what somebody may do', () => {
  it('is what their scopes say, and everything with admin', () => {
    for (const needed of SCOPES) {
      expect(allows(['admin'], needed)).toBe(true);
      expect(allows([], needed)).toBe(false);
      expect(
        allows(
          SCOPES.filter((scope) => scope !== needed && scope !== 'admin'),
          needed,
        ),
      ).toBe(false);
    }
  });

  it('grows with the role', () => {
    expect(
      (['user', 'operator', 'admin'] as const).map((role) => [reaches(role, 'operator'), reaches(role, 'admin')]),
    ).toEqual([
      [false, false],
      [true, false],
      [true, true],
    ]);
  });
});
