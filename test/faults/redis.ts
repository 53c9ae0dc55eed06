import { Redis } from 'ioredis';
import { FaultDeployment } from '../support/faults/fault-deployment.js';
import { inTime, seconds, sized, WITHIN_MS } from '../support/faults/fault-form.js';
import type { FaultPostgres } from '../support/faults/fault-postgres.js';
import type { SinkFault, SinkMoment } from '../support/faults/fault-sink.js';
import { HAS_REDIS_SERVER, RedisServer } from '../support/redis/redis-server.js';
import { inTurn, type Story } from '../support/signals/side-by-side.js';
import { concurrentWhere } from '../support/signals/where.js';

/** Seconds for which Redis is away, full or hung. */
const OUTAGE_S = sized(1, 20);
/** Messages that are under way when it happens, and as many again meanwhile. */
const MANY = sized(50, 3_000);

const slow = (moment: SinkMoment): SinkFault | undefined =>
  moment === 'RCPT' ? { afterMs: 25, then: 'answer' } : undefined;

export function failingRedis(postgres: () => FaultPostgres): Story[] {
  let deployment: FaultDeployment;
  let redis: RedisServer;
  let client: Redis;

  const story = inTurn(
    'Redis that fails',
    async () => {
      redis = await RedisServer.start();
      client = new Redis(redis.url, { retryStrategy: () => 100 });
      client.on('error', () => undefined); // it is killed under it
      deployment = await FaultDeployment.start(postgres(), { redisUrl: redis.url });
      deployment.sink.rewrite(deployment.door, slow);
      await deployment.spawn('worker');
    },
    {
      test: concurrentWhere(HAS_REDIS_SERVER),
      withinMs: WITHIN_MS,
    },
  );
  afterAll(async () => {
    await deployment?.stop();
    client?.disconnect();
    await redis?.kill();
  });

  /** Sends many, and does it to Redis while they are being delivered. */
  async function inMidDrain(prefix: string, fault: () => Promise<unknown>): Promise<string[]> {
    const before = deployment.sink.taken;
    const sending = deployment.client.send({ to: [deployment.web], prefix, until: MANY, codes: true });
    await inTime(() => deployment.sink.taken > before + 20, 'the drain to be under way');
    await fault();
    return sending;
  }

  /** Accepted while Redis is away, and delivered by the timer. How fast is a figure to read. */
  async function worksWithout(prefix: string): Promise<string[]> {
    const sent = await deployment.client.send({ to: [deployment.web], prefix, until: MANY, codes: true, pauseMs: 5 });
    const p95 = deployment.client.p95(sent);
    console.log(`${prefix}: accepted within ${Math.round(p95)} ms (p95)`);
    expect(sent.filter((to) => !deployment.client.accepted.has(to))).toEqual([]);
    await deployment.settled(sent);
    return sent;
  }

  /** Jobs of the lane that a worker has finished, as BullMQ's stream of events has them. */
  async function wakes(): Promise<number> {
    const [stream] = await client.keys('*:mail-critical:events');
    if (stream === undefined) return 0;
    const entries = await client.xrange(stream, '-', '+');
    return entries.filter(([, fields]) => fields.includes('completed')).length;
  }

  /** Lone messages, until a job brings a worker to one: the timer alone asks nothing of the broker. */
  async function wakesAgain(prefix: string): Promise<string[]> {
    const sent: string[] = [];
    await inTime(async () => {
      const before = await wakes();
      const [to] = await deployment.client.send({ to: [deployment.web], prefix, until: 1, lane: 'critical' });
      sent.push(to!);
      await inTime(() => deployment.sink.copiesOf(to!) > 0, 'the message to arrive');
      return (await wakes()) > before;
    }, 'BullMQ to wake the worker again');
    return sent;
  }

  const refuses = async (): Promise<boolean> => {
    try {
      await client.set('fault:full', 'x'.repeat(100));
      return false;
    } catch (error) {
      return (error as Error).message.startsWith('OOM');
    }
  };

  return [
    story('by stopping in mid-drain and coming back empty costs nothing', async () => {
      const startedAt = performance.now();
      const sent = await inMidDrain('stopped', async () => {
        await redis.kill();
      });
      const goneAt = performance.now();
      sent.push(...(await worksWithout('while-stopped')));
      await seconds(Math.max(0, OUTAGE_S - (performance.now() - goneAt) / 1_000));
      await redis.start();
      sent.push(...(await wakesAgain('back')));
      await deployment.settled(sent);
      await deployment.account(`Redis down ${OUTAGE_S} s in mid-drain, back empty`, sent, startedAt);
    }),

    story('by forgetting everything in mid-drain costs nothing', async () => {
      const startedAt = performance.now();
      const sent = await inMidDrain('flushed', () => client.flushall());
      sent.push(...(await wakesAgain('after-flush')));
      await deployment.settled(sent);
      await deployment.account('Redis FLUSHALL in mid-drain', sent, startedAt);
    }),

    story('by being full under noeviction slows nothing down but the wake', async () => {
      const startedAt = performance.now();
      expect(await client.config('GET', 'maxmemory-policy')).toEqual(['maxmemory-policy', 'noeviction']);
      const sent = await inMidDrain('filled', async () => {
        await client.config('SET', 'maxmemory', '1mb');
        await inTime(refuses, 'Redis to refuse writes');
      });
      expect(await client.ping()).toBe('PONG');
      sent.push(...(await worksWithout('while-full')));
      await seconds(OUTAGE_S / 2);
      await client.config('SET', 'maxmemory', '0');
      sent.push(...(await wakesAgain('not-full')));
      await deployment.settled(sent);
      await deployment.account('Redis full under noeviction, in mid-drain', sent, startedAt);
    }),

    story('by hanging slows nothing down but the wake', async () => {
      const startedAt = performance.now();
      const pid = Number(/process_id:(\d+)/.exec(await client.info('server'))![1]);
      try {
        const sent = await inMidDrain('hung', async () => process.kill(pid, 'SIGSTOP'));
        const hungAt = performance.now();
        sent.push(...(await worksWithout('while-hung')));
        await seconds(Math.max(0, OUTAGE_S - (performance.now() - hungAt) / 1_000));
        process.kill(pid, 'SIGCONT');
        sent.push(...(await wakesAgain('not-hung')));
        await deployment.settled(sent);
        await deployment.account(`Redis hung (SIGSTOP) ${OUTAGE_S} s in mid-drain`, sent, startedAt);
      } finally {
        process.kill(pid, 'SIGCONT');
      }
    }),
  ];
}
