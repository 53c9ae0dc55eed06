import { hostname } from 'node:os';
import { createPostgresBackend, Queue } from 'bullmq';
import { Redis } from 'ioredis';
import pg from 'pg';
import type { Api } from '../support/api.js';
import { FaultPostgres } from '../support/fault-postgres.js';
import { OtpostProcess } from '../support/otpost-process.js';
import { TEST_SECRET } from '../support/otpost.js';
import { describeWithRedis, REDIS_URL } from '../support/redis.js';
import { describeWithRedisServer, RedisServer } from '../support/redis-server.js';
import { SmtpSink } from '../support/smtp-sink.js';
import { twoAtATime } from '../support/side-by-side.js';
import { eventually } from '../support/wait.js';

/** Milliseconds the slow sink takes for one message. */
const SLOW_MS = 12_000;
/** Twice what a worker delivers side by side: all its slots are taken for as long as a test looks. */
const BACKLOG = 16;

interface DeploymentOptions {
  redisUrl?: string | undefined;
  sinkDelayMs?: number;
}

/** The gate's own has not room for so many processes beside what else it serves. */
let postgres: FaultPostgres;

/** A deployment of its own: a database, a sink, processes. */
class Deployment {
  readonly processes: OtpostProcess[] = [];
  private readonly pool: pg.Pool;

  private constructor(
    private readonly databaseUrl: string,
    readonly sink: SmtpSink,
    private readonly redisUrl: string | undefined,
  ) {
    this.pool = new pg.Pool({ connectionString: databaseUrl, max: 2 });
    this.pool.on('error', () => undefined); // at the end Postgres may go first
  }

  static async start({ redisUrl, sinkDelayMs = 0 }: DeploymentOptions): Promise<Deployment> {
    const sink = await SmtpSink.start({ onMailFrom: (_address, _session, done) => void setTimeout(done, sinkDelayMs) });
    return new Deployment(await postgres.createDatabase(), sink, redisUrl);
  }

  async query<Row extends pg.QueryResultRow>(sql: string, parameters: unknown[] = []): Promise<Row[]> {
    return (await this.pool.query<Row>(sql, parameters)).rows;
  }

  /** Resolves when it is ready. */
  spawn(role: string, more: Record<string, string> = {}): Promise<OtpostProcess> {
    return twoAtATime(async () => {
      const spawned = new OtpostProcess({
        DATABASE_URL: this.databaseUrl,
        APP_SECRET: TEST_SECRET,
        MAIL_TRANSPORTS: this.sink.url,
        PORT: '0',
        ROLE: role,
        ...(this.redisUrl ? { REDIS_URL: this.redisUrl } : {}),
        ...more,
      });
      this.processes.push(spawned);
      await spawned.ready();
      return spawned;
    });
  }

  /** Seconds since the worker was last heard of; undefined while it is not known. */
  async silenceOf(worker: OtpostProcess): Promise<number | undefined> {
    const [row] = await this.query<{ seconds: number }>(
      'SELECT extract(epoch FROM now() - heartbeat_at)::float8 AS seconds FROM workers WHERE name = $1',
      [nameOf(worker)],
    );
    return row?.seconds;
  }

  async alive(worker: OtpostProcess): Promise<void> {
    await eventually(async () => ((await this.silenceOf(worker)) ?? 99) < 15, `a heartbeat of ${nameOf(worker)}`);
  }

