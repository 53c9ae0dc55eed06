import { createDatabase } from '../support/database/postgres.js';
import { StallingProxy } from '../support/network/stalling-proxy.js';
import { OtpostInProcess } from '../support/service/otpost-in-process.js';
import { HAS_REDIS_SERVER, RedisServer } from '../support/redis/redis-server.js';
import type { Api } from '../support/service/api.js';
import { inTurn, type Story, turnByTurn } from '../support/signals/side-by-side.js';
import { eventually } from '../support/signals/wait.js';
import { concurrentWhere } from '../support/signals/where.js';
import { SmtpSink } from '../support/smtp/smtp-sink.js';

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

/** What happens to a part. */
type Change<Part> = (part: Part) => Promise<unknown> | void;

/** A web process and a worker, whose Postgres and Redis come and go. */
class Deployment {
  /** Messages whose last byte has come. */
  taken = 0;
  /** Those of them that are not yet answered, while answers are held back. */
  private readonly held: (() => void)[] = [];
  private holds = false;
  private readonly opened: (() => Promise<unknown>)[] = [];

  readonly redis!: RedisServer;
  readonly toPostgres!: StallingProxy;
  readonly web!: OtpostInProcess;
  readonly worker!: OtpostInProcess;

  static async start(): Promise<Deployment> {
    const deployment = new Deployment();
    await deployment.open().catch(async (error: unknown) => {
      await deployment.stop();
      throw error;
    });
    return deployment;
  }

  private async open(): Promise<void> {
    const { opened } = this;
    const database = await createDatabase();
    opened.push(() => database.drop());
    const [redis, toPostgres] = await Promise.all([RedisServer.start(), StallingProxy.to(database.url)]);
    opened.push(
      () => redis.kill(),
      () => toPostgres.stop(),
    );
    const sink = await SmtpSink.start({
      onData: (stream, _session, done) =>
        stream.resume().on('end', () => {
          this.taken++;
          this.held.push(() => done(null, '2.0.0 taken'));
          if (!this.holds) this.release();
        }),
    });
    opened.push(() => sink.stop());
    const env = {
      DATABASE_URL: toPostgres.through(database.url),
      REDIS_URL: redis.url,
      MAIL_TRANSPORTS: sink.url,
      LOG_LEVEL: 'info',
    };
    const start = async (more: Record<string, string>): Promise<OtpostInProcess> => {
      const started = await OtpostInProcess.start({ ...env, ...more });
      opened.push(() => started.stop());
      return started;
    };
    const [web, worker] = [await start({ ROLE: 'web' }), await start({ ROLE: 'worker', WORKER_PORT: '0' })];
    Object.assign(this, { redis, toPostgres, web, worker });
  }

  get processes(): [OtpostInProcess, OtpostInProcess] {
    return [this.web, this.worker];
  }

  async stop(): Promise<void> {
    this.release();
    for (const close of this.opened.reverse()) await close();
  }

  /** A message is with the server, and its answer will have to be recorded while Postgres is away. */
  async handingOver(address: string): Promise<void> {
    this.holds = true;
    await this.web.api.register(address);
    await eventually(() => this.held.length > 0, 'the message to be with the server');
  }

  release(): void {
    this.holds = false;
    this.held.splice(0).forEach((answer) => answer());
  }

  /** Everything that asks Postgres does, until each had cause to speak of it many times. */
  async letAllTry(): Promise<void> {
    const [asked, probed] = [this.web.api, this.worker.api];
    await Promise.all(
      [asked, probed].map((api) =>
        eventually(async () => (await api.get('/health')).status === 503, '/health to answer 503'),
      ),
    );
    const register = async (n: number) =>
      (await asked.post('/v1/accounts', { email: `refused${n}@example.com` })).status;
    const measure = async (api: Api) =>
      expect((await api.get<string>('/metrics')).body).toContain('otpost_database_up 0');
    const visit = async (): Promise<void> => {
      const page = await fetch(`${this.web.url}/l/${'x'.repeat(22)}`, { headers: { accept: 'text/html' } });
      expect([page.status, page.headers.get('retry-after'), await page.text()]).toEqual([
        503,
        '2',
        expect.stringContaining('<h1>This isn’t working right now</h1>'),
      ]);
    };
    const measured = Array.from({ length: 3 }, () => [measure(asked), measure(probed)]).flat();
    const [statuses] = await Promise.all([
      Promise.all(Array.from({ length: ENOUGH }, (_, n) => register(n))),
      visit(),
      ...measured,
    ]);
    expect(new Set(statuses)).toEqual(new Set([503]));
  }
}

/** What was logged from the given line on, without the one line that every request has. */
function logged(process: OtpostInProcess, from: number): Line[] {
  const lines = process.output
    .slice(from)
    .map((line) => (line.startsWith('{') ? JSON.parse(line) : { level: 'bare', msg: line }) as Line);
  return lines.filter(({ msg }) => msg !== 'request');
}

const backIn = (process: OtpostInProcess, from: number, name: string) =>
  eventually(() => logged(process, from).some(({ msg }) => msg.startsWith(`${name} is back`)), `${name} to be back`);

/** What a busy machine makes a process miss is over: each outage of its log has its end there. */
const allWell = (process: OtpostInProcess, name: string) =>
  eventually(() => {
    const count = (text: string) => logged(process, 0).filter(({ msg }) => msg.startsWith(`${name} ${text}`)).length;
    return count('cannot be used at') === count('is back at');
  }, `${name} to be there`);

/**
 * Of an outage: one line that begins it, one a minute, one that ends it, which comes after it was over; and no stack, no
 * class. What a busy machine makes a process miss from then on is another one.
 */
