import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { createLogger } from '../../../src/core/logger.js';
import { PrismaService } from '../../../src/database/prisma.service.js';
import { Broker } from '../../../src/queue/broker.js';
import { Canary, canaryQueueName, CanaryQueues, MISSED_UNTIL_STUCK } from '../../../src/queue/canary.js';
import { WorkerRegistry } from '../../../src/queue/worker-registry.js';
import { createDatabase, type TestDatabase } from '../../support/database/postgres.js';
import { describeWithRedis, REDIS_URL } from '../../support/redis/redis.js';
import { backToNow, letPass } from '../../support/signals/ahead.js';
import { HeldTimers } from '../../support/signals/held-timers.js';
import { eventually } from '../../support/signals/wait.js';

/** Milliseconds after which a broker counts as down: one that answers, and one that is not there. */
const PATIENCE_MS = 60_000;
const NONE_MS = 80;
const log = createLogger('silent', 'test');

interface WorkerRow {
  name: string;
  lanes: string[];
  started_at: Date;
  heartbeat_at: Date;
}

/** Counts what is written of workers. */
class CountingRegistry extends WorkerRegistry {
  beats = 0;
  written = 0;

  override async beat(...of: Parameters<WorkerRegistry['beat']>): Promise<void> {
    this.beats++;
    await super.beat(...of);
    this.written++;
  }
}

function canaryOn(redisUrl: string | undefined): void {
  let database: TestDatabase;
  let prisma: PrismaService;
  let registry: CountingRegistry;
  /** For the next canary: each flies when the test lets it. */
  let timeToFly: HeldTimers;
  let broker: Broker;
  let prefix: string;
  let number = 0;
  const canaries: Canary[] = [];
  const brokers: Broker[] = [];

  beforeAll(async () => {
    timeToFly = HeldTimers.hold();
    database = await createDatabase();
    prisma = new PrismaService({ url: database.url, poolSize: 4 });
    registry = new CountingRegistry(prisma);
    const [deployment] = await database.query<{ id: string }>('SELECT id FROM deployment');
    prefix = `otpost-${deployment!.id}`;
    broker = await Broker.open({ redisUrl, databaseUrl: database.url }, log);
    brokers.push(broker);
  });
  afterEach(() => Promise.all(canaries.splice(0).map((canary) => canary.onModuleDestroy())));
  afterAll(async () => {
    timeToFly.letGo();
    backToNow();
    for (const one of brokers) await one.close();
    await prisma.$disconnect();
    await database.drop();
  });

  function start(options: { name?: string; on?: Broker; answerWithin?: number } = {}): {
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
      timing: { every: timeToFly.ms, answerWithin: options.answerWithin ?? PATIENCE_MS },
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

  const allSent = () => eventually(() => timeToFly.count === canaries.length, 'all canaries to have been sent');

  /** The next canary of each, once the ones before have been sent. */
  async function nextCanary(): Promise<void> {
    await allSent();
    timeToFly.runOut();
  }

  /** None comes back any more, for as often as a worker may miss one. */
  async function untilStuck(name: string): Promise<void> {
    await withQueue(name, (queue) => queue.pause());
    for (let sent = 0; sent <= MISSED_UNTIL_STUCK; sent++) await nextCanary();
  }

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
    for (let n = 0; n < 2; n++) {
      await nextCanary();
      last = await aHeartbeat(name, last.heartbeat_at);
    }
    expect(last.started_at).toEqual(first.started_at);
    expect(stuck()).toBe(0);
    expect((await registry.silence()).get('bulk')).toBeGreaterThanOrEqual(0);
    expect((await registry.silence()).has('default')).toBe(false);
    expect(await registry.alive()).toHaveLength(1);
  });

  it('calls the worker stuck, once, when the broker answers and its canaries do not come back', async () => {
    const { name, stuck } = start();
    const { heartbeat_at } = await aHeartbeat(name);
    await untilStuck(name);
    expect(stuck()).toBe(1);
    expect((await row(name))!.heartbeat_at).toEqual(heartbeat_at);
    expect(timeToFly.count).toBe(0); // it sends no more, and so says it no more
  });

  it('is not held up by what a former life under the same name left, such as a paused queue', async () => {
    const name = 'host:again';
    await withQueue(name, (queue) => queue.pause());
    const { stuck } = start({ name });
    const first = await aHeartbeat(name);
    await nextCanary();
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
    const { heartbeat_at } = (await row(living.name))!;
    await nextCanary();
    await aHeartbeat(living.name, heartbeat_at);
    expect(await queues.removeOfDead(3_600_000)).toBe(0);
  });

  if (!redisUrl) return;

  it('lets finished drains speak while the broker is down, and never calls that stuck', async () => {
    const nowhere = await Broker.open({ redisUrl: 'redis://127.0.0.1:1', databaseUrl: database.url }, log);
    brokers.push(nowhere);
    const { canary, name, stuck } = start({ on: nowhere, answerWithin: NONE_MS });
    await eventually(() => !nowhere.state.up, 'the broker to count as down');
    canary.drained();
    const first = await aHeartbeat(name);
    const { beats } = registry;
    for (let sent = 0; sent <= MISSED_UNTIL_STUCK; sent++) await nextCanary();
    await allSent();
    canary.drained(); // one of those that come by the dozen
    expect(registry.beats).toBe(beats); // nothing but a drain tells, and it does when it is time
    letPass(timeToFly.ms / 1_000);
    canary.drained();
    await aHeartbeat(name, first.heartbeat_at);
    expect(stuck()).toBe(0);
  });

  it('asks drains no more once canaries fly', async () => {
    const { beats } = registry;
    const { canary, name } = start();
    await aHeartbeat(name);
    await eventually(() => registry.written === beats + 1, 'the heartbeat to be over');
    await allSent();
    letPass(timeToFly.ms / 1_000);
    canary.drained();
    expect(registry.beats).toBe(beats + 1); // that of the canary
  });
}

describe('the canary, BullMQ on Postgres', () => canaryOn(undefined));

describeWithRedis('the canary, BullMQ on Redis', () => canaryOn(REDIS_URL));
