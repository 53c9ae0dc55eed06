import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { SMTPServer } from 'smtp-server';
import { buildah, buildahIsThere } from './buildah.mjs';
import { docker, dockerAnswers } from './docker.mjs';
import { readArguments } from '../read-arguments.mjs';

const USAGE = `Builds the image and runs it as a platform does: read-only, without capabilities, as a user that the image
does not know. A Postgres and an SMTP server are its own. It takes ten minutes or so.

  npm run test:container

It needs Docker, or root and buildah, debootstrap and crun, which it installs with apt-get where they are missing.
REQUIRE_CONTAINER=1 makes it fail where neither is there.`;
readArguments(USAGE);

/**
 * @typedef {{ code: number | null, output: string }} Ended
 * @typedef {{ process: import('node:child_process').ChildProcess, exec(args: string[]): Promise<Ended>, kill(signal:
 *   string): Promise<void> }} Container
 * @typedef {object} Engine
 * @property {string} name
 * @property {(root: string) => Promise<{ base: string, bytes: number }>} build
 * @property {(script: string) => Promise<string>} shell runs a script in the image as root and answers what it prints
 * @property {() => Promise<string[]>} healthcheck
 * @property {(env: Record<string, string>, as: { uid: number }) => Promise<Container>} run on the network of this
 *   machine
 * @property {() => Promise<void>} close
 */

const root = fileURLToPath(new URL('../../', import.meta.url));
const UID = 12_345;
const GRACE_MS = 30_000;
const MAX_MODULES_MB = 150;
const MB = 1_000_000;

/** @template T @param {() => Promise<T>} look @param {string} what @returns {Promise<NonNullable<T>>} */
async function eventually(look, what, withinMs = 60_000) {
  const until = performance.now() + withinMs;
  let last;
  while (performance.now() < until) {
    const found = await look().catch((error) => void (last = error));
    if (found) return found;
    await pause(50);
  }
  throw new Error(`${what}: not within ${withinMs} ms`, { cause: last });
}

/** @returns {Promise<number>} */
function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
      server.close(() => resolve(port));
    });
  });
}

async function startSink() {
  /** @type {string[]} */
  const received = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData: (stream, session, done) => {
      stream.on('end', () => {
        received.push(...session.envelope.rcptTo.map(({ address }) => address));
        done();
      });
      stream.resume();
    },
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.server.address());
  return {
    received,
    url: `smtp://127.0.0.1:${port}`,
    stop: () => new Promise((resolve) => server.close(() => resolve(undefined))),
  };
}

/** @type {Container[]} */
const running = [];

/** @param {Engine} engine @param {Record<string, string>} env */
async function start(engine, env) {
  const container = await engine.run(env, { uid: UID });
  running.push(container);
  let output = '';
  for (const stream of [container.process.stdout, container.process.stderr])
    stream?.on('data', (text) => (output += text));
  const ended = new Promise((resolve) => container.process.on('close', resolve));
  return {
    ...container,
    text: () => output,
    /** @param {number} withinMs @returns {Promise<number | null>} */
    end: async (withinMs) => {
      const late = pause(withinMs, 'late', { ref: false });
      const code = await Promise.race([ended, late]);
      if (code === 'late') throw new Error(`the container did not end within ${withinMs} ms:\n${output.slice(-4_000)}`);
      return code;
    },
  };
}

let failed = 0;
let passed = 0;

/** @param {string} what @param {() => Promise<string | void>} work */
async function check(what, work) {
  try {
    const told = await work();
    passed++;
    console.log(`passed  ${what}${told ? `: ${told}` : ''}`);
  } catch (error) {
    failed++;
    console.error(`FAILED  ${what}\n`, error);
  }
}

/** @param {Engine} engine @param {number} bytes */
async function looksRight(engine, bytes) {
  await check('the image has what runs, and no tools', async () => {
    const kilobytes = async (/** @type {string} */ path) =>
      Number((await engine.shell(`du -sk ${path}`)).split('\t')[0]);
    const modules = ((await kilobytes('/app/node_modules')) * 1024) / MB;
    assert.ok(modules <= MAX_MODULES_MB, `node_modules has ${modules} MB`);
    const unwanted = [
      '/app/node_modules/prisma',
      '/app/node_modules/@prisma/engines',
      '/app/node_modules/typescript',
      '/app/src',
      '/app/test',
      '/usr/local/bin/npm',
      '/usr/bin/gcc',
      '/usr/bin/make',
    ];
    assert.equal(await engine.shell(`ls -d ${unwanted.join(' ')} 2>/dev/null || true`), '');
    assert.equal(
      await engine.shell(`find /app \\( -user ${UID} -o -user 1000 -o -perm -o+w ! -type l \\) | head -3`),
      '',
    );
    return `node_modules ${Math.round(modules)} MB, image ${Math.round(bytes / MB)} MB`;
  });
}

