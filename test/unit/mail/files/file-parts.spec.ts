import fc from 'fast-check';
import { inParts } from '../../../../src/mail/files/file-parts.js';

async function* chunksOf(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

describe('a file in parts', () => {
  it('is the same bytes in full parts, however they came', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 40 })),
        fc.integer({ min: 1, max: 16 }),
        async (chunks, size) => {
          const parts: Buffer[] = [];
          for await (const part of inParts(chunksOf(chunks), size)) parts.push(Buffer.from(part));
          expect(Buffer.concat(parts).equals(Buffer.concat(chunks))).toBe(true);
          expect(parts.slice(0, -1).every(({ length }) => length === size)).toBe(true);
          expect(parts.every(({ length }) => length > 0)).toBe(true);
        },
      ),
    );
  });

  it('of which nobody wants more is no more read', async () => {
    let ended = false;
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield new Uint8Array(10);
      } finally {
        ended = true;
      }
    }
    for await (const part of inParts(endless(), 10)) if (part.length > 0) break;
    expect(ended).toBe(true);
  });
});
