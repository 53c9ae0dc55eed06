import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { createDatabase, type TestDatabase } from '../../support/database/postgres.js';
import { StallingProxy } from '../../support/network/stalling-proxy.js';
import { HAS_REDIS_SERVER, RedisServer } from '../../support/redis/redis-server.js';
import type { Api, ProblemBody } from '../../support/service/api.js';
import { OtpostProcess } from '../../support/service/otpost-process.js';
import { TEST_SECRET } from '../../support/service/otpost.js';
import { tellStory } from '../../support/service/story.js';
import { alone } from '../../support/signals/side-by-side.js';
import { eventually } from '../../support/signals/wait.js';
import { concurrentWhere } from '../../support/signals/where.js';
import { SmtpSink } from '../../support/smtp/smtp-sink.js';

interface Health {
  status: string;
  details: Record<string, { status: string; reason?: string }>;
}
interface MailHealth {
  status: string;
  problems: { code: string }[];
}

const PROBES = ['/health/live', '/health', '/health/mail'];
const ROUNDS = 5;
const ALL_WELL = PROBES.map((path) => [path, 200]);

/** Run at the end, also of stories that did not come to theirs. */
const undone: (() => Promise<unknown>)[] = [];

/** Asks each probe so often, one after the other; answers what they said. */
async function probed(api: Api): Promise<[path: string, ...statuses: number[]][]> {
  const said: [string, ...number[]][] = [];
  for (const path of PROBES) {
    const statuses = new Set<number>();
    for (let round = 0; round < ROUNDS; round++) statuses.add((await api.get(path)).status);
    said.push([path, ...statuses]);
  }
  return said;
}

/**
 * Some seconds pass before a part is given up: asked without a pause, the services would take the machine from each
 * other.
 */
const inGoodTime = (look: () => Promise<boolean>, what: string): Promise<unknown> =>
  eventually(async () => (await look()) || delay(100, false), what);

/** A service with a database of its own, and a way to that which can stop in the middle. */
class Service {
  private constructor(
    readonly database: TestDatabase,
    readonly proxy: StallingProxy,
    readonly running: OtpostProcess,
    readonly api: Api,
  ) {}

  static async start(env: Record<string, string> = {}): Promise<Service> {
    const database = await createDatabase();
    const proxy = await StallingProxy.to(database.url);
    const running = new OtpostProcess({
      DATABASE_URL: proxy.through(database.url),
      APP_SECRET: TEST_SECRET,
      PORT: '0',
      ...env,
    });
    undone.push(async () => {
      await running.stop('SIGKILL');
      await proxy.stop();
      await database.drop();
    });
    return new Service(database, proxy, running, await running.api());
  }

  async healthIs(status: number): Promise<void> {
    await inGoodTime(async () => (await this.api.get('/health')).status === status, `/health to answer ${status}`);
  }

  /** So many registrations at one moment; the status and the problem of each. */
  registrations(count: number): Promise<{ status: number; code: string; retryAfter: string | null }[]> {
    const one = async (n: number) => {
      const { status, headers, body } = await this.api.post<ProblemBody>('/v1/accounts', {
        email: `many${n}@example.com`,
      });
      return { status, code: body.code, retryAfter: headers.get('retry-after') };
    };
    return Promise.all(Array.from({ length: count }, (_, n) => one(n)));
  }
}

/** A start is all work, and would disturb the others. */
const start = (env?: Record<string, string>): Promise<Service> => alone(() => Service.start(env));

async function redisHangs(): Promise<void> {
  const redis = await RedisServer.start();
  undone.push(() => redis.kill());
  const { api } = await start({ REDIS_URL: redis.url });
  await tellStory(api, 'before-redis@example.com');
  await alone(async () => {
    redis.hang();
    expect(await probed(api)).toEqual(ALL_WELL);
  });
  await inGoodTime(
    async () => (await api.get<Health>('/health')).body.details['broker']!.status === 'degraded',
    'the broker to be degraded',
  );
  expect((await api.get<Health>('/health')).status).toBe(200);
  await tellStory(api, 'while-redis@example.com');
}

