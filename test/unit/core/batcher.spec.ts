import { Batcher } from '../../../src/core/batcher.js';

describe('a batcher', () => {
  it('sends a lone item at once and gathers what comes while a call is under way', async () => {
    const batches: number[][] = [];
    let answer = (): void => undefined;
    const batcher = new Batcher(async (items: number[]) => {
      batches.push(items);
      if (batches.length === 1) await new Promise<void>((resolve) => (answer = resolve));
      return items.map((item) => item * 10);
    });
    const first = batcher.submit(1);
    await new Promise(setImmediate);
    const others = [2, 3, 4].map((item) => batcher.submit(item));
    answer();
    expect(await Promise.all([first, ...others])).toEqual([10, 20, 30, 40]);
    expect(batches).toEqual([[1], [2, 3, 4]]);
  });

  it('keeps to its limit', async () => {
    const sizes: number[] = [];
    const batcher = new Batcher(
      async (items: number[]) => {
        sizes.push(items.length);
        return items;
      },
      { limit: 2 },
    );
    await Promise.all([1, 2, 3, 4, 5].map((item) => batcher.submit(item)));
    expect(sizes).toEqual([2, 2, 1]);
  });

  it('weighs what it sends, and a heavy item goes alone', async () => {
    const batches: number[][] = [];
    const run = async (items: number[]): Promise<number[]> => {
      batches.push(items);
      return items;
    };
    const batcher = new Batcher(run, { limit: 10, weigh: (weight) => weight });
    await Promise.all([4, 6, 1, 30, 9].map((weight) => batcher.submit(weight)));
    expect(batches).toEqual([[4, 6], [1], [30], [9]]);
  });

  it('lets two about the same follow each other, and keeps nobody else waiting for that', async () => {
    const batches: string[][] = [];
    const run = async (items: string[]): Promise<string[]> => {
      batches.push(items);
      return items;
    };
    const batcher = new Batcher(run, { limit: 3, subject: (item) => item[0] });
    const items = ['a1', 'b1', 'a2', 'c1', 'a3', 'd1', 'b2'];
    expect(await Promise.all(items.map((item) => batcher.submit(item)))).toEqual(items);
    expect(batches).toEqual([['a1', 'b1', 'c1'], ['a2', 'd1', 'b2'], ['a3']]);
  });

  it('does not repeat what something may have come of', async () => {
    let calls = 0;
    const run = async (): Promise<number[]> => {
      calls++;
      throw new Error('silence');
    };
    const batcher = new Batcher<number, number>(run, { mayRepeat: () => false });
    const results = await Promise.allSettled([1, 2, 3].map((item) => batcher.submit(item)));
    expect([calls, ...results.map(({ status }) => status)]).toEqual([1, 'rejected', 'rejected', 'rejected']);
  });

  it('lets no item spoil the others', async () => {
    const batcher = new Batcher(async (items: number[]) => {
      if (items.includes(3)) throw new Error('three');
      return items;
    });
    const results = await Promise.allSettled([1, 2, 3, 4].map((item) => batcher.submit(item)));
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
  });

  it('answers an item that comes at whatever turn of the event loop', async () => {
    for (let turns = 0; turns < 12; turns++) {
      const batcher = new Batcher(async (items: number[]) => items);
      const first = batcher.submit(1);
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      const second = batcher.submit(2);
      expect(await Promise.all([first, second])).toEqual([1, 2]);
    }
  });
});
