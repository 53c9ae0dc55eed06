import { createDatabase, onServer, type TestDatabase } from '../support/database/postgres.js';
import { OtpostInProcess } from '../support/service/otpost-in-process.js';
import { HAS_REDIS_SERVER, RedisServer } from '../support/redis/redis-server.js';
import type { Api } from '../support/service/api.js';
import { OtpostProcess } from '../support/service/otpost-process.js';
import { TEST_SECRET } from '../support/service/otpost.js';
import { codeFromInbox, verify } from '../support/service/story.js';
import { twoAtATime } from '../support/signals/side-by-side.js';
import { eventually } from '../support/signals/wait.js';
import { concurrentWhere } from '../support/signals/where.js';

/** Tells a story with a Redis of its own, on a database of its own. */
async function withRedis(story: (redis: RedisServer, env: Record<string, string>) => Promise<void>): Promise<void> {
  const [redis, database] = await Promise.all([RedisServer.start(), createDatabase()]);
  try {
    await story(redis, { DATABASE_URL: database.url, REDIS_URL: redis.url });
  } finally {
    await redis.kill();
    await database.drop();
  }
}

/** A service that is stopped at the end of the story. */
async function running(env: Record<string, string>, story: (otpost: OtpostInProcess) => Promise<void>): Promise<void> {
  const otpost = await OtpostInProcess.start({ ROLE: 'all', ...env });
  try {
    await story(otpost);
  } finally {
    await otpost.stop();
  }
}

/** A real process. */
async function onItsOwn(env: Record<string, string>, story: (otpost: OtpostProcess) => Promise<void>): Promise<void> {
  const otpost = await twoAtATime(() =>
    OtpostProcess.start({ APP_SECRET: TEST_SECRET, PORT: '0', ROLE: 'all', ...env }),
  );
  try {
    await story(otpost);
  } finally {
    await otpost.stop('SIGKILL');
  }
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

const killed = (): Promise<void> =>
  withRedis((redis, env) =>
    running(env, async ({ api }) => {
      await story(api, 'up@example.com');
      await redis.kill();
      await story(api, 'down@example.com');
      await brokerIs(api, 'degraded');
      await redis.start();
      await brokerIs(api, 'up');
      await story(api, 'back@example.com');
    }),
  );

const neverThere = (): Promise<void> =>
  withRedis(async (redis, env) => {
    await redis.kill();
    await onItsOwn(env, async (otpost) => {
      const api = await otpost.api();
      await story(api, 'never-up@example.com');
      await redis.start();
      await brokerIs(api, 'up');
    });
  });

const full = (): Promise<void> =>
  withRedis((redis, env) =>
    running(env, async ({ api, output }) => {
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
      const told = (text: string) => output.filter((line) => line.includes(text));
      expect(
        told('Redis cannot be used at').filter((line) => line.includes('it is full and refuses writes')),
      ).toHaveLength(1);
      await redis.tell('CONFIG', 'SET', 'maxmemory', '0');
      await brokerIs(api, 'up');
      await story(api, 'after-full@example.com');
      // Since then: a busy machine may have kept an answer of Redis waiting before, which is told as well.
      const since = output.slice(output.findIndex((line) => line.includes('it is full and refuses writes')));
      expect(since.filter((line) => line.includes('Redis is back at'))).toHaveLength(1);
    }),
  );

const hung = (): Promise<void> =>
  withRedis((redis, env) =>
    running(env, async ({ api }) => {
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
    }),
  );

const hungAtStart = (): Promise<void> =>
  withRedis(async (redis, env) => {
    redis.hang();
    await onItsOwn(env, async (otpost) => {
      const api = await otpost.api();
      await story(api, 'hung-at-start@example.com');
      redis.goOn();
      await brokerIs(api, 'up');
    });
  });

/** What is left open would keep it. */
const endedWithout = (ROLE: string): Promise<void> =>
  withRedis((redis, env) =>
    onItsOwn({ ...env, ROLE }, async (otpost) => {
      await redis.kill();
      await eventually(() => otpost.text.includes('Redis cannot be used at'), 'the outage to be noticed');
      expect(await otpost.stop('SIGTERM')).toBe(0);
    }),
  );

async function cutUnderLoad({ api }: OtpostInProcess, database: TestDatabase): Promise<void> {
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
  const loaders = Promise.all(Array.from({ length: 20 }, load));
  try {
    for (let cut = 1; cut <= 5; cut++) {
      const enough = number + 20;
      await eventually(() => number >= enough, 'some load');
      await onServer(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}' AND pid <> pg_backend_pid()`,
      );
    }
    const enough = number + 20;
    await eventually(() => number >= enough, 'some load afterwards');
  } finally {
    loading = false;
  }
  await loaders;
  console.log(`answers: ${[...answers].map(([status, count]) => `${count} × ${status}`).join(', ')}`);
  expect([...answers.keys()].filter((status) => status !== 202 && status !== 503)).toEqual([]);
  const [rows] = await database.query<{ count: string }>(
    `SELECT count(*) FROM otp_challenges WHERE destination LIKE 'load%'`,
  );
  expect(Number(rows!.count)).toBeGreaterThanOrEqual(answers.get(202)!);
  await story(api, 'after@example.com');
}

const itWithRedisServer = concurrentWhere(HAS_REDIS_SERVER);

/** Side by side, for most of their time they wait for timers. */
describe('an outage of Redis', () => {
  itWithRedisServer(
    'that hangs keeps no request waiting; codes arrive by the timer, and it is used again when it goes on',
    hung,
  );
  itWithRedisServer(
    'that is full but answers PING counts as an outage until it takes writes again; codes arrive all the same',
    full,
  );
  itWithRedisServer(
    'delays nothing but the wake: codes arrive while it is down, and it is used again when it is back',
    killed,
  );
  itWithRedisServer.each(['all', 'worker', 'web'])('keeps ROLE=%s from stopping no longer than with it', endedWithout);
  itWithRedisServer('that hangs at the start keeps nobody from starting', hungAtStart);
  itWithRedisServer('at the start keeps nobody from starting', neverThere);
});

describe('an outage of every connection to Postgres at once', () => {
  it('is answered and survived, under load', async () => {
    const database = await createDatabase();
    try {
      await running({ DATABASE_URL: database.url }, (otpost) => cutUnderLoad(otpost, database));
    } finally {
      await database.drop();
    }
  });
});
