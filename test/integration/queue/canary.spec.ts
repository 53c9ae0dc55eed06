import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { createLogger } from '../../../src/core/logger.js';
import { PrismaService } from '../../../src/database/prisma.service.js';
import { Broker } from '../../../src/queue/broker.js';
import { Canary, canaryQueueName, CanaryQueues, type CanaryTiming } from '../../../src/queue/canary.js';
import { WorkerRegistry } from '../../../src/queue/worker-registry.js';
import { createDatabase, type TestDatabase } from '../../support/database/postgres.js';
import { describeWithRedis, REDIS_URL } from '../../support/redis/redis.js';
import { eventually } from '../../support/signals/wait.js';

/** Milliseconds. A canary has until the third one after it to come back: on a busy machine it takes a while. */
const PATIENT = { every: 2_000, answerWithin: 60_000 };
const HASTY = { every: 1_000, answerWithin: 60_000 };
const log = createLogger('silent', 'test');

interface WorkerRow {
  name: string;
  lanes: string[];
  started_at: Date;
  heartbeat_at: Date;
}

function canaryOn(redisUrl: string | undefined): void {
  let database: TestDatabase;
  let prisma: PrismaService;
  let registry: WorkerRegistry;
  let broker: Broker;
  let prefix: string;
  let number = 0;
  const canaries: Canary[] = [];
  const brokers: Broker[] = [];

  beforeAll(async () => {
    database = await createDatabase();
    prisma = new PrismaService({ url: database.url, poolSize: 4 });
    registry = new WorkerRegistry(prisma);
    const [deployment] = await database.query<{ id: string }>('SELECT id FROM deployment');
    prefix = `otpost-${deployment!.id}`;
    broker = await Broker.open({ redisUrl, databaseUrl: database.url }, log);
    brokers.push(broker);
  });
  afterEach(() => Promise.all(canaries.splice(0).map((canary) => canary.onModuleDestroy())));
  afterAll(async () => {
    for (const one of brokers) await one.close();
    await prisma.$disconnect();
    await database.drop();
  });

  function start(options: { name?: string; on?: Broker; timing?: CanaryTiming } = {}): {
    canary: Canary;
    name: string;
    stuck: () => number;
  } {
    const name = options.name ?? `host:${++number}`;
    let stuck = 0;
    const canary = new Canary(registry, options.on ?? broker, log, {
      name,
      lanes: ['critical', 'bulk'],
      prefix,
      onStuck: () => stuck++,
      timing: options.timing ?? PATIENT,
    });
    canaries.push(canary);
    canary.onApplicationBootstrap();
    return { canary, name, stuck: () => stuck };
  }

  const row = async (name: string): Promise<WorkerRow | undefined> =>
    (await database.query<WorkerRow>('SELECT * FROM workers WHERE name = $1', [name]))[0];

  const aHeartbeat = (name: string, after = new Date(0)): Promise<WorkerRow> =>
    eventually(async () => {
      const found = await row(name);
      return found && found.heartbeat_at > after ? found : undefined;
    }, `a heartbeat of ${name}`);

  async function withQueue<T>(name: string, work: (queue: Queue) => Promise<T>): Promise<T> {
    const queue = new Queue(canaryQueueName(name), { connection: broker.producer, prefix, skipMetasUpdate: true });
    try {
      return await work(queue);
    } finally {
      await queue.close();
    }
  }

  /** What the broker still knows of a canary queue. */
  async function traces(name: string): Promise<unknown[]> {
    if (!redisUrl) {
      const tables = await database.query<{ name: string }>(
        `SELECT table_name AS name FROM information_schema.columns WHERE table_schema = 'bullmq' AND column_name = 'queue'`,
      );
      const found = await Promise.all(
        tables.map((table) =>
          database.query(`SELECT * FROM bullmq."${table.name}" WHERE queue = $1`, [canaryQueueName(name)]),
        ),
      );
      return found.flat();
    }
    const redis = new Redis(redisUrl);
    const keys = await redis.keys(`${prefix}:${canaryQueueName(name)}:*`);
    redis.disconnect();
    return keys;
  }

  it('tells what the worker works, again and again', async () => {
    const { name, stuck } = start();
    const first = await aHeartbeat(name);
    expect(first.lanes).toEqual(['critical', 'bulk']);
    let last = first;
    for (let n = 0; n < 2; n++) last = await aHeartbeat(name, last.heartbeat_at);
    expect(last.started_at).toEqual(first.started_at);
    expect(stuck()).toBe(0);
    expect((await registry.silence()).get('bulk')).toBeGreaterThanOrEqual(0);
    expect((await registry.silence()).has('default')).toBe(false);
    expect(await registry.alive()).toHaveLength(1);
  });

  it('calls the worker stuck, once, when the broker answers and its canaries do not come back', async () => {
    const { name, stuck } = start({ timing: HASTY });
    await aHeartbeat(name);
    await withQueue(name, (queue) => queue.pause());
    await eventually(() => stuck() > 0, 'the worker to count as stuck');
    const { heartbeat_at } = (await row(name))!;
    await new Promise((resolve) => setTimeout(resolve, 3 * HASTY.every));
    expect(stuck()).toBe(1);
    expect((await row(name))!.heartbeat_at).toEqual(heartbeat_at);
  });

  it('is not held up by what a former life under the same name left, such as a paused queue', async () => {
    const name = 'host:again';
    await withQueue(name, (queue) => queue.pause());
    const { stuck } = start({ name });
    const first = await aHeartbeat(name);
    await aHeartbeat(name, first.heartbeat_at);
    expect(stuck()).toBe(0);
  });

  it('leaves neither its row nor its queue behind', async () => {
    const { canary, name } = start();
    await aHeartbeat(name);
    expect(await traces(name)).not.toEqual([]);
    canaries.pop();
    await canary.onModuleDestroy();
    expect(await row(name)).toBeUndefined();
    expect(await traces(name)).toEqual([]);
  });

  it('removes what dead workers left, and nothing of the living', async () => {
    const living = start();
    await aHeartbeat(living.name);
    await registry.beat('host:dead', ['bulk'], true);
    await withQueue('host:dead', (queue) => queue.add('canary', {}));
    await database.query(`UPDATE workers SET heartbeat_at = now() - interval '2 hours' WHERE name = 'host:dead'`);
    expect(await traces('host:dead')).not.toEqual([]);
    const queues = new CanaryQueues(registry, broker, prefix);
    expect(await queues.removeOfDead(3_600_000)).toBe(1);
    expect(await traces('host:dead')).toEqual([]);
    expect(await row('host:dead')).toBeUndefined();
    expect(await row(living.name)).toBeDefined();
    await aHeartbeat(living.name, (await row(living.name))!.heartbeat_at);
    expect(await queues.removeOfDead(3_600_000)).toBe(0);
  });

  if (!redisUrl) return;

  it('lets finished drains speak while the broker is down, and never calls that stuck', async () => {
    const nowhere = await Broker.open({ redisUrl: 'redis://127.0.0.1:1', databaseUrl: database.url }, log);
    brokers.push(nowhere);
    const { canary, name, stuck } = start({ on: nowhere, timing: { ...HASTY, answerWithin: 80 } });
    await eventually(() => !nowhere.state.up, 'the broker to count as down');
    canary.drained();
    const first = await aHeartbeat(name);
    await new Promise((resolve) => setTimeout(resolve, 2 * HASTY.every));
    expect((await row(name))!.heartbeat_at).toEqual(first.heartbeat_at); // nothing but a drain tells
    canary.drained();
    await aHeartbeat(name, first.heartbeat_at);
    expect(stuck()).toBe(0);
  });

  it('asks drains no more once canaries fly', async () => {
    const { canary, name, stuck } = start({ timing: HASTY });
    await aHeartbeat(name);
    await withQueue(name, (queue) => queue.pause());
    await eventually(() => stuck() > 0, 'the worker to count as stuck');
    const { heartbeat_at } = (await row(name))!;
    canary.drained();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect((await row(name))!.heartbeat_at).toEqual(heartbeat_at);
  });
}

describe('the canary, BullMQ on Postgres', () => canaryOn(undefined));

describeWithRedis('the canary, BullMQ on Redis', () => canaryOn(REDIS_URL));