function expectTold(process: OtpostInProcess, [from, over]: Span, name: string, meanwhile: string): string {
  expect(process.output.slice(from, over).filter((line) => line.includes(`${name} is back`))).toEqual([]);
  const lines = logged(process, from).filter(({ msg }) => !/^too much at once/.test(msg) && !RECORDED.test(msg));
  expect(JSON.stringify(lines)).not.toMatch(/\bat \S+ \(|Prisma|"Error"|MaxRetries/);
  const still = lines.filter(({ msg }) => msg.includes('still cannot be used'));
  const others = lines.filter((line) => !still.includes(line));
  const told = others.slice(0, others.findIndex(({ msg }) => msg.startsWith(`${name} is back`)) + 1);
  expect(told.map(({ msg }) => msg)).toEqual([
    expect.stringMatching(new RegExp(`^${name} cannot be used at 127\\.0\\.0\\.1:\\d+: .+\\. ${meanwhile}$`)),
    expect.stringMatching(new RegExp(`^${name} is back at 127\\.0\\.0\\.1:\\d+: it was away for \\d+ \\w+$`)),
  ]);
  expect(still.length).toBeLessThanOrEqual(told[1]!.awaySeconds! / 60);
  return told[0]!.reason!;
}

const POSTGRES = 'Accepting stops until it is back; mail in the outbox is kept\\.';
const REDIS = 'Accepting goes on; workers drain on their timer\\.';

/** Lines of a log: from before the outage, and from its end on. */
type Span = readonly [from: number, over: number];

let addresses = 0;

/** Answers the reasons that the web process and the worker tell. */
async function postgresAway(
  deployment: Deployment,
  takeAway: Change<StallingProxy>,
  bringBack: Change<StallingProxy>,
): Promise<string[]> {
  const { processes, worker, toPostgres } = deployment;
  await deployment.handingOver(`ada${++addresses}@example.com`);
  await Promise.all(processes.map((process) => allWell(process, 'Postgres')));
  const from = processes.map(({ output }) => output.length);
  await takeAway(toPostgres);
  deployment.release();
  await deployment.letAllTry();
  const over = processes.map(({ output }) => output.length);
  await bringBack(toPostgres);
  await Promise.all(processes.map((process, at) => backIn(process, from[at]!, 'Postgres')));
  await eventually(() => logged(worker, from[1]!).some(({ msg }) => RECORDED.test(msg)), 'the answer to be recorded');
  return processes.map((process, at) => expectTold(process, [from[at]!, over[at]!], 'Postgres', POSTGRES));
}

async function redisAway(
  deployment: Deployment,
  takeAway: Change<RedisServer>,
  bringBack: Change<RedisServer>,
): Promise<string[]> {
  const { processes, redis, web } = deployment;
  await Promise.all(processes.map((process) => allWell(process, 'Redis')));
  const from = processes.map(({ output }) => output.length);
  await takeAway(redis);
  const brokerIs = ({ api }: OtpostInProcess, status: string) =>
    eventually(async () => {
      const { body } = await api.get<{ details: { broker: { status: string } } }>('/health');
      return body.details.broker.status === status;
    }, `the broker to be ${status}`);
  await Promise.all(processes.map((process) => brokerIs(process, 'degraded')));
  const before = deployment.taken;
  for (let n = 0; n < ENOUGH; n++) await web.api.register(`grace${++addresses}@example.com`);
  await eventually(() => deployment.taken > before, 'the timer to deliver');
  const over = processes.map(({ output }) => output.length);
  await bringBack(redis);
  await Promise.all(processes.map((process, at) => backIn(process, from[at]!, 'Redis')));
  return processes.map((process, at) => expectTold(process, [from[at]!, over[at]!], 'Redis', REDIS));
}

/** Outages of one deployment, one after the other. */
function ofOne(outages: Record<string, (deployment: Deployment) => Promise<void>>): Story[] {
  let deployment: Deployment | undefined;
  const setUp = async (): Promise<void> => {
    deployment = await Deployment.start();
  };
  const test = concurrentWhere(HAS_REDIS_SERVER);
  const story = inTurn('of', setUp, { test });
  afterAll(() => deployment?.stop());
  return Object.entries(outages).map(([outage, tell]) => story(outage, () => tell(deployment!)));
}

/** Two rows side by side, for each waits for looks that fail and for a while in which all works. */
describe('the log of an outage', () => {
  const hanging = ofOne({
    'Postgres that hangs is one line, one a minute and one at its end, whatever was tried meanwhile': async (
      deployment,
    ) => {
      await postgresAway(
        deployment,
        (way) => way.stall(),
        (way) => way.goOn(),
      );
    },
  });
  const others = ofOne({
    'Postgres that refuses is the same': async (deployment) => {
      const reasons = await postgresAway(
        deployment,
        (way) => way.refuse(),
        (way) => way.takeAgain(),
      );
      expect(reasons.join()).toMatch(/^((connection refused \(ECONNREFUSED\)|the connection broke[^,]*)(,|$)){2}$/);
    },
    'Redis that refuses is one line, one a minute and one at its end': async (deployment) => {
      await redisAway(
        deployment,
        (redis) => redis.kill(),
        (redis) => redis.start(),
      );
    },
    'Redis that hangs is the same': async (deployment) => {
      const reasons = await redisAway(
        deployment,
        (redis) => redis.hang(),
        (redis) => redis.goOn(),
      );
      expect(reasons).toEqual(['no answer in time', 'no answer in time']);
    },
  });
  for (const story of turnByTurn(hanging, others)) story();
});
