import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSettings } from '../../../src/configuration.js';
import { brokerChecks } from '../../../src/doctor/broker-checks.js';
import { examine } from '../../../src/doctor/doctor.js';
import { Names } from '../../../src/doctor/network.js';
import { providerCheck, reachCheck } from '../../../src/doctor/provider-checks.js';
import type { Check } from '../../../src/doctor/report.js';
import type { HttpSettings } from '../../../src/config/settings.js';
import { createEmptyDatabase } from '../../support/database/empty-database.js';
import { createDatabase, type TestDatabase } from '../../support/database/postgres.js';
import { ProviderServer } from '../../support/http/provider-server.js';
import { describeWithRedisServer, RedisServer } from '../../support/redis/redis-server.js';
import { SmtpSink } from '../../support/smtp/smtp-sink.js';

const SIGNAL = new AbortController().signal;

describe('the doctor and an HTTP provider', () => {
  let server: ProviderServer;
  beforeEach(async () => void (server = await ProviderServer.start('resend')));
  afterEach(() => server.stop());

  function look(entry: string, endpoint = server.url): Promise<Check> {
    const { settings } = readSettings({
      MAIL_TRANSPORTS: `${entry}?endpoint=${endpoint}`,
      AWS_ACCESS_KEY_ID: 'AKID',
      AWS_SECRET_ACCESS_KEY: 'hunter22',
    });
    return providerCheck('it', settings.mail.transports[0] as HttpSettings, {
      sender: 'no-reply@Example.com',
      now: new Date(),
      signal: SIGNAL,
    });
  }

  it('asks with the key, and passes on what the provider says of the account', async () => {
    server.script = (_, { path, headers }) =>
      path === '/domains' && headers.authorization === 'Bearer re_key'
        ? { status: 200, body: { data: [{ name: 'example.com', status: 'verified' }] } }
        : { status: 403, body: { message: 'API key is invalid' } };
    expect(await look('resend:re_key')).toMatchObject({
      area: 'http',
      name: 'it',
      status: 'ok',
      summary: 'takes the key; example.com is verified',
      details: { httpStatus: 200 },
    });
    expect(server.requests.map(({ body }) => body)).toEqual(['']);
  });

  it('tells of a key that is refused, without the key', async () => {
    server.script = () => ({ status: 401, body: { message: 'no such key: SG.hunter22 of ada@example.com' } });
    const check = await look('sendgrid:SG.hunter22');
    expect([check.status, check.summary]).toEqual([
      'fail',
      'refuses the key (401 no such key: *** of ***@example.com)',
    ]);
    expect(JSON.stringify(check)).not.toContain('hunter22');
  });

  it('tells a sending key of Mailgun from a wrong one, and gives it nothing to send', async () => {
    server.script = (_, { path }) =>
      path === '/v3/mg.example.com/messages'
        ? { status: 400, body: { message: 'from parameter is missing' } }
        : { status: 401, body: 'Forbidden' };
    expect(await look('mailgun:key@mg.example.com')).toMatchObject({
      status: 'ok',
      summary: expect.stringContaining('may send and nothing else') as string,
    });
    expect(server.requests.map(({ path, body }) => [path, body])).toEqual([
      ['/v4/domains/mg.example.com', ''],
      ['/v3/mg.example.com/messages', ''],
    ]);
  });

  it('signs what it asks of SES', async () => {
    server.script = (_, { path }) =>
      path === '/v2/email/account'
        ? {
            status: 200,
            body: {
              SendingEnabled: true,
              ProductionAccessEnabled: true,
              SendQuota: { Max24HourSend: 200, SentLast24Hours: 3 },
            },
          }
        : { status: 404 };
    expect(await look('ses:eu-west-1')).toMatchObject({
      status: 'ok',
      summary: 'takes the credentials; 3 of 200 a day are used',
    });
    expect(server.requests[0]!.headers.authorization).toMatch(/^AWS4-HMAC-SHA256 Credential=AKID\//);
  });

  it('tells of one that hangs up, and of one that is not there', async () => {
    server.script = () => 'close';
    expect(await look('postmark:token')).toMatchObject({
      status: 'fail',
      summary: expect.stringContaining('cannot be reached (UND_ERR_SOCKET)') as string,
    });
    const { url } = server;
    await server.stop();
    expect(await look('postmark:token', url)).toMatchObject({
      status: 'fail',
      summary: expect.stringContaining('refuses connections') as string,
    });
    server = await ProviderServer.start('resend');
  });

  it('shows no key at a start, and takes any answer for an answer', async () => {
    server.script = () => ({ status: 404 });
    const { settings } = readSettings({ MAIL_TRANSPORTS: `brevo:xkeysib-1?endpoint=${server.url}` });
    expect(await reachCheck('brevo', settings.mail.transports[0] as HttpSettings, SIGNAL)).toMatchObject({
      status: 'ok',
      summary: `${new URL(server.url).host} answers`,
    });
    expect(JSON.stringify(server.requests)).not.toContain('xkeysib-1');
  });
});

describeWithRedisServer('the doctor and Redis', () => {
  let redis: RedisServer | undefined;
  afterEach(async () => redis?.kill());

  it('is content with one that keeps everything in memory', async () => {
    redis = await RedisServer.start('--maxmemory-policy', 'noeviction');
    const checks = await brokerChecks(redis.url);
    expect(checks.map(({ name, status, summary }) => [name, status, summary])).toEqual([
      [new URL(redis.url).host, 'ok', expect.stringMatching(/^Redis \d.* takes writes$/)],
      ['maxmemory-policy', 'ok', 'noeviction'],
      ['persistence', 'ok', 'none; none is needed: Postgres is the record'],
    ]);
  });

  it('warns of one that throws things away, and says how it keeps the rest', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'otpost-redis-'));
    redis = await RedisServer.start(
      '--maxmemory-policy',
      'allkeys-lru',
      '--save',
      '60 1',
      '--appendonly',
      'yes',
      '--dir',
      folder,
    );
    const checks = await brokerChecks(redis.url);
    await redis.kill();
    await rm(folder, { recursive: true });
    expect(checks[1]).toMatchObject({ status: 'warn', summary: expect.stringContaining('allkeys-lru') as string });
    expect(checks[2]).toMatchObject({
      status: 'ok',
      summary: 'an append-only file and snapshots; none is needed: Postgres is the record',
    });
  });

  it.each<[string, (server: RedisServer) => Promise<unknown>, RegExp]>([
    ['is full', (server) => server.tell('CONFIG', 'SET', 'maxmemory', '1'), /cannot be used: it is full.*\(OOM\)/],
    [
      'wants a password',
      (server) => server.tell('CONFIG', 'SET', 'requirepass', 'x'),
      /cannot be used: it wants a password \(NOAUTH\)/,
    ],
    ['is gone', (server) => server.kill(), /cannot be used: connection refused \(ECONNREFUSED\)/],
  ])('tells of one that %s', async (_what, spoil, says) => {
    redis = await RedisServer.start('--maxmemory-policy', 'noeviction');
    await spoil(redis);
    expect(await brokerChecks(redis.url)).toEqual([
      expect.objectContaining({ status: 'fail', summary: expect.stringMatching(says) as string }),
    ]);
  });

  it('tells of one that has no database of the number in the URL', async () => {
    redis = await RedisServer.start('--maxmemory-policy', 'noeviction');
    expect(await brokerChecks(`${redis.url}/99`)).toEqual([
      expect.objectContaining({
        status: 'fail',
        summary: 'Redis cannot be used: it has no database of the number in REDIS_URL, and another one is used (NODB)',
        remedy: expect.stringContaining('Correct the number at the end of REDIS_URL') as string,
      }),
    ]);
    expect((await brokerChecks(`${redis.url}/1`)).map(({ status }) => status)).not.toContain('fail');
  });

  it('tells of something that is no Redis', async () => {
    const other = createServer((socket) => {
      socket.on('error', () => undefined).once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    try {
      expect(await brokerChecks(`redis://127.0.0.1:${(other.address() as AddressInfo).port}`)).toEqual([
        expect.objectContaining({
          status: 'fail',
          summary: 'Redis cannot be used: it hangs up, or does not answer as Redis does',
        }),
      ]);
    } finally {
      other.close();
    }
  });

  it.concurrent('tells of one that hangs', async () => {
    const hanging = await RedisServer.start();
    hanging.hang();
    try {
      expect(await brokerChecks(hanging.url)).toEqual([
        expect.objectContaining({
          status: 'fail',
          summary: expect.stringMatching(/cannot be used: no answer in time/) as string,
        }),
      ]);
    } finally {
      await hanging.kill();
    }
  });
});

