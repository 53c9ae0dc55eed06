import { hostname } from 'node:os';
import type { Report } from '../../src/doctor/report.js';
import { createDatabase } from '../support/database/postgres.js';
import { DnsServer } from '../support/network/dns-server.js';
import { OtpostInProcess } from '../support/service/otpost-in-process.js';
import { HAS_REDIS_SERVER, RedisServer } from '../support/redis/redis-server.js';
import { runBinary, runCli } from '../support/service/cli.js';
import { type Otpost, startOtpost, TEST_SECRET } from '../support/service/otpost.js';
import { eventually } from '../support/signals/wait.js';
import { type Certificate, makeCertificate } from '../support/smtp/certificate.js';
import { MisbehavingSmtp } from '../support/smtp/misbehaving-smtp.js';
import { SmtpSink } from '../support/smtp/smtp-sink.js';

const TO = 'ada@example.com';
const cleanUp: (() => Promise<unknown>)[] = [];

afterAll(async () => {
  for (let end = cleanUp.pop(); end; end = cleanUp.pop()) await end();
});

async function sinking(...args: Parameters<typeof SmtpSink.start>): Promise<SmtpSink> {
  const sink = await SmtpSink.start(...args);
  cleanUp.push(() => sink.stop());
  return sink;
}

async function misbehaving(...args: Parameters<typeof MisbehavingSmtp.start>): Promise<MisbehavingSmtp> {
  const server = await MisbehavingSmtp.start(...args);
  cleanUp.push(() => server.stop());
  return server;
}

/** A deployment in this process, and what a command needs to work on it. */
async function deployment(
  transport: string,
  more: Record<string, string> = {},
): Promise<{ service: Otpost; env: Record<string, string> }> {
  const service = await startOtpost({ MAIL_TRANSPORTS: transport, ...more });
  cleanUp.push(() => service.stop());
  return {
    service,
    env: { DATABASE_URL: service.database.url, APP_SECRET: TEST_SECRET, MAIL_TRANSPORTS: transport, ...more },
  };
}

type Deployment = Awaited<ReturnType<typeof deployment>>;

const GONE = 'gone@example.com';
let sink: SmtpSink;
let working: Deployment;

beforeAll(async () => {
  const refusal = Object.assign(new Error('5.1.1 no such user'), { responseCode: 550 });
  sink = await sinking({ onRcptTo: ({ address }, _session, done) => done(address === GONE ? refusal : null) });
  working = await deployment(sink.url);
});

