/**
 * `npm run bench:delivery`: how fast one worker hands mail over, against the ceiling of raw pooled nodemailer with the
 * same messages, the same connections and the same sink, in one run, alternating; medians are what to quote.
 *
 *   npm run bench:delivery -- [--messages 3000] [--rounds 5] [--connections 16] [--big 1000000] [--profile folder]
 *
 * `--profile` leaves a CPU profile of each worker there, to be opened in Chromium's developer tools.
 *
 * The sink is Postfix's `smtp-sink` where it is installed (Debian: postfix), else a small one in Node, in a process of
 * its own. Postgres is DATABASE_URL or an embedded one; Redis is REDIS_URL or 127.0.0.1:6379.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Queue, Worker } from 'bullmq';
import nodemailer from 'nodemailer';
import pg from 'pg';

const dist = (path) => import(new URL(`../dist/${path}`, import.meta.url).href);
const { Keyring } = await dist('core/keyring.js');
const { uuidv7 } = await dist('core/ids.js');
const { migrate } = await dist('database/migrate.js');
const { startEmbeddedPostgres } = await dist('database/embedded-postgres.js');

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '3000' },
    rounds: { type: 'string', default: '5' },
    connections: { type: 'string', default: '16' },
    big: { type: 'string', default: '1000000' },
    profile: { type: 'string' },
  },
});
const MESSAGES = Number(values.messages);
const ROUNDS = Number(values.rounds);
const CONNECTIONS = Number(values.connections);
const BIG = Number(values.big);
const PROFILE = values.profile ? ['--cpu-prof', `--cpu-prof-dir=${values.profile}`] : [];
const SECRET = 'a secret of more than thirty-two characters for the benchmark';
const REDIS = process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379';
const BODY = `${'A line of a message that is eight kilobytes long. '.repeat(80)}\n`;
const MESSAGE = { subject: 'Bench', text: BODY, html: `<p>${BODY}</p>` };
const started = [];

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
}

async function until(look, what, withinMs = 120_000) {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (performance.now() > deadline) throw new Error(`${what}: not within ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function startSink() {
  const port = await freePort();
  const program = ['/usr/sbin/smtp-sink', '/usr/bin/smtp-sink'].find(existsSync);
  const child = program
    ? spawn(program, ['-u', 'nobody', `127.0.0.1:${port}`, '1000'], { stdio: 'ignore' })
    : spawn(process.execPath, [fileURLToPath(new URL('./node-sink.mjs', import.meta.url)), String(port)], { stdio: 'ignore' });
  started.push(child);
  await until(
    () =>
      new Promise((resolve) => {
        const socket = createConnection(port, '127.0.0.1', () => resolve(socket.destroy()));
        socket.on('error', () => resolve(false));
      }),
    'the sink',
    10_000,
  );
  console.log(`sink: ${program ? 'smtp-sink of Postfix' : 'node'}; ${MESSAGES} messages of 8 KB, ${CONNECTIONS} connections, ${ROUNDS} rounds`);
  return port;
}

function pool(port) {
  return nodemailer.createTransport({
    pool: true, host: '127.0.0.1', port, ignoreTLS: true, maxConnections: CONNECTIONS, maxMessages: Infinity, maxRequeues: 0,
  });
}

const letter = () => ({ from: 'bench@example.com', to: 'ada@example.com', ...MESSAGE });

/** Messages a second. */
async function raw(port) {
  const transport = pool(port);
  const cpu = cpuOf(process.pid);
  const begun = performance.now();
  await Promise.all(Array.from({ length: MESSAGES }, () => transport.sendMail(letter())));
  const rate = MESSAGES / ((performance.now() - begun) / 1_000);
  transport.close();
  return { rate, cpu: (cpuOf(process.pid) - cpu) / MESSAGES };
}