describe('the doctor and a deployment', () => {
  let database: TestDatabase;
  let sink: SmtpSink;
  beforeAll(async () => {
    database = await createDatabase();
    sink = await SmtpSink.start();
  });
  afterAll(async () => {
    await sink.stop();
    await database.drop();
  });

  async function look(
    env: Record<string, string> = {},
    now = () => new Date(),
  ): Promise<{
    checks: Check[];
    of: (area: string, name: string) => unknown[];
    status: string;
    host: string;
    role: string;
  }> {
    const { settings, warnings } = readSettings({
      DATABASE_URL: database.url,
      MAIL_TRANSPORTS: sink.url,
      ROLE: 'worker',
      ...env,
    });
    const report = await examine({ settings, warnings, names: new Names(), now, signal: SIGNAL });
    const of = (area: string, name: string) => {
      const check = report.checks.find((one) => one.area === area && one.name === name);
      return [check?.status, check?.summary];
    };
    return { ...report, of };
  }

  it('says for which host and role it speaks, and what is well', async () => {
    const { host, role, of } = await look();
    expect([host, role]).toEqual([hostname(), 'worker']);
    expect(of('database', new URL(database.url).host)).toEqual([
      'ok',
      expect.stringMatching(/^PostgreSQL \d+.* answers; time zone Asia\/Tokyo, sessions use UTC$/),
    ]);
    expect(of('database', 'migrations')).toEqual(['ok', expect.stringMatching(/^all \d+ applied$/)]);
    expect(of('clock', 'this host and Postgres')).toEqual(['ok', expect.stringMatching(/^\d+ ms apart$/)]);
    expect(of('smtp', `127.0.0.1:${sink.port}`)).toEqual(['ok', expect.stringMatching(/^answers/)]);
    expect(of('mail', 'ledger')).toEqual(['ok', 'balances: 0 accepted, each accounted for']);
  });

  it('tells of workers that have stopped, and of those that live', async () => {
    expect((await look()).of('workers', 'heartbeats')).toEqual(['fail', 'no worker is alive.']);
    await database.query(
      "INSERT INTO workers (name, lanes, heartbeat_at) VALUES ('gone:1', '{critical,default,bulk}', now() - interval '60 s')",
    );
    expect((await look()).of('workers', 'heartbeats')).toEqual([
      'fail',
      expect.stringMatching(/^the worker gone:1 was heard of \d+ s ago for the last time/),
    ]);
    await database.query("INSERT INTO workers (name, lanes) VALUES ('here:2', '{critical}')");
    const report = await look();
    expect(report.of('workers', 'heartbeats')).toEqual([
      'ok',
      expect.stringMatching(/^1 alive: here:2 \(critical; \d s ago\)$/),
    ]);
    expect([report.of('workers', 'lane default')[0], report.of('workers', 'lane bulk')[0]]).toEqual(['fail', 'fail']);
    await database.query('DELETE FROM workers');
  });

  it('tells of a transport that is paused, of mail that waits, and of a ledger that is off', async () => {
    const name = `127.0.0.1:${sink.port}`;
    await database.query(
      "INSERT INTO transport_states (name, paused_at, pause_reason) VALUES ($1, now(), 'smtp_auth')",
      [name],
    );
    await database.query("INSERT INTO ledger_deltas (status, delta) VALUES ('accepted', 1)");
    const report = await look();
    expect(report.of('mail', name)).toEqual(['fail', expect.stringMatching(/its mail is kept.*\(smtp_auth\)/)]);
    expect(report.of('mail', 'ledger')).toEqual(['fail', expect.stringContaining('off by 1')]);
    await database.query('DELETE FROM transport_states');
    await database.query('DELETE FROM ledger_deltas');
  });

  it('tells of a clock that is wrong', async () => {
    const realNow = Date.now;
    Date.now = () => realNow() - 90_000;
    try {
      expect((await look()).of('clock', 'this host and Postgres')).toEqual([
        'warn',
        expect.stringMatching(/this host is (89\.9|90\.\d) s behind Postgres/),
      ]);
    } finally {
      Date.now = realNow;
    }
  });

  it('goes on with the rest where Postgres is away, and tells no password', async () => {
    const report = await look({ DATABASE_URL: 'postgres://ada:hunter22@127.0.0.1:9/none' });
    expect(report.of('database', '127.0.0.1:9')).toEqual(['fail', expect.stringContaining('ECONNREFUSED')]);
    expect(report.of('workers', 'heartbeats')).toEqual(['skip', 'not looked at: Postgres is away']);
    expect(report.of('smtp', `127.0.0.1:${sink.port}`)[0]).toBe('ok');
    expect(report.status).toBe('fail');
    expect(JSON.stringify(report)).not.toContain('hunter22');
  });

  it('changes nothing in a database that was not migrated yet, and says what a start would do', async () => {
    const empty = await createEmptyDatabase();
    try {
      const report = await look({ DATABASE_URL: empty.url });
      expect(report.of('database', 'migrations')).toEqual(['warn', expect.stringMatching(/are not applied yet/)]);
      expect(report.of('mail', 'record')).toEqual(['skip', 'not looked at: the schema is not that of this build']);
      expect(await empty.query("SELECT 1 FROM pg_tables WHERE schemaname = 'public'")).toEqual([]);
    } finally {
      await empty.drop();
    }
  });
});
