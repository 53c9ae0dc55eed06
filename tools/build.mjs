/**
 * `npm run build`: the Prisma client from the schema, then `dist/`, then the templates in it, and beside both the page
 * of operators in `dist/web`.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { readArguments } from './read-arguments.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);
const SCHEMA = `${root}prisma/schema.prisma`;
const CLIENT = `${root}src/generated/prisma/client.ts`;

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

/** What was edited while it was made is newer. @param {string} stamp @param {number} newest @param {() => void} make */
function unlessFresh(stamp, newest, make) {
  if (ifStale && modifiedAt(stamp) >= newest) return;
  const begun = new Date();
  make();
  writeFileSync(stamp, '');
  utimesSync(stamp, begun, begun);
}

/** The page is another program than the service: made beside it, and only when it changed. */
function buildWeb() {
  const child = spawn(process.execPath, [`${root}tools/build-web.mjs`], { cwd: root, stdio: 'inherit' });
  child.on('close', (code) => {
    if (code !== 0) process.exitCode = 1;
  });
}

/** What was removed from src/ must not stay; the page is looked after by its own script. */
function emptyDist() {
  for (const { name } of readdirSync(`${root}dist`, { withFileTypes: true })) {
    if (!name.startsWith('web')) rmSync(`${root}dist/${name}`, { recursive: true });
  }
}

const USAGE = `Makes the Prisma client, dist/, the templates in it, and the page of operators in dist/web.

  npm run build -- [OPTION …]

  --if-stale       only what is older than its sources
  --client         of that the client and the templates alone, with which tests are bundled
  --no-web         without the page
  -h, --help       this text`;

const { values } = readArguments(USAGE, {
  'if-stale': { type: 'boolean', default: false },
  client: { type: 'boolean', default: false },
  'no-web': { type: 'boolean', default: false },
});
const clientAlone = values.client;
const withWeb = !clientAlone && !values['no-web'];
const ifStale = clientAlone || values['if-stale'];
if (withWeb) buildWeb();
if (!ifStale || modifiedAt(CLIENT) < modifiedAt(SCHEMA)) {
  step('Prisma client generated', [`${root}tools/prisma/prisma.mjs`, 'generate']);
}
if (!clientAlone) {
  const tools = ['package-lock.json', '.swcrc', 'tools/bundle.mjs', 'tools/bundle-options.mjs'].map((file) =>
    modifiedAt(root + file),
  );
  const newest = Math.max(newestIn(`${root}src`), ...tools);
  unlessFresh(`${root}dist/.built`, newest, () => {
    if (modifiedAt(`${root}dist`) > 0) emptyDist();
    step('Built dist/', [require.resolve('@nestjs/cli/bin/nest.js'), 'build']);
    step('Bundled dist/main.js and dist/cli.js', [`${root}tools/bundle.mjs`]);
  });
}
const words = ['package-lock.json', 'src/core/locales.ts', 'tools/templates.mjs'].map((file) =>
  modifiedAt(root + file),
);
const compiler = Math.max(newestIn(`${root}src/mail/content`), ...words);
mkdirSync(`${root}dist`, { recursive: true });
unlessFresh(`${root}dist/.templates`, Math.max(newestIn(`${root}templates`), compiler), () => {
  step('Compiled the templates', [`${root}tools/templates.mjs`]);
});
