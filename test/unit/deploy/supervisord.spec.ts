import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually, HANGS_MS } from '../../support/signals/wait.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

describe('start.sh', () => {
  let folder: string;
  let child: ChildProcess | undefined;
  let output = '';

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'otpost start-')); // with a space, which every shell script forgets
    await mkdir(join(folder, 'bin'));
    await copyFile(`${ROOT}start.sh`, join(folder, 'start.sh'));
  });
  afterEach(async () => {
    child?.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });

  const stub = (name: string, script: string): Promise<void> =>
    writeFile(join(folder, 'bin', name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });

  function start(env: Record<string, string>, args: string[] = []): ChildProcess {
    output = '';
    child = spawn('/bin/sh', [join(folder, 'start.sh'), ...args], {
      cwd: '/',
      env: { PATH: `${join(folder, 'bin')}:${process.env['PATH']}`, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout!, child.stderr!])
      stream.on('data', (text: Buffer) => (output += text.toString()));
    return child;
  }

  async function end(): Promise<number | null> {
    if (child!.exitCode === null) await once(child!, 'close', { signal: AbortSignal.timeout(HANGS_MS) });
    return child!.exitCode;
  }

  it.each(['web', 'worker', 'nonsense'])(
    'becomes the process itself with ROLE=%s, from any folder, arguments and all',
    async (role) => {
      await stub('node', 'echo "$$ $ROLE $1 $2 $3"; exit 7');
      const { pid } = start({ ROLE: role }, ['--one', 'and two']);
      expect(await end()).toBe(7);
      expect(output).toBe(`${pid} ${role} ${folder}/dist/main.js --one and two\n`);
    },
  );

  it.each<Record<string, string>>([{}, { ROLE: 'all' }])(
    'runs supervisord with %j, and ends as it does',
    async (env) => {
      await stub('supervisord', 'echo "$1 $2 $3"; exit 5');
      start(env, ['--nocleanup']);
      expect(await end()).toBe(5);
      expect(output).toBe(`-c ${folder}/supervisord.conf --nocleanup\n`);
    },
  );

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    'passes %s on, waits for the end however often it comes, and tells its status',
    async (signal) => {
      await stub('supervisord', `trap 'echo "told"; sleep 0.3; exit 4' TERM\necho up\nwhile :; do sleep 0.05; done`);
      const pid = start({}).pid!;
      await eventually(() => output.includes('up'), 'the stub to be up');
      process.kill(pid, signal);
      await eventually(() => output.includes('told'), 'the signal to arrive');
      process.kill(pid, signal);
      expect(await end()).toBe(4);
    },
  );

  it('ends with 1 when a program was given up, though supervisord ends with 0', async () => {
    await stub('supervisord', 'kill -s USR1 "$OTPOST_STARTER"; exit 0');
    start({});
    expect(await end()).toBe(1);
  });

  it('stands in between where standard output is not to be opened again', async () => {
    await stub('supervisord', 'echo "from a program" >>/dev/fd/1 && echo "and its supervisor"');
    // Node hands a socket down, as systemd does: it cannot be opened by its name (ENXIO).
    start({});
    expect(await end()).toBe(0);
    expect(output).toBe('from a program\nand its supervisor\n');
  });

  it('stands in between where it is a file, in which each opening would have a place of its own', async () => {
    await stub('supervisord', 'echo "from a program" >/dev/fd/1 && echo "and its supervisor"');
    const file = await open(join(folder, 'out'), 'w');
    child = spawn('/bin/sh', [join(folder, 'start.sh')], {
      env: { PATH: `${join(folder, 'bin')}:${process.env['PATH']}` },
      stdio: ['ignore', file.fd, 'inherit'],
    });
    await once(child, 'close');
    await file.close();
    expect(await readFile(join(folder, 'out'), 'utf8')).toBe('from a program\nand its supervisor\n');
  });

  it('leaves nobody in between where it is a pipe that can be opened again', async () => {
    await stub('supervisord', 'ls -l /dev/fd/1');
    child = spawn('/bin/sh', ['-c', '"$1" | cat >"$2"', 'sh', join(folder, 'start.sh'), join(folder, 'out')], {
      env: { PATH: `${join(folder, 'bin')}:${process.env['PATH']}` },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    await once(child, 'close');
    expect(await readFile(join(folder, 'out'), 'utf8')).toMatch(/-> pipe:\[\d+\]\n$/);
  });
});

describe('supervisord.conf', () => {
  it('leaves more time to stop than a process takes to drain, and both within the grace of a platform', async () => {
    const configuration = await readFile(`${ROOT}supervisord.conf`, 'utf8');
    const drain =
      Number(
        /DRAIN_WITHIN_MS = ([\d_]+)/.exec(await readFile(`${ROOT}src/process.ts`, 'utf8'))![1]!.replaceAll('_', ''),
      ) / 1_000;
    for (const [, seconds] of configuration.matchAll(/^stopwaitsecs=(\d+)$/gm)) {
      expect(Number(seconds)).toBeGreaterThan(drain);
      expect(Number(seconds)).toBeLessThan(30);
    }
  });

  it('stops web before the worker, and both in the same way', async () => {
    const programs = (await readFile(`${ROOT}supervisord.conf`, 'utf8'))
      .split(/^\[/m)
      .filter((section) => section.startsWith('program:'));
    const [worker, web] = ['worker', 'web'].map((name) =>
      programs.find((section) => section.startsWith(`program:${name}]`))!,
    );
    const priorityOf = (section: string): number => Number(/^priority=(\d+)$/m.exec(section)![1]);
    expect(priorityOf(web!)).toBeGreaterThan(priorityOf(worker!));
    const alike = (section: string): string[] =>
      section
        .split('\n')
        .filter((line) => /^\w+=/.test(line) && !line.startsWith('priority='))
        .map((line) => line.replace(/ROLE="\w+"/, ''));
    expect(alike(web!)).toEqual(alike(worker!));
  });
});
