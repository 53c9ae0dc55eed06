import { during, NO_SPAN, type Span } from '../../../src/core/tracing.js';

describe('work within spans', () => {
  const recorded = (ends: string[], name: string): Span => ({
    ...NO_SPAN,
    end: (failure) => void ends.push(`${name} ${failure ?? 'ended'}`),
  });

  it('ends each of them when it is done, and not before', async () => {
    const ends: string[] = [];
    const before = await during([recorded(ends, 'a'), recorded(ends, 'b')], async () => [...ends]);
    expect([before, ends]).toEqual([[], ['a ended', 'b ended']]);
    await during(recorded(ends, 'c'), async () => undefined);
    expect(ends.at(-1)).toBe('c ended');
  });

  it('ends each of them with the name of what it threw, and throws it on', async () => {
    const ends: string[] = [];
    const work = (): Promise<never> => Promise.reject(new RangeError('of ada@example.com'));
    await expect(during([recorded(ends, 'a'), recorded(ends, 'b')], work)).rejects.toThrow(RangeError);
    expect(ends.slice(0, 2)).toEqual(['a RangeError', 'b RangeError']); // what comes after that is not heard
  });
});