/** @param {Engine} engine @param {Record<string, string>} env @param {{ received: string[] }} sink */
async function runsBoth(engine, env, sink) {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const container = await start(engine, { ...env, PORT: String(port) });
  await check('it gets ready on an empty Postgres, read-only, as a user it does not know', async () => {
    const started = performance.now();
    await eventually(async () => (await fetch(`${url}/health`)).ok, `health:\n${container.text()}`);
    const { output } = await container.exec(['sh', '-c', 'id -u; touch /app/x || true']);
    assert.match(output, new RegExp(`^${UID}\\n[^]*Read-only file system`));
    return `${((performance.now() - started) / 1000).toFixed(1)} s`;
  });
  await check('its own health check agrees', async () => {
    assert.deepEqual((await container.exec(await engine.healthcheck())).code, 0);
  });
  await check('a registration becomes a mail', async () => {
    const body = JSON.stringify({ email: 'ada@example.com' });
    const answer = await fetch(`${url}/v1/accounts`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    assert.equal(answer.status, 202);
    await eventually(async () => sink.received.includes('ada@example.com'), 'the mail');
  });
  await check('supervisorctl and otpost work inside', async () => {
    await eventually(async () => {
      const { output } = await container.exec(['supervisorctl', '-c', '/app/supervisord.conf', 'status']);
      return /^web +RUNNING/m.test(output) && /^worker +RUNNING/m.test(output);
    }, 'both to be RUNNING');
    assert.equal((await container.exec(['otpost', '--version'])).code, 0);
  });
  await check('SIGTERM ends it with 0 within the grace', async () => {
    const told = performance.now();
    await container.kill('TERM');
    assert.equal(await container.end(GRACE_MS), 0, container.text());
    return `${Math.round(performance.now() - told)} ms`;
  });
}

/** @param {Engine} engine @param {Record<string, string>} env @param {{ received: string[] }} sink */
async function runsApart(engine, env, sink) {
  const [port, workerPort] = [await freePort(), await freePort()];
  const web = await start(engine, { ...env, ROLE: 'web', PORT: String(port) });
  const worker = await start(engine, { ...env, ROLE: 'worker', WORKER_PORT: String(workerPort) });
  await check('ROLE=web and ROLE=worker are node itself, in containers of their own', async () => {
    await eventually(async () => (await fetch(`http://127.0.0.1:${port}/health`)).ok, 'the health of web');
    await eventually(async () => (await fetch(`http://127.0.0.1:${workerPort}/health`)).ok, 'the health of the worker');
    for (const one of [web, worker]) {
      assert.match((await one.exec(['cat', '/proc/1/cmdline'])).output, /^node\0\/app\/dist\/main\.js/);
      assert.equal((await one.exec(await engine.healthcheck())).code, 0);
    }
    const body = JSON.stringify({ email: 'grace@example.com' });
    await fetch(`http://127.0.0.1:${port}/v1/accounts`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    await eventually(async () => sink.received.includes('grace@example.com'), 'the mail');
  });
  await check('SIGTERM ends each with 0', async () => {
    for (const one of [web, worker]) {
      await one.kill('TERM');
      assert.equal(await one.end(GRACE_MS), 0, one.text());
    }
  });
  await check('a container that cannot start ends with a failure, and says why', async () => {
    const { DATABASE_URL: _, ...rest } = env;
    const container = await start(engine, rest);
    assert.equal(await container.end(60_000), 1);
    assert.match(container.text(), /DATABASE_URL[^]*FATAL/);
  });
}

/** @param {Engine} engine */
async function test(engine) {
  const { base, bytes } = await engine.build(root);
  console.log(`built with ${engine.name}, on ${base}`);
  spawnSync(process.execPath, [join(root, 'tools/build.mjs'), '--if-stale'], { stdio: 'inherit' });
  const { startEmbeddedPostgres } = await import(
    new URL('../../dist/development/embedded-postgres.js', import.meta.url).href
  );
  const folder = await mkdtemp(join(tmpdir(), 'otpost-container-'));
  await chmod(folder, 0o755); // started by root, Postgres runs as another user inside
  const postgres = await startEmbeddedPostgres(join(folder, 'data'));
  const sink = await startSink();
  const env = {
    DATABASE_URL: postgres.url,
    APP_SECRET: 'only-for-this-test-0123456789-0123456789',
    APP_URL: 'http://localhost:3000',
    MAIL_FROM: 'Otpost <no-reply@example.com>',
    MAIL_TRANSPORTS: sink.url,
    HOST: '127.0.0.1',
  };
  try {
    await looksRight(engine, bytes);
    await runsBoth(engine, env, sink);
    await runsApart(engine, env, sink);
  } finally {
    for (const one of running) if (one.process.exitCode === null) await one.kill('KILL');
    await sink.stop();
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
    await engine.close();
  }
  console.log(`\n${passed} passed, ${failed} failed`);
  process.exitCode = failed > 0 ? 1 : 0;
}

const engine = (await dockerAnswers()) ? docker : (await buildahIsThere()) ? buildah : undefined;
if (engine) {
  await test(engine);
} else {
  console.log(
    '\n*** NOTE: the image was neither built nor run: no docker daemon answers, and buildah, debootstrap and crun',
  );
  console.log('*** are not there or not run by root.\n');
  process.exitCode = process.env['REQUIRE_CONTAINER'] === '1' ? 1 : 0;
}
