/**
 * `npm test -- --watch PATH…`: runs these specs at once, and again whenever one of the files they are made of is saved.
 * Postgres stays up, what did not change stays compiled, and a process that has loaded the packages waits for the next
 * run. Prints failures as Jest does, with places that an editor opens, and one line for each file.
 */
import { fork } from 'node:child_process';
import { watch as watchFolder } from 'node:fs';
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { context } from 'esbuild';
import { BUILD, testBundling, testsName } from '../bundle-tests.mjs';
import { run } from './checks.mjs';
import { environment, makeTemplate, startServices } from './services.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const FOLDER = '.tests-watch';
/** Milliseconds in which an editor has written all that it saves at once. */
const SAVED_WITHIN_MS = 25;

/** Packages that a bundle imports. @param {import('esbuild').Metafile} metafile */
function packagesOf({ outputs }) {
  const imports = Object.values(outputs).flatMap((output) => output.imports);
  return [
    ...new Set(imports.filter(({ external, kind }) => external && kind !== 'require-call').map(({ path }) => path)),
  ];
}

class Watcher {
  /** @type {import('node:child_process').ChildProcess | undefined} which is warm */
  #next;
  /** @type {import('node:child_process').ChildProcess | undefined} which runs */
  #running;
  /** @type {string[]} */
  #packages = [];
  /** @type {Promise<void>} */
  #turn = Promise.resolve();
  #asked = 0;

  /** @param {import('esbuild').BuildContext} bundler @param {NodeJS.ProcessEnv} env @param {string[]} jestArguments */
  constructor(bundler, env, jestArguments) {
    this.bundler = bundler;
    this.env = env;
    this.jestArguments = jestArguments;
  }

  /** One run at a time, and the last one asked for. */
  again() {
    const ask = ++this.#asked;
    const savedAt = performance.now();
    this.#running?.kill('SIGKILL');
    this.#turn = this.#turn.then(() => (ask === this.#asked ? this.#run(savedAt) : undefined));
    return this.#turn;
  }

  stop() {
    this.#asked++;
    for (const child of [this.#next, this.#running]) child?.kill('SIGKILL');
  }

  /** @param {number} savedAt */
  async #run(savedAt) {
    const built = await this.#bundle();
    if (!built) return;
    const child = this.#next?.connected ? this.#next : this.#warm();
    this.#next = undefined;
    this.#running = child;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.send({ jestArguments: this.jestArguments });
    await ended;
    this.#running = undefined;
    console.log(`${((performance.now() - savedAt) / 1000).toFixed(1)} s after it was asked for\n`);
    this.#next = this.#warm();
  }

  async #bundle() {
    try {
      const { metafile } = await this.bundler.rebuild();
      this.#packages = packagesOf(metafile);
      const what = testsName(metafile, BUILD) ? '--if-stale' : '--client';
      const { ok, output } = await run(process.execPath, ['tools/build.mjs', what]);
      if (!ok) console.error(output);
      return ok;
    } catch (error) {
      console.error(String(error));
      return false;
    }
  }

  #warm() {
    const script = fileURLToPath(new URL('watch-run.mjs', import.meta.url));
    return fork(script, [FOLDER, ...this.#packages], { cwd: root, env: this.env, execArgv: ['--no-warnings'] });
  }
}

/** @param {string[]} specs @param {string[]} jestArguments */
export async function watch(specs, jestArguments) {
  if (specs.length === 0) throw new Error('Which specs? npm test -- --watch test/unit/…');
  await rm(root + FOLDER, { recursive: true, force: true });
  const client = await run(process.execPath, ['tools/build.mjs', '--client']);
  if (!client.ok) throw new Error(client.output);
  const services = await startServices();
  await makeTemplate(services.url);
  const { env } = await environment(services);
  // The packages themselves: a bundle of theirs would be written and read anew each time.
  const bundler = await context({ ...testBundling(specs, FOLDER), packages: 'external', alias: {} });
  const watcher = new Watcher(bundler, env, jestArguments);
  let timer;
  const saved = () => {
    clearTimeout(timer);
    timer = setTimeout(() => void watcher.again(), SAVED_WITHIN_MS);
  };
  const folders = ['src', 'test', 'templates', 'hooks-in'].map((folder) =>
    watchFolder(root + folder, { recursive: true }, saved),
  );
  process.once('SIGINT', async () => {
    for (const folder of folders) folder.close();
    watcher.stop();
    await bundler.dispose();
    await services.stop();
    await rm(root + FOLDER, { recursive: true, force: true });
    process.exit();
  });
  await watcher.again();
  console.log('Watching; Ctrl-C ends it.');
}