  /** How often it was heard of anew until that is over. */
  async heartbeats(worker: OtpostProcess, until: Promise<unknown>): Promise<number> {
    let over = false;
    void until.finally(() => (over = true));
    const heard = new Set<number>();
    while (!over) {
      const [row] = await this.query<{ heartbeat_at: Date }>('SELECT heartbeat_at FROM workers WHERE name = $1', [nameOf(worker)]);
      if (row) heard.add(row.heartbeat_at.getTime());
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    return heard.size - 1; // the first was there before
  }

  async pause(queueName: string): Promise<void> {
    const [deployment] = await this.query<{ id: string }>('SELECT id FROM deployment');
    const prefix = `otpost-${deployment!.id}`;
    if (this.redisUrl) {
      const connection = new Redis(this.redisUrl);
      const queue = new Queue(queueName, { connection, prefix });
      await queue.pause();
      await queue.close();
      connection.disconnect();
      return;
    }
    const pool = new pg.Pool({ connectionString: `${this.databaseUrl}?options=-csearch_path%3Dbullmq`, max: 1 });
    const queue = new Queue(queueName, { connection: pool, prefix }, createPostgresBackend);
    await queue.pause();
    await queue.close();
    await pool.end();
  }

  async stop(): Promise<void> {
    await Promise.all(this.processes.map((one) => one.stop('SIGKILL')));
    await this.sink.stop();
    await this.pool.end();
  }
}

const nameOf = (worker: OtpostProcess): string => `${hostname()}:${worker.child.pid}`;
const canaryQueueOf = (worker: OtpostProcess): string => `canary-${hostname()}-${worker.child.pid}`;
const lineWith = (one: OtpostProcess, text: string): string | undefined => one.output.find((line) => line.includes(text));
const seconds = (n: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, n * 1_000));
async function registerMany(api: Api): Promise<void> {
  for (let n = 0; n < BACKLOG; n++) await api.register(`ada${n}@example.com`);
}

/** Real thresholds take half a minute: the stories are told side by side. */
async function tell(story: (deployment: Deployment) => Promise<void>, options: DeploymentOptions = {}): Promise<void> {
  const deployment = await Deployment.start(options);
  try {
    await story(deployment);
  } finally {
    await deployment.stop();
  }
}


async function webAlone(deployment: Deployment): Promise<void> {
  const web = await deployment.spawn('web');
  const api = await web.api();
  await api.register('ada@example.com');
  await eventually(() => lineWith(web, 'NO WORKER IS ALIVE'), 'the report');
  await deployment.sink.waitForMailTo('ada@example.com');
  await eventually(() => lineWith(web, 'message handed over'), 'the delivery of the web process');
  const told = web.output.map((line) => /NO WORKER IS ALIVE|message handed over/.exec(line)?.[0]).filter(Boolean);
  expect(told).toEqual(['NO WORKER IS ALIVE', 'message handed over']);
  expect(JSON.parse(lineWith(web, 'NO WORKER IS ALIVE')!)).toMatchObject({ level: 'error', lanes: ['critical'] });

  // Once it is on duty nobody waits for another half minute,
  await api.register('grace@example.com');
  await deployment.sink.waitForMailTo('grace@example.com');

  // and it leaves the work to the first worker that is alive.
  const worker = await deployment.spawn('worker');
  await eventually(() => lineWith(web, 'a worker is alive again'), 'the web process to stand back');
  await api.register('katherine@example.com');
  await deployment.sink.waitForMailTo('katherine@example.com');
  await eventually(() => lineWith(worker, 'message handed over'), 'the delivery of the worker');
  expect(web.output.filter((line) => line.includes('message handed over'))).toHaveLength(2);
  expect(deployment.sink.received).toHaveLength(3);
}

async function rescueOff(deployment: Deployment): Promise<void> {
  const web = await deployment.spawn('web', { OUTBOX_RESCUE: 'off' });
  const issued = await (await web.api()).register('ada@example.com');
  await seconds(36);
  const delivery = await (await web.api()).get<{ status: string }>(`/v1/otp/${issued.challenge.id}/delivery`);
  expect(delivery.body.status).toBe('queued');
  expect(deployment.sink.received).toEqual([]);
  await deployment.spawn('worker');
  await deployment.sink.waitForMailTo('ada@example.com');
}

