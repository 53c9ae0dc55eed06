import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('./database-child-main.mjs', import.meta.url));

export interface Report {
  event: 'ready' | 'done' | 'refused';
  url?: string;
  applied?: string[];
  log?: string[];
  name?: string;
  message?: string;
  remedy?: string;
}

/** A real process that holds an embedded PostgreSQL or migrates a database; see database-child-main.mjs. */
export class DatabaseChild {
  readonly process: ChildProcess;
  readonly report: Promise<Report>;

  constructor(action: 'hold' | 'migrate', args: string[], identity: { uid?: number; gid?: number } = {}) {
    this.process = spawn(process.execPath, [SCRIPT, action, ...args], {
      ...identity,
      // A process group of its own, so that a test can play the terminal's Ctrl-C.
      detached: true,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.report = this.firstLine();
    // A test that kills the process before it has something to say does not ask.
    this.report.catch(() => undefined);
  }

  get pid(): number {
    return this.process.pid!;
  }

  /** Resolves when the process has ended, after `signal` or of itself. */
  async end(signal?: NodeJS.Signals): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const ended = once(this.process, 'exit');
    if (signal) this.process.kill(signal);
    await ended;
  }

  private async firstLine(): Promise<Report> {
    const lines = createInterface({ input: this.process.stdout! });
    for await (const line of lines) return JSON.parse(line) as Report;
    throw new Error('the process ended without a report');
  }
}