describe('otpost doctor', () => {
  let certificate: Certificate;
  let secured: SmtpSink;
  beforeAll(async () => {
    certificate = await makeCertificate({ days: 30 });
    secured = await sinking({
      key: certificate.key,
      cert: certificate.cert,
      disabledCommands: [],
      authOptional: false,
      onAuth: ({ password }, _session, done) =>
        password === 'hunter22' ? done(null, { user: 'ada' }) : done(new Error('no')),
    });
  });
  afterAll(() => certificate.remove());

  it('finds nothing to fail in a deployment that works, and prints one document', async () => {
    const { service, env } = working;
    const dns = await DnsServer.start({
      'example.test': { TXT: ['v=spf1 -all'], MX: ['10 mail.example.test'] },
      '_dmarc.example.test': { TXT: ['v=DMARC1; p=reject'] },
    });
    cleanUp.push(() => dns.stop());
    await eventually(
      async () => (await service.database.query('SELECT 1 FROM workers')).length > 0,
      'the heartbeat of the worker',
    );

    const { code, out, err } = await runBinary(['doctor', '--json', '--dns', dns.address], {
      ...env,
      MAIL_FROM: 'Acme <a@example.test>',
      MAIL_TRANSPORTS: `smtp://ada:hunter22@localhost:${secured.port}?tls=on`,
      NODE_EXTRA_CA_CERTS: certificate.file,
    });
    const report = JSON.parse(out) as Report;
    expect(Object.keys(report)).toEqual(['host', 'role', 'at', 'checks', 'status']);
    expect([err, report.host, report.role]).toEqual(['', hostname(), 'all']);
    expect(report.checks.filter(({ status }) => status === 'fail')).toEqual([]);
    expect(report.checks.find(({ area }) => area === 'smtp')).toMatchObject({
      status: 'ok',
      summary: expect.stringMatching(/^answers, certificate good for (29|30) days, login accepted$/) as string,
      details: { certificate: { subject: 'localhost' } },
    });
    expect(report.checks.filter(({ area }) => area === 'dns').map(({ name, status }) => [name, status])).toEqual([
      ['SPF example.test', 'ok'],
      ['DKIM example.test', 'skip'],
      ['DMARC example.test', 'ok'],
      ['MX example.test', 'ok'],
    ]);
    expect(code).toBe(0);
    expect(out).not.toContain('hunter22');
    expect(secured.received).toEqual([]);
  });

  it('names a port that answers where the configured one does not, and shows it no password', async () => {
    const logins: string[] = [];
    await sinking(
      {
        key: certificate.key,
        cert: certificate.cert,
        disabledCommands: [],
        onAuth: ({ username }, _session, done) => (logins.push(String(username)), done(null, { user: 'ada' })),
      },
      2525,
    );
    const { out } = await runBinary(['doctor', '--json'], {
      MAIL_TRANSPORTS: 'smtp://ada:hunter22@localhost:9?tls=on',
      NODE_EXTRA_CA_CERTS: certificate.file,
      DATA_DIR: '/nonexistent',
    });
    const checks = (JSON.parse(out) as Report).checks.filter(({ area }) => area === 'smtp');
    expect(checks[0]).toMatchObject({
      name: 'localhost:9',
      status: 'fail',
      remedy: 'Use port 2525, which answers from here.',
    });
    expect(checks.find(({ name }) => name === 'localhost:2525')).toMatchObject({
      status: 'skip',
      summary: 'not configured; answers from here',
    });
    expect(logins).toEqual([]);
  });

  it('says in plain words what is wrong and what to do, and exits 1', async () => {
    const server = await misbehaving({ AUTH: '535 5.7.8 no hunter22 for ada@example.com' }, ['AUTH PLAIN']);
    const env = {
      DATABASE_URL: 'postgres://otpost:hunter23@127.0.0.1:9/none',
      REDIS_URL: 'redis://:hunter24@127.0.0.1:9',
      MAIL_TRANSPORTS: `smtp://ada:hunter22@127.0.0.1:${server.port}`,
    };
    const { code, out, err } = await runCli(['doctor'], env);
    expect([code, err]).toEqual([1, '']);
    expect(out).toContain(`This is ${hostname()}, ROLE=all, `);
    expect(out).toMatch(
      new RegExp(
        `^fail  smtp +127\\.0\\.0\\.1:${server.port} +the login is refused: 535 5\\.7\\.8 no \\*\\*\\* for \\*\\*\\*@example\\.com \\(\\d+ ms\\)\\n +→ Correct the user`,
        'm',
      ),
    );
    expect(out).toMatch(/^fail {2}database +127\.0\.0\.1:9 +Postgres cannot be used/m);
    expect(out).toMatch(/^fail {2}broker +127\.0\.0\.1:9 +Redis cannot be used: connection refused \(ECONNREFUSED\)/m);
    expect(out).toContain('3 failures, ');
    expect(out).not.toMatch(/hunter2[234]|ada@/);
  });

  it('runs with a wrong configuration too: each fault is an answer, and it exits 2', async () => {
    const env = { PORT: 'eighty', APP_SECRET: 'hunter22', NODE_ENV: 'production' };
    const [{ code, out, err }, people] = await Promise.all([
      runCli(['doctor', '--json'], env),
      runCli(['doctor'], env),
    ]);
    const report = JSON.parse(out) as Report;
    expect([code, err, report.role, report.status]).toEqual([2, '', 'unknown', 'fail']);
    expect(report.checks.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['PORT', 'APP_SECRET', 'DATABASE_URL', 'MAIL_TRANSPORTS']),
    );
    expect([people.code, people.out]).toEqual([
      2,
      expect.stringMatching(/^fail {2}configuration {2}PORT .*read "eighty"/m),
    ]);
    expect(out + people.out).not.toContain('hunter22');
  });

  it.each([
    [['doctor', 'now'], "Unexpected argument 'now'"],
    [['doctor', '--dns', 'dns.example.com'], '--dns wants the IP address of a name server'],
    [['send'], 'Name the recipient with --to.'],
    [['send', '--to', 'ada'], '--to must be an e-mail address'],
    [['send', '--to', TO, '--lane', 'fast'], 'There is no lane "fast"'],
    [['send', '--to', TO, '--subject', 'a\nb'], '--subject is one line'],
    [['send', '--to', TO, '--wait', '2day'], '--wait is a time'],
    [['send', '--to', TO, '--wait', 's'], '--wait is a time'],
  ])('refuses %j with exit code 2', async (args, says) => {
    const { code, out, err } = await runCli(args, { DATABASE_URL: 'postgres://nobody@127.0.0.1:9/none' });
    expect([code, out, err]).toEqual([2, '', expect.stringContaining(says)]);
  });

  it.each(['doctor', 'send'])('explains %s', async (name) => {
    const { code, out } = await runCli([name, '--help']);
    expect([code, out]).toEqual([0, expect.stringMatching(new RegExp(`^Usage: otpost ${name}`))]);
  });
});

const itWithRedisServer = HAS_REDIS_SERVER ? it : it.skip;

