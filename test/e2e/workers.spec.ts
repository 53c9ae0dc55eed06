import { hostname } from 'node:os';
import { createPostgresBackend, Queue } from 'bullmq';
import { Redis } from 'ioredis';
import pg from 'pg';
import { withSessionOptions } from '../../src/database/pool.js';
import { MISSED_UNTIL_STUCK } from '../../src/queue/canary.js';
import { backToNow, letPass } from '../support/signals/ahead.js';
import { createDatabase, type TestDatabase } from '../support/database/postgres.js';
import { OtpostInProcess } from '../support/service/otpost-in-process.js';
import { quickCanaries } from '../support/service/quick-canaries.js';
import { HAS_REDIS_SERVER, RedisServer } from '../support/redis/redis-server.js';
import { HAS_REDIS, REDIS_URL } from '../support/redis/redis.js';
import type { Api } from '../support/service/api.js';
import { OtpostProcess } from '../support/service/otpost-process.js';
import { TEST_SECRET } from '../support/service/otpost.js';
import { twoAtATime } from '../support/signals/side-by-side.js';
import { eventually } from '../support/signals/wait.js';
import { concurrentWhere } from '../support/signals/where.js';
import { SmtpSink } from '../support/smtp/smtp-sink.js';

/** Twice what a worker delivers side by side: all its slots are taken for as long as a test looks. */
const BACKLOG = 16;

interface DeploymentOptions {
  redisUrl?: string | undefined;
  /** The sink answers nothing until it is released. */
  held?: boolean;
}

/** A database, a sink, and what is started on them. */
class Deployment {
  readonly processes: OtpostProcess[] = [];
  private readonly services: OtpostInProcess[] = [];

  private constructor(
    readonly database: TestDatabase,
    readonly sink: SmtpSink,
    private readonly redisUrl: string | undefined,
  ) {}

  static async start({ redisUrl, held = false }: DeploymentOptions): Promise<Deployment> {
    let holding = held;
    const answers: (() => void)[] = [];
    const sink = await SmtpSink.start({
      onMailFrom: (_address, _session, done) => void (holding ? answers.push(done) : done()),
    });
    const deployment = new Deployment(await createDatabase(), sink, redisUrl);
    deployment.release = () => {
      holding = false;
      for (const answer of answers.splice(0)) answer();
    };
    return deployment;
  }

  /** Lets the sink answer. */
  release = (): void => undefined;

  private env(role: string, more: Record<string, string>): Record<string, string> {
    return {
      DATABASE_URL: this.database.url,
      DATABASE_POOL: '4',
      APP_SECRET: TEST_SECRET,
      MAIL_TRANSPORTS: this.sink.url,
      PORT: '0',
      ROLE: role,
      ...(this.redisUrl ? { REDIS_URL: this.redisUrl } : {}),
      ...more,
    };
  }

  /** In this process. */
  async run(role: string, more: Record<string, string> = {}): Promise<OtpostInProcess> {
    const service = await OtpostInProcess.start(this.env(role, more));
    this.services.push(service);
    return service;
  }

  /** Resolves when it is ready. */
  spawn(role: string, more: Record<string, string> = {}): Promise<OtpostProcess> {
    return twoAtATime(async () => {
      const spawned = new OtpostProcess(this.env(role, { ...(role === 'worker' ? quickCanaries() : {}), ...more }));
      this.processes.push(spawned);
      await spawned.ready();
      return spawned;
    });
  }

  private async lastBeat(worker: OtpostProcess): Promise<number | undefined> {
    const [row] = await this.database.query<{ heartbeat_at: Date }>(
      'SELECT heartbeat_at FROM workers WHERE name = $1',
      [nameOf(worker)],
    );
    return row?.heartbeat_at.getTime();
  }

  /** Resolves when it was heard of so many times anew. */
  async beats(worker: OtpostProcess, times: number): Promise<void> {
    const heard = new Set([await this.lastBeat(worker)]);
    await eventually(
      async () => heard.add(await this.lastBeat(worker)).size > times,
      `heartbeats of ${nameOf(worker)}`,
    );
  }

  async signedOff(worker: OtpostProcess): Promise<boolean> {
    return (await this.lastBeat(worker)) === undefined;
  }

  async pause(queueName: string): Promise<void> {
    const [deployment] = await this.database.query<{ id: string }>('SELECT id FROM deployment');
    const prefix = `otpost-${deployment!.id}`;
    if (this.redisUrl) {
      const connection = new Redis(this.redisUrl);
      const queue = new Queue(queueName, { connection, prefix });
      await queue.pause();
      await queue.close();
      connection.disconnect();
      return;
    }
    const pool = new pg.Pool({
      connectionString: withSessionOptions(this.database.url, { search_path: 'bullmq' }),
      max: 1,
    });
    const queue = new Queue(queueName, { connection: pool, prefix }, createPostgresBackend);
    await queue.pause();
    await queue.close();
    await pool.end();
  }

