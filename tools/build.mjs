/** `npm run build`: the Prisma client from the schema, then `dist/`. `--if-stale` does only what is needed. */
import { spawnSync } from 'node:child_process';
import { readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);
const SCHEMA = `${root}prisma/schema.prisma`;
const CLIENT = `${root}src/generated/prisma/client.ts`;
const STAMP = `${root}dist/.built`;

/** @param {string} path */
function modifiedAt(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** @param {string} folder */
function newestIn(folder) {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Math.max(...files.map((file) => modifiedAt(`${file.parentPath}/${file.name}`)));
}

/** @param {string} what @param {string[]} args */
function step(what, args) {
  const started = performance.now();
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  if (status !== 0) {
    process.stderr.write(`${stdout}${stderr}\n${what} failed.\n`);
    process.exit(status ?? 1);
  }
  console.log(`${what} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
}

const ifStale = process.argv.includes('--if-stale');
if (!ifStale || modifiedAt(CLIENT) < modifiedAt(SCHEMA)) {
  step('Prisma client generated', [`${root}tools/prisma/prisma.mjs`, 'generate']);
}
const newest = Math.max(newestIn(`${root}src`), ...['package-lock.json', '.swcrc', 'tools/bundle.mjs'].map((file) => modifiedAt(root + file)));
if (!ifStale || modifiedAt(STAMP) < newest) {
  const begun = new Date();
  step('Built dist/', [require.resolve('@nestjs/cli/bin/nest.js'), 'build']);
  step('Bundled dist/main.js and dist/cli.js', [`${root}tools/bundle.mjs`]);
  writeFileSync(STAMP, '');
  utimesSync(STAMP, begun, begun); // what was edited meanwhile is newer
}
