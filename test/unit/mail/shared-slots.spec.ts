import { setImmediate as turn } from 'node:timers/promises';
import { shareOf, Slots } from '../../../src/mail/transport/shared-slots.js';

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

describe('slots', () => {
  /** Work that ends when the test says so. */
  function jobs() {
    const begun: string[] = [];
    const ends = new Map<string, () => void>();
    const job = (name: string) => () => {
      begun.push(name);
      return new Promise<void>((resolve) => ends.set(name, resolve));
    };
    return { begun, job, end: (name: string) => (ends.get(name)!(), turn()) };
  }

  it('let so many in at a time, and keep one of them for codes', async () => {
    const { begun, job, end } = jobs();
    const slots = new Slots(3);
    for (const name of ['a', 'b', 'c', 'd']) void slots.during(job(name), false);
    await turn();
    expect(begun).toEqual(['a', 'b']);
    for (const name of ['code 1', 'code 2']) void slots.during(job(name), true);
    await turn();
    expect(begun).toEqual(['a', 'b', 'code 1']);
    await end('a'); // a code goes before what waits already
    expect(begun).toEqual(['a', 'b', 'code 1', 'code 2']);
    await end('code 1');
    expect(begun).toEqual(['a', 'b', 'code 1', 'code 2', 'c']);
  });

  it('of one are for whoever comes, codes first', async () => {
    const { begun, job, end } = jobs();
    const slots = new Slots(1);
    for (const name of ['a', 'b']) void slots.during(job(name), false);
    void slots.during(job('code'), true);
    await turn();
    await end('a');
    expect(begun).toEqual(['a', 'code']);
    await end('code');
    expect(begun).toEqual(['a', 'code', 'b']);
  });

  it('follow a number that grows and shrinks', async () => {
    const { begun, job, end } = jobs();
    const slots = new Slots(1);
    for (const name of ['a', 'b', 'c', 'd']) void slots.during(job(name), false);
    slots.resize(4);
    await turn();
    expect(begun).toEqual(['a', 'b', 'c']);
    slots.resize(1);
    await end('a');
    await end('b');
    expect(begun).toEqual(['a', 'b', 'c']);
    await end('c');
    expect(begun).toEqual(['a', 'b', 'c', 'd']);
  });

  it('may be left by work that goes on', async () => {
    const { begun, job } = jobs();
    const slots = new Slots(1);
    let leave = (): void => undefined;
    void slots.during((leaving) => ((leave = leaving), job('late')()), false);
    void slots.during(job('next'), false);
    await turn();
    expect(begun).toEqual(['late']);
    leave();
    leave();
    await turn();
    expect(begun).toEqual(['late', 'next']);
  });

  it('are freed by work that fails', async () => {
    const slots = new Slots(1);
    await expect(slots.during(() => Promise.reject(new Error('no')), false)).rejects.toThrow('no');
    await expect(slots.during(() => Promise.resolve('yes'), false)).resolves.toBe('yes');
  });
});
