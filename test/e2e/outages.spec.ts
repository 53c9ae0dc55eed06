import type { Api } from '../support/api.js';
import { OtpostProcess } from '../support/otpost-process.js';
import { TEST_SECRET } from '../support/otpost.js';
import { createDatabase, onServer, type TestDatabase } from '../support/postgres.js';
import { describeWithRedisServer, RedisServer } from '../support/redis-server.js';
import { codeFromInbox, verify } from '../support/story.js';
import { alone } from '../support/side-by-side.js';
import { eventually } from '../support/wait.js';

/** Run at the end, also of stories that did not come to theirs. */
const undone: (() => Promise<unknown>)[] = [];

/** A process with a database of its own. */
class Service {
  private constructor(
    readonly database: TestDatabase,
    readonly running: OtpostProcess,
  ) {}

    static start(more: Record<string, string> = {}): Promise<Service> {
    return alone(async () => {
      const database = await createDatabase();
      const running = new OtpostProcess({ DATABASE_URL: database.url, APP_SECRET: TEST_SECRET, APP_URL: 'http://localhost:3000', PORT: '0', ...more });
      undone.push(async () => {
        await running.stop('SIGKILL');
        await database.drop();
      });
      await running.ready();
      return new Service(database, running);
    });
  }
}

async function startRedis(): Promise<RedisServer> {
  const redis = await RedisServer.start();
  undone.push(() => redis.kill());
  return redis;
}

const brokerIs = (api: Api, status: string) =>
  eventually(async () => {
    const { status: code, body } = await api.get<{ details: { broker: { status: string } } }>('/health');
    return code === 200 && body.details.broker.status === status;
  }, `the broker to be ${status}`);

async function story(api: Api, email: string): Promise<void> {
  const issued = await api.register(email);
  await verify(api, issued, (await codeFromInbox(api, email, issued)).code);
}

async function killed(): Promise<void> {
  const redis = await startRedis();
  const api = await (await Service.start({ REDIS_URL: redis.url })).running.api();
  await story(api, 'up@example.com');
  await redis.kill();
  await story(api, 'down@example.com');
  await brokerIs(api, 'degraded');
  await redis.start();
  await brokerIs(api, 'up');
  await story(api, 'back@example.com');
}

async function neverThere(): Promise<void> {
  const redis = await startRedis();
  await redis.kill();
  const api = await (await Service.start({ REDIS_URL: redis.url })).running.api();
  await story(api, 'never-up@example.com');
  await redis.start();
  await brokerIs(api, 'up');
}

async function full(): Promise<void> {
  const redis = await startRedis();
  const { running } = await Service.start({ REDIS_URL: redis.url });
  const api = await running.api();
  await story(api, 'before-full@example.com');
  await redis.tell('CONFIG', 'SET', 'maxmemory', '1');
  expect(await redis.tell('PING')).toBe('PONG');
  await brokerIs(api, 'degraded');
  const statuses = new Set<string>();
  for (let n = 0; n < 3; n++) {
    await story(api, `full${n}@example.com`);
    const { body } = await api.get<{ details: { broker: { status: string; reason?: string } } }>('/health');
    statuses.add(`${body.details.broker.status} ${body.details.broker.reason}`);
  }
  expect([...statuses]).toEqual(['degraded it is full and refuses writes; give it more memory (OOM)']);
  expect(running.output.filter((line) => line.includes('Redis cannot be used at') && line.includes('it is full and refuses writes'))).toHaveLength(1);
  await redis.tell('CONFIG', 'SET', 'maxmemory', '0');
  await brokerIs(api, 'up');
  await story(api, 'after-full@example.com');
  expect(running.output.filter((line) => line.includes('Redis is back at'))).toHaveLength(1);
}

async function hung(): Promise<void> {
  const redis = await startRedis();
  const api = await (await Service.start({ REDIS_URL: redis.url })).running.api();
  await story(api, 'before-hung@example.com');
  redis.hang();
  for (let n = 0; n < 10; n++) {
    const issued = await api.register(`hung${n}@example.com`); // while Redis answers nobody
    if (n % 3 === 0) await verify(api, issued, (await codeFromInbox(api, `hung${n}@example.com`, issued)).code);
  }
  await brokerIs(api, 'degraded');
  redis.goOn();
  await brokerIs(api, 'up');
  await story(api, 'after-hung@example.com');
}

async function hungAtStart(): Promise<void> {
  const redis = await startRedis();
  redis.hang();
  const { running } = await Service.start({ REDIS_URL: redis.url });
  const api = await running.api();
  await story(api, 'hung-at-start@example.com');
  redis.goOn();
  await brokerIs(api, 'up');
}

async function stoppedWithout(ROLE: string): Promise<void> {
  const redis = await startRedis();
  const { running } = await Service.start({ REDIS_URL: redis.url, ROLE });
  await redis.kill();
  await eventually(() => running.text.includes('Redis cannot be used at'), 'the outage to be noticed');
  expect(await running.stop('SIGTERM')).toBe(0);
}

async function everyConnectionCut(): Promise<void> {
  const { running, database } = await Service.start();
  const api = await running.api();
  const name = new URL(database.url).pathname.slice(1);
  const answers = new Map<number, number>();
  let number = 0;
  let loading = true;
  const load = async (): Promise<void> => {
    while (loading) {
      const { status } = await api.post('/v1/accounts', { email: `load${++number}@example.com` });
      answers.set(status, (answers.get(status) ?? 0) + 1);
    }
  };
  await alone(async () => {
    const loaders = Promise.all(Array.from({ length: 30 }, load));
    for (let cut = 1; cut <= 5; cut++) {
      const enough = number + 60;
      await eventually(() => number >= enough, 'some load');
      await onServer(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}' AND pid <> pg_backend_pid()`,
      );
    }
    const enough = number + 60;
    await eventually(() => number >= enough, 'some load afterwards');
    loading = false;
    await loaders;
  }).finally(() => (loading = false));
  console.log(`answers: ${[...answers].map(([status, count]) => `${count} × ${status}`).join(', ')}`);
  expect([...answers.keys()].filter((status) => status !== 202 && status !== 503)).toEqual([]);
  const [rows] = await database.query<{ count: string }>(`SELECT count(*) FROM otp_challenges WHERE destination LIKE 'load%'`);
  expect(Number(rows!.count)).toBeGreaterThanOrEqual(answers.get(202)!);
  await story(api, 'after@example.com');
  expect(await running.stop('SIGTERM')).toBe(0);
}

const itWithRedisServer = describeWithRedisServer === describe ? it.concurrent : it.concurrent.skip;

/** Side by side, for most of their time they wait for timers. */
describe('an outage', () => {
  afterAll(() => Promise.all(undone.map((undo) => undo())));

  itWithRedisServer('of Redis that hangs keeps no request waiting; codes arrive by the timer, and it is used again when it goes on', hung);
  itWithRedisServer('of Redis that is full but answers PING counts as an outage until it takes writes again; codes arrive all the same', full);
  itWithRedisServer('of Redis delays nothing but the wake: codes arrive while it is down, and it is used again when it is back', killed);
  itWithRedisServer.each(['all', 'worker', 'web'])('of Redis keeps ROLE=%s from stopping no longer than with it', stoppedWithout);
  itWithRedisServer('of Redis that hangs at the start keeps nobody from starting', hungAtStart);
  itWithRedisServer('of Redis at the start keeps nobody from starting', neverThere);
  it.concurrent('of every connection to Postgres at once, under load, is answered and survived', everyConnectionCut);
});
