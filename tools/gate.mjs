/**
 * `npm test`: the whole gate. Build, then every test on a Postgres of its own that is thrown away afterwards, and on
 * Redis where one answers; beside them format, types, lint and schema drift; last, that no secret is in any log.
 * `npm test -- PATH… <jest arguments>` runs those tests alone, `npm test -- --watch PATH…` again after each change;
 * `npm run test:speed` those with a stop-watch, which are no part of it.
 * The last line is `N passed, N failed`; each check counts as one test.
 */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { BUILD, bundleTests, specsOf, testsName } from './bundle-tests.mjs';
import { check, count, results, run, stopWhenInterrupted } from './gate/checks.mjs';
import { FETCHED, fetchAll } from './gate/fetched.mjs';
import { environment, makeDatabase, makeTemplate, startServices } from './gate/services.mjs';
import { watch } from './gate/watch.mjs';

const given = process.argv.slice(2);
const whole = given.length === 0;
const paths = given.filter((argument) => /^test\/|\.spec\.ts$|^\//.test(argument));
const specs = specsOf(paths);
const jestArguments = given.filter((argument) => !paths.includes(argument) && argument !== '--watch');

/** @param {NodeJS.ProcessEnv} env @param {string} folder */
async function jest(env, folder) {
  const report = join(folder, 'report.json');
  // What is measured by the clock depends on the mood of the machine: that is `npm run test:speed`.
  // A worker of the whole gate runs a hundred specs in one heap, and most of what they make is soon of no use.
  const heap = whole ? ['--max-semi-space-size=64'] : [];
  const more = whole ? ['--testPathIgnorePatterns', '/speed/', '/screenshots/'] : jestArguments;
  const { ok } = await run(
    process.execPath,
    [...heap, 'node_modules/jest/bin/jest.js', '--json', `--outputFile=${report}`, ...more],
    { show: true, env },
  );
  const { numPassedTests, numFailedTests, numFailedTestSuites, testResults } = JSON.parse(
    await readFile(report, 'utf8'),
  );
  results.passed += numPassedTests;
  const tests = testResults.flatMap((/** @type {any} */ { assertionResults }) => assertionResults);
  for (const { status, fullName } of tests) if (status === 'pending') results.skipped.push(fullName);
  // A file that does not even load has no failed test in it.
  results.failed += Math.max(numFailedTests, numFailedTestSuites, ok ? 0 : 1);
  await rm(report);
}

/** In whole runs, and in those of the processes: what the tests of one room log says little. @param {string} logs */
async function searchLogs(logs) {
  if (!whole && !specs.some((spec) => spec.startsWith('test/e2e/'))) return;
  await check('no secret in any log', ['tools/secrets-in-logs.mjs', logs, ...(whole ? ['--some'] : [])], {
    tell: true,
  });
}

/** What the tests are bundled of is compiled once more, without a check of its own. */
async function bundle() {
  const started = performance.now();
  try {
    const { metafile } = await bundleTests(specs);
    console.log(`Bundled the tests (${((performance.now() - started) / 1000).toFixed(1)} s)`);
    return metafile;
  } catch (error) {
    count('bundling the tests', { ok: false, output: String(error), ms: performance.now() - started });
    return undefined;
  }
}

/** @returns {Promise<boolean>} whether the tests can run */
async function build() {
  if (whole) return (await check('build', ['tools/build.mjs'])) && (await bundle()) !== undefined;
  if (!(await check('generated client', ['tools/build.mjs', '--client']))) return false;
  const metafile = await bundle();
  if (!metafile) return false;
  await fetchAll(FETCHED.filter(({ folder }) => testsName(metafile, new RegExp(`\\b${folder}\\b`))));
  return !testsName(metafile, BUILD) || check('build', ['tools/build.mjs', '--if-stale']);
}

/** @param {string} url of a server */
async function checkBeside(url) {
  await check('schema drift', ['tools/prisma/check-drift.mjs', await makeDatabase(url, 'otpost_drift')]);
  await check('format', ['node_modules/oxfmt/bin/oxfmt', '--check']);
  // That of TypeScript 7; the packages that ask a compiler for more have the former.
  const tsc = 'node_modules/typescript-native/bin/tsc';
  await check('types', [tsc, '--noEmit', '-p', 'test/tsconfig.json']);
  await check('types of web', [tsc, '--noEmit', '-p', 'web/tsconfig.json']);
  await check('lint', ['node_modules/oxlint/bin/oxlint', '-c', 'oxlint.config.mjs']);
}

async function gate() {
  const starting = startServices();
  stopWhenInterrupted(async () => (await starting).stop());
  try {
    const [built, services] = await Promise.all([build(), starting, ...(whole ? [fetchAll(FETCHED)] : [])]);
    const beside = whole ? checkBeside(services.url) : undefined;
    if (built) {
      await makeTemplate(services.url);
      const { env, redisMissing } = await environment(services);
      if (redisMissing) results.failed++;
      await jest(env, services.folder);
      await searchLogs(services.logs);
    }
    await beside;
  } finally {
    await (await starting).stop();
  }
  const { passed, failed, skipped } = results;
  // Of a part of the gate these are also the tests that nobody asked for.
  if (skipped.length > 0) console.log(`\n${skipped.length} skipped${whole ? `:\n  ${skipped.join('\n  ')}` : ''}`);
  console.log(`\n${passed} passed, ${failed} failed`);
  process.exitCode = failed > 0 ? 1 : 0;
}

await (given.includes('--watch') ? watch(specs, jestArguments) : gate());
