/** The other versions of Node that the gate runs the built service on; see test/e2e/node-versions.spec.ts. */
import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { count, run } from './checks.mjs';

const FOLDER = 'tools/node-versions';
const root = fileURLToPath(new URL('../..', import.meta.url));

/** @param {string} file */
const modifiedAt = (file) => statSync(`${root}${FOLDER}/${file}`, { throwIfNoEntry: false })?.mtimeMs ?? 0;

/**
 * Fetches them once: 400 MB that only the gate needs. They are no dependency of Otpost itself, whose `npm ci` would put
 * the `node` of one of them before the machine's own in every script of npm.
 */
export async function fetchNodeVersions() {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    console.log('\n*** NOTE: the other versions of Node are there for linux-x64: their tests do not run.\n');
    return;
  }
  if (modifiedAt('node_modules/.package-lock.json') >= modifiedAt('package-lock.json')) return;
  const started = performance.now();
  const { ok, output } = await run('npm', [
    'ci',
    '--prefix',
    FOLDER,
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ]);
  count('Node 24 and 26 fetched', { ok, output, ms: performance.now() - started });
}