async function noWayOut(deployment: Deployment): Promise<void> {
  const web = await deployment.spawn('web', { MAIL_TRANSPORTS: 'smtp://127.0.0.1:1' });
  const api = await web.api();
  await Promise.all(['ada', 'grace', 'katherine'].map((name) => api.register(`${name}@example.com`)));
  await eventually(() => lineWith(web, 'CANNOT SEND EITHER'), 'the web process to give up for now');
  // It tried one message, and left the others alone.
  await seconds(5);
  const [attempts] = await deployment.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM email_events WHERE status = 'sending'`,
  );
  expect(attempts!.count).toBe(1);
  // What it felt it kept to itself: a worker elsewhere finds the transport open.
  expect(await deployment.query('SELECT failures, paused_at, backoff_until FROM transport_states')).toEqual([
    { failures: 0, paused_at: null, backoff_until: null },
  ]);
  const { body } = await api.get<{ transports: { unreachableFrom: { host: string }[] }[] }>('/health/mail');
  expect(body.transports[0]!.unreachableFrom).toMatchObject([{ host: hostname() }]);
}

/** One of two workers gets stuck. The other has a paused lane and a slow sink, and nobody takes it for dead. */
async function severalWorkers(deployment: Deployment): Promise<void> {
  const [web, healthy, stuck] = await Promise.all([
    deployment.spawn('web'),
    deployment.spawn('worker', { WORKER_LANES: 'critical' }),
    deployment.spawn('worker', { WORKER_LANES: 'default' }),
  ]);
  await Promise.all([deployment.alive(healthy), deployment.alive(stuck)]);
  await registerMany(await web.api());
  await deployment.pause('mail-critical');

  await deployment.pause(canaryQueueOf(stuck));
  const exit = stuck.exit();
  const heard = await deployment.heartbeats(healthy, exit);
  expect(await exit).toBe(1);
  expect(heard).toBeGreaterThan(1);
  expect(lineWith(stuck, 'gets nothing from it')).toBeDefined();
  expect(await deployment.silenceOf(stuck)).toBeUndefined();
  expect(healthy.child.exitCode).toBeNull();
  expect(lineWith(web, 'NO WORKER IS ALIVE')).toBeUndefined();
}

/** All slots wait for a slow sink while Redis is killed, stays away, and comes back empty. */
async function deadBroker(deployment: Deployment, redis: RedisServer): Promise<void> {
  const [web, worker] = await Promise.all([deployment.spawn('web'), deployment.spawn('worker', { WORKER_LANES: 'critical' })]);
  await deployment.alive(worker);
  const api = await web.api();
  await registerMany(api);

  await redis.kill();
  const dead = seconds(24);
  const heard = await deployment.heartbeats(worker, dead);
  await dead;
  expect(heard).toBeGreaterThan(1);
  await redis.start();
  await seconds(20); // three canaries and some
  expect(worker.child.exitCode).toBeNull();
  expect(lineWith(web, 'NO WORKER IS ALIVE')).toBeUndefined();

  // The broker carries the canaries again, so that a worker that gets stuck now is found out.
  await eventually(() => lineWith(worker, 'Redis is back at'), 'the broker to be back');
  await eventually(() => deployment.sink.received.length >= BACKLOG, 'the backlog to be delivered');
  const recipients = deployment.sink.received.map(({ to }) => to[0]);
  expect(new Set(recipients).size).toBe(BACKLOG);
  expect(recipients).toHaveLength(BACKLOG);
}

/** Jest runs side by side what stands in one block. */
const itWithRedis = describeWithRedis === describe ? it.concurrent : it.concurrent.skip;
const itWithRedisServer = describeWithRedisServer === describe ? it.concurrent : it.concurrent.skip;

describe('the worker may be missing:', () => {
  beforeAll(async () => {
    postgres = await FaultPostgres.start();
  });
  afterAll(() => postgres.remove());

  // Jest runs five at a time: the longest first, and the shortest makes room for the sixth.
  itWithRedisServer(
    'with Redis dead no worker ends or is taken for dead, though all its deliveries are slow',
    async () => {
      const redis = await RedisServer.start();
      try {
        await tell((deployment) => deadBroker(deployment, redis), { redisUrl: redis.url, sinkDelayMs: SLOW_MS });
      } finally {
        await redis.kill();
      }
    },
  );
  it.concurrent('a web process delivers due mail after 30 s, says so, and stands back for a worker', () => tell(webAlone));
  it.concurrent('mail waits for a worker with OUTBOX_RESCUE=off', () => tell(rescueOff));
  it.concurrent('a web process that cannot send either tries one message and leaves the others alone', () => tell(noWayOut));
  it.concurrent(
    'a stuck worker ends; one with a paused lane and a slow sink is not taken for dead (BullMQ on Postgres)',
    () => tell(severalWorkers, { sinkDelayMs: SLOW_MS }),
  );
  itWithRedis(
    'a stuck worker ends; one with a paused lane and a slow sink is not taken for dead (BullMQ on Redis)',
    () => tell(severalWorkers, { redisUrl: REDIS_URL, sinkDelayMs: SLOW_MS }),
  );
});
