import { createDatabase, type TestDatabase } from '../support/database/postgres.js';
import { freePort } from '../support/network/free-port.js';
import { StallingProxy } from '../support/network/stalling-proxy.js';
import { OtpostInProcess } from '../support/service/otpost-in-process.js';
import { HAS_REDIS_SERVER, RedisServer } from '../support/redis/redis-server.js';
import { createApiKey } from '../support/service/api-key.js';
import { runCli } from '../support/service/cli.js';
import { OtpostProcess } from '../support/service/otpost-process.js';
import { TEST_SECRET } from '../support/service/otpost.js';
import { inTurn, type Story, turnByTurn } from '../support/signals/side-by-side.js';
import { eventually } from '../support/signals/wait.js';
import { concurrentWhere } from '../support/signals/where.js';
import { HANG, MisbehavingSmtp, type Script } from '../support/smtp/misbehaving-smtp.js';
import { SmtpSink } from '../support/smtp/smtp-sink.js';

/** Faults and what people are told: measured, and printed as a table at the end. */
const table: string[] = [];
afterAll(() => console.log(`Told after (s), of each fault:\n${table.join('\n')}`));

interface Problem {
  code: string;
  message: string;
  remedy: string;
}

/** One service with one way out, whose server does as it is told. */
class Deployment {
  private people = 0;
  private key: string | undefined;

  private constructor(
    readonly database: TestDatabase,
    readonly env: Record<string, string>,
    readonly running: OtpostInProcess,
  ) {}

  /** In this process. */
  static async start(more: Record<string, string>): Promise<Deployment> {
    const database = await createDatabase();
    const env = {
      DATABASE_URL: database.url,
      DATABASE_POOL: '4',
      APP_SECRET: TEST_SECRET,
      APP_URL: 'http://localhost:3000',
      MAIL_FROM: 'Post <post@example.com>',
      ...more,
    };
    const running = await OtpostInProcess.start({ ROLE: 'all', ...env });
    return new Deployment(database, env, running);
  }

  async stop(): Promise<void> {
    await this.running.stop();
    await this.database.drop();
  }

  /** A tenth of a second later: the report is made anew every 2 s. */
  async problems(): Promise<Problem[]> {
    await new Promise((resolve) => setTimeout(resolve, 100));
    return (await this.running.api.get<{ problems: Problem[] }>('/health/mail')).body.problems;
  }

  /** Ordinary mail to somebody new. */
  async send(): Promise<void> {
    this.key ??= await createApiKey(this.database.url);
    const n = ++this.people;
    const body = { to: `ada${n}@${n}.example.com`, subject: 'Hello', text: 'Hello' };
    const { status } = await this.running.api.post('/v1/emails', body, { authorization: `Bearer ${this.key}` });
    expect(status).toBe(202);
  }

  /** Whatever was found out is over, but for what the fault does. */
  async breaksOver(): Promise<void> {
    await this.database.query(
      `WITH a AS (UPDATE transport_states SET backoff_until = now()) UPDATE transport_hosts SET backoff_until = now()`,
    );
    await this.database.query(`UPDATE outbound_emails SET next_attempt_at = now() WHERE status = 'deferred'`);
  }
}

/** A fault stands: the report comes to name it, with a remedy. Answers the problem. */
async function told(
  deployment: Deployment,
  fault: string,
  says: RegExp,
  keepUp: () => Promise<unknown> = async () => undefined,
): Promise<Problem> {
  const since = performance.now();
  let looks = 0;
  const problem = await eventually(async () => {
    if (looks++ % 10 === 5) await keepUp();
    return (await deployment.problems()).find(({ message }) => says.test(message));
  }, `${fault} to be named`);
  table.push(
    `${((performance.now() - since) / 1_000).toFixed(1).padStart(5)}  ${fault}: ${problem.message} → ${problem.remedy}`,
  );
  expect(problem.remedy).toMatch(/^[A-Z].*\.$/s);
  expect(problem.message).not.toMatch(/@\d*\.?example\.com|undefined|null/);
  return problem;
}

const gone = (
  deployment: Deployment,
  fault: string,
  says: RegExp,
  keepUp: () => Promise<unknown> = async () => undefined,
): Promise<unknown> => {
  let looks = 0;
  return eventually(async () => {
    if (looks++ % 10 === 0) await keepUp();
    return !(await deployment.problems()).some(({ message }) => says.test(message));
  }, `${fault} to be over`);
};

/** Tells a story on a deployment that is gone afterwards. */
async function tell(more: Record<string, string>, story: (deployment: Deployment) => Promise<void>): Promise<void> {
  const deployment = await Deployment.start(more);
  try {
    await story(deployment);
  } finally {
    await deployment.stop();
  }
}

