/**
 * `node watch-run.mjs FOLDER PACKAGE…`: one run of `npm test -- --watch`, which has loaded Jest and the packages before
 * it is asked for with `{ jestArguments }`.
 */
import { once } from 'node:events';
import { relative, resolve } from 'node:path';

const asked = once(process, 'message');
const [folder = '', ...packages] = process.argv.slice(2);
const root = process.cwd();

const { runCLI } = await import('jest');
// Whatever cannot be loaded says so in the run.
await Promise.allSettled(['jest-circus/runner', ...packages].map((name) => import(name)));
const [{ jestArguments }] = await asked;

const name = jestArguments.indexOf('-t');
/** @type {import('@jest/types').Config.Argv} */
const argv = {
  _: [],
  $0: 'jest',
  roots: [resolve(root, folder)],
  runInBand: true,
  reporters: [],
  watchman: false,
  forceExit: true,
  ...(name >= 0 ? { testNamePattern: jestArguments[name + 1] } : {}),
};
const { results } = await runCLI(argv, [root]);
for (const {
  failureMessage,
  testFilePath,
  numPassingTests,
  numFailingTests,
  numPendingTests,
  perfStats,
} of results.testResults) {
  const spec = relative(resolve(root, folder), testFilePath).replace(/\.js$/, '.ts');
  if (failureMessage) console.log(failureMessage);
  console.log(
    `${failureMessage ? 'FAILED' : 'passed'}  test/${spec}: ${numPassingTests} passed, ${numFailingTests} failed, ${numPendingTests} skipped (${(perfStats.runtime / 1000).toFixed(1)} s)`,
  );
}
process.exit();
