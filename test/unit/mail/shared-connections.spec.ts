import { shareOf } from '../../../src/mail/routing/routes.js';

describe('the connections that workers share', () => {
  it.each([
    [5, ['a', 'b']],
    [6, ['a', 'b', 'c']],
    [1, ['a']],
    [7, ['d', 'b', 'a', 'c']],
  ])('%i among %j are given out to the last, and no more', (total, workers) => {
    const shares = workers.map((me) => shareOf(total, workers, me));
    expect(shares.reduce((sum, share) => sum + share, 0)).toBe(total);
    expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
  });

  it('are one at least for each, for a lane may have no other worker', () => {
    expect(['a', 'b', 'c'].map((me) => shareOf(2, ['c', 'a', 'b'], me))).toEqual([1, 1, 1]);
  });

  it('are all for a process that stands in for the workers', () => {
    expect(shareOf(5, [], 'web')).toBe(5);
  });
});
