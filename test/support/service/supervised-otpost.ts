import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { copyFile, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePort } from '../network/free-port.js';
import { eventually } from '../signals/wait.js';
import { describeWhere } from '../signals/where.js';
import { noteConfiguration, openLog } from '../text/test-logs.js';
import { Api } from './api.js';
import { LIMITS_OFF } from './limits.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** Tests that need Debian's supervisor; the gate says aloud when there is none. */
export function describeWithSupervisor(title: string, tests: () => void): void {
  describeWhere(spawnSync('supervisord', ['--version']).status === 0)(title, tests);
}

export type Program = 'web' | 'worker';

/** Bytes of memory: what is resident, and what is this process's own share of it. */
export interface Memory {
  rss: number;
  pss: number;
}

/**
 * The real start.sh, as a container runs it. In a folder of its own, because supervisord.conf names a socket in /tmp
 * that there is one of in a container and not on this machine. The path to it is changed, and a program counts as
 * RUNNING after one second instead of ten; that is all.
 */
export class SupervisedOtpost {
  readonly output: string[] = [];

  private constructor(
    private readonly folder: string,
    readonly child: ChildProcess,
    readonly url: string,
  ) {
    const log = openLog();
    for (const stream of [child.stdout, child.stderr].filter((one) => one !== null)) {
      createInterface({ input: stream }).on('line', (line) => {
        this.output.push(line);
        log?.write(line);
      });
    }
  }

  /**
   * @param node the program that is run as `node`, where it is not the real one: a shell script
   * @param file the descriptor of a file that standard output goes to, instead of to {@link output}
   */
  static async start(env: Record<string, string>, node?: string, file?: number): Promise<SupervisedOtpost> {
    const folder = await mkdtemp(join(tmpdir(), 'otpost-supervised-'));
    if (node !== undefined) await writeFile(join(folder, 'node'), node, { mode: 0o755 });
    await copyFile(`${ROOT}start.sh`, join(folder, 'start.sh'));
    await symlink(`${ROOT}dist`, join(folder, 'dist'));
    const configuration = await readFile(`${ROOT}supervisord.conf`, 'utf8');
    await writeFile(
      join(folder, 'supervisord.conf'),
      configuration.replaceAll('/tmp/', `${folder}/`).replaceAll('startsecs=10', 'startsecs=1'),
    );
    const port = env['PORT'] ?? String(await freePort());
    noteConfiguration(env);
    const child = spawn('/bin/sh', [join(folder, 'start.sh')], {
      cwd: '/',
      env: { PATH: `${folder}:${process.env['PATH']}`, ...LIMITS_OFF, PORT: port, ...env },
      stdio: ['ignore', file ?? 'pipe', 'pipe'],
    });
    return new SupervisedOtpost(folder, child, `http://127.0.0.1:${port}`);
  }

  get api(): Api {
    return new Api(this.url);
  }

  get text(): string {
    return this.output.join('\n');
  }

  /** What `supervisorctl` prints. */
  async control(...command: string[]): Promise<string> {
    const run = promisify(execFile)('supervisorctl', ['-c', join(this.folder, 'supervisord.conf'), ...command]);
    // `status` ends with 3 as long as anything does not run.
    return run.then(({ stdout }) => stdout).catch((error: { stdout?: string }) => error.stdout ?? '');
  }

  /** The pid of a program, once supervisord calls it running. */
  async running(program: Program): Promise<number> {
    return eventually(async () => {
      const [, pid] = new RegExp(`^${program} +RUNNING +pid (\\d+)`, 'm').exec(await this.control('status')) ?? [];
      return pid !== undefined && Number(pid);
    }, `${program} to be RUNNING`).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${this.text.slice(-4_000)}`);
    });
  }

  /** Resolves when another process than before runs a program. */
  async startedAnew(program: Program, before: number): Promise<void> {
    await eventually(async () => ![0, before].includes(Number(await this.control('pid', program))), `a new ${program}`);
  }

  async ready(): Promise<void> {
    await eventually(async () => (await fetch(`${this.url}/health`)).ok, 'web to answer');
  }

  /** Of supervisord, web and worker together, and start.sh itself. */
  async memory(): Promise<Memory> {
    const sum: Memory = { rss: 0, pss: 0 };
    for (const pid of await this.pids()) {
      // A process may end between the listing and the look.
      const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '');
      for (const kind of ['rss', 'pss'] as const) {
        sum[kind] += Number(new RegExp(`^${kind}: +(\\d+) kB`, 'im').exec(rollup)?.[1] ?? 0) * 1024;
      }
    }
    return sum;
  }

  /** start.sh and everything below it. */
  async pids(): Promise<number[]> {
    const found = [this.child.pid!];
    for (const pid of found) {
      const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
      found.push(...children.split(' ').filter(Boolean).map(Number));
    }
    return found;
  }

  async exit(): Promise<number | null> {
    await eventually(
      () => this.child.exitCode !== null || this.child.signalCode !== null,
      `${this.text.slice(-4_000)}\nthe end`,
    );
    return this.child.exitCode;
  }

  /** Ends whatever is left, without a goodbye. */
  async destroy(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      // supervisord first would leave its programs behind, so they are listed before.
      for (const pid of await this.pids()) kill(pid);
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // it had ended by itself
  }
}
