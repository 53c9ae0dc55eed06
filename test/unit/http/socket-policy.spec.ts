import { type Outgoing, type Seen, seen, SOCKET_BOUNDS, toCut } from '../../../src/http/socket-policy.js';

const outgoing = (change: Partial<Outgoing> = {}): Outgoing => ({
  waiting: 1_000,
  taken: 5_000,
  ended: false,
  ...change,
});
const bounds = { ...SOCKET_BOUNDS, stalledMs: 30_000, lingerMs: 2_000, unwrittenBytes: 10_000 };

/** What is remembered after looks at these moments. */
function looks(...steps: [at: number, Outgoing][]): Seen {
  return steps.reduce<Seen | undefined>((last, [at, what]) => seen(last, what, at), undefined)!;
}

const cutAt = (now: number, connection: Seen) => toCut([['it', connection]], now, bounds).length === 1;

describe('a client that stopped reading', () => {
  it('is cut off when it took nothing for as long as it may', () => {
    const stalled = looks([0, outgoing()], [10_000, outgoing()], [29_000, outgoing({ waiting: 2_000 })]);
    expect(cutAt(29_999, stalled)).toBe(false);
    expect(cutAt(30_000, stalled)).toBe(true);
  });

  it('is not, while it takes a little every time', () => {
    expect(cutAt(58_999, looks([0, outgoing()], [29_000, outgoing({ taken: 5_001 })]))).toBe(false);
  });

  it('is not, where nothing waits for it: a quiet stream may last', () => {
    const quiet = looks([0, outgoing({ waiting: 0 })], [900_000, outgoing({ waiting: 0 })]);
    expect(cutAt(10_000_000, quiet)).toBe(false);
    // What is written after an hour of silence has its own time.
    expect(
      cutAt(929_999, looks([0, outgoing({ waiting: 0 })], [900_000, outgoing({ waiting: 0 })], [900_001, outgoing()])),
    ).toBe(false);
  });
});

describe('a connection that was ended', () => {
  it('lingers for a moment, so that its last answer is read', () => {
    const ended = looks(
      [0, outgoing({ waiting: 0 })],
      [1_000, outgoing({ waiting: 0, ended: true })],
      [2_000, outgoing({ waiting: 0, ended: true })],
    );
    expect(cutAt(2_999, ended)).toBe(false);
    expect(cutAt(3_000, ended)).toBe(true);
  });

  it('has as long as any other to take what still waits', () => {
    expect(cutAt(29_999, looks([0, outgoing({ ended: true })]))).toBe(false);
    expect(cutAt(30_000, looks([0, outgoing({ ended: true })]))).toBe(true);
  });
});

describe('all connections together', () => {
  const waiting = (waitingBytes: number, movedAt: number): Seen => ({
    waiting: waitingBytes,
    taken: 0,
    movedAt,
    ended: false,
  });

  it('may leave so much waiting', () => {
    expect(
      toCut(
        [
          ['a', waiting(5_000, 0)],
          ['b', waiting(5_000, 0)],
        ],
        1_000,
        bounds,
      ),
    ).toEqual([]);
  });

  it('and of more than that, those give way that have not read for longest', () => {
    const connections: [string, Seen][] = [
      ['newest', waiting(4_000, 900)],
      ['oldest', waiting(4_000, 100)],
      ['idle', waiting(0, 0)],
      ['older', waiting(4_000, 500)],
      ['new', waiting(4_000, 700)],
    ];
    expect(toCut(connections, 1_000, bounds)).toEqual(['oldest', 'older']);
  });
});
