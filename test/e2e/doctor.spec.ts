import { hostname } from 'node:os';
import type { Report } from '../../src/doctor/check.js';
import { type Certificate, makeCertificate } from '../support/certificate.js';
import { runCli } from '../support/cli.js';
import { DnsServer } from '../support/dns-server.js';
import { HANG, MisbehavingSmtp } from '../support/misbehaving-smtp.js';
import { OtpostProcess } from '../support/otpost-process.js';
import { type Otpost, startOtpost, TEST_SECRET } from '../support/otpost.js';
import { createDatabase } from '../support/postgres.js';
import { ProviderServer } from '../support/provider-server.js';
import { describeWithRedisServer, RedisServer } from '../support/redis-server.js';
import { SmtpSink } from '../support/smtp-sink.js';
import { eventually } from '../support/wait.js';

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
async function deployment(transport: string, more: Record<string, string> = {}): Promise<{ service: Otpost; env: Record<string, string> }> {
  const service = await startOtpost({ MAIL_TRANSPORTS: transport, ...more });
  cleanUp.push(() => service.stop());
  return { service, env: { DATABASE_URL: service.database.url, APP_SECRET: TEST_SECRET, MAIL_TRANSPORTS: transport, ...more } };
}

type Deployment = Awaited<ReturnType<typeof deployment>>;

