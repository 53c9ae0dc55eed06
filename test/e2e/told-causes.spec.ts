import { createServer, type Server } from 'node:net';
import { once } from 'node:events';
import type { Api } from '../support/api.js';
import { createApiKey } from '../support/api-key.js';
import { runCli } from '../support/cli.js';
import { HANG, MisbehavingSmtp, type Script } from '../support/misbehaving-smtp.js';
import { OtpostProcess } from '../support/otpost-process.js';
import { TEST_SECRET } from '../support/otpost.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';
import { describeWithRedisServer, RedisServer } from '../support/redis-server.js';
import { SmtpSink } from '../support/smtp-sink.js';
import { StallingProxy } from '../support/stalling-proxy.js';
import { eventually } from '../support/wait.js';

/** Faults and what people are told: measured, and printed as a table at the end. */
const table: string[] = [];
const undone: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const undo of undone.reverse()) await undo();
  console.log(`Told after (s), of each fault:\n${table.join('\n')}`);
});

interface Problem {
  code: string;
  message: string;
  remedy: string;
}

/** One process with one way out, whose server does as it is told. */
class Deployment {
  private people = 0;
  private key: string | undefined;

  private constructor(
    readonly database: TestDatabase,
    readonly env: Record<string, string>,
    readonly running: OtpostProcess[],
    readonly api: Api,
  ) {}

  static async start(more: Record<string, string>, roles: readonly string[] = ['all']): Promise<Deployment> {
    const database = await createDatabase();
    const env = { DATABASE_URL: database.url, APP_SECRET: TEST_SECRET, APP_URL: 'http://localhost:3000', PORT: '0', MAIL_FROM: 'Post <post@example.com>', ...more };
    const running = roles.map((ROLE) => new OtpostProcess({ ...env, ROLE }));
    undone.push(async () => {
      await Promise.all(running.map((one) => one.stop('SIGKILL')));
      await database.drop();
    });
    for (const one of running) await one.ready();
    return new Deployment(database, env, running, await running[0]!.api());
  }

  async problems(): Promise<Problem[]> {
    return (await this.api.get<{ problems: Problem[] }>('/health/mail')).body.problems;
  }

  /** Ordinary mail to somebody new. */
  async send(): Promise<void> {
    this.key ??= await createApiKey(this.database.url);
    const n = ++this.people;
    const body = { to: `ada${n}@${n}.example.com`, subject: 'Hello', text: 'Hello' };
    const { status } = await this.api.post('/v1/emails', body, { authorization: `Bearer ${this.key}` });
    expect(status).toBe(202);
  }

  /** Whatever was found out is over, but for what the fault does. */
  async breaksOver(): Promise<void> {
    await this.database.query(`WITH a AS (UPDATE transport_states SET backoff_until = now()) UPDATE transport_hosts SET backoff_until = now()`);
    await this.database.query(`UPDATE outbound_emails SET next_attempt_at = now() WHERE status = 'deferred'`);
  }

  get log(): string {
    return this.running.map(({ text }) => text).join('\n');
  }

  doctor(): Promise<{ code: number; out: string }> {
    return runCli(['doctor'], this.env);
  }
}

/** A fault stands: the report comes to name it, with a remedy. Answers the problem. */
async function told(deployment: Deployment, fault: string, says: RegExp, keepUp: () => Promise<unknown> = async () => undefined): Promise<Problem> {
  const since = performance.now();
  let looks = 0;
  const problem = await eventually(async () => {
    if (looks++ % 50 === 25) await keepUp();
    return (await deployment.problems()).find(({ message }) => says.test(message));
  }, `${fault} to be named`);
  table.push(`${((performance.now() - since) / 1_000).toFixed(1).padStart(5)}  ${fault}: ${problem.message} → ${problem.remedy}`);
  expect(problem.remedy).toMatch(/^[A-Z].*\.$/s);
  expect(problem.message).not.toMatch(/@\d*\.?example\.com|undefined|null/);
  return problem;
}