async function postgresHangs(): Promise<void> {
  const service = await start();
  const { api, proxy } = service;
  await tellStory(api, 'before-postgres@example.com');
  const [asked, order] = await alone(async () => {
    proxy.stall();
    const order: string[] = [];
    const begun = service.registrations(30).finally(() => order.push('registrations'));
    await probed(api);
    order.push('probes');
    return [begun, order] as const;
  });
  const answers = await asked;
  expect(order).toEqual(['probes', 'registrations']); // no probe waited for what hangs
  await service.healthIs(503);
  expect(await alone(() => probed(api))).toEqual([
    ['/health/live', 200],
    ['/health', 503],
    ['/health/mail', 200],
  ]);
  expect((await api.get<MailHealth>('/health/mail')).body).toMatchObject({
    status: 'down',
    problems: [{ code: 'database_down' }],
  });

  expect(new Set(answers.map(({ status, code, retryAfter }) => `${status} ${code} ${retryAfter}`))).toEqual(
    new Set(['503 unavailable 2']),
  );

  proxy.goOn();
  await service.healthIs(200);
  await tellStory(api, 'after-postgres@example.com');
}

async function connectionsLost(): Promise<void> {
  const service = await start();
  await tellStory(service.api, 'before-move@example.com');
  service.proxy.lose();
  await eventually(async () => (await service.registrations(1))[0]!.status === 202, 'a registration to be taken');
  await service.healthIs(200);
  await tellStory(service.api, 'after-move@example.com');
}

async function stoppedMeanwhile(): Promise<void> {
  const service = await start();
  await tellStory(service.api, 'before-stop@example.com');
  service.proxy.stall();
  void service.registrations(5).catch(() => undefined); // cut off with the process
  await service.healthIs(503);
  service.running.child.kill('SIGTERM');
  expect(await service.running.exit()).toBe(0); // Postgres hangs all the time
}

async function tableLocked(): Promise<void> {
  const service = await start();
  const locker = new pg.Client({ connectionString: service.database.url });
  await locker.connect();
  try {
    await locker.query('BEGIN; LOCK TABLE otp_challenges');
    const answers = await service.registrations(30);
    expect(new Set(answers.map(({ status, code }) => `${status} ${code}`))).toEqual(new Set(['503 unavailable']));
    const [waiting] = await service.database.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    expect(waiting!.count).toBeLessThanOrEqual(10); // of the pool, however many have asked
    expect(await alone(() => probed(service.api))).toEqual(ALL_WELL);
  } finally {
    await locker.end();
  }
  await tellStory(service.api, 'after-lock@example.com');
}

async function mailServerSilent(): Promise<void> {
  const sink = await SmtpSink.start();
  const silent = await StallingProxy.to(sink.url);
  undone.push(async () => {
    await silent.stop();
    await sink.stop();
  });
  const service = await start({ MAIL_TRANSPORTS: silent.through(sink.url) });
  await alone(async () => {
    silent.stall();
    // No more at once than there are connections to Postgres, lest a busy machine give one of them up.
    const answers = await service.registrations(8);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    expect(await probed(service.api)).toEqual(ALL_WELL);
  });
  silent.goOn();
  await sink.waitForMailTo('many0@example.com');
}

const itWithRedisServer = concurrentWhere(HAS_REDIS_SERVER);

/** Side by side, for most of their time is waiting for what hangs to be given up. */
describe('the probes answer at once', () => {
  afterAll(() => Promise.all(undone.map((undo) => undo())));

  it.concurrent('and a process whose Postgres hangs can still be stopped', stoppedMeanwhile);
  it.concurrent('and connections that Postgres forgot are given up, not waited for until TCP does', connectionsLost);
  it.concurrent('also when it is a lock that holds everybody up, whose statements Postgres itself ends', tableLocked);
  it.concurrent(
    'while Postgres hangs; health is 503 then, liveness stays, and no request waits for ever',
    postgresHangs,
  );
  itWithRedisServer('while Redis hangs, and health stays at 200, degraded, and people can register', redisHangs);
  it.concurrent('while the mail server takes connections and says nothing', mailServerSilent);
});
