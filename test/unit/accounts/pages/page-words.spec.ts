import { durationWords, momentOf } from '../../../../src/http/pages/page-parts.js';

describe('words on the account pages', () => {
  it.each([
    [0.2, '1 second'],
    [29.1, '30 seconds'],
    [99, '99 seconds'],
    [100, '2 minutes'],
    [600, '10 minutes'],
    [601, '11 minutes'],
    [5_999, '100 minutes'],
    [6_000, '2 hours'],
    [86_400, '24 hours'],
  ])('%d seconds are %s: a wait is never told as shorter than it is', (seconds, words) => {
    expect(durationWords(seconds)).toBe(words);
  });

  it('a moment is told in UTC, for people and for machines', () => {
    expect(momentOf(new Date('2026-11-21T12:03:04Z')).toString()).toBe(
      '<time datetime="2026-11-21T12:03:04.000Z">21 November 2026, 12:03 UTC</time>',
    );
  });
});