const gone = (deployment: Deployment, fault: string, says: RegExp, keepUp: () => Promise<unknown>): Promise<unknown> => {
  let looks = 0;
  return eventually(async () => {
    if (looks++ % 50 === 0) await keepUp();
    return !(await deployment.problems()).some(({ message }) => says.test(message));
  }, `${fault} to be over`);
};

describe('a fault of a mail server is named, and is gone when it is over', () => {
  let smtp: MisbehavingSmtp;
  let deployment: Deployment;

  beforeAll(async () => {
    smtp = await MisbehavingSmtp.start();
    undone.push(() => smtp.stop());
    deployment = await Deployment.start({ MAIL_TRANSPORTS: `smtp://post:word@127.0.0.1:${smtp.port}` });
  });

  it.each<[fault: string, script: Script, says: RegExp, remedy: RegExp, inLog: boolean]>([
    ['a hanging greeting', { greeting: HANG }, /connects, and sends no greeting/, /overloaded/, true],
    ['a 554 greeting', { greeting: '554 5.7.1 no mail from you' }, /turns this host away\. It says: 554 5\.7\.1 no mail from you/, /Ask whoever runs it/, true],
    ['a wrong password', { AUTH: '535 5.7.8 bad credentials' }, /refuses the login\. It says: 535 5\.7\.8 bad credentials/, /password/, true],
    ['421', { MAIL: '421 4.3.2 too busy' }, /is not available to us for now \(421\)\. It says: 421 4\.3\.2 too busy/, /by itself/, true],
    ['quota 452', { MAIL: '452 4.3.1 Insufficient system storage' }, /refuses mail from us for now\. It says: 452 4\.3\.1/, /by itself/, true],
    ['a daily quota', { 'after the dot': '550 5.4.5 Daily user sending limit exceeded.' }, /quota of the account .* is used up\. It says: 550 5\.4\.5/, /another transport/, true],
    ['a sender that is not allowed', { MAIL: '550 5.7.1 Sender address is not allowed.' }, /does not let us send as MAIL_FROM\. It says: 550/, /Verify the address/, true],
    ['550 to everybody', { RCPT: '550 go away' }, /refuses every recipient alike\. It says: 550 go away/, /something against this account/, true],
    ['no final reply', { 'after the dot': HANG }, /has a break|in state sending for up to \d+ s/, /10 minutes/, false],
  ])('%s', async (fault, script, says, remedy, inLog) => {
    await smtp.startAnew(script, ['AUTH PLAIN']);
    for (let n = 0; n < 3; n++) await deployment.send();
    const problem = await told(deployment, fault, says, () => deployment.send());
    expect(problem.remedy).toMatch(remedy);
    const sentence = problem.message.replace(/^From \S+: /, '').split('. ')[0]!;
    if (inLog) expect(deployment.log).toContain(sentence);
    await smtp.startAnew({}, ['AUTH PLAIN']);
    await gone(deployment, fault, says, async () => {
      await deployment.breaksOver();
      await deployment.send();
    });
  });

  it('and the doctor does not end with 0 while a server takes mail and gives no final reply', async () => {
    await smtp.startAnew({ 'after the dot': HANG }, ['AUTH PLAIN']);
    for (let n = 0; n < 3; n++) await deployment.send();
    await eventually(() => smtp.ended.length > 0, 'a message to be taken');
    await deployment.database.query(`UPDATE email_events SET at = at - interval '1 minute' WHERE status = 'sending'`); // time passes
    const { code, out } = await deployment.doctor();
    expect([code, out]).toEqual([1, expect.stringMatching(/fail {2}mail .*(final reply|does not say what becomes)/)]);
  });
});

