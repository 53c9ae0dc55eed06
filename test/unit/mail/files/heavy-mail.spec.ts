import { HeavyMail } from '../../../../src/mail/files/heavy-mail.js';

/** Work that begins when it is let in, and ends when the test says so. */
function works(heavy: HeavyMail) {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const start = (name: string, bytes: number): Promise<void> =>
    heavy.run(bytes, async () => {
      begun.push(name);
      await new Promise<void>((end) => ends.set(name, end));
    });
  return { begun, start, end: (name: string) => ends.get(name)!() };
}

describe('heavy mail', () => {
  it('is let in by its bytes, in the order in which it came', async () => {
    const { begun, start, end } = works(new HeavyMail(100));
    const all = [start('a', 60), start('b', 40), start('c', 50), start('d', 1)];
    await Promise.resolve();
    expect(begun).toEqual(['a', 'b']);
    end('b');
    await all[1];
    expect(begun).toEqual(['a', 'b']); // d would fit, and would hold up c for as long as others like it come
    end('a');
    await all[0];
    await Promise.resolve();
    expect(begun).toEqual(['a', 'b', 'c', 'd']);
    for (const name of ['c', 'd']) end(name);
    await Promise.all(all);
  });

  it('that is larger than all the room goes alone, and mail without attachments waits for nothing', async () => {
    const { begun, start, end } = works(new HeavyMail(100));
    const all = [start('small', 10), start('huge', 500), start('other', 10), start('light', 0)];
    await Promise.resolve();
    expect(begun).toEqual(['light', 'small']);
    end('small');
    await all[0];
    await Promise.resolve();
    expect(begun).toEqual(['light', 'small', 'huge']);
    end('huge');
    await all[1];
    await Promise.resolve();
    expect(begun).toEqual(['light', 'small', 'huge', 'other']);
    for (const name of ['light', 'other']) end(name);
    await Promise.all(all);
  });

  it('that fails makes room', async () => {
    const heavy = new HeavyMail(100);
    await expect(heavy.run(100, () => Promise.reject(new Error('refused')))).rejects.toThrow('refused');
    expect(await heavy.run(100, async () => 'done')).toBe('done');
  });
});
