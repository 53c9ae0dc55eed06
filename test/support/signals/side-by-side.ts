/** For files whose stories are told side by side, because they wait a lot. */

/** So much work at a time, in the order it came. */
function turns(sideBySide: number): <T>(work: () => Promise<T>) => Promise<T> {
  let underWay = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (underWay >= sideBySide) await new Promise<void>((resolve) => waiting.push(resolve));
    else underWay++;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else underWay--;
    }
  };
}

/** What keeps the machine busy for a while: it has it to itself, but for who waits. */
export const alone = turns(1);

/** Starts of processes: they are all work, and more of them at once only make each take longer. */
export const twoAtATime = turns(2);

/** A test that is not yet handed to Jest, which begins five at a time in the order in which it gets them. */
export type Story = () => void;

/**
 * Stories that run one after the other on what `setUp` makes before the first, and beside the other stories of their
 * file.
 */
export function inTurn(
  about: string,
  setUp: () => Promise<void>,
  { test = it.concurrent, withinMs }: { test?: typeof it.concurrent; withinMs?: number } = {},
): (title: string, tell: () => Promise<void>) => Story {
  let ready: Promise<void> | undefined;
  let last: Promise<unknown> = Promise.resolve();
  return (title, tell) => {
    const turn = async (): Promise<void> => {
      ready ??= setUp();
      const mine = Promise.all([ready, last]).then(tell);
      last = mine.catch(() => undefined); // it fails its own test, and the next one has its turn
      await mine;
    };
    return () => test(`${about} ${title}`, turn, withinMs);
  };
}

/** The first story of each row, then the second of each, and so on. */
export function turnByTurn(...rows: Story[][]): Story[] {
  const longest = Math.max(...rows.map(({ length }) => length));
  return Array.from({ length: longest }, (_, turn) => rows.flatMap((row) => row[turn] ?? [])).flat();
}
