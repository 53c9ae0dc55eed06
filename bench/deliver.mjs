/** What it takes to hand mail over, once it is accepted. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { EIGHT_KB, Otpost, rateOf } from './otpost.mjs';
import { here, until } from './stage.mjs';

const CONNECTIONS = 16;
const SLOW = { delayMs: 20, connections: 20 };
const DONE = ({ done }) => done;

async function nodePeer(stage, name, connections) {
  const config = JSON.stringify({ sinkPort: stage.sinkPort, redisUrl: stage.redisUrl, connections });
  const { child } = await stage.fork(here('peers/node-peers.mjs'), [name, config]);
  return child;
}

async function raw(stage, messages, { delayMs = 0, connections = CONNECTIONS } = {}) {
  const child = await nodePeer(stage, 'rawNodemailer', connections);
  return async () => {
    await stage.resetSink({ delayMs });
    const run = () => child.ask({ run: { messages, message: EIGHT_KB } }, DONE);
    return measured(stage, messages, [child.pid], run);
  };
}

async function bullMq(stage, messages) {
  const child = await nodePeer(stage, 'bareBullMq', CONNECTIONS);
  return async () => {
    await stage.resetSink();
    await child.ask({ fill: { messages, message: EIGHT_KB } }, DONE);
    return measured(stage, messages, [child.pid], () => child.ask({ run: { messages } }, DONE));
  };
}

async function measured(stage, messages, pids, run, { records = false } = {}) {
  const seen = stage.sinkSaw(messages);
  const { cpu, postgres } = await stage.processorTime(pids, run);
  return { rate: rateOf(await seen), cpu: cpu / messages, ...(records && { postgres: postgres / messages }) };
}

/** Undefined where it could not be installed. */
async function celery({ stage, peers }, messages, { delayMs = 0 } = {}) {
  if (!peers.celery?.python) return undefined;
  const { url } = await stage.database();
  const { python, env: own } = peers.celery;
  const given = { BENCH_REDIS_URL: stage.redisUrl, BENCH_DATABASE_URL: url, BENCH_SINK_PORT: String(stage.sinkPort) };
  const env = { ...process.env, ...own, ...given, BENCH_MESSAGE: JSON.stringify(EIGHT_KB) };
  const cwd = here('peers');
  const ask = async (...args) => (await promisify(execFile)(python, ['celery_peer.py', ...args], { cwd, env })).stdout;
  const command = ['-m', 'celery', '-A', 'celery_peer', 'worker', '--pool', 'prefork', '-c', '2', '-l', 'WARNING'];
  const { pid } = await stage.spawn(python, command, { cwd, env: { ...env, PYTHONDONTWRITEBYTECODE: '1' } });
  const answers = () =>
    ask('ping').then(
      () => true,
      () => false,
    );
  await until(answers, 'Celery', { withinMs: 60_000 });
  return async () => {
    await ask('rest');
    await ask('fill', String(messages));
    await stage.resetSink({ delayMs });
    const work = async () => {
      await ask('consume');
      await until(async () => (await ask('unsent')).trim() === '0', 'Celery', { everyMs: 500 });
    };
    return measured(stage, messages, [pid], work, { records: true });
  };
}

/** The cases that two builds of Otpost are compared by, too. */
export const deliverCases = {
  'Redis queue': { redis: true },
  'Postgres queue': { redis: false },
};

export async function deliver(bench) {
  const { stage, options } = bench;
  const { messages } = options;
  const start = (more) => Otpost.start(stage, { workers: 1, connections: CONNECTIONS, ...more });

  await stage.scope(async () => {
    const queues = {};
    for (const [name, more] of Object.entries(deliverCases)) {
      const otpost = await start(more);
      queues[`Otpost, ${name}`] = () => otpost.deliver(messages);
    }
    const python = await celery(bench, messages);
    await bench.compare(`One worker, 8 KB, ${CONNECTIONS} connections, mail server that answers at once`, {
      'raw pooled nodemailer': await raw(stage, messages),
      'bare BullMQ': await bullMq(stage, messages),
      ...(python && { 'Celery, prefork 2': python }),
      ...queues,
    });
  });

  await stage.scope(async () => {
    const workers = { 'Otpost, one worker': 1, 'Otpost, two workers': 2 };
    for (const [name, count] of Object.entries(workers)) {
      const otpost = await start({ workers: count, connections: SLOW.connections });
      workers[name] = () => otpost.deliver(messages, SLOW);
    }
    const python = await celery(bench, Math.ceil(messages / 15), SLOW);
    await bench.compare(
      `8 KB, ${SLOW.connections} connections a worker, mail server that answers after ${SLOW.delayMs} ms a reply`,
      {
        'raw pooled nodemailer': await raw(stage, messages, SLOW),
        ...(python && { 'Celery, prefork 2': python }),
        ...workers,
      },
    );
  });
}
