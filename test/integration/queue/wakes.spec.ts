import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { type Lane, LANES, MAIL_LANES } from '../../../src/core/lanes.js';
import { createLogger } from '../../../src/core/logger.js';
import { Broker } from '../../../src/queue/broker.js';
import { MailQueue, queueName, UNLOOKED } from '../../../src/queue/mail-queue.js';
import { createDatabase, type TestDatabase } from '../../support/database/postgres.js';
import { describeWithRedis, REDIS_URL } from '../../support/redis/redis.js';
import { createApiKey } from '../../support/service/api-key.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';
import { eventually } from '../../support/signals/wait.js';

/** What `MailQueue` does with a broker of each kind; `onRedis` undefined: Postgres is the broker. */
function wakesOn(kind: string, onRedis: string | undefined): void {
  describe(`wakes on ${kind}`, () => {
    let database: TestDatabase;
    let broker: Broker;
    let queues: Record<Lane, Queue>;
    let mail: MailQueue;

    beforeAll(async () => {
      database = await createDatabase();
      broker = await Broker.open({ redisUrl: onRedis, databaseUrl: database.url }, createLogger('silent', 'test'));
      const prefix = `otpost-test-${process.pid}-${Date.now()}`;
      const queueOf = (lane: Lane) =>
        new Queue(queueName(lane), {
          connection: broker.producer,
          prefix,
          defaultJobOptions: { removeOnComplete: true, removeOnFail: true },
        });
      queues = {
        critical: queueOf('critical'),
        default: queueOf('default'),
        bulk: queueOf('bulk'),
        sms: queueOf('sms'),
      };
      mail = new MailQueue(broker, queues.critical, queues.default, queues.bulk, queues.sms);
    });
    afterAll(async () => {
      await mail.onApplicationShutdown();
      for (const queue of Object.values(queues)) {
        await queue.obliterate({ force: true });
        await queue.close();
      }
      await broker.close();
      await database.drop();
    });

    const waiting = () => Promise.all(LANES.map((lane) => queues[lane].getWaitingCount()));

    it('that nobody takes do not pile up', async () => {
      for (let n = 0; n < 50; n++) {
        for (const lane of LANES) mail.wake(lane);
        await mail.onApplicationShutdown(); // all of them were sent
      }
      expect(await waiting()).toEqual(LANES.map(() => UNLOOKED));
    });

    it('that come while a worker looks are followed by another look, each of them', async () => {
      let committed = 0;
      let seen = 0;
      let looking: (() => void) | undefined;
      const options = { connection: broker.consumer, prefix: queues.critical.opts.prefix ?? '', concurrency: 1 };
      const worker = new Worker(
        queueName('critical'),
        async () => {
          const found = committed;
          // The last empty claim of a drain: what is committed from here on it does not see.
          await new Promise<void>((resolve) => {
            looking = resolve;
            setTimeout(resolve, 20);
          });
          seen = Math.max(seen, found);
        },
        options,
      );
      try {
        for (let n = 1; n <= 100; n++) {
          committed = n;
          mail.wake('critical');
          if (n % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
          if (n % 7 === 0) looking?.();
          if (n % 10 === 0) await eventually(() => seen >= n, `the worker to see what was committed before wake ${n}`);
        }
        await eventually(() => seen === 100, 'the last one to be seen');
      } finally {
        await worker.close();
      }
    });
  });
}

wakesOn('Postgres', undefined);

describeWithRedis('with Redis', () => {
  wakesOn('Redis', REDIS_URL);

  it('a web process without a worker leaves a few jobs a lane for 500 messages', async () => {
    const connection = new Redis(REDIS_URL!);
    const otpost: Otpost = await startOtpost({
      ROLE: 'web',
      OUTBOX_RESCUE: 'off',
      ...(REDIS_URL ? { REDIS_URL } : {}),
    });
    try {
      const key = await createApiKey(otpost.database.url, ['emails:send']);
      const send = (lane: Lane) =>
        otpost.api.post(
          '/v1/emails',
          { to: 'ada@example.com', lane, subject: 'Hello', text: 'Hello' },
          { authorization: `Bearer ${key}` },
        );
      for (let n = 0; n < 500; n += 20) {
        const answers = await Promise.all(
          Array.from({ length: 20 }, (_, at) => send(MAIL_LANES[at % MAIL_LANES.length]!)),
        );
        expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 202));
      }
      const [deployment] = await otpost.database.query<{ id: string }>('SELECT id FROM deployment');
      const queues = MAIL_LANES.map(
        (lane) => new Queue(queueName(lane), { connection, prefix: `otpost-${deployment!.id}` }),
      );
      const left = await Promise.all(queues.map((queue) => queue.getWaitingCount()));
      expect(Math.min(...left)).toBeGreaterThan(0);
      expect(Math.max(...left)).toBeLessThanOrEqual(UNLOOKED);
      await Promise.all(queues.map((queue) => queue.obliterate({ force: true }).then(() => queue.close())));
    } finally {
      connection.disconnect();
      await otpost.stop();
    }
  });
});
