import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { type Api } from '../support/api.js';
import { freePort } from '../support/free-port.js';
import { OtpostProcess } from '../support/otpost-process.js';
import { TEST_SECRET } from '../support/otpost.js';
import { createDatabase, onServer, type TestDatabase } from '../support/postgres.js';
import { RedisServer } from '../support/redis-server.js';
import { codeFromInbox, verify } from '../support/story.js';
import { eventually } from '../support/wait.js';

const hasRedisServer = spawnSync('redis-server', ['--version']).status === 0;

describe('an outage', () => {
  let database: TestDatabase;
  let env: Record<string, string>;
  const processes: OtpostProcess[] = [];
  let redis: ChildProcess | undefined;

  beforeAll(async () => {
    database = await createDatabase();
    env = { DATABASE_URL: database.url, APP_SECRET: TEST_SECRET, APP_URL: 'http://localhost:3000', PORT: '0' };
  });
  afterEach(async () => {
    await Promise.all(processes.splice(0).map((one) => one.stop('SIGKILL')));
    redis?.kill('SIGKILL');
    redis = undefined;
  });
  afterAll(() => database.drop());

  async function start(more: Record<string, string> = {}): Promise<OtpostProcess> {
    const started = new OtpostProcess({ ...env, ...more });
    processes.push(started);
    await started.ready();
    return started;
  }

  async function startRedis(port: number): Promise<void> {
    redis = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    for await (const chunk of redis.stdout!) if (String(chunk).includes('Ready to accept')) return;
  }

  async function stopRedis(): Promise<void> {
    const gone = once(redis!, 'exit');
    redis!.kill('SIGKILL');
    await gone;
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

  (hasRedisServer ? describe : describe.skip)('of Redis', () => {
    it('delays nothing but the wake: codes arrive while it is down, and it is used again when it is back', async () => {
      const port = await freePort();
      await startRedis(port);
      const api = await (await start({ REDIS_URL: `redis://127.0.0.1:${port}` })).api();
      await story(api, 'up@example.com');
      await stopRedis();
      await story(api, 'down@example.com');
      await brokerIs(api, 'degraded');
      await startRedis(port);
      await brokerIs(api, 'up');
      await story(api, 'back@example.com');
    });

    it('at the start keeps nobody from starting', async () => {
      const port = await freePort();
      const api = await (await start({ REDIS_URL: `redis://127.0.0.1:${port}` })).api();
      await story(api, 'never-up@example.com');
      await startRedis(port);
      await brokerIs(api, 'up');
    });

    it('that is full but answers PING counts as an outage until it takes writes again; codes arrive all the same', async () => {
      const full = await RedisServer.start();
      try {
        const running = await start({ REDIS_URL: full.url });
        const api = await running.api();
        await story(api, 'before-full@example.com');
        await full.tell('CONFIG', 'SET', 'maxmemory', '1');
        expect(await full.tell('PING')).toBe('PONG');
        await brokerIs(api, 'degraded');
        const statuses = new Set<string>();
        for (let n = 0; n < 3; n++) {
          await story(api, `full${n}@example.com`);
          const { body } = await api.get<{ details: { broker: { status: string; reason?: string } } }>('/health');
          statuses.add(`${body.details.broker.status} ${body.details.broker.reason}`);
        }
        expect([...statuses]).toEqual(['degraded OOM']);
        expect(running.output.filter((line) => line.includes('Redis is full and refuses writes'))).toHaveLength(1);
        await full.tell('CONFIG', 'SET', 'maxmemory', '0');
        await brokerIs(api, 'up');
        await story(api, 'after-full@example.com');
        expect(running.output.filter((line) => line.includes('the broker answers again'))).toHaveLength(1);
      } finally {
        await full.kill();
      }
    });

    it('that hangs slows no request down; codes arrive by the timer, and it is used again when it goes on', async () => {
      const hung = await RedisServer.start();
      try {
        const api = await (await start({ REDIS_URL: hung.url })).api();
        await story(api, 'before-hung@example.com');
        hung.hang();
        const took: number[] = [];
        for (let n = 0; n < 10; n++) {
          const before = performance.now();
          const issued = await api.register(`hung${n}@example.com`);
          took.push(performance.now() - before);
          if (n % 3 === 0) await verify(api, issued, (await codeFromInbox(api, `hung${n}@example.com`, issued)).code);
        }
        console.log(`with Redis hung a request took ${Math.round(Math.max(...took))} ms at most`);
        expect(Math.max(...took)).toBeLessThan(1_000);
        await brokerIs(api, 'degraded');
        hung.goOn();
        await brokerIs(api, 'up');
        await story(api, 'after-hung@example.com');
      } finally {
        await hung.kill();
      }
    });

    it('that hangs at the start delays it by nothing', async () => {
      const hung = await RedisServer.start();
      try {
        hung.hang();
        const started = await start({ REDIS_URL: hung.url });
        expect(started.readyAfterMs).toBeLessThan(8_000);
        const api = await started.api();
        await story(api, 'hung-at-start@example.com');
        hung.goOn();
        await brokerIs(api, 'up');
      } finally {
        await hung.kill();
      }
    });

    it.each(['all', 'worker', 'web'])('keeps ROLE=%s from stopping no longer than with it', async (ROLE) => {
      const port = await freePort();
      await startRedis(port);
      const running = await start({ REDIS_URL: `redis://127.0.0.1:${port}`, ROLE });
      await stopRedis();
      await eventually(() => running.text.includes('the broker does not answer'), 'the outage to be noticed');
      expect(await running.stop('SIGTERM')).toBe(0);
    });
  });

  it('of every connection to Postgres at once, under load, is answered and survived', async () => {
    const running = await start();
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
    console.log(`answers: ${[...answers].map(([status, count]) => `${count} × ${status}`).join(', ')}`);
    expect([...answers.keys()].filter((status) => status !== 202 && status !== 503)).toEqual([]);
    const [rows] = await database.query<{ count: string }>(`SELECT count(*) FROM otp_challenges WHERE destination LIKE 'load%'`);
    expect(Number(rows!.count)).toBeGreaterThanOrEqual(answers.get(202)!);
    await story(api, 'after@example.com');
    expect(await running.stop('SIGTERM')).toBe(0);
  }, 60_000);
});
