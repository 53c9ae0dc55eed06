import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { Broker } from '../../../src/queue/broker.js';
import { describeWithRedisServer, RedisServer } from '../../support/redis/redis-server.js';
import { startOtpost } from '../../support/service/otpost.js';
import { eventually } from '../../support/signals/wait.js';

interface Line {
  level: string;
  msg: string;
  maxmemoryPolicy?: string;
}

describeWithRedisServer('the broker on Redis', () => {
  let redis: RedisServer | undefined;
  let broker: Broker | undefined;
  let lines: Line[];

  afterEach(async () => {
    await broker?.close();
    await redis?.kill();
    broker = redis = undefined;
  });

  async function open(url: string): Promise<Broker> {
    lines = [];
    const kept = { write: (line: string) => void lines.push(JSON.parse(line) as Line) };
    const log = pino({ level: 'debug', formatters: { level: (label) => ({ level: label }) } }, kept);
    broker = await Broker.open({ redisUrl: url, databaseUrl: 'postgres://unused' }, log);
    return broker;
  }

  const warnings = () => lines.filter(({ level, msg }) => level === 'warn' && msg.includes('maxmemory-policy'));
  const policyOf = (one: Broker) => eventually(() => one.state.maxmemoryPolicy, 'the policy to be known');

  describe('and what it does when its memory is full:', () => {
    it('a policy that evicts is warned of, with what is at stake and what to do, and is no failure', async () => {
      redis = await RedisServer.start('--maxmemory-policy', 'allkeys-lru');
      const opened = await open(redis.url);
      expect(await policyOf(opened)).toBe('allkeys-lru');
      expect(opened).toMatchObject({ forgets: true, state: { up: true } });
      const [warning, ...more] = await eventually(() => warnings().length > 0 && warnings(), 'the warning');
      expect(more).toEqual([]);
      expect(warning).toMatchObject({ maxmemoryPolicy: 'allkeys-lru' });
      expect(warning!.msg).toMatch(/may throw wake-ups away.*mail then waits.*Set it to noeviction/);
      await opened.check();
      expect(warnings()).toHaveLength(1);
    });

    it('noeviction is as it should be', async () => {
      redis = await RedisServer.start('--maxmemory-policy', 'noeviction');
      const opened = await open(redis.url);
      expect(await policyOf(opened)).toBe('noeviction');
      expect(opened.forgets).toBe(false);
      expect(lines.filter(({ level }) => level !== 'debug')).toEqual([]);
    });

    it('a managed Redis that refuses CONFIG tells it by INFO', async () => {
      redis = await RedisServer.start('--maxmemory-policy', 'volatile-ttl', '--rename-command', 'CONFIG', '');
      const opened = await open(redis.url);
      expect(await policyOf(opened)).toBe('volatile-ttl');
      expect(warnings()).toHaveLength(1);
    });

    it('where it is told by neither, nothing is claimed', async () => {
      redis = await RedisServer.start();
      await redis.tell('ACL', 'SETUSER', 'managed', 'on', '>secret', '~*', '&*', '+@all', '-config', '-info');
      const opened = await open(redis.url.replace('redis://', 'redis://managed:secret@'));
      await eventually(
        () => lines.some(({ level, msg }) => level === 'info' && msg.includes('does not tell')),
        'the line that says so',
      );
      expect(opened).toMatchObject({ forgets: false, state: { up: true } });
      expect(opened.state).not.toHaveProperty('maxmemoryPolicy');
      expect(warnings()).toEqual([]);
    });

    it('health tells it, and is well all the same', async () => {
      redis = await RedisServer.start('--maxmemory-policy', 'allkeys-lru');
      const otpost = await startOtpost({ REDIS_URL: redis.url });
      try {
        const health = await eventually(async () => {
          const { status, body } = await otpost.api.get<{
            status: string;
            details: { broker: Record<string, string> };
          }>('/health');
          // A service that has just started on a busy machine may not be well yet, for other reasons.
          return status === 200 && body.details.broker['maxmemoryPolicy'] !== undefined && { status, body };
        }, 'the policy in a health that is well');
        expect(health).toMatchObject({
          status: 200,
          body: { status: 'ok', details: { broker: { status: 'up', maxmemoryPolicy: 'allkeys-lru' } } },
        });
        expect(health.body.details.broker['warning']).toMatch(/set maxmemory-policy to noeviction/);
      } finally {
        await otpost.stop();
      }
    });

    it('a Redis that hangs at the start delays nothing, and is asked when it goes on', async () => {
      redis = await RedisServer.start('--maxmemory-policy', 'allkeys-random');
      redis.hang();
      const opened = await open(redis.url);
      expect(warnings()).toEqual([]); // had it waited for an answer, it would have told of it
      redis.goOn();
      expect(await policyOf(opened)).toBe('allkeys-random');
    });
  });

  it('that is full is down, though it answers PING, until it takes a write again', async () => {
    redis = await RedisServer.start();
    const opened = await open(redis.url);
    await policyOf(opened);
    await redis.tell('CONFIG', 'SET', 'maxmemory', '1');
    const client = new Redis(redis.url);
    const queue = new Queue('any', { connection: client });
    try {
      await expect(queue.add('wake', {})).rejects.toThrow('OOM');
      expect(await client.ping()).toBe('PONG');
      for (let n = 0; n < 3; n++)
        expect(await opened.check()).toMatchObject({
          up: false,
          error: 'it is full and refuses writes; give it more memory (OOM)',
        });
      expect(
        lines.filter(
          ({ msg }) => msg.startsWith('Redis cannot be used') && msg.includes('it is full and refuses writes'),
        ),
      ).toHaveLength(1);
      await redis.tell('CONFIG', 'SET', 'maxmemory', '0');
      expect(await opened.check()).toMatchObject({ up: true });
      await queue.add('wake', {});
    } finally {
      await queue.close();
      client.disconnect();
    }
  });

  it('that hangs is down without an answer, and back when it goes on', async () => {
    redis = await RedisServer.start();
    const opened = await open(redis.url);
    await policyOf(opened);
    redis.hang();
    expect(await opened.check()).toMatchObject({ up: false });
    redis.goOn();
    await eventually(async () => (await opened.check()).up, 'the broker to be back');
  });
});
