import { FairLine, LineFull } from '../../../../src/mail/hooks/fair-line.js';

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('a fair line', () => {
  /** Asks, and notes what becomes of it. */
  function asked(line: FairLine, who: string, told: string[], name = who): Promise<void> {
    return line.enter(who).then(
      () => void told.push(name),
      (error: unknown) => void told.push(error instanceof LineFull ? `no place for ${name}` : String(error)),
    );
  }

  it('lets in as many as there is room for, and the next when one leaves', async () => {
    const line = new FairLine(2, 10);
    const told: string[] = [];
    for (const who of ['a', 'b', 'c', 'd']) void asked(line, who, told);
    await turn();
    expect(told).toEqual(['a', 'b']);
    line.leave();
    await turn();
    expect(told).toEqual(['a', 'b', 'c']);
    line.leave();
    line.leave();
    line.leave();
    await turn();
    await asked(line, 'e', told);
    await asked(line, 'f', told);
    expect(told).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
  });

  it('goes round by requester: one does not wait for all of another', async () => {
    const line = new FairLine(1, 10);
    const told: string[] = [];
    for (const [who, name] of [['many', '0'], ['many', '1'], ['many', '2'], ['one', 'one'], ['many', '3']] as const) void asked(line, who, told, name);
    for (let n = 0; n < 4; n++) {
      await turn();
      line.leave();
    }
    await turn();
    expect(told).toEqual(['0', '1', 'one', '2', '3']);
  });

  it('takes a place from those who hold the most of them, whichever chance says', async () => {
    const line = new FairLine(0, 3, () => 0.5);
    const told: string[] = [];
    for (const [who, name] of [['many', '0'], ['many', '1'], ['many', '2'], ['one', 'one']] as const) void asked(line, who, told, name);
    await turn();
    expect(told).toEqual(['no place for 1']);
    for (let n = 0; n < 3; n++) line.leave();
    await turn();
    expect(told).toEqual(['no place for 1', '0', 'one', '2']);
  });

  it('of one requester keeps out no turn for good: each may lose its place, the newest too', async () => {
    for (const [random, lost] of [[0, '0'], [0.4, '1'], [0.99, '2']] as const) {
      const line = new FairLine(0, 2, () => random);
      const told: string[] = [];
      for (const name of ['0', '1', '2']) void asked(line, 'many', told, name);
      await turn();
      expect(told).toEqual([`no place for ${lost}`]);
    }
  });
});
