import fc from 'fast-check';
import { linesOf } from '../../../src/audiences/import-lines.js';
import { LONGEST_LINE, type Line } from '../../../src/audiences/import-policy.js';

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  // The source goes on in the same memory, as files do.
  const piece = Buffer.alloc(size);
  for (let from = 0; from < bytes.length; from += size) {
    const length = bytes.copy(piece, 0, from, from + size);
    yield piece.subarray(0, length);
  }
}

async function read(
  bytes: Buffer,
  size: number,
  start = { byte: 0, number: 0 },
  atOnce = 3,
): Promise<{ lines: Line[]; ends: [number, number][] }> {
  const lines: Line[] = [];
  const ends: [number, number][] = [];
  for await (const batch of linesOf(inPieces(bytes.subarray(start.byte), size), start, atOnce)) {
    lines.push(...batch.lines);
    ends.push([batch.end, batch.number]);
  }
  return { lines, ends };
}

describe('the lines of a file', () => {
  it('are those between its ends, however it comes in', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('', 'a', 'ab\rc', 'é,"x', 'x'.repeat(40)), { maxLength: 30 }),
        fc.constantFrom('\n', '\r\n'),
        fc.boolean(),
        fc.integer({ min: 1, max: 50 }),
        async (texts, end, closed, size) => {
          const bytes = Buffer.from(texts.join(end) + (closed && texts.length > 0 ? end : ''));
          const expected = texts.at(-1) === '' && !closed ? texts.slice(0, -1) : texts;
          const { lines, ends } = await read(bytes, size);
          expect(lines.map((line) => line.bytes!.toString())).toEqual(expected);
          expect(lines.map(({ number }) => number)).toEqual(expected.map((_, n) => n + 1));
          // Whoever begins at any end finds the rest.
          for (const [byte, number] of ends) {
            const rest = await read(bytes, size, { byte, number });
            expect(rest.lines).toEqual(lines.slice(number));
          }
        },
      ),
      { numRuns: 200, seed: 1 },
    );
  });

  it('of more bytes than may be are passed over, and counted', async () => {
    const text = `a\n${'x'.repeat(LONGEST_LINE)}\n${'y'.repeat(LONGEST_LINE + 1)}\nb\n${'z'.repeat(5 * LONGEST_LINE)}`;
    const { lines, ends } = await read(Buffer.from(text), 1_000, undefined, 100);
    expect(lines.map(({ number, bytes }) => [number, bytes?.length ?? null])).toEqual([
      [1, 1],
      [2, LONGEST_LINE],
      [3, null],
      [4, 1],
      [5, null],
    ]);
    expect(ends.at(-1)).toEqual([text.length, 5]);
  });
});