interface Fault {
  script: Script;
  says: RegExp;
  remedy: RegExp;
  /** The log has the same sentence, but for what only time makes a fault. */
  inLog?: boolean;
  /** While the fault stands. */
  meanwhile?: (deployment: Deployment) => Promise<void>;
}

/** Faults of one server after the other, and each time until it is well again. */
function ofServer(faults: Record<string, Fault>): Story[] {
  let smtp: MisbehavingSmtp | undefined;
  let deployment: Deployment | undefined;
  const story = inTurn('of a mail server:', async () => {
    smtp = await MisbehavingSmtp.start();
    deployment = await Deployment.start({
      MAIL_TRANSPORTS: `smtp://post:word@127.0.0.1:${smtp.port}?greeting_timeout=1s`,
    });
  });
  afterAll(async () => {
    await deployment?.stop();
    await smtp?.stop();
  });
  return Object.entries(faults).map(([fault, what]) => story(fault, () => untilOver(fault, what, smtp!, deployment!)));
}

async function untilOver(
  fault: string,
  { script, says, remedy, inLog = true, meanwhile }: Fault,
  smtp: MisbehavingSmtp,
  deployment: Deployment,
): Promise<void> {
  await smtp.startAnew(script, ['AUTH PLAIN']);
  for (let n = 0; n < 3; n++) await deployment.send();
  await meanwhile?.(deployment);
  const problem = await told(deployment, fault, says, () => deployment.send());
  expect(problem.remedy).toMatch(remedy);
  const sentence = problem.message.replace(/^From \S+: /, '').split('. ')[0]!;
  if (inLog) await eventually(() => deployment.running.text.includes(sentence), `the log to say "${sentence}"`);
  await smtp.startAnew({}, ['AUTH PLAIN']);
  await gone(deployment, fault, says, async () => {
    await deployment.breaksOver();
    await deployment.send();
  });
  // Well again is more than no longer named: a breaker that is still open says nothing of the next fault.
  let looks = 0;
  await eventually(async () => {
    if (looks++ % 10 === 0) await deployment.breaksOver();
    return (
      (await deployment.database.query(`SELECT FROM outbound_emails WHERE status IN ('queued', 'sending', 'deferred')`))
        .length === 0
    );
  }, 'all mail to be out');
}

/** No final reply to any of them, for a minute; and the doctor does not end with 0 meanwhile. */
async function aMinuteLater(deployment: Deployment): Promise<void> {
  await eventually(async () => {
    const offered = await deployment.database.query(
      `SELECT FROM outbound_emails WHERE status = 'sending' AND offered_at IS NOT NULL`,
    );
    return offered.length >= 3; // what a fault before this one put off may be among them
  }, 'the messages to be taken');
  await deployment.database.query(`UPDATE email_events SET at = at - interval '1 minute' WHERE status = 'sending'`);
  const { code, out } = await runCli(['doctor'], deployment.env);
  expect([code, out]).toEqual([1, expect.stringMatching(/fail {2}mail .*(final reply|does not say what becomes)/)]);
}

/** Three ways out, none of which is one; at the first, somebody comes to listen. */
async function unreachable(): Promise<void> {
  const port = await freePort();
  let listening: SmtpSink | undefined;
  const untrusted = await SmtpSink.start({ secure: true, disabledCommands: [] });
  const ways = [
    `smtp://127.0.0.1:${port}`,
    'smtp://nowhere.invalid:2525?tls=off',
    `smtps://127.0.0.1:${untrusted.port}`,
  ];
  try {
    await tell({ MAIL_TRANSPORTS: ways.join(',') }, async (deployment) => {
      const says = /refuses the connection: no server listens there/;
      await deployment.send();
      const { remedy } = await told(deployment, 'a refused connection', says);
      expect(remedy).toMatch(/Correct host and port/);
      await told(deployment, 'no DNS', /The name of nowhere\.invalid:2525 cannot be resolved/);
      await told(deployment, 'TLS that cannot be trusted', /No TLS that can be trusted comes about/);
      expect(deployment.running.text).not.toContain('blocks SMTP');
      listening = await SmtpSink.start({}, port);
      await gone(deployment, 'a refused connection', says, () => deployment.breaksOver());
    });
  } finally {
    await Promise.all([untrusted.stop(), listening?.stop()]);
  }
}

