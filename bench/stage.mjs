/** What a bench stands on: servers and processes of its own, ended by their ids, and what Linux tells of them. */
import { execFileSync, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));
export const here = (file) => fileURLToPath(new URL(file, import.meta.url));
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
/** Milliseconds of CLOCK_MONOTONIC, as the sink tells them. */
export const now = () => Number(process.hrtime.bigint()) / 1e6;

/** As a machine has it that does nothing else for a Postgres: what it promised is on the disk. */
const POSTGRES = [
  ...['max_connections=300', 'shared_buffers=1GB', 'max_wal_size=8GB', 'wal_level=replica', 'checkpoint_timeout=15min'],
  'shared_preload_libraries=pg_stat_statements',
];
/** The longest that anything may take, in milliseconds. */
const HANGS_MS = 3_600_000;

export async function until(look, what, { withinMs = HANGS_MS, everyMs = 20 } = {}) {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (performance.now() > deadline) throw new Error(`${what}: not within ${withinMs} ms`);
    await pause(everyMs);
  }
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
}

function answers(port) {
  return new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1', () => resolve(true) ?? socket.destroy());
    socket.on('error', () => resolve(false));
  });
}

/** Messages of a child that was forked, each told to whoever waits for it. */
export class Child {
  constructor(child) {
    this.child = child;
    this.pid = child.pid;
  }

  /** @param has finds what is waited for in a message */
  next(has) {
    return new Promise((resolve, reject) => {
      const done = () => {
        this.child.off('message', heard);
        this.child.off('exit', gone);
      };
      const heard = (message) => {
        if (message.error) return done() ?? reject(new Error(message.error));
        const found = has(message);
        if (found === undefined) return;
        done();
        resolve(found);
      };
      const gone = (code, signal) =>
        done() ?? reject(new Error(`${this.child.spawnargs.at(-1)} ended (${code ?? signal})`));
      this.child.on('message', heard);
      this.child.on('exit', gone);
    });
  }

  ask(message, has) {
    const answer = this.next(has);
    this.child.send(message);
    return answer;
  }
}

export class Stage {
  #undo = [];
  #unwinding = Promise.resolve();
  #databases = 0;
  /** Who waits for mail, by address. */
  #awaited = new Map();

  constructor(folder) {
    this.folder = folder;
  }

  /** @param durable whether Postgres waits for the disk, as it does for everybody but a smoke run */
  static async open({ durable = true } = {}) {
    const folder = await mkdtemp(join(tmpdir(), 'otpost-bench-'));
    const stage = new Stage(folder);
    stage.#endsWithSignals();
    stage.defer(() => rm(folder, { recursive: true, force: true }));
    try {
      await chmod(folder, 0o755); // started by root, Postgres runs as another user inside
      await stage.#openServers([...POSTGRES, `fsync=${durable ? 'on' : 'off'}`]);
    } catch (error) {
      await stage.close();
      throw error;
    }
    return stage;
  }

