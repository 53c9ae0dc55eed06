/**
 * `dist/web`: the page of operators, from `web/`, with each file packed for those who take it packed. Made only where
 * something of it changed, by content: a checkout of another branch and back costs nothing.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { readArguments } from './read-arguments.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const FOLDER = `${root}dist/web`;
/** Of this process: two that build at once do not meet, and the last one stays. */
const MAKING = `${root}dist/web-${process.pid}`;
const STAMP = `${FOLDER}/.made-of`;
const USAGE = `Makes dist/web, the page of operators, where something of it has changed.

  node tools/build-web.mjs [OPTION]

  --quiet          says nothing but why it failed
  -h, --help       this text`;
const { quiet } = readArguments(USAGE, { quiet: { type: 'boolean', default: false } }).values;

/** @param {string} folder @returns {Promise<string[]>} */
async function filesIn(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((file) => `${file.parentPath}/${file.name}`)
    .sort();
}

async function madeOf() {
  const hash = createHash('sha256');
  const files = [...(await filesIn(`${root}web`)), `${root}package-lock.json`, fileURLToPath(import.meta.url)];
  for (const file of files)
    hash
      .update(file.slice(root.length))
      .update('\0')
      .update(await readFile(file))
      .update('\0');
  return hash.digest('hex');
}

/** @param {string} file */
async function pack(file) {
  const bytes = await readFile(file);
  const [br, gz] = await Promise.all([
    promisify(brotliCompress)(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }),
    promisify(gzip)(bytes, { level: 9 }),
  ]);
  await Promise.all([writeFile(`${file}.br`, br), writeFile(`${file}.gz`, gz)]);
}

const started = performance.now();
const hash = await madeOf();
const former = await readFile(STAMP, 'utf8').catch(() => ''); // none yet
if (former !== hash) {
  const { build } = await import('vite');
  await build({
    root: `${root}web`,
    configFile: `${root}web/vite.config.mjs`,
    logLevel: 'warn',
    build: { outDir: MAKING, emptyOutDir: true },
  });
  for (const file of await filesIn(MAKING)) await pack(file);
  await writeFile(`${MAKING}/.made-of`, hash);
  await rm(FOLDER, { recursive: true, force: true });
  await rename(MAKING, FOLDER);
  if (!quiet) console.log(`Built dist/web (${((performance.now() - started) / 1000).toFixed(1)} s)`);
}
