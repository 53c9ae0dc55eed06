import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { eventually, HANGS_MS } from '../signals/wait.js';
import { noteConfiguration, openLog } from '../text/test-logs.js';
import { Api } from './api.js';
import { LIMITS_OFF } from './limits.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/**
 * A real `node dist/main.js`, with nothing of this process's environment but what finding programs takes, and no
 * limits.
 */
export class OtpostProcess {
  readonly output: string[] = [];
  readonly child: ChildProcess;
  readonly startedAt = performance.now();
  readyAfterMs: number | undefined;

  /** `build`: the folder of another build than this one. */
  constructor(env: Record<string, string>, options: { cwd?: string; build?: string } = {}) {
    const log = openLog();
    noteConfiguration(env);
    this.child = spawn(process.execPath, [`${options.build ?? ROOT}/dist/main.js`], {
      cwd: options.cwd ?? options.build ?? ROOT,
      env: {
        PATH: process.env['PATH'],
        HOME: process.env['HOME'],
        ...LIMITS_OFF,
        ...(log ? { LOG_LEVEL: 'debug' } : {}),
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.child.stdout!, this.child.stderr!]) {
      createInterface({ input: stream }).on('line', (line) => {
        this.output.push(line);
        log?.write(line);
        if (line.includes('"msg":"ready"')) this.readyAfterMs ??= performance.now() - this.startedAt;
      });
    }
  }

  static async start(
    env: Record<string, string>,
    options: { cwd?: string; build?: string } = {},
  ): Promise<OtpostProcess> {
    const process = new OtpostProcess(env, options);
    await process.ready();
    return process;
  }

  /** Resolves with the log line that says ready; fails at once when the process ends before. */
  async ready(): Promise<{ url?: string }> {
    const line = await eventually(
      () => this.output.find((text) => text.includes('"msg":"ready"')) ?? (this.child.exitCode !== null && 'ended'),
      'the process to be ready',
    );
    if (line === 'ended') throw new Error(`the process ended with ${this.child.exitCode}:\n${this.text}`);
    return JSON.parse(line) as { url?: string };
  }

  async api(): Promise<Api> {
    return new Api((await this.ready()).url!);
  }

  /** Resolves with the exit code when the process has ended by itself. */
  async exit(withinMs = HANGS_MS): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      await once(this.child, 'close', { signal: AbortSignal.timeout(withinMs) });
    }
    return this.child.exitCode;
  }

  /** Resolves with the exit code. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill(signal);
    return this.exit();
  }

  get text(): string {
    return this.output.join('\n');
  }
}
