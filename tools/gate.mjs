/**
 * `npm test`: the whole gate. Build, types, lint, schema drift, then every test on a Postgres of its own that is
 * thrown away afterwards, and on Redis where one answers; last, that no secret is in any log.
 * `npm test -- <jest arguments>` runs those tests alone; `npm run test:speed` those with a stop-watch, which are no part of it. The last line is `N passed, N failed`; each check counts as one test.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';

const root = fileURLToPath(new URL('..', import.meta.url));
/** Jest runs what is made of the files in `test/`. */
const jestArguments = process.argv.slice(2).map((argument) => argument.replace(/^test\/(.*)\.spec\.ts$/, '.tests/$1.spec.js').replace(/^test\//, '.tests/'));
const results = { passed: 0, failed: 0, skipped: 0 };

/**
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<{ ok: boolean, output: string }>} output is empty when it was shown as it came
 */
function node(args, { env = process.env, show = false } = {}) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', show ? 'inherit' : 'pipe', show ? 'inherit' : 'pipe'] });
    let output = '';
    child.stdout?.on('data', (chunk) => (output += chunk));
    child.stderr?.on('data', (chunk) => (output += chunk));
    child.on('close', (code) => resolve({ ok: code === 0, output }));
  });
}

/** @param {string} name @param {string[]} args `tell`: what it says is shown also when it passes */
async function check(name, args, { tell = false } = {}) {
  const started = performance.now();
  const { ok, output } = await node(args);
  if (!ok) console.error(output.trimEnd());
  else if (tell) console.log(output.trimEnd());
  console.log(`${ok ? 'passed' : 'FAILED'}  ${name} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
  results[ok ? 'passed' : 'failed']++;
  return ok;
}

/** @param {string} url */
function answers(url) {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = createConnection({ host: hostname, port: Number(port || 6379), timeout: 1_000 });
    const end = (/** @type {boolean} */ yes) => {
      socket.destroy();
      resolve(yes);
    };
    socket.on('connect', () => end(true)).on('error', () => end(false)).on('timeout', () => end(false));
  });
}

async function findRedis() {
  const url = process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379';
  if (await answers(url)) return url;
  const notice = `no Redis answers at ${url}: the tests that need one do not run`;
  if (process.env['REQUIRE_REDIS'] === '1') {
    console.error(`FAILED  REQUIRE_REDIS=1, and ${notice}`);
    results.failed++;
  } else {
    console.log(`\n*** NOTE: ${notice}.\n*** Start one, or set REDIS_URL, to run them too.\n`);
  }
  return undefined;
}

/** The machine's own Postgres, of another version than the embedded one; a bonus where it lets us in. */
async function findOtherPostgres() {
  const url = process.env['TEST_OTHER_POSTGRES_URL'] ?? 'postgres://postgres@127.0.0.1:5432/postgres';
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 1_000 });
  try {
    await client.connect();
    return url;
  } catch {
    console.log(`No Postgres lets us in at ${new URL(url).host}: the tests run on the embedded one alone.`);
    return undefined;
  } finally {
    await client.end();
  }
}

function findChromium() {
  if (existsSync(process.env['CHROMIUM'] ?? '/usr/bin/chromium')) return;
  console.log('\n*** NOTE: no Chromium at /usr/bin/chromium: the tests of the pages do not run. Install one, or set CHROMIUM.\n');
}

function findSupervisor() {
  if (spawnSync('supervisord', ['--version']).status === 0) return;
  console.log("\n*** NOTE: no supervisord: the tests of the container's start do not run. Install Debian's supervisor.\n");
}

/** @param {string} url */
async function makeTemplate(url) {
  const { migrate } = await import(new URL('../dist/database/migrate.js', import.meta.url).href);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query('CREATE DATABASE otpost_template');
  await client.end();
  const template = new URL(url);
  template.pathname = '/otpost_template';
  await migrate(template.href, { log: () => undefined });
}

/** Several deployments at a time, and nothing that has to outlast a crash: those tests have servers of their own. */
const POSTGRES_FOR_TESTS = ['max_connections=200', 'fsync=off', 'full_page_writes=off'];

/** In whole runs, and in those of the processes: what the tests of one room log says little. @param {string} logs */
async function searchLogs(logs) {
  const whole = jestArguments.length === 0;
  if (!whole && !jestArguments.some((argument) => argument.includes('e2e'))) return;
  await check('no secret in any log', ['tools/secrets-in-logs.mjs', logs, ...(whole ? ['--some'] : [])], { tell: true });
}

/** @param {string[]} args @param {string} report @param {NodeJS.ProcessEnv} env */
async function jest(args, report, env) {
  const command = ['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js'];
  const { ok } = await node([...command, '--json', `--outputFile=${report}`, ...args], { show: true, env });
  const { numPassedTests, numFailedTests, numPendingTests, numFailedTestSuites } = JSON.parse(await readFile(report, 'utf8'));
  results.passed += numPassedTests;
  results.skipped += numPendingTests;
  // A file that does not even load has no failed test in it.
  results.failed += Math.max(numFailedTests, numFailedTestSuites, ok ? 0 : 1);
  await rm(report);
}

async function runTests() {
  const folder = await mkdtemp(join(tmpdir(), 'otpost-gate-'));
  await chmod(folder, 0o755); // started by root, Postgres runs as another user inside
  const logs = join(folder, 'tests');
  for (const part of ['logs', 'secrets']) await mkdir(join(logs, part), { recursive: true });
  const { startEmbeddedPostgres } = await import(new URL('../dist/database/embedded-postgres.js', import.meta.url).href);
  const postgres = await startEmbeddedPostgres(join(folder, 'data'), POSTGRES_FOR_TESTS);
  try {
    await makeTemplate(postgres.url);
    const redis = await findRedis();
    const other = await findOtherPostgres();
    findChromium();
    findSupervisor();
    const env = {
      ...process.env,
      TEST_POSTGRES_URL: postgres.url,
      TEST_LOGS: logs,
      ...(redis ? { TEST_REDIS_URL: redis } : {}),
      ...(other ? { TEST_OTHER_POSTGRES_URL: other } : {}),
    };
    const report = join(folder, 'report.json');
    // What is measured by the clock depends on the mood of the machine: that is `npm run test:speed`.
    await jest(jestArguments.length > 0 ? jestArguments : ['--testPathIgnorePatterns', '/speed/'], report, env);
    await searchLogs(logs);
  } finally {
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

const built = await check('build', ['tools/build.mjs', '--tests', ...(jestArguments.length > 0 ? ['--if-stale'] : [])]);
if (jestArguments.length === 0) {
  await Promise.all([
    check('types', ['node_modules/typescript/bin/tsc', '--noEmit', '-p', 'test/tsconfig.json']),
    check('lint', ['node_modules/eslint/bin/eslint.js', '.']),
  ]);
  await check('schema drift', ['tools/prisma/check-drift.mjs']);
}
if (built) await runTests();
if (results.skipped > 0) console.log(`\n${results.skipped} skipped, as noted above`);
console.log(`\n${results.passed} passed, ${results.failed} failed`);
process.exitCode = results.failed > 0 ? 1 : 0;