describe('otpost send', () => {
  let refusing: MisbehavingSmtp;
  let env: Record<string, string>;
  let paused: Deployment;

  beforeAll(async () => {
    refusing = await misbehaving({ AUTH: '535 5.7.8 no' }, ['AUTH PLAIN']);
    ({ env } = working);
    paused = await deployment(`smtp://ada:hunter22@127.0.0.1:${refusing.port}`);
  });

  it('sends a real message, and shows what becomes of it in the words of the server', async () => {
    const { code, out, err } = await runCli(['send', '--to', TO, '--subject', 'Does it flow?'], env);
    expect([code, err]).toEqual([0, expect.stringMatching(/^Accepted as [0-9a-f-]{36}, lane default\.\n$/)]);
    const lines = out.trimEnd().split('\n');
    expect(lines.map((line) => line.split('  ')[1]?.trim())).toEqual(['queued', 'sending', 'sent']);
    expect(lines[2]).toMatch(
      new RegExp(
        `^\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z  sent       attempt 1  by 127\\.0\\.0\\.1:${sink.port}  on .*: 250 2\\.0\\.0 taken$`,
      ),
    );
    const [received] = await sink.waitForMailTo(TO);
    expect(received!.mail.subject).toBe('Does it flow?');
    expect(received!.mail.text).toContain(`accepted on ${hostname()} at 20`);
    expect(received!.mail.html).toContain('<p>This is a test message of Otpost');
  });

  it('prints the changes as lines of JSON, in another lane', async () => {
    const { code, out, err } = await runCli(['send', '--to', 'grace@example.com', '--lane', 'critical', '--json'], env);
    const events = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { id: string; status: string; reply: string | null });
    expect([code, err, events.map(({ status }) => status)]).toEqual([0, '', ['queued', 'sending', 'sent']]);
    expect(events[2]!.reply).toBe('250 2.0.0 taken');
  });

  it('exits 1 when the server refuses the address', async () => {
    const { code, out, err } = await runCli(['send', '--to', GONE], env);
    expect([code, out, err]).toEqual([
      1,
      expect.stringContaining('550 5.1.1 no such user'),
      expect.stringMatching(/It is failed \(smtp_550/),
    ]);
  });

  it('exits 3 when nobody delivers, and says so; the message goes out later', async () => {
    const database = await createDatabase();
    cleanUp.push(() => database.drop());
    const { code, err } = await runCli(['send', '--to', TO, '--wait', '1s'], {
      ...env,
      DATABASE_URL: database.url,
    });
    expect([code, err]).toEqual([
      3,
      expect.stringContaining(
        'After 1 s it is still queued.\nNo worker is alive. Start one: ROLE=worker, or ROLE=all.',
      ),
    ]);
    expect(await database.query('SELECT status FROM outbound_emails')).toEqual([{ status: 'queued' }]);
  });

  it('exits 3 when the transport is paused, with its name and the reason', async () => {
    await eventually(
      async () => (await paused.service.database.query('SELECT 1 FROM workers')).length > 0,
      'the heartbeat of the worker',
    );
    await runCli(['send', '--to', TO, '--wait', '1s'], paused.env);
    await eventually(
      async () =>
        (await paused.service.database.query('SELECT 1 FROM transport_states WHERE paused_at IS NOT NULL')).length > 0,
      'the login to be refused',
    );
    const { code, out } = await runCli(['send', '--to', TO, '--wait', '1s', '--json'], paused.env);
    const last = JSON.parse(out.trimEnd().split('\n').at(-1)!) as { status: string; waiting: string[] };
    expect(code).toBe(3);
    expect(last.waiting).toContainEqual(
      expect.stringContaining(
        `127.0.0.1:${refusing.port} refuses the login. It says: 535 5.7.8 no. It is paused, and its mail is kept.`,
      ),
    );
  });

  itWithRedisServer('wakes the workers through Redis, and gets through without it, too', async () => {
    const redis = await RedisServer.start('--maxmemory-policy', 'noeviction');
    cleanUp.push(() => redis.kill());
    const own = await sinking();
    const database = await createDatabase();
    cleanUp.push(() => database.drop());
    const withRedis = {
      DATABASE_URL: database.url,
      APP_SECRET: TEST_SECRET,
      MAIL_TRANSPORTS: own.url,
      REDIS_URL: redis.url,
    };
    const worker = await OtpostInProcess.start({ ...withRedis, ROLE: 'worker' });
    cleanUp.push(() => worker.stop());
    expect((await runCli(['send', '--to', TO], withRedis)).code).toBe(0);
    await redis.kill();
    expect(await runCli(['send', '--to', TO], withRedis)).toMatchObject({
      code: 0,
      out: expect.stringContaining('250 2.0.0 taken') as string,
    });
    expect(await own.waitForMailTo(TO, 2)).toHaveLength(2);
  });
});
