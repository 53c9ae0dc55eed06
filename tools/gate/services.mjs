/** What the tests find beside them: a Postgres that is made for the run, and what the machine has of the rest. */
import '../prisma/load-typescript.mjs';
import { spawnSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { findChromium } from '../chromium.mjs';

/**
 * Several deployments at a time, a million rows, and nothing that has to outlast a crash: those tests have servers of
 * their own.
 */
const POSTGRES_FOR_TESTS = [
  'max_connections=400',
  'shared_buffers=256MB',
  'max_wal_size=4GB',
  'fsync=off',
  'full_page_writes=off',
];

/**
 * A machine may be busy with other work: seconds that its Postgres has to take a connection in (libpq's
 * connect_timeout).
 */
const TAKES_WITHIN_S = 60;

/** Milliseconds that a server has to answer in which may not be there. */
const ANSWERS_WITHIN_MS = 1_000;

/** @param {string} url */
function answers(url) {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = createConnection({ host: hostname, port: Number(port || 6379), timeout: ANSWERS_WITHIN_MS });
    const end = (/** @type {boolean} */ yes) => {
      socket.destroy();
      resolve(yes);
    };
    socket
      .on('connect', () => end(true))
      .on('error', () => end(false))
      .on('timeout', () => end(false));
  });
}

/** @returns {Promise<{ url?: string, missing?: true }>} missing: REQUIRE_REDIS=1, and none answers */
async function findRedis() {
  const url = process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379';
  if (await answers(url)) return { url };
  const notice = `no Redis answers at ${url}: the tests that need one do not run`;
  if (process.env['REQUIRE_REDIS'] === '1') {
    console.error(`FAILED  REQUIRE_REDIS=1, and ${notice}`);
    return { missing: true };
  }
  console.log(`\n*** NOTE: ${notice}.\n*** Start one, or set REDIS_URL, to run them too.\n`);
  return {};
}

/** The machine's own Postgres, of another version than the embedded one; a bonus where it lets us in. */
async function findOtherPostgres() {
  const url = process.env['TEST_OTHER_POSTGRES_URL'] ?? 'postgres://postgres@127.0.0.1:5432/postgres';
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: ANSWERS_WITHIN_MS });
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

function sayWithoutChromium() {
  console.log('\n*** NOTE: no Chromium: the tests of the pages do not run. Install one, or set CHROMIUM.\n');
}

function findSupervisor() {
  if (spawnSync('supervisord', ['--version']).status === 0) return;
  console.log(
    "\n*** NOTE: no supervisord: the tests of the container's start do not run. Install Debian's supervisor.\n",
  );
}

/** A Postgres with the databases `name`, and where the tests keep their logs; `stop` removes both. */
export async function startServices() {
  const { startEmbeddedPostgres } = await import('../../src/development/embedded-postgres.ts');
  const folder = await mkdtemp(join(tmpdir(), 'otpost-gate-'));
  const logs = join(folder, 'tests');
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    await chmod(folder, 0o755); // started by root, Postgres runs as another user inside
    for (const part of ['logs', 'secrets']) await mkdir(join(logs, part), { recursive: true });
    const postgres = await startEmbeddedPostgres(join(folder, 'data'), POSTGRES_FOR_TESTS);
    const url = `${postgres.url}?connect_timeout=${TAKES_WITHIN_S}`;
    /** @type {Promise<void> | undefined} */
    let stopping;
    return { url, folder, logs, stop: () => (stopping ??= postgres.stop().finally(remove)) };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** @param {string} url of the server @param {string} name @returns {Promise<string>} url of the new database */
export async function makeDatabase(url, name) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`CREATE DATABASE ${name}`).finally(() => client.end());
  const made = new URL(url);
  made.pathname = `/${name}`;
  return made.href;
}

/**
 * What each database of a test is copied from, with the tables and functions of BullMQ, which a start without Redis
 * makes where they are missing: a third of what it costs Postgres. Wants the generated client. @param {string} url of
 * the server
 */
export async function makeTemplate(url) {
  const { migrate } = await import('../../src/database/migrate.ts');
  const { Broker } = await import('../../src/queue/broker.ts');
  const { createLogger } = await import('../../src/core/logger.ts');
  const template = await makeDatabase(url, 'otpost_template');
  await migrate(template, { log: () => undefined });
  const broker = await Broker.open({ redisUrl: undefined, databaseUrl: template }, createLogger('silent', 'web'));
  await broker.close();
}

/** What is on the machine besides, with notes of what is not. @param {{ url: string, logs: string }} services */
export async function environment({ url, logs }) {
  const redis = await findRedis();
  const other = await findOtherPostgres();
  const chromium = findChromium();
  if (chromium === undefined) sayWithoutChromium();
  findSupervisor();
  return {
    redisMissing: redis.missing === true,
    env: {
      ...process.env,
      TEST_POSTGRES_URL: url,
      TEST_LOGS: logs,
      ...(redis.url ? { TEST_REDIS_URL: redis.url } : {}),
      ...(chromium ? { CHROMIUM: chromium } : {}),
      ...(other ? { TEST_OTHER_POSTGRES_URL: other } : {}),
    },
  };
}
