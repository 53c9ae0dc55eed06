import type { SealedColumn } from '../../database/resealing.js';

/** Bytes of a part: as much of a file as is held in memory at a time, and as is sealed as one value. */
export const PART_BYTES = 256 * 1024;

/** The bytes of attachments and uploads. Each part is bound to its own id: no part takes the place of another. */
export const SEALED_FILE_PARTS: SealedColumn = {
  kind: 'file parts',
  table: 'stored_file_parts',
  idType: 'uuid',
  column: 'sealed',
  keyColumn: 'seal_key_id',
  context: 'file-part',
  batch: 8, // 2 MiB, which are 6 MiB as the JSON of a statement
};

/**
 * A stream cut into parts, all of them full but the last. None of an empty one.
 * A part is good until the next one is asked for: all share one buffer.
 */
export async function* inParts(source: AsyncIterable<Uint8Array>, size = PART_BYTES): AsyncGenerator<Buffer> {
  const part = Buffer.allocUnsafe(size);
  let filled = 0;
  for await (const chunk of source) {
    for (let taken = 0; taken < chunk.length;) {
      const more = chunk.subarray(taken, taken + size - filled);
      part.set(more, filled);
      filled += more.length;
      taken += more.length;
      if (filled < size) continue;
      yield part;
      filled = 0;
    }
  }
  if (filled > 0) yield part.subarray(0, filled);
}