/** One job a message, nothing recorded: what a queue without an outbox does. */
async function bareBullMq(port) {
  const transport = pool(port);
  const url = new URL(REDIS);
  const connection = { host: url.hostname, port: Number(url.port || 6379), maxRetriesPerRequest: null };
  const name = `bench-${process.pid}-${Math.random().toString(36).slice(2)}`;
  const queue = new Queue(name, { connection, defaultJobOptions: { removeOnComplete: true } });
  await queue.addBulk(Array.from({ length: MESSAGES }, () => ({ name: 'mail', data: letter() })));
  let done = 0;
  const begun = performance.now();
  const worker = new Worker(name, (job) => transport.sendMail(job.data), { connection, concurrency: CONNECTIONS });
  await new Promise((resolve) => worker.on('completed', () => ++done === MESSAGES && resolve()));
  const rate = MESSAGES / ((performance.now() - begun) / 1_000);
  await worker.close();
  await queue.obliterate({ force: true });
  await queue.close();
  transport.close();
  return { rate };
}

/** Accepts as `Mail.accept` does, many rows a statement. */
async function fill(client, keyring) {
  const rows = Array.from({ length: MESSAGES }, () => {
    const id = uuidv7(new Date());
    const sealed = keyring.seal(JSON.stringify(MESSAGE), `email:${id}`);
    return { id, sealed: Buffer.from(sealed.bytes).toString('hex'), key: sealed.keyId };
  });
  await client.query('BEGIN');
  await client.query(
    `WITH rows AS (SELECT * FROM jsonb_to_recordset($1::jsonb) AS r (id uuid, sealed text, key text)), made AS (
       INSERT INTO outbound_emails (id, lane, status, from_address, to_address, to_canonical, locale, sealed_variables,
         seal_key_id, secret, max_attempts, message_id)
       SELECT id, 'default', 'queued', 'bench@example.com', 'ada@example.com', 'ada@example.com', 'en',
         decode(sealed, 'hex'), key, false, 8, '<' || id || '@example.com>' FROM rows RETURNING id
     ) INSERT INTO email_events (email_id, status, attempt) SELECT id, 'queued', 0 FROM made`,
    [JSON.stringify(rows)],
  );
  await client.query(`INSERT INTO ledger_deltas (status, delta) VALUES ('accepted', $1)`, [MESSAGES]);
  await client.query('COMMIT');
}

async function startWorker(databaseUrl, port, redis) {
  const child = spawn(process.execPath, [...PROFILE, fileURLToPath(new URL('../dist/main.js', import.meta.url))], {
    env: {
      PATH: process.env['PATH'], ROLE: 'worker', DATABASE_URL: databaseUrl, APP_SECRET: SECRET, LOG_LEVEL: 'error',
      MAIL_TRANSPORTS: `smtp://127.0.0.1:${port}`, WORKER_CONCURRENCY: `default:${CONNECTIONS}`,
      ...(redis ? { REDIS_URL: REDIS } : {}),
    },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  started.push(child);
  return child;
}

/** Microseconds of processor time that a process has used; steadier than the clock on a busy machine. Linux only. */
function cpuOf(pid) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10_000;
  } catch {
    return Number.NaN;
  }
}

/** From the first claim to the last commit, by the clock of Postgres, while a worker that is already running drains. */
async function worker(client, pid) {
  const cpu = cpuOf(pid);
  const commits = await commitsOf(client);
  const { rows: [{ max: before }] } = await client.query('SELECT coalesce(max(id), 0) AS max FROM email_events');
  await fill(client, new Keyring(SECRET));
  await until(async () => {
    const { rows } = await client.query(`SELECT 1 FROM outbound_emails WHERE status IN ('queued', 'sending', 'deferred') LIMIT 1`);
    return rows.length === 0;
  }, 'the worker to be done');
  const { rows: [{ seconds, sent }] } = await client.query(
    `SELECT extract(epoch FROM max(at) FILTER (WHERE status = 'sent') - min(at) FILTER (WHERE status = 'sending'))::float8 AS seconds,
       count(*) FILTER (WHERE status = 'sent')::int AS sent FROM email_events WHERE id > $1`,
    [before],
  );
  if (sent !== MESSAGES) throw new Error(`${sent} of ${MESSAGES} were sent`);
  const used = { cpu: (cpuOf(pid) - cpu) / MESSAGES, commits: ((await commitsOf(client)) - commits) / MESSAGES };
  return { rate: MESSAGES / seconds, ...used };
}

