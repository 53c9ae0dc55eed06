import { LONGEST_LINE, type Line } from './import-policy.js';

/** Some lines of a file that stand together. */
export interface LineBatch {
  lines: Line[];
  /** The byte behind the last of them. */
  end: number;
  /** How many lines end there. */
  number: number;
}

/**
 * The lines of a file from a byte on, so many at a time. A longer line than may be is passed over as it comes: memory
 * holds no more than a batch. A line ends with LF or CRLF; also one between quotes does, for no value has a line end in
 * it.
 * @param start where a line begins, and how many there are before it
 */
export async function* linesOf(
  source: AsyncIterable<Buffer>,
  start: { byte: number; number: number },
  atOnce: number,
): AsyncGenerator<LineBatch> {
  let [end, number] = [start.byte, start.number];
  let lines: Line[] = [];
  let begun: Buffer[] = [];
  let [length, held] = [0, 0];
  const add = (piece: Buffer): void => {
    length += piece.length;
    if (length > LONGEST_LINE + 1) begun = [];
    else if (piece.length > 0) begun.push(Buffer.from(piece)); // its bytes are the source's, who goes on
  };
  const close = (withEnd: number): void => {
    const bytes = length > LONGEST_LINE + 1 ? null : withoutReturn(Buffer.concat(begun));
    lines.push({ number: ++number, bytes: bytes && bytes.length > LONGEST_LINE ? null : bytes });
    held += bytes?.length ?? 0;
    end += length + withEnd;
    [begun, length] = [[], 0];
  };
  for await (const part of source) {
    let from = 0;
    for (let at = part.indexOf(10); at >= 0; at = part.indexOf(10, from)) {
      add(part.subarray(from, at));
      close(1);
      from = at + 1;
      if (lines.length < atOnce && held < MOST_HELD) continue;
      yield { lines, end, number };
      [lines, held] = [[], 0];
    }
    add(part.subarray(from));
  }
  if (length > 0) close(0);
  if (lines.length > 0) yield { lines, end, number };
}

/** Bytes of the lines of one batch. */
const MOST_HELD = 2 * 1024 * 1024;

function withoutReturn(line: Buffer): Buffer {
  return line.at(-1) === 13 ? line.subarray(0, -1) : line;
}