  async stop(): Promise<void> {
    this.release();
    await Promise.all([...this.processes.map((one) => one.stop('SIGKILL')), ...this.services.map((one) => one.stop())]);
    await this.sink.stop();
    await this.database.drop();
  }
}

const nameOf = (worker: OtpostProcess): string => `${hostname()}:${worker.child.pid}`;
const canaryQueueOf = (worker: OtpostProcess): string => `canary-${hostname()}-${worker.child.pid}`;
const linesWith = (one: { output: readonly string[] }, text: string): string[] =>
  one.output.filter((line) => line.includes(text));
const said = (one: { output: readonly string[] }, text: string, times = 1): Promise<unknown> =>
  eventually(() => linesWith(one, text).length >= times, `"${text}" in the log`);

async function registerMany(api: Api): Promise<void> {
  for (let n = 0; n < BACKLOG; n++) await api.register(`ada${n}@example.com`);
}

async function tell(
  options: DeploymentOptions[],
  story: (...deployments: Deployment[]) => Promise<void>,
): Promise<void> {
  const deployments = await Promise.all(options.map((one) => Deployment.start(one)));
  try {
    await story(...deployments);
  } finally {
    await Promise.all(deployments.map((one) => one.stop()));
  }
}

/** One web process without a worker, and beside it one that may not stand in. */
async function webAlone(deployment: Deployment, other: Deployment): Promise<void> {
  const off = await other.run('web', { OUTBOX_RESCUE: 'off' });
  const web = await deployment.run('web');
  const waiting = await off.api.register('ada@example.com');
  await web.api.register('ada@example.com');
  // It has looked for workers and due mail meanwhile, and waits.
  await eventually(async () => {
    const { body } = await web.api.get<{ oldestDueSeconds: number }>('/health/mail');
    return body.oldestDueSeconds > 2;
  }, 'the mail to have waited');
  expect([linesWith(web, 'NO WORKER IS ALIVE'), deployment.sink.received]).toEqual([[], []]);
  letPass(31);
  await said(web, 'NO WORKER IS ALIVE');
  await deployment.sink.waitForMailTo('ada@example.com');
  await said(web, 'message handed over');
  const told = web.output.map((line) => /NO WORKER IS ALIVE|message handed over/.exec(line)?.[0]).filter(Boolean);
  expect(told).toEqual(['NO WORKER IS ALIVE', 'message handed over']);
  expect(JSON.parse(linesWith(web, 'NO WORKER IS ALIVE')[0]!)).toMatchObject({ level: 'error', lanes: ['critical'] });

  // Once it is on duty nobody waits for another half minute,
  await web.api.register('grace@example.com');
  await deployment.sink.waitForMailTo('grace@example.com');

  // where it is off mail waits for a worker all the while,
  const { body } = await off.api.get<{ status: string }>(`/v1/otp/${waiting.challenge.id}/delivery`);
  expect([body.status, other.sink.received]).toEqual(['queued', []]);
  await other.run('worker');
  await other.sink.waitForMailTo('ada@example.com');

  // and it leaves the work to the first worker that is alive.
  const worker = await deployment.run('worker');
  await said(web, 'a worker is alive again');
  await web.api.register('katherine@example.com');
  await deployment.sink.waitForMailTo('katherine@example.com');
  await said(worker, 'message handed over');
  expect(linesWith(web, 'message handed over')).toHaveLength(2);
  expect(deployment.sink.received).toHaveLength(3);
}

async function noneOpen(deployment: Deployment): Promise<void> {
  const web = await deployment.run('web', { MAIL_TRANSPORTS: 'smtp://127.0.0.1:1' });
  await Promise.all(['ada', 'grace', 'katherine'].map((name) => web.api.register(`${name}@example.com`)));
  const attempts = async (): Promise<number> =>
    (await deployment.database.query(`SELECT FROM email_events WHERE status = 'sending'`)).length;
  letPass(31);
  await said(web, 'CANNOT SEND EITHER');
  // It tried one message, and left the others alone.
  expect(await attempts()).toBe(1);
  // What it felt it kept to itself: a worker elsewhere finds the transport open.
  expect(await deployment.database.query('SELECT failures, paused_at, backoff_until FROM transport_states')).toEqual([
    { failures: 0, paused_at: null, backoff_until: null },
  ]);
  await eventually(async () => {
    const { body } = await web.api.get<{ transports: { unreachableFrom: { host: string }[] }[] }>('/health/mail');
    return body.transports[0]!.unreachableFrom.some(({ host }) => host === hostname());
  }, 'the report to say that this host cannot reach it');
  // A minute later it tries one again, and none in between.
  letPass(61);
  await said(web, 'CANNOT SEND EITHER', 2);
  expect(await attempts()).toBe(2);
}