/** The looks of this bench itself are among them, some fifty a second. */
async function commitsOf(client) {
  const { rows: [{ commits }] } = await client.query('SELECT pg_stat_get_db_xact_commit(oid)::int AS commits FROM pg_database WHERE datname = current_database()');
  return commits;
}

async function history(client, rows) {
  await client.query(
    `INSERT INTO outbound_emails (id, lane, status, from_address, to_address, to_canonical, locale, seal_key_id, secret, max_attempts, message_id, sent_at)
     SELECT gen_random_uuid(), 'default', 'sent', 'bench@example.com', 'ada@example.com', 'ada@example.com', 'en', 'k', true, 8, 'm' || n, now()
     FROM generate_series(1, $1::int) n`,
    [rows],
  );
  await client.query(`INSERT INTO ledger_deltas (status, delta) VALUES ('accepted', $1)`, [rows]);
  await client.query('VACUUM ANALYZE outbound_emails');
}

const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

const folder = await mkdtemp(join(tmpdir(), 'otpost-bench-'));
await chmod(folder, 0o755);
const embedded = process.env['DATABASE_URL'] ? undefined : await startEmbeddedPostgres(join(folder, 'data'));
const serverUrl = process.env['DATABASE_URL'] ?? embedded.url;
const admin = new pg.Client({ connectionString: serverUrl });
await admin.connect();
const databases = [];

async function makeDatabase(rows) {
  const name = `bench_${process.pid}_${databases.length}`;
  await admin.query(`CREATE DATABASE ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  await migrate(url.href, { log: () => undefined });
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  databases.push({ name, client });
  await history(client, rows);
  return { url: url.href, client };
}

try {
  const port = await startSink();
  console.log(`filling tables with 1,000 and ${BIG.toLocaleString('en')} finished rows`);
  const subjects = {};
  for (const [name, rows, redis] of [['worker, Redis', 1_000, true], ['worker, Postgres', 1_000, false], [`worker, Redis, ${BIG.toLocaleString('en')} rows`, BIG, true]]) {
    const { url, client } = await makeDatabase(rows);
    const { pid } = await startWorker(url, port, redis);
    await until(async () => (await client.query(`SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'otpost'`)).rows.length > 0, 'the worker');
    subjects[name] = () => worker(client, pid);
  }
  const figures = {};
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [name, run] of [['raw nodemailer', () => raw(port)], ['bare BullMQ, Redis', () => bareBullMq(port)], ...Object.entries(subjects)]) {
      const figure = await run();
      if (round === 0) continue; // warm-up
      (figures[name] ??= []).push(figure);
      const { rate } = figure;
      console.log(`round ${round}  ${name.padEnd(34)} ${Math.round(rate).toString().padStart(6)}/s`);
    }
  }
  const ceiling = median(figures['raw nodemailer'].map(({ rate }) => rate));
  console.log('\nmedians');
  for (const [name, rounds] of Object.entries(figures)) {
    const rate = median(rounds.map((round) => round.rate));
    const [cpu, commits] = [median(rounds.map((round) => round.cpu ?? NaN)), median(rounds.map((round) => round.commits ?? NaN))];
    console.log(
      `${name.padEnd(36)} ${Math.round(rate).toString().padStart(6)}/s  ${(rate / ceiling).toFixed(2)} × raw` +
        (Number.isNaN(cpu) ? '' : `  ${Math.round(cpu).toString().padStart(5)} µs of processor a message`) +
        (Number.isNaN(commits) ? '' : `, ${commits.toFixed(2)} transactions`),
    );
  }
} finally {
  for (const child of started) child.kill('SIGTERM');
  await Promise.all(started.map((child) => (child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined)));
  for (const { name, client } of databases) {
    await client.end();
    await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
  }
  await admin.end();
  await embedded?.stop();
  await rm(folder, { recursive: true, force: true });
}