  #endsWithSignals() {
    for (const signal of ['SIGINT', 'SIGTERM']) {
      process.once(signal, () => {
        console.error(`\n${signal}: ending what was started`);
        // What is under way breaks now, and that is no news.
        process.on('uncaughtException', () => undefined).on('unhandledRejection', () => undefined);
        void this.close().then(() => process.exit(130));
      });
    }
  }

  /** Is undone last in, first out. */
  defer(undo) {
    this.#undo.push(undo);
  }

  /** All that `work` starts ends with it. */
  async scope(work) {
    const mark = this.#undo.length;
    try {
      return await work();
    } finally {
      await this.#unwindTo(mark);
    }
  }

  close() {
    return this.#unwindTo(0);
  }

  /** One after the other, also when Ctrl-C comes while a scope ends. */
  #unwindTo(mark) {
    const unwind = async () => {
      while (this.#undo.length > mark) {
        await this.#undo
          .pop()()
          .catch((error) => console.error(`left behind: ${error.message}`));
      }
    };
    return (this.#unwinding = this.#unwinding.then(unwind));
  }

  async #openServers(settings) {
    const { startEmbeddedPostgres } = await import('../dist/development/embedded-postgres.js');
    const given = process.env['DATABASE_URL'];
    const postgres = given ? undefined : await startEmbeddedPostgres(join(this.folder, 'data'), settings);
    if (postgres) this.defer(() => postgres.stop());
    this.postgresUrl = given ?? postgres.url;
    this.admin = await this.#connect(this.postgresUrl);
    this.postgresPid = await this.#postmaster();
    const { rows } = await this.admin.query(`SELECT current_setting('server_version') AS version`);
    this.postgresVersion = rows[0].version.split(' ')[0];
    await this.#openRedis();
    this.sink = new Child(fork(here('sink.mjs')));
    this.#stopsWith(this.sink.child);
    this.sinkPort = await this.sink.next(({ port }) => port);
    this.sink.child.on('message', ({ arrived, at }) => {
      this.#awaited.get(arrived)?.(at);
      this.#awaited.delete(arrived);
    });
  }

  async #openRedis() {
    this.redisUrl = process.env['REDIS_URL'];
    if (this.redisUrl) return;
    const port = await freePort();
    const options = ['--port', port, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'].map(String);
    await this.spawn('redis-server', options);
    await until(() => answers(port), 'redis-server', { withinMs: 10_000 });
    this.redisUrl = `redis://127.0.0.1:${port}`;
  }

  /** Undefined where it is no process of this machine that we may look at. */
  async #postmaster() {
    try {
      const { rows } = await this.admin.query(`SELECT pg_read_file('postmaster.pid') AS file`);
      const pid = Number.parseInt(rows[0].file, 10);
      return Number.isNaN(processorOf(pid)) ? undefined : pid;
    } catch {
      return undefined;
    }
  }

  async #connect(connectionString) {
    const client = new pg.Client({ connectionString });
    await client.connect();
    this.defer(() => client.end());
    return client;
  }

  /** Its url, and a client of it. @param template what it is a copy of; left out: empty */
  async database(template = 'template1') {
    const name = `bench_${process.pid}_${++this.#databases}`;
    await this.admin.query(`CREATE DATABASE ${name} TEMPLATE ${template}`);
    this.defer(() => this.admin.query(`DROP DATABASE ${name} WITH (FORCE)`));
    const url = new URL(this.postgresUrl);
    url.pathname = `/${name}`;
    return { name, url: url.href, client: await this.#connect(url.href) };
  }

  #stopsWith(child) {
    this.defer(async () => {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      const killer = setTimeout(() => child.kill('SIGKILL'), 20_000);
      await gone.finally(() => clearTimeout(killer));
    });
  }

  /** A process of ours by its file; resolves once it says what it is ready with. */
  async fork(file, args, options = {}) {
    const child = new Child(fork(file, args, options));
    this.#stopsWith(child.child);
    return { child, ready: await child.next(({ ready }) => ready) };
  }

  /** Its output goes to a file, as a supervisor's would: reading it must cost the bench nothing. */
  async spawn(program, args, options = {}) {
    const log = join(this.folder, `${this.#undo.length}-${Date.now()}.log`);
    const out = openSync(log, 'w');
    const child = spawn(program, args, { stdio: ['ignore', out, out], ...options });
    closeSync(out);
    await once(child, 'spawn');
    this.#stopsWith(child);
    return { child, pid: child.pid, output: () => readFileSync(log, 'utf8') };
  }

  /** Forgets what the sink has seen. @param delayMs milliseconds before each reply */
  async resetSink(options = {}) {
    await this.sink.ask({ reset: options }, ({ reset }) => reset);
  }

  /** Resolves with `{ count, first, last }` when so many messages are in. */
  sinkSaw(count) {
    return this.sink.ask({ expect: count }, ({ seen }) => seen);
  }

  /** The moment at which mail for the address is in. Wants `names`, with which it begins. */
  mailFor(address) {
    return new Promise((resolve) => this.#awaited.set(address, resolve));
  }

  /** Runs `work`, and tells what processor time it took: of these processes, and of Postgres. Microseconds. */
  async processorTime(pids, work) {
    const read = () => [sum(pids.map(processorOf)), this.postgresPid ? processorOf(this.postgresPid) : Number.NaN];
    const before = read();
    const result = await work();
    const [cpu, postgres] = read().map((value, index) => value - before[index]);
    return { result, cpu, postgres };
  }
}

const sum = (numbers) => numbers.reduce((all, one) => all + one, 0);

/**
 * Microseconds of processor time of a process, its children and those that have ended. NaN where Linux does not tell.
 */
export function processorOf(pid) {
  const stats = new Map();
  try {
    for (const name of readdirSync('/proc')) {
      if (!/^\d+$/.test(name)) continue;
      const fields = statOf(name);
      if (fields) stats.set(Number(name), fields);
    }
  } catch {
    return Number.NaN;
  }
  if (!stats.has(pid)) return Number.NaN;
  const isOurs = (one) => one === pid || (stats.has(one) && isOurs(stats.get(one).parent));
  return sum([...stats].map(([one, { ticks }]) => (isOurs(one) ? ticks * TICK_US : 0)));
}

/** USER_HZ is 100 wherever Linux runs Node (proc(5)). */
const TICK_US = 10_000;

function statOf(pid) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ');
    return { parent: Number(fields[1]), ticks: sum(fields.slice(11, 15).map(Number)) };
  } catch {
    return undefined; // it has ended since
  }
}

/** MiB of memory that belong to this process: its own pages, and its share of those it shares (proc(5)). */
export function memoryOf(pid) {
  try {
    return Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))[1]) / 1_024;
  } catch {
    return Number.NaN;
  }
}

export function versionOf(program, ...args) {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return undefined;
  }
}
