/** Programs that only the gate needs, fetched once. They are no dependency of Otpost itself, whose `npm ci` would put the
 * `node` of one of them before the machine's own in every script of npm. */
import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { count, run } from './checks.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The folder of each, by what tests name that use it. */
export const FETCHED = [
  // test/e2e/node-versions.spec.ts; 400 MB
  { folder: 'tools/node-versions', what: 'Node 24 and 26' },
  // test/e2e/client-package.spec.ts and recipes.spec.ts; 220 MB
  { folder: 'tools/client-peers', what: 'Bun, Deno and Better Auth' },
];

/** @param {string} path */
const modifiedAt = (path) => statSync(`${root}${path}`, { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** @param {{ folder: string, what: string }} fetched */
async function fetch({ folder, what }) {
  if (modifiedAt(`${folder}/node_modules/.package-lock.json`) >= modifiedAt(`${folder}/package-lock.json`)) return;
  const started = performance.now();
  const { ok, output } = await run('npm', [
    'ci',
    '--prefix',
    folder,
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ]);
  count(`${what} fetched`, { ok, output, ms: performance.now() - started });
}

/** One after the other, for a machine has one line to the registry. @param {typeof FETCHED} wanted */
export async function fetchAll(wanted) {
  if (wanted.length === 0) return;
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    const names = wanted.map(({ what }) => what).join(', ');
    console.log(`\n*** NOTE: ${names} are there for linux-x64: their tests do not run.\n`);
    return;
  }
  for (const one of wanted) await fetch(one);
}
