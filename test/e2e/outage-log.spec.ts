import type { Api } from '../support/api.js';
import { FaultPostgres } from '../support/fault-postgres.js';
import { OtpostProcess } from '../support/otpost-process.js';
import { TEST_SECRET } from '../support/otpost.js';
import { describeWithRedisServer, RedisServer } from '../support/redis-server.js';
import { SmtpSink } from '../support/smtp-sink.js';
import { StallingProxy } from '../support/stalling-proxy.js';
import { eventually } from '../support/wait.js';

interface Line {
  level: string;
  msg: string;
  reason?: string;
  awaySeconds?: number;
  err?: unknown;
}

/** Of a message, when Postgres is back: by then it may be that of another worker. */
const RECORDED = /^(message (not )?handed over|another worker owns the message|took back messages)/;
/** More of what each outage makes a process say than a log may be told of it. */
const ENOUGH = 20;

describeWithRedisServer('the log of an outage', () => {
  let postgres: FaultPostgres;
  let redis: RedisServer;
  let proxy: StallingProxy;
  let sink: SmtpSink;
  let web: OtpostProcess;
  let worker: OtpostProcess;
  /** Messages whose last byte has come and that are not yet answered. */
  const held: (() => void)[] = [];

  beforeAll(async () => {
    [postgres, redis] = await Promise.all([FaultPostgres.start(), RedisServer.start()]);
    const url = await postgres.createDatabase();
    proxy = await StallingProxy.to(url);
    sink = await SmtpSink.start({
      onData: (stream, _session, done) => stream.resume().on('end', () => held.push(() => done(null, '2.0.0 taken'))),
    });
    const start = async (ROLE: string, more: Record<string, string> = {}) =>
      OtpostProcess.start({
        DATABASE_URL: proxy.through(url), REDIS_URL: redis.url, APP_SECRET: TEST_SECRET, MAIL_TRANSPORTS: sink.url, PORT: '0', LOG_LEVEL: 'info', ROLE, ...more,
      });
    web = await start('web');
    worker = await start('worker', { WORKER_PORT: '0' });
  });
  afterAll(async () => {
    for (const one of [web, worker]) await one?.stop('SIGKILL');
    await proxy?.stop();
    await sink?.stop();
    await redis?.kill();
    await postgres?.remove();
  });

  /** A message is with the server, and its answer will have to be recorded while Postgres is away. */
  async function handingOver(address: string): Promise<void> {
    await (await web.api()).register(address);
    await eventually(() => held.length > 0, 'the message to be with the server');
  }

  const release = (): void => held.splice(0).forEach((answer) => answer());

  const healthIs = (api: Api, status: number) => eventually(async () => (await api.get('/health')).status === status, `/health to answer ${status}`);

  /** Everything that asks Postgres does, until each had cause to speak of it many times. */
  async function letAllTry(): Promise<void> {
    const [asked, probed] = [await web.api(), await worker.api()];
    await Promise.all([healthIs(asked, 503), healthIs(probed, 503)]);
    const one = async (n: number) => (await asked.post('/v1/accounts', { email: `refused${n}@example.com` })).status;
    expect(new Set(await Promise.all(Array.from({ length: ENOUGH }, (_, n) => one(n))))).toEqual(new Set([503]));
    const page = await fetch(`${(await web.ready()).url}/l/${'x'.repeat(22)}`, { headers: { accept: 'text/html' } });
    expect([page.status, page.headers.get('retry-after'), await page.text()]).toEqual([503, '2', expect.stringContaining('<h1>It does not work at the moment</h1>')]);
    for (let n = 0; n < 3; n++) {
      expect((await probed.get<string>('/metrics')).body).toContain('otpost_database_up 0');
      expect((await asked.get<string>('/metrics')).body).toContain('otpost_database_up 0');
    }
  }

  /** What was logged from the given line on, without the one line that every request has. */
  function logged(process: OtpostProcess, from: number): Line[] {
    const lines = process.output.slice(from).map((line) => (line.startsWith('{') ? JSON.parse(line) : { level: 'bare', msg: line }) as Line);
    return lines.filter(({ msg }) => msg !== 'request');
  }

  const backIn = (process: OtpostProcess, from: number, name: string) => eventually(() => logged(process, from).some(({ msg }) => msg.startsWith(`${name} is back`)), `${name} to be back`);

  /** Of an outage: one line that begins it, one a minute, one that ends it; and no stack, no class. */
  function expectTold(process: OtpostProcess, from: number, name: string, meanwhile: string): string {
    const lines = logged(process, from).filter(({ msg }) => !/^too much at once/.test(msg) && !RECORDED.test(msg));
    expect(JSON.stringify(lines)).not.toMatch(/\bat \S+ \(|Prisma|"Error"|MaxRetries/);
    const still = lines.filter(({ msg }) => msg.includes('still cannot be used'));
    const told = lines.filter((line) => !still.includes(line));
    expect(told.map(({ msg }) => msg)).toEqual([
      expect.stringMatching(new RegExp(`^${name} cannot be used at 127\\.0\\.0\\.1:\\d+: .+\\. ${meanwhile}$`)),
      expect.stringMatching(new RegExp(`^${name} is back at 127\\.0\\.0\\.1:\\d+: it was away for \\d+ \\w+$`)),
    ]);
    expect(still.length).toBeLessThanOrEqual(told[1]!.awaySeconds! / 60);
    return told[0]!.reason!;
  }

  const POSTGRES = 'Accepting stops until it is back; mail in the outbox is kept\\.';
  const REDIS = 'Accepting goes on; workers drain on their timer\\.';

  async function postgresAway(address: string, takeAway: () => Promise<void> | void, bringBack: () => Promise<void> | void): Promise<string[]> {
    await handingOver(address);
    const from = [web, worker].map(({ output }) => output.length);
    await takeAway();
    release();
    await letAllTry();
    await bringBack();
    await Promise.all([web, worker].map((process, at) => backIn(process, from[at]!, 'Postgres')));
    await eventually(() => logged(worker, from[1]!).some(({ msg }) => RECORDED.test(msg)), 'the answer to be recorded');
    return [web, worker].map((process, at) => expectTold(process, from[at]!, 'Postgres', POSTGRES));
  }

  async function redisAway(takeAway: () => Promise<void> | void, bringBack: () => Promise<void> | void): Promise<string[]> {
    const from = [web, worker].map(({ output }) => output.length);
    await takeAway();
    const [asked, probed] = [await web.api(), await worker.api()];
    const brokerIs = (api: Api, status: string) =>
      eventually(async () => (await api.get<{ details: { broker: { status: string } } }>('/health')).body.details.broker.status === status, `the broker to be ${status}`);
    await Promise.all([brokerIs(asked, 'degraded'), brokerIs(probed, 'degraded')]);
    for (let n = 0; n < ENOUGH; n++) await asked.register(`without-redis${from[0]}-${n}@example.com`);
    await eventually(() => held.length > 0, 'the timer to deliver');
    release();
    await bringBack();
    await Promise.all([web, worker].map((process, at) => backIn(process, from[at]!, 'Redis')));
    release();
    return [web, worker].map((process, at) => expectTold(process, from[at]!, 'Redis', REDIS));
  }

  it('of Postgres that refuses is one line, one a minute and one at its end, whatever was tried meanwhile', async () => {
    const reasons = await postgresAway('refused@example.com', () => postgres.stop('immediate'), () => postgres.start());
    for (const reason of reasons) expect(reason).toMatch(/^(connection refused \(ECONNREFUSED\)|the connection broke.*|it shuts down.*|it restarts.*)$/);
  });

  it('of Postgres that hangs is the same', async () => {
    await postgresAway('hanging@example.com', () => proxy.stall(), () => proxy.goOn());
  });

  it('of Redis that refuses is one line, one a minute and one at its end', async () => {
    await redisAway(() => redis.kill(), () => redis.start());
  });

  it('of Redis that hangs is the same', async () => {
    expect(await redisAway(() => redis.hang(), () => redis.goOn())).toEqual(['no answer in time', 'no answer in time']);
  });
});
