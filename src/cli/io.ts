import { createInterface } from 'node:readline/promises';
import { visible } from '../core/mask.js';
import { UsageError } from './arguments.js';

/** EX_DATAERR and EX_TEMPFAIL of sysexits.h, which mail servers go by. */
export const BAD_DATA = 65;
export const TRY_AGAIN = 75;
/** 128 and SIGPIPE (13): how a shell tells that a program ended at a pipe without a reader. Node ignores the signal. */
export const OUTPUT_CLOSED = 141;

/**
 * 0 done; 1 not done, and why was told; 2 not understood; 3 not over yet. For a mail server, as in sysexits.h: 65 bad
 * data, 75 try again. 141 where nobody reads what is said.
 */
export type ExitCode = 0 | 1 | 2 | 3 | typeof BAD_DATA | typeof TRY_AGAIN | typeof OUTPUT_CLOSED;

interface Output extends NodeJS.WritableStream {
  isTTY?: boolean;
  /** Characters of a line. */
  columns?: number;
}

/** Where a command runs: of the process itself, or of a test. */
export interface Terminal {
  stdin: NodeJS.ReadableStream & { isTTY?: boolean };
  stdout: Output;
  stderr: Output;
  /** That of the process where it is left out. */
  env?: Readonly<Record<string, string | undefined>>;
  /** The file of settings that the environment does not name; it need not exist. */
  envFile: string;
  /** Runs `work`, whose signal the first Ctrl-C (SIGINT) or SIGTERM aborts; a second one ends the process. */
  interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T>;
}

/** The reader of the output has gone, as `head` does: the command ends at its next line. */
export class OutputClosed extends Error {
  override readonly name = 'OutputClosed';
}

interface Listing<T> {
  /** What people are told where there is no record. */
  none: string;
  heading: readonly string[];
  row: (record: T) => string[];
  /** A record as a program gets it; as it is where this is left out. */
  shown?: (record: T) => object;
}

/**
 * What a command says and asks: `out` is for what a script reads, `err` for people. Words of the record, of servers and
 * of arguments may hold what a terminal obeys: it is shown instead, and a line break within a line breaks none.
 *
 * That a pipe has no reader is known only after a write (EPIPE). So a command goes on until its next line, and cleans
 * up on its way out: an embedded Postgres is not left behind.
 */
export class Io {
  /** Whether the result is for a program (--json). */
  json = false;
  /** Whether nobody is to be asked (--yes). */
  yes = false;
  private readonly gone = new Set<Output>();

  constructor(readonly terminal: Terminal) {
    for (const stream of [terminal.stdout, terminal.stderr]) {
      stream.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EPIPE') throw error;
        this.gone.add(stream);
      });
    }
  }

  /** Whether a reader had gone before everything was said. */
  get closed(): boolean {
    return this.gone.size > 0;
  }

  /** Resolves when all that was said is written, or cannot be. */
  async flushed(): Promise<void> {
    const open = [this.terminal.stdout, this.terminal.stderr].filter((stream) => !this.gone.has(stream));
    await Promise.all(open.map((stream) => new Promise<void>((resolve) => void stream.write('', () => resolve()))));
    await new Promise((resolve) => setImmediate(resolve)); // a failed write is told a turn of the loop later
  }

  /** Whether people read `err` at a terminal, where a line can be written over. */
  get live(): boolean {
    return this.terminal.stderr.isTTY === true;
  }

  out(...lines: string[]): void {
    this.say(this.terminal.stdout, lines);
  }

  err(...lines: string[]): void {
    this.say(this.terminal.stderr, lines);
  }

  /** The result for a program, or words for people. */
  tell(result: object, ...words: string[]): void {
    if (this.json) this.out(JSON.stringify(result));
    else this.err(...words);
  }

  /** Rows of cells for people, the first of them the heading, in columns as wide as they must be. */
  table(rows: readonly (readonly string[])[]): void {
    const shown = rows.map((row) => row.map(visible));
    const widths = shown[0]!.map((_, column) => Math.max(...shown.map((row) => row[column]!.length)));
    for (const row of shown)
      this.out(
        row
          .map((cell, column) => cell.padEnd(widths[column]!))
          .join('  ')
          .trimEnd(),
      );
  }

  list<T>(records: readonly T[], { none, heading, row, shown }: Listing<T>): ExitCode {
    if (this.json) this.out(JSON.stringify(shown ? records.map(shown) : records));
    else if (records.length === 0) this.err(none);
    else this.table([heading, ...records.map(row)]);
    return 0;
  }

  /** Writes over the last line of `err`; for a terminal only. */
  writeOver(text: string): void {
    const { stderr } = this.terminal;
    stderr.write(`\r\x1b[2K${visible(text).slice(0, (stderr.columns || 80) - 1)}`);
  }

  /**
   * Asks before harm is done. A script cannot be asked: it says --yes, or nothing is done.
   * @throws UsageError where there is nobody to ask
   */
  async confirmed(question: string): Promise<boolean> {
    if (this.yes) return true;
    const { stdin: input, stderr: output } = this.terminal;
    if (!input.isTTY) throw new UsageError(`${question} Nobody can be asked here: say --yes to do it.`);
    const asking = createInterface({ input, output });
    try {
      if (/^y(es)?$/i.test((await asking.question(`${visible(question)} [y/N] `)).trim())) return true;
    } finally {
      asking.close();
    }
    this.err('Nothing was done.');
    return false;
  }

  /** All of standard input; undefined where it has more than so many bytes. */
  async input(most: number): Promise<Buffer | undefined> {
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of this.terminal.stdin) {
      chunks.push(Buffer.from(chunk));
      size += chunks.at(-1)!.length;
      if (size > most) return undefined;
    }
    return Buffer.concat(chunks);
  }

  private say(stream: Output, lines: readonly string[]): void {
    if (this.gone.has(stream)) throw new OutputClosed('nobody reads what is said');
    stream.write(`${lines.map(visible).join('\n')}\n`);
  }
}

/** Milliseconds between two lines where none can be written over. */
const LINE_EVERY_MS = 5_000;

/** How far a long command is: one line that is written over, or a line now and then for a log. */
export class Progress {
  private lastLine = performance.now();

  constructor(private readonly io: Io) {}

  show(text: string): void {
    if (this.io.live) this.io.writeOver(text);
    else if (performance.now() - this.lastLine >= LINE_EVERY_MS) {
      this.lastLine = performance.now();
      this.io.err(text);
    }
  }

  /** Leaves the line to what comes. */
  end(): void {
    if (this.io.live) this.io.writeOver('');
  }
}

/** Such as `2026-11-21 08:22Z`; `-` for never. */
export function minute(at: Date | null): string {
  return at ? `${at.toISOString().slice(0, 16).replace('T', ' ')}Z` : '-';
}
