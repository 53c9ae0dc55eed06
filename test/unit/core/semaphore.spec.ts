import { setImmediate as turn } from 'node:timers/promises';
import { Bulkhead, LineFull, type Release, Semaphore } from '../../../src/core/semaphore.js';

describe('a semaphore', () => {
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

  it('lets so many in at a time, and keeps one of them for urgent work', async () => {
    const { begun, job, end } = jobs();
    const semaphore = new Semaphore(3, { urgentOnly: 1 });
    for (const name of ['a', 'b', 'c', 'd']) void semaphore.during(job(name));
    await turn();
    expect(begun).toEqual(['a', 'b']);
    for (const name of ['code 1', 'code 2']) void semaphore.during(job(name), { urgent: true });
    await turn();
    expect(begun).toEqual(['a', 'b', 'code 1']);
    await end('a'); // a code goes before what waits already
    expect(begun).toEqual(['a', 'b', 'code 1', 'code 2']);
    await end('code 1');
    expect(begun).toEqual(['a', 'b', 'code 1', 'code 2', 'c']);
  });

  it('of one is for whoever comes, urgent work first', async () => {
    const { begun, job, end } = jobs();
    const semaphore = new Semaphore(1, { urgentOnly: 1 });
    for (const name of ['a', 'b']) void semaphore.during(job(name));
    void semaphore.during(job('code'), { urgent: true });
    await turn();
    await end('a');
    expect(begun).toEqual(['a', 'code']);
    await end('code');
    expect(begun).toEqual(['a', 'code', 'b']);
  });

  it('follows a number that grows and shrinks', async () => {
    const { begun, job, end } = jobs();
    const semaphore = new Semaphore(1, { urgentOnly: 1 });
    for (const name of ['a', 'b', 'c', 'd']) void semaphore.during(job(name));
    semaphore.resize(4);
    await turn();
    expect(begun).toEqual(['a', 'b', 'c']);
    semaphore.resize(1);
    await end('a');
    await end('b');
    expect(begun).toEqual(['a', 'b', 'c']);
    await end('c');
    expect(begun).toEqual(['a', 'b', 'c', 'd']);
  });

  it('may be released by work that goes on, once', async () => {
    const { begun, job } = jobs();
    const semaphore = new Semaphore(1, { urgentOnly: 1 });
    let release = (): void => undefined;
    void semaphore.during((releasing) => ((release = releasing), job('late')()));
    void semaphore.during(job('next'));
    await turn();
    expect(begun).toEqual(['late']);
    release();
    release();
    await turn();
    expect(begun).toEqual(['late', 'next']);
  });

  it('is released by work that fails', async () => {
    const semaphore = new Semaphore(1, { urgentOnly: 1 });
    await expect(semaphore.during(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await expect(semaphore.during(() => Promise.resolve('yes'))).resolves.toBe('yes');
  });
});

describe('a semaphore that bounds who waits', () => {
  /** Asks, and notes what becomes of it. */
  function asker(semaphore: Semaphore) {
    const told: string[] = [];
    const releases: Release[] = [];
    const ask = (key: string, name = key): Promise<void> =>
      semaphore.acquire({ key }).then(
        (release) => {
          releases.push(release);
          told.push(name);
        },
        (error: unknown) => void told.push(error instanceof LineFull ? `no turn for ${name}` : String(error)),
      );
    const leave = (): Promise<void> => (releases.shift()!(), turn());
    return { told, ask, leave };
  }

  it('goes round by key: one does not wait for all of another', async () => {
    const { told, ask, leave } = asker(new Semaphore(1, { mostWaiting: 10 }));
    for (const name of ['0', '1', '2']) void ask('many', name);
    void ask('one');
    void ask('many', '3');
    await turn();
    for (let n = 0; n < 4; n++) await leave();
    expect(told).toEqual(['0', '1', 'one', '2', '3']);
  });

  it('has room again for whoever comes after all have left', async () => {
    const { told, ask, leave } = asker(new Semaphore(2, { mostWaiting: 10 }));
    for (const key of ['a', 'b', 'c', 'd']) void ask(key);
    await turn();
    expect(told).toEqual(['a', 'b']);
    for (let n = 0; n < 4; n++) await leave();
    await ask('e');
    await ask('f');
    expect(told).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
  });

  it('takes a turn from those who have the most of them, whichever chance says', async () => {
    const { told, ask, leave } = asker(new Semaphore(1, { mostWaiting: 3, random: () => 0.5 }));
    await ask('first');
    for (const name of ['0', '1', '2']) void ask('many', name);
    void ask('one');
    await turn();
    expect(told).toEqual(['first', 'no turn for 1']);
    for (let n = 0; n < 3; n++) await leave();
    expect(told).toEqual(['first', 'no turn for 1', '0', 'one', '2']);
  });

  it.each([
    [0, '0'],
    [0.4, '1'],
    [0.99, '2'],
  ])('of one key keeps out no turn for good: by chance %d it is %s', async (random, lost) => {
    const { told, ask } = asker(new Semaphore(1, { mostWaiting: 2, random: () => random }));
    await ask('first');
    for (const name of ['0', '1', '2']) void ask('many', name);
    await turn();
    expect(told).toEqual(['first', `no turn for ${lost}`]);
  });
});

describe('a bulkhead', () => {
  it('refuses what is more than one of its keys may hold, and counts nothing of it', () => {
    const bulkhead = new Bulkhead();
    const first = bulkhead.take({ all: 3, one: 1 })!;
    expect(bulkhead.take({ all: 3, one: 1 })).toBeUndefined();
    expect([bulkhead.take({ all: 3, two: 9 }), bulkhead.take({ all: 3, two: 9 })]).not.toContain(undefined);
    expect(bulkhead.take({ all: 3, two: 9 })).toBeUndefined();
    first();
    first(); // given back once
    expect(bulkhead.take({ all: 3, one: 1 })).toBeDefined();
    expect(bulkhead.take({ all: 3 })).toBeUndefined();
  });
});
