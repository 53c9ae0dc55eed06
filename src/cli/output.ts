import type { Terminal } from './command.js';

/** Whoever read our output has gone, as `head` does: the command ends at its next line. */
export class OutputClosed extends Error {
  override readonly name = 'OutputClosed';
}

/** 128 and SIGPIPE (13): how a shell tells that a program ended at a pipe without a reader. Node ignores the signal. */
export const OUTPUT_CLOSED = 141;

interface Outputs {
  out: NodeJS.WritableStream;
  err: NodeJS.WritableStream;
}

export interface Output extends Terminal {
  /** Whether somebody had gone before everything was said. */
  readonly closed: boolean;
}

/**
 * Writes to both. What is written to a pipe without a reader is known only after the write (EPIPE), so a command goes on
 * until it writes the next time, and cleans up behind itself on its way out: an embedded Postgres is not left behind.
 */
export function openOutput({ out, err }: Outputs): Output {
  const left = new Set<NodeJS.WritableStream>();
  for (const stream of [out, err]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      left.add(stream);
    });
  }
  const say = (stream: NodeJS.WritableStream, lines: readonly string[]): void => {
    if (left.has(stream)) throw new OutputClosed('nobody reads what is said');
    stream.write(`${lines.join('\n')}\n`);
  };
  return {
    get closed() {
      return left.size > 0;
    },
    out: (...lines) => say(out, lines),
    err: (...lines) => say(err, lines),
  };
}