describe('a server that cannot be reached is named', () => {
  /** A port at which nobody listens now, and who comes to listen there. */
  async function atFreePort(): Promise<{ port: number; listen: () => Promise<void> }> {
    const server: Server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    server.close();
    await once(server, 'close');
    return {
      port,
      listen: async () => {
        const sink = await SmtpSink.start({}, port);
        undone.push(() => sink.stop());
      },
    };
  }

  it('a refused connection, which is no blocked port, and is gone when somebody listens', async () => {
    const { port, listen } = await atFreePort();
    const deployment = await Deployment.start({ MAIL_TRANSPORTS: `smtp://127.0.0.1:${port}` });
    const says = /refuses the connection: no server listens there/;
    await deployment.send();
    const { remedy } = await told(deployment, 'a refused connection', says);
    expect(remedy).toMatch(/Correct host and port/);
    expect(deployment.log).not.toContain('blocks SMTP');
    await listen();
    await gone(deployment, 'a refused connection', says, () => deployment.breaksOver());
  });

  it('no worker at all', async () => {
    const deployment = await Deployment.start({ MAIL_TRANSPORTS: 'capture:', WORKER_LANES: 'critical' }, ['web']);
    const { remedy } = await told(deployment, 'no worker', /^No worker is alive\./);
    expect(remedy).toMatch(/^Start one/);
  });

  it('no DNS', async () => {
    const deployment = await Deployment.start({ MAIL_TRANSPORTS: 'smtp://nowhere.invalid:2525?tls=off' });
    await deployment.send();
    await told(deployment, 'no DNS', /The name of nowhere\.invalid:2525 cannot be resolved/);
  });

  it('a certificate that nobody vouches for', async () => {
    const sink = await SmtpSink.start({ secure: true, disabledCommands: [] });
    undone.push(() => sink.stop());
    const deployment = await Deployment.start({ MAIL_TRANSPORTS: `smtps://127.0.0.1:${sink.port}` });
    await deployment.send();
    await told(deployment, 'TLS that cannot be trusted', /No TLS that can be trusted comes about/);
  });
});

describeWithRedisServer('a fault of our own parts is named, and is gone when it is over', () => {
  it('a worker that hangs, Redis that hangs, Postgres that hangs', async () => {
    const [redis, sink, source] = [await RedisServer.start(), await SmtpSink.start(), await createDatabase()];
    const [toRedis, toPostgres] = [await StallingProxy.to(redis.url), await StallingProxy.to(source.url)];
    undone.push(() => Promise.all([redis.kill(), sink.stop(), source.drop(), toRedis.stop(), toPostgres.stop()]));
    const deployment = await Deployment.start(
      { DATABASE_URL: toPostgres.through(source.url), REDIS_URL: toRedis.through(redis.url), MAIL_TRANSPORTS: sink.url, OUTBOX_RESCUE: 'off' },
      ['web', 'worker'],
    );
    const worker = deployment.running[1]!;
    await eventually(async () => (await deployment.problems()).length === 0, 'all to be well');

    worker.child.kill('SIGSTOP');
    const { remedy } = await told(deployment, 'a worker that hangs', /was heard of \d+ s ago for the last time: it hangs, or was killed/);
    expect(remedy).toMatch(/^Restart it/);
    worker.child.kill('SIGCONT');
    await gone(deployment, 'a worker that hangs', /was heard of/, async () => undefined);

    toRedis.stall();
    const broker = await told(deployment, 'Redis that hangs', /^The broker .* cannot be used/);
    expect(broker.message).not.toMatch(/\(?Error\)?[:.]/);
    toRedis.goOn();
    await gone(deployment, 'Redis that hangs', /^The broker/, async () => undefined);

    toPostgres.stall();
    const record = await told(deployment, 'Postgres that hangs', /^The record cannot be read/);
    expect(record.message).not.toContain('PrismaClient');
    toPostgres.goOn();
    await gone(deployment, 'Postgres that hangs', /^The record/, async () => undefined);
  });
});
