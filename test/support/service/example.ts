import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { eventually } from '../signals/wait.js';
import { noteConfiguration, openLog } from '../text/test-logs.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
/** That of the system where there is one: it has the system's Django, and no version manager in front of it. */
export const PYTHON = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3';

const run = promisify(execFile);

export interface Ended {
  code: number;
  out: string;
  err: string;
}

export function exampleFile(path: string): string {
  return `${ROOT}examples/${path}`;
}

/**
 * A program of `examples/` in TypeScript as plain JavaScript, for the oldest Node that the gate runs on strips no
 * types. The client is that of this repository.
 */
export async function compiledExample(path: string): Promise<string> {
  const outfile = `${ROOT}.tests/examples/${path.replace(/\.ts$/, '.mjs')}`;
  await mkdir(outfile.replace(/[^/]+$/, ''), { recursive: true });
  await run(`${ROOT}node_modules/.bin/esbuild`, [
    exampleFile(path),
    ...['--bundle', '--platform=node', '--format=esm', '--packages=external', '--log-level=error'],
    `--alias:otpost=${ROOT}clients/typescript/src/index.ts`,
    `--outfile=${outfile}`,
  ]);
  return outfile;
}

/** What a program of an example is given: its own environment, and what finding programs takes. */
function environment(env: Record<string, string>): Record<string, string> {
  noteConfiguration(env);
  return { PATH: process.env['PATH']!, HOME: process.env['HOME'] ?? '/', PYTHONDONTWRITEBYTECODE: '1', ...env };
}

/** Runs a command of an example to its end. */
export async function runExample(command: string[], env: Record<string, string>): Promise<Ended> {
  const [program, ...given] = command as [string, ...string[]];
  return new Promise((resolve) => {
    const child = execFile(program, given, { env: environment(env) }, (_, out, err) =>
      resolve({ code: child.exitCode!, out, err }),
    );
  });
}

/** A server of an example. What it prints is searched for secrets like the log of the service. */
export class ExampleServer {
  readonly output: string[] = [];
  private readonly child: ChildProcess;

  private constructor(command: string[], env: Record<string, string>) {
    const [program, ...given] = command as [string, ...string[]];
    const log = openLog();
    this.child = spawn(program, given, { env: environment(env), stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.child.stdout!, this.child.stderr!])
      createInterface({ input: stream }).on('line', (line) => {
        this.output.push(line);
        log?.write(line);
      });
  }

  /** Resolves when it answers at that address. */
  static async start(url: string, command: string[], env: Record<string, string>): Promise<ExampleServer> {
    const server = new ExampleServer(command, env);
    await eventually(async () => {
      if (server.child.exitCode !== null) return true;
      return (await fetch(url)).status < 500;
    }, 'the example to answer');
    if (server.child.exitCode !== null) throw new Error(`the example ended:\n${server.output.join('\n')}`);
    return server;
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill();
    await once(this.child, 'exit');
  }
}