/** One of two workers gets stuck. The other has a paused lane and a slow sink, and nobody takes it for dead. */
async function severalWorkers(deployment: Deployment, web: { output: readonly string[] }, api: Api): Promise<void> {
  const [healthy, stuck] = await Promise.all([
    deployment.spawn('worker', { WORKER_LANES: 'critical' }),
    deployment.spawn('worker', { WORKER_LANES: 'default' }),
  ]);
  await Promise.all([healthy, stuck].map((worker) => deployment.beats(worker, 1)));
  await registerMany(api);
  await deployment.pause('mail-critical');

  await deployment.pause(canaryQueueOf(stuck));
  expect(await stuck.exit()).toBe(1);
  await deployment.beats(healthy, 2);
  expect(linesWith(stuck, 'gets nothing from it')).toHaveLength(1);
  expect(await deployment.signedOff(stuck)).toBe(true);
  expect(healthy.child.exitCode).toBeNull();
  expect(linesWith(web, 'NO WORKER IS ALIVE')).toEqual([]);
}

async function severalOnPostgres(deployment: Deployment): Promise<void> {
  const web = await deployment.spawn('web');
  await severalWorkers(deployment, web, await web.api());
}

async function severalOnRedis(deployment: Deployment): Promise<void> {
  const web = await deployment.run('web');
  await severalWorkers(deployment, web, web.api);
}

/** All slots wait for a slow sink while Redis is killed, stays away, and comes back empty. */
async function deadBroker(deployment: Deployment, redis: RedisServer): Promise<void> {
  const [web, worker] = await Promise.all([
    deployment.run('web'),
    deployment.spawn('worker', { WORKER_LANES: 'critical' }),
  ]);
  await deployment.beats(worker, 1);
  await registerMany(web.api);

  await redis.kill();
  await said(worker, 'Redis cannot be used at');
  await deployment.beats(worker, 2); // of drains, 5 s apart
  await redis.start();
  await said(worker, 'Redis is back at');
  // The broker carries the canaries again, so that a worker that gets stuck now is found out.
  await deployment.beats(worker, MISSED_UNTIL_STUCK + 1);
  expect(worker.child.exitCode).toBeNull();
  expect(linesWith(web, 'NO WORKER IS ALIVE')).toEqual([]);

  expect(deployment.sink.received).toEqual([]);
  deployment.release();
  await eventually(() => deployment.sink.received.length >= BACKLOG, 'the backlog to be delivered');
  const recipients = deployment.sink.received.map(({ to }) => to[0]);
  expect(new Set(recipients).size).toBe(BACKLOG);
  expect(recipients).toHaveLength(BACKLOG);
}

/** Jest runs side by side what stands in one block. */
const itWithRedis = concurrentWhere(HAS_REDIS);
const itWithRedisServer = concurrentWhere(HAS_REDIS_SERVER);

describe('the worker may be missing:', () => {
  afterAll(() => backToNow());

  it('a web process delivers due mail after 30 s, says so, and stands back for a worker; with OUTBOX_RESCUE=off mail waits for one', () =>
    tell([{}, {}], (deployment, other) => webAlone(deployment, other)));
  it('a web process that cannot send either tries one message a minute and leaves the others alone', () =>
    tell([{}], (deployment) => noneOpen(deployment)));
});

describe('a worker may get stuck, or its broker die:', () => {
  itWithRedisServer(
    'with Redis dead no worker ends or is taken for dead, though all its deliveries are slow',
    async () => {
      const redis = await RedisServer.start();
      try {
        await tell([{ redisUrl: redis.url, held: true }], (deployment) => deadBroker(deployment, redis));
      } finally {
        await redis.kill();
      }
    },
  );
  const STUCK = 'a stuck worker ends; one with a paused lane and a slow sink is not taken for dead';
  it.concurrent(`${STUCK} (BullMQ on Postgres)`, () =>
    tell([{ held: true }], (deployment) => severalOnPostgres(deployment)));
  itWithRedis(`${STUCK} (BullMQ on Redis)`, () =>
    tell([{ redisUrl: REDIS_URL, held: true }], (deployment) => severalOnRedis(deployment)),
  );
});
