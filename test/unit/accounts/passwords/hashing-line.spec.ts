import { HashingLine, PLACES, SHARE, SIDE_BY_SIDE } from '../../../../src/accounts/passwords/hashing.js';
import type { Problem } from '../../../../src/core/problems.js';

/** Hashes that take until they are told to end, and the order in which they began. */
class Hashes {
  readonly begun: string[] = [];
  readonly line = new HashingLine();
  private readonly ends: (() => void)[] = [];

  /** Enters, hashes as often as told, and leaves. */
  async comes(requester: string, name = requester, times = 1): Promise<void> {
    await this.line.enter(requester, async () => {
      for (let time = 0; time < times; time++) await this.line.turn(requester, () => this.hash(name));
    });
  }

  /** Whoever began first is done. */
  async oneEnds(): Promise<void> {
    await settled();
    this.ends.shift()!();
    await settled();
  }

  async allEnd(): Promise<void> {
    await settled();
    while (this.ends.length > 0) await this.oneEnds();
  }

  private async hash(name: string): Promise<void> {
    this.begun.push(name);
    await new Promise<void>((resolve) => this.ends.push(resolve));
  }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const times = <T>(count: number, make: (n: number) => T): T[] => Array.from({ length: count }, (_, n) => make(n));

describe('the line of those who hash', () => {
  it('lets two at a time hash, and the others wait', async () => {
    const hashes = new Hashes();
    const all = times(5, (n) => hashes.comes('flood', `flood ${n}`));
    expect(hashes.line.busy).toEqual({ hashing: SIDE_BY_SIDE, waiting: 3 });
    await hashes.oneEnds();
    expect(hashes.line.busy).toEqual({ hashing: SIDE_BY_SIDE, waiting: 2 });
    await hashes.allEnd();
    await Promise.all(all);
    expect(hashes.begun).toEqual(['flood 0', 'flood 1', 'flood 2', 'flood 3', 'flood 4']);
    expect(hashes.line.busy).toEqual({ hashing: 0, waiting: 0 });
  });

  it('goes round the requesters: whoever comes after a flood of another is the next one', async () => {
    const hashes = new Hashes();
    const all = [
      ...times(SHARE, () => hashes.comes('flood')),
      hashes.comes('ada'),
      hashes.comes('grace'),
      hashes.comes('ada'),
    ];
    await hashes.allEnd();
    await Promise.all(all);
    expect(hashes.begun.slice(0, 8)).toEqual(['flood', 'flood', 'flood', 'ada', 'grace', 'flood', 'ada', 'flood']);
    expect(hashes.begun).toHaveLength(SHARE + 3);
  });

  it('has a quarter of its places for one requester, and tells the others of that one at once to come back', async () => {
    const hashes = new Hashes();
    const flood = await Promise.allSettled(
      [...times(100, () => hashes.comes('flood'))].map((one) => Promise.race([one, settled()])),
    );
    const refusals = flood.filter((outcome) => outcome.status === 'rejected').map(({ reason }) => reason as Problem);
    expect(refusals).toHaveLength(100 - SHARE);
    for (const { code, status, headers } of refusals)
      expect([code, status, headers['retry-after']]).toEqual(['busy', 503, '1']);
    const other = hashes.comes('ada');
    await hashes.allEnd();
    await expect(other).resolves.toBeUndefined();
  });

  it('has no more places than it has, however many share them', async () => {
    const hashes = new Hashes();
    const all = times(PLACES + 3, (n) =>
      hashes.comes(`requester ${n}`).then(
        () => 'hashed',
        (error: Problem) => error.code,
      ),
    );
    await settled();
    await hashes.allEnd();
    const outcomes = await Promise.all(all);
    expect(outcomes.filter((outcome) => outcome === 'busy')).toHaveLength(3);
    expect(outcomes.slice(-3)).toEqual(['busy', 'busy', 'busy']);
  });

  it('gives a place back whatever came of the work', async () => {
    const line = new HashingLine();
    for (let n = 0; n < PLACES * 2; n++) {
      await expect(
        line.enter('ada', () => line.turn('ada', () => Promise.reject(new Error('no memory')))),
      ).rejects.toThrow('no memory');
    }
    expect(await line.enter('ada', () => line.turn('ada', async () => 'hashed'))).toBe('hashed');
    expect(line.busy).toEqual({ hashing: 0, waiting: 0 });
  });

  it('has one place for somebody who hashes twice in it', async () => {
    const hashes = new Hashes();
    const all = [...times(SHARE, (n) => hashes.comes('ada', `ada ${n}`, 2))];
    await expect(hashes.comes('ada')).rejects.toMatchObject({ code: 'busy' });
    await hashes.allEnd();
    await Promise.all(all);
    expect(hashes.begun).toHaveLength(SHARE * 2);
  });
});
