import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { type Example, exampleOfReadme, examplesIn, programOf, shownBy } from '../support/client/examples.js';
import { createApiKey } from '../support/service/api-key.js';
import { type Otpost, startOtpost } from '../support/service/otpost.js';
import { freePort } from '../support/network/free-port.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PACKAGE = `${ROOT}clients/typescript`;
const PEERS = `${ROOT}tools/client-peers/node_modules`;
const TSC = `${ROOT}node_modules/typescript/bin/tsc`;
const RUNTIMES: [name: string, program: string, args: string[]][] = [
  ['Node', process.execPath, []],
  ['Bun', `${PEERS}/bun/bin/bun`, ['run']],
  [
    'Deno',
    `${PEERS}/deno/deno`,
    ['run', '--no-remote', '--node-modules-dir=manual', '--allow-net=127.0.0.1', '--allow-read'],
  ],
];
const run = promisify(execFile);

interface Result {
  name: string;
  printed: string[];
  thrown: string | null;
}

/** A program of somebody else: another folder, with the package as npm installs it. */
describe('the package otpost, outside of the repository', () => {
  let folder: string;
  let files: string[];
  let examples: Example[];
  let without: string[];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'otpost-client-'));
    ({ examples, without } = examplesIn(`${PACKAGE}/src/`));
    examples.push(await exampleOfReadme(`${PACKAGE}/README.md`));
    // As its `prepack` does, which a run within `npm test` leaves out with all scripts.
    await rm(`${PACKAGE}/dist`, { recursive: true, force: true });
    await run(process.execPath, [TSC, '-p', PACKAGE]);
    const pack = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
    const packed = await run('npm', pack, { cwd: PACKAGE });
    const [{ filename, files: names }] = JSON.parse(packed.stdout) as [{ filename: string; files: { path: string }[] }];
    files = names.map(({ path }) => path);
    await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
    await run(
      'npm',
      [
        'install',
        '--offline',
        '--ignore-scripts',
        '--no-audit',
        '--no-fund',
        join(folder, filename),
        ...['jose', 'standardwebhooks', '@stablelib/base64', 'fast-sha256'].map(
          (name) => `${ROOT}node_modules/${name}`,
        ),
      ],
      { cwd: folder },
    );
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('has what it needs, and nothing else', () => {
    expect(files.filter((path) => !/^dist\/[\w-]+\.(js|d\.ts)$/.test(path)).sort()).toEqual([
      'LICENSE',
      'README.md',
      'package.json',
    ]);
    expect(files).toContain('dist/schema.d.ts');
  });

  /** Counted: all of our own code in one file, minified, without jose and standardwebhooks. */
  it('is no more than 12 kB, gzipped', async () => {
    const { outputFiles } = await build({
      entryPoints: [join(folder, 'node_modules/otpost/dist/index.js')],
      bundle: true,
      minify: true,
      format: 'esm',
      write: false,
      external: ['jose', 'standardwebhooks'],
    });
    const size = gzipSync(outputFiles[0]!.contents, { level: 9 }).length;
    expect(size).toBeGreaterThan(3_000);
    expect(size).toBeLessThanOrEqual(12_000);
  });

  it('has an example for every public function', () => {
    expect(examples.length).toBeGreaterThan(70);
    expect(without).toEqual([]);
  });

  it('has types that each example fits, and that need no others', async () => {
    const options = {
      target: 'es2022',
      lib: ['es2023', 'dom', 'dom.iterable'],
      module: 'nodenext',
      types: [],
      strict: true,
      skipLibCheck: false,
    };
    await writeFile(join(folder, 'examples.ts'), programOf(examples));
    await writeFile(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ compilerOptions: options, files: ['examples.ts'] }),
    );
    const { stdout } = await run(process.execPath, [TSC, '-p', folder]).catch((error: { stdout: string }) => error);
    expect(stdout).toBe('');
  });

  describe.each(RUNTIMES)('with %s', (name, program, args) => {
    const there = existsSync(program);
    let otpost: Otpost;
    if (!there) console.warn(`*** NOTE: ${program} is not there: the examples do not run with ${name}.`);

    beforeAll(async () => {
      const port = await freePort();
      const sms = { SMS_TRANSPORTS: 'capture:', SMS_COUNTRIES: 'PH' };
      otpost = await startOtpost({ PORT: String(port), APP_URL: `http://127.0.0.1:${port}`, ...sms });
    });
    afterAll(() => otpost.stop());

    (there ? it : it.skip)('each example runs, and prints what it says', async () => {
      const key = await createApiKey(otpost.database.url, ['admin']);
      const compiled = await readFile(join(folder, 'examples.js'), 'utf8');
      const file = join(folder, `examples-${name}.js`);
      await writeFile(file, compiled.replace('{baseUrl}', otpost.api.url).replace('{apiKey}', key));
      const { stdout } = await run(program, [...args, file], { cwd: folder, timeout: 500_000 });
      const results = JSON.parse(stdout.trim().split('\n').at(-1)!) as Result[];
      expect(results.filter(({ thrown }) => thrown !== null)).toEqual([]);
      expect(results.map((result) => result.name)).toEqual(examples.map((example) => example.name));
      expect(results.length).toBeGreaterThan(70);
      for (const [index, example] of examples.entries())
        expect([example.name, ...results[index]!.printed]).toEqual(
          expect.arrayContaining([example.name, ...shownBy(example)]),
        );
    });
  });
});