/** The worker is a process of its own, which is stopped where it stands; then Redis hangs under both. */
async function hangingWorkerAndRedis(): Promise<void> {
  const redis = await RedisServer.start();
  const toRedis = await StallingProxy.to(redis.url);
  const REDIS = toRedis.through(redis.url);
  try {
    await tell(
      { ROLE: 'web', REDIS_URL: REDIS, MAIL_TRANSPORTS: 'capture:', OUTBOX_RESCUE: 'off' },
      async (deployment) => {
        const worker = await OtpostProcess.start({ ...deployment.env, ROLE: 'worker' });
        try {
          await eventually(async () => (await deployment.problems()).length === 0, 'all to be well');

          worker.child.kill('SIGSTOP');
          await deployment.database.query(`UPDATE workers SET heartbeat_at = heartbeat_at - interval '20 seconds'`); // time passes
          const { remedy } = await told(
            deployment,
            'a worker that hangs',
            /was heard of \d+ s ago for the last time: it hangs, or was killed/,
          );
          expect(remedy).toMatch(/^Restart it/);
          worker.child.kill('SIGCONT');
          await gone(deployment, 'a worker that hangs', /was heard of/);

          toRedis.stall();
          const broker = await told(deployment, 'Redis that hangs', /^The broker .* cannot be used/);
          expect(broker.message).not.toMatch(/\(?Error\)?[:.]/);
          toRedis.goOn();
          await gone(deployment, 'Redis that hangs', /^The broker/);
        } finally {
          await worker.stop('SIGKILL');
        }
      },
    );
  } finally {
    await Promise.all([toRedis.stop(), redis.kill()]);
  }
}

async function hangingPostgres(): Promise<void> {
  const [source, redis] = await Promise.all([createDatabase(), RedisServer.start()]);
  const toPostgres = await StallingProxy.to(source.url);
  const env = { DATABASE_URL: toPostgres.through(source.url), REDIS_URL: redis.url, MAIL_TRANSPORTS: 'capture:' };
  try {
    await tell(env, async (deployment) => {
      await eventually(async () => (await deployment.problems()).length === 0, 'all to be well');
      toPostgres.stall();
      const record = await told(deployment, 'Postgres that hangs', /^The record cannot be read/);
      expect(record.message).not.toContain('PrismaClient');
      toPostgres.goOn();
      await gone(deployment, 'Postgres that hangs', /^The record/);
    });
  } finally {
    await Promise.all([toPostgres.stop(), redis.kill()]);
  }
  await source.drop();
}

const SERVERS: Record<string, Fault>[] = [
  {
    'a hanging greeting': { script: { greeting: HANG }, says: /connects, and sends no greeting/, remedy: /overloaded/ },
    '421': {
      script: { MAIL: '421 4.3.2 too busy' },
      says: /is not available to us for now \(421\)\. It says: 421 4\.3\.2 too busy/,
      remedy: /by itself/,
    },
    'no final reply': {
      script: { 'after the dot': HANG },
      says: /has a break|in state sending for up to \d+ s/,
      remedy: /10 minutes/,
      inLog: false,
      meanwhile: aMinuteLater,
    },
  },
  {
    'a 554 greeting': {
      script: { greeting: '554 5.7.1 no mail from you' },
      says: /turns this host away\. It says: 554 5\.7\.1 no mail from you/,
      remedy: /Ask whoever runs it/,
    },
    'quota 452': {
      script: { MAIL: '452 4.3.1 Insufficient system storage' },
      says: /refuses mail from us for now\. It says: 452 4\.3\.1/,
      remedy: /by itself/,
    },
    'a sender that is not allowed': {
      script: { MAIL: '550 5.7.1 Sender address is not allowed.' },
      says: /does not let us send as MAIL_FROM\. It says: 550/,
      remedy: /Verify the address/,
    },
  },
  {
    'a wrong password': {
      script: { AUTH: '535 5.7.8 bad credentials' },
      says: /refuses the login\. It says: 535 5\.7\.8 bad credentials/,
      remedy: /password/,
    },
    'a daily quota': {
      script: { 'after the dot': '550 5.4.5 Daily user sending limit exceeded.' },
      says: /quota of the account .* is used up\. It says: 550 5\.4\.5/,
      remedy: /another transport/,
    },
    '550 to everybody': {
      script: { RCPT: '550 go away' },
      says: /refuses every recipient alike\. It says: 550 go away/,
      remedy: /something against this account/,
    },
  },
];

/** Side by side, for each waits for looks and breaks. */
describe('a fault is named, with a remedy, and is gone when it is over:', () => {
  const unmet: Story = () =>
    it.concurrent(
      'a refused connection, which is no blocked port; a name without an address; a certificate that nobody vouches for',
      unreachable,
    );
  for (const story of turnByTurn(...SERVERS.map(ofServer), [unmet])) story();
});

/** By themselves, for they have a Redis of their own, and BullMQ has one backend in a process. */
describe('a fault of our own parts is named, with a remedy, and is gone when it is over:', () => {
  const test = concurrentWhere(HAS_REDIS_SERVER);
  test('Postgres that hangs', hangingPostgres);
  test('no worker, a worker that hangs, and Redis that hangs', hangingWorkerAndRedis);
});
