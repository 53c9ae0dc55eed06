import { allowance, estimatedEnd, mostOutstanding, untilNext } from '../../../src/broadcasts/pace-policy.js';
import { parseRate } from '../../../src/core/rate.js';

const FIFTY = parseRate('50/min')!;

describe('the pace of a broadcast', () => {
  it('has two seconds of its rate under way at most, and one at least', () => {
    expect(['50/min', '10/s', '500/day', '1/h'].map((rate) => mostOutstanding(parseRate(rate)!))).toEqual([
      2, 20, 1, 1,
    ]);
  });

  it('lets a message go for each token', () => {
    expect(allowance(FIFTY, { tokens: 1, sinceMs: 0, outstanding: 0 }).allowed).toBe(1);
    expect(allowance(FIFTY, { tokens: 0, sinceMs: 1_199, outstanding: 0 }).allowed).toBe(0);
    expect(allowance(FIFTY, { tokens: 0, sinceMs: 1_200, outstanding: 0 }).allowed).toBe(1);
  });

  it('holds no more than may be under way, however long nothing went', () => {
    expect(allowance(FIFTY, { tokens: 0, sinceMs: 3_600_000, outstanding: 0 })).toEqual({ allowed: 2, tokens: 2 });
    expect(allowance(FIFTY, { tokens: 2, sinceMs: 0, outstanding: 1 }).allowed).toBe(1);
    expect(allowance(FIFTY, { tokens: 2, sinceMs: 0, outstanding: 9 }).allowed).toBe(0);
    // A clock that was set back gives nothing.
    expect(allowance(FIFTY, { tokens: 0, sinceMs: -60_000, outstanding: 0 })).toEqual({ allowed: 0, tokens: 0 });
  });

  it('sends its rate and no more over any hour, whoever asks how often', () => {
    const run = (everyMs: number): number => {
      let [tokens, sent] = [1, 0];
      for (let at = 0; at < 3_600_000; at += everyMs) {
        const { allowed, tokens: filled } = allowance(FIFTY, {
          tokens,
          sinceMs: at === 0 ? 0 : everyMs,
          outstanding: 0,
        });
        tokens = filled - allowed;
        sent += allowed;
      }
      return sent;
    };
    for (const everyMs of [50, 700, 1_000]) {
      expect([everyMs, run(everyMs)]).toEqual([everyMs, expect.closeTo(3_000, -1)]);
      expect(run(everyMs)).toBeLessThanOrEqual(3_001);
    }
    expect(run(60_000)).toBeLessThan(200);
  });

  it('knows when the next token comes', () => {
    expect([untilNext(FIFTY, 0), untilNext(FIFTY, 0.5), untilNext(FIFTY, 2)]).toEqual([1_200, 600, 1_200]);
  });

  it('estimates its end by what is slower: its rate, or what goes', () => {
    const [startedAt, now] = [new Date('2026-11-29T12:00:00Z'), new Date('2026-11-29T12:10:00Z')];
    const at = (progress: object): string | undefined =>
      estimatedEnd({ total: 1_000, over: 500, startedAt, rate: undefined, ...progress }, now)?.toISOString();
    expect(at({})).toBe('2026-11-29T12:20:00.000Z');
    expect(at({ rate: parseRate('10/min') })).toBe('2026-11-29T13:00:00.000Z');
    expect(at({ rate: parseRate('1000/s') })).toBe('2026-11-29T12:20:00.000Z');
    expect(at({ over: 0, rate: FIFTY })).toBe('2026-11-29T12:30:00.000Z');
    expect([at({ over: 0 }), at({ total: null })]).toEqual([undefined, undefined]);
  });
});
