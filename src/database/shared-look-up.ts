import { Batcher } from '../core/batcher.js';

/**
 * Looks rows up for all who ask at the same moment, in one statement: each hears what Postgres says after it came.
 * @param find answers the row of each key that has one, with `nth`: which of the keys it is of, counted from 1 (WITH
 *   ORDINALITY)
 */
export function sharedLookUp<Key, Row extends object>(
  find: (keys: Key[]) => Promise<(Row & { nth: number })[]>,
): Batcher<Key, Row | undefined> {
  return new Batcher(async (keys) => {
    const rows = new Map<number, Row>((await find(keys)).map(({ nth, ...row }) => [nth, row as unknown as Row]));
    return keys.map((_, n) => rows.get(n + 1));
  });
}