describe('otpost doctor', () => {
  let certificate: Certificate;
  let working: Deployment & { sink: SmtpSink };
  beforeAll(async () => {
    certificate = await makeCertificate({ days: 30 });
    const sink = await sinking({
      key: certificate.key,
      cert: certificate.cert,
      disabledCommands: [],
      authOptional: false,
      onAuth: ({ password }, _session, done) => (password === 'hunter22' ? done(null, { user: 'ada' }) : done(new Error('no'))),
    });
    working = { sink, ...(await deployment(`smtp://ada:hunter22@localhost:${sink.port}?tls=on`, { MAIL_FROM: 'Acme <a@example.test>' })) };
  });
  afterAll(() => certificate.remove());

  it.concurrent('finds nothing to fail in a deployment that works, and prints one document', async () => {
    const { service, env, sink } = working;
    const dns = await DnsServer.start({ 'example.test': { TXT: ['v=spf1 -all'], MX: ['10 mail.example.test'] }, '_dmarc.example.test': { TXT: ['v=DMARC1; p=reject'] } });
    cleanUp.push(() => dns.stop());
    await eventually(async () => (await service.database.query('SELECT 1 FROM workers')).length > 0, 'the heartbeat of the worker');

    const { code, out, err } = await runCli(['doctor', '--json', '--dns', dns.address], { ...env, NODE_EXTRA_CA_CERTS: certificate.file });
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
    expect(sink.received).toEqual([]);
  });

  it.concurrent('names a port that answers where the configured one does not, and shows it no password', async () => {
    const logins: string[] = [];
    await sinking(
      { key: certificate.key, cert: certificate.cert, disabledCommands: [], onAuth: ({ username }, _session, done) => (logins.push(String(username)), done(null, { user: 'ada' })) },
      2525,
    );
    const { out } = await runCli(['doctor', '--json'], { MAIL_TRANSPORTS: 'smtp://ada:hunter22@localhost:9?tls=on', NODE_EXTRA_CA_CERTS: certificate.file, DATA_DIR: '/nonexistent' });
    const checks = (JSON.parse(out) as Report).checks.filter(({ area }) => area === 'smtp');
    expect(checks[0]).toMatchObject({ name: 'localhost:9', status: 'fail', remedy: 'Use port 2525, which answers from here.' });
    expect(checks.find(({ name }) => name === 'localhost:2525')).toMatchObject({ status: 'skip', summary: 'not configured; answers from here' });
    expect(logins).toEqual([]);
  });

  it.concurrent('says in plain words what is wrong and what to do, and exits 1', async () => {
    const server = await misbehaving({ AUTH: '535 5.7.8 no hunter22 for ada@example.com' }, ['AUTH PLAIN']);
    const env = { DATABASE_URL: 'postgres://otpost:hunter23@127.0.0.1:9/none', REDIS_URL: 'redis://:hunter24@127.0.0.1:9', MAIL_TRANSPORTS: `smtp://ada:hunter22@127.0.0.1:${server.port}` };
    const { code, out, err } = await runCli(['doctor'], env);
    expect([code, err]).toEqual([1, '']);
    expect(out).toContain(`This is ${hostname()}, ROLE=all, `);
    expect(out).toMatch(new RegExp(`^fail  smtp +127\\.0\\.0\\.1:${server.port} +the login is refused: 535 5\\.7\\.8 no \\*\\*\\* for \\*\\*\\*@example\\.com \\(\\d+ ms\\)\\n +→ Correct the user`, 'm'));
    expect(out).toMatch(/^fail {2}database +127\.0\.0\.1:9 +Postgres cannot be used/m);
    expect(out).toMatch(/^fail {2}broker +127\.0\.0\.1:9 +Redis cannot be used \(ECONNREFUSED\)/m);
    expect(out).toContain('3 failures, ');
    expect(out).not.toMatch(/hunter2[234]|ada@/);
  });

  it.concurrent('runs with a wrong configuration too: each fault is an answer, and it exits 2', async () => {
    const env = { PORT: 'eighty', APP_SECRET: 'hunter22', NODE_ENV: 'production' };
    const [{ code, out, err }, people] = await Promise.all([runCli(['doctor', '--json'], env), runCli(['doctor'], env)]);
    const report = JSON.parse(out) as Report;
    expect([code, err, report.role, report.status]).toEqual([2, '', 'unknown', 'fail']);
    expect(report.checks.map(({ name }) => name)).toEqual(expect.arrayContaining(['PORT', 'APP_SECRET', 'DATABASE_URL', 'MAIL_TRANSPORTS']));
    expect([people.code, people.out]).toEqual([2, expect.stringMatching(/^fail {2}configuration {2}PORT .*read "eighty"/m)]);
    expect(out + people.out).not.toContain('hunter22');
  });

  it.concurrent.each([
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

  it.concurrent.each(['doctor', 'send'])('explains %s', async (name) => {
    const { code, out } = await runCli([name, '--help']);
    expect([code, out]).toEqual([0, expect.stringMatching(new RegExp(`^Usage: otpost ${name}`))]);
  });
});

const itWithRedisServer = describeWithRedisServer === describe ? it.concurrent : it.concurrent.skip;

describe('otpost send', () => {
  const GONE = 'gone@example.com';
  let sink: SmtpSink;
  let refusing: MisbehavingSmtp;
  let env: Record<string, string>;
  let alone: Deployment;
  let paused: Deployment;

  // One after the other, and before the tests: two services that start at once in one Jest environment may wait for each other.
  beforeAll(async () => {
    const refusal = Object.assign(new Error('5.1.1 no such user'), { responseCode: 550 });
    sink = await sinking({ onRcptTo: ({ address }, _session, done) => done(address === GONE ? refusal : null) });
    refusing = await misbehaving({ AUTH: '535 5.7.8 no' }, ['AUTH PLAIN']);
    ({ env } = await deployment(sink.url));
    alone = await deployment(sink.url, { ROLE: 'web', OUTBOX_RESCUE: 'off' });
    paused = await deployment(`smtp://ada:hunter22@127.0.0.1:${refusing.port}`);
  });

  it.concurrent('sends a real message, and shows what becomes of it in the words of the server', async () => {
    const { code, out, err } = await runCli(['send', '--to', TO, '--subject', 'Does it flow?'], env);
    expect([code, err]).toEqual([0, expect.stringMatching(/^Accepted as [0-9a-f-]{36}, lane default\.\n$/)]);
    const lines = out.trimEnd().split('\n');
    expect(lines.map((line) => line.split('  ')[1]?.trim())).toEqual(['queued', 'sending', 'sent']);
    expect(lines[2]).toMatch(new RegExp(`^\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z  sent       attempt 1  by 127\\.0\\.0\\.1:${sink.port}  on .*: 250 2\\.0\\.0 taken$`));
    const [received] = await sink.waitForMailTo(TO);
    expect(received!.mail.subject).toBe('Does it flow?');
    expect(received!.mail.text).toContain(`accepted on ${hostname()} at 20`);
    expect(received!.mail.html).toContain('<p>This is a test message of Otpost');
  });

  it.concurrent('prints the changes as lines of JSON, in another lane', async () => {
    const { code, out, err } = await runCli(['send', '--to', 'grace@example.com', '--lane', 'critical', '--json'], env);
    const events = out.trimEnd().split('\n').map((line) => JSON.parse(line) as { id: string; status: string; reply: string | null });
    expect([code, err, events.map(({ status }) => status)]).toEqual([0, '', ['queued', 'sending', 'sent']]);
    expect(events[2]!.reply).toBe('250 2.0.0 taken');
  });

  it.concurrent('exits 1 when the server refuses the address', async () => {
    const { code, out, err } = await runCli(['send', '--to', GONE], env);
    expect([code, out, err]).toEqual([1, expect.stringContaining('550 5.1.1 no such user'), expect.stringMatching(/It is failed \(smtp_550/)]);
  });

  it.concurrent('exits 3 when nobody delivers, and says so; the message goes out later', async () => {
    const { code, err } = await runCli(['send', '--to', TO, '--wait', '1s'], alone.env);
    expect([code, err]).toEqual([3, expect.stringContaining('After 1 s it is still queued.\nNo worker is alive. Start one: ROLE=worker, or ROLE=all.')]);
    expect(await alone.service.database.query('SELECT status FROM outbound_emails')).toEqual([{ status: 'queued' }]);
  });

  it.concurrent('exits 3 when the transport is paused, with its name and the reason', async () => {
    await eventually(async () => (await paused.service.database.query('SELECT 1 FROM workers')).length > 0, 'the heartbeat of the worker');
    await runCli(['send', '--to', TO, '--wait', '1s'], paused.env);
    await eventually(async () => (await paused.service.database.query('SELECT 1 FROM transport_states WHERE paused_at IS NOT NULL')).length > 0, 'the login to be refused');
    const { code, out } = await runCli(['send', '--to', TO, '--wait', '1s', '--json'], paused.env);
    const last = JSON.parse(out.trimEnd().split('\n').at(-1)!) as { status: string; waiting: string[] };
    expect(code).toBe(3);
    expect(last.waiting).toContainEqual(expect.stringContaining(`127.0.0.1:${refusing.port} refuses the login. It says: 535 5.7.8 no. It is paused, and its mail is kept.`));
  });

  itWithRedisServer('wakes the workers through Redis, and gets through without it, too', async () => {
    const redis = await RedisServer.start('--maxmemory-policy', 'noeviction');
    cleanUp.push(() => redis.kill());
    const own = await sinking();
    const database = await createDatabase();
    cleanUp.push(() => database.drop());
    const withRedis = { DATABASE_URL: database.url, APP_SECRET: TEST_SECRET, MAIL_TRANSPORTS: own.url, REDIS_URL: redis.url };
    const worker = await OtpostProcess.start({ ...withRedis, ROLE: 'worker' });
    cleanUp.push(() => worker.stop());
    expect((await runCli(['send', '--to', TO], withRedis)).code).toBe(0);
    await redis.kill();
    expect(await runCli(['send', '--to', TO], withRedis)).toMatchObject({ code: 0, out: expect.stringContaining('250 2.0.0 taken') as string });
    expect(await own.waitForMailTo(TO, 2)).toHaveLength(2);
  });
});

describe('a process that starts', () => {
  async function start(transport: string, more: Record<string, string> = {}): Promise<OtpostProcess> {
    const database = await createDatabase();
    cleanUp.push(() => database.drop());
    const process = new OtpostProcess({ DATABASE_URL: database.url, APP_SECRET: TEST_SECRET, MAIL_TRANSPORTS: transport, PORT: '0', ...more });
    cleanUp.push(() => process.stop());
    return process;
  }

  async function line(process: OtpostProcess, says: RegExp): Promise<{ level: string; msg: string; transport: string; remedy?: string }> {
    await process.ready();
    return eventually(() => {
      const found = process.output.find((text) => says.test(text));
      return found === undefined ? undefined : (JSON.parse(found) as { level: string; msg: string; transport: string });
    }, String(says));
  }

  it.concurrent('says that its transport answers, without a login', async () => {
    const server = await misbehaving({}, ['AUTH PLAIN']);
    const process = await start(`smtp://ada:hunter22@127.0.0.1:${server.port}`);
    expect(await line(process, / answers \(\d+ ms\)/)).toMatchObject({ level: 'info', transport: `127.0.0.1:${server.port}` });
    expect(server.lines.map((said) => said.split(' ')[0])).toEqual(['EHLO', 'QUIT']);
  });

  it.concurrent('says that an HTTP provider answers, without its key', async () => {
    const provider = await ProviderServer.start('resend');
    cleanUp.push(() => provider.stop());
    const process = await start(`resend:hunter22?endpoint=${provider.url}`);
    expect(await line(process, /resend answers \(\d+ ms\)/)).toMatchObject({ level: 'info', transport: 'resend' });
    expect(JSON.stringify(provider.requests)).not.toContain('hunter22');
  });

  it.concurrent('warns that one does not, with what to do, and leaves the state of the transport alone', async () => {
    const database = await createDatabase();
    cleanUp.push(() => database.drop());
    const process = await start('smtp://127.0.0.1:9', { DATABASE_URL: database.url, ROLE: 'worker' });
    const told = await line(process, /is refused/);
    expect(told).toMatchObject({ level: 'warn', transport: '127.0.0.1:9', msg: '127.0.0.1:9: 9 is refused: nothing listens there, or a firewall says no' });
    expect(told.remedy).toContain('Correct the host and the port');
    expect(await database.query('SELECT name, failures, paused_at FROM transport_states')).toEqual([{ name: '127.0.0.1:9', failures: 0, paused_at: null }]);
    expect(await database.query('SELECT 1 FROM transport_hosts')).toEqual([]);
  });

  it.concurrent('stops at once while it is still looking, and says nothing of it then', async () => {
    const server = await misbehaving({ greeting: HANG });
    const process = await start(server.url);
    await process.ready();
    await eventually(() => server.connections > 0, 'the server to be dialled');
    expect(await process.stop()).toBe(0);
    const [, afterwards] = process.text.split('stopping: ');
    expect(afterwards).not.toMatch(/says nothing|answers/); // as it does after five seconds
  });

  it.concurrent('does not look where it delivers nothing', async () => {
    const server = await misbehaving();
    const process = await start(server.url, { ROLE: 'web', OUTBOX_RESCUE: 'off' });
    await (await process.api()).get('/health');
    await process.stop();
    expect(server.connections).toBe(0);
  });
});
