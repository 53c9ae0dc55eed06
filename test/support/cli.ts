import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';

const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

export interface Finished {
  code: number;
  out: string;
  err: string;
}

/** A real `node dist/cli.js`, with nothing of this process's environment but what finding programs takes, where there is no .env. */
export function runCli(args: string[], env: Record<string, string> = {}, cwd = tmpdir()): Promise<Finished> {
  return new Promise((resolve) => {
    const options = { cwd, env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env } };
    const child = execFile(process.execPath, [CLI, ...args], options, (_, out, err) => resolve({ code: child.exitCode!, out, err }));
  });
}
