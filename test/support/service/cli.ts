import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Terminal } from '../../../src/cli/io.js';
import { run } from '../../../src/cli/run.js';

export const CLI = fileURLToPath(new URL('../../../dist/cli.js', import.meta.url));

export interface Finished {
  code: number;
  out: string;
  err: string;
}

/** What a command writes to. */
class Screen extends Writable {
  text = '';

  constructor(
    readonly isTTY: boolean,
    /** As a pipe whose reader has gone. */
    private readonly unread: boolean,
  ) {
    super();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.text += chunk.toString();
    // A write to a pipe is known to have failed when it is over, not when it is made.
    if (this.unread) setImmediate(() => done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })));
    else done();
  }
}

export interface CliOptions {
  /** Where there is a .env, or none. */
  cwd?: string;
  /** What comes on standard input. */
  input?: string | Buffer;
  /** Standard input and error are a terminal, at which somebody types the input. */
  tty?: boolean;
  /** The outputs that nobody reads. */
  unread?: readonly ('out' | 'err')[];
  /** Ctrl-C. */
  interrupt?: AbortSignal;
}

/** A command in this process, as `otpost` runs it: with nothing of this process's environment. */
export async function runCli(
  args: string[],
  env: Record<string, string> = {},
  options: CliOptions = {},
): Promise<Finished> {
  const { cwd = tmpdir(), input = '', tty = false, unread = [], interrupt = new AbortController().signal } = options;
  const [stdout, stderr] = [new Screen(false, unread.includes('out')), new Screen(tty, unread.includes('err'))];
  const terminal: Terminal = {
    stdin: Object.assign(Readable.from(input.length > 0 ? [input] : []), { isTTY: tty }),
    stdout,
    stderr,
    env: { DATA_DIR: join(cwd, '.data'), ...env },
    envFile: join(cwd, '.env'),
    interruptible: (work) => work(interrupt),
  };
  const code = await run(args, terminal);
  return { code, out: stdout.text, err: stderr.text };
}

/** A real `node dist/cli.js`, with nothing of this process's environment but what finding programs takes. */
export function runBinary(args: string[], env: Record<string, string> = {}, cwd = tmpdir()): Promise<Finished> {
  return new Promise((resolve) => {
    const options = { cwd, env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env } };
    const child = execFile(process.execPath, [CLI, ...args], options, (_, out, err) =>
      resolve({ code: child.exitCode!, out, err }),
    );
  });
}
