import { OtpostProcess } from '../support/otpost-process.js';
import { TEST_SECRET } from '../support/otpost.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';
import { SmtpSink } from '../support/smtp-sink.js';
import { eventually } from '../support/wait.js';

const TOKEN = 'the-token-of-the-scraper';

describe('a worker on its own', () => {
  let database: TestDatabase;
  let sink: SmtpSink;
  const processes: OtpostProcess[] = [];

  beforeAll(async () => {
    database = await createDatabase();
    sink = await SmtpSink.start();
  });
  afterEach(() => Promise.all(processes.splice(0).map((one) => one.stop('SIGKILL'))));
  afterAll(async () => {
    await sink.stop();
    await database.drop();
  });

  async function start(ROLE: string, more: Record<string, string> = {}): Promise<OtpostProcess> {
    const env = { DATABASE_URL: database.url, APP_SECRET: TEST_SECRET, MAIL_TRANSPORTS: sink.url, PORT: '0', ROLE, ...more };
    const started = new OtpostProcess(env);
    processes.push(started);
    await started.ready();
    return started;
  }

  it('tells by WORKER_PORT whether it is well and what it delivered, and answers nothing else', async () => {
    const web = await (await start('web')).api();
    const worker = await start('worker', { WORKER_PORT: '0' });
    const api = await worker.api();
    await web.register('ada@example.com');
    await sink.waitForMailTo('ada@example.com');

    const counted = 'otpost_delivery_attempts_total{lane="critical"';
    const metrics = await eventually(async () => {
      const { status, body } = await api.get<string>('/metrics');
      return status === 200 && body.includes(counted) && body;
    }, 'the delivery in the metrics of the worker');
    expect(metrics).toContain(`otpost_hand_over_seconds_count{lane="critical",transport="127.0.0.1:${sink.port}"} 1`);
    expect((await web.get<string>('/metrics')).body).not.toContain(counted);

    expect(await api.get('/health/live')).toMatchObject({ status: 200, body: { status: 'ok' } });
    expect(await api.get('/health')).toMatchObject({ status: 200, body: { status: 'ok', details: { database: { status: 'up' }, broker: { status: 'up' } } } });
    for (const path of ['/', '/health/mail', '/docs', '/docs/json', '/inbox', '/v1/me', '/.well-known/jwks.json']) {
      expect([path, await api.get(path)]).toMatchObject([path, { status: 404, body: { code: 'not_found' } }]);
    }
    expect((await api.post('/v1/accounts', { email: 'ada@example.com' })).status).toBe(404);
    expect(worker.text).not.toContain('curl');
    expect(await worker.stop()).toBe(0);
  });

  it('tells in production no more than whether it is well, unless METRICS_TOKEN is shown', async () => {
    const production = { NODE_ENV: 'production', HOST: '127.0.0.1', APP_URL: 'https://otpost.example.com', MAIL_FROM: 'Acme <no-reply@example.com>' };
    const api = await (await start('worker', { ...production, WORKER_PORT: '0', METRICS_TOKEN: TOKEN })).api();
    for (const token of [undefined, 'another-token-than-that', `otp_live_${'x'.repeat(43)}`]) {
      expect(await api.get('/health', token)).toMatchObject({ status: 200, body: { status: 'ok' } });
      expect(Object.keys((await api.get<object>('/health', token)).body)).toEqual(['status']);
    }
    expect((await api.get('/health', TOKEN)).body).toMatchObject({ status: 'ok', details: { database: { status: 'up' }, broker: { kind: expect.any(String) as string } } });
  });

  it('guards its metrics like any other', async () => {
    const api = await (await start('worker', { WORKER_PORT: '0', METRICS_TOKEN: TOKEN })).api();
    expect((await api.get('/metrics')).status).toBe(401);
    expect((await api.get('/metrics', TOKEN)).status).toBe(200);
  });

  it('opens no port without WORKER_PORT', async () => {
    const worker = await start('worker');
    expect((await worker.ready()).url).toBeUndefined();
  });

  it('says which variable to change when its port is taken', async () => {
    const taken = new URL((await (await start('web')).api()).url).port;
    const worker = new OtpostProcess({ DATABASE_URL: database.url, APP_SECRET: TEST_SECRET, MAIL_TRANSPORTS: sink.url, ROLE: 'worker', WORKER_PORT: taken });
    processes.push(worker);
    expect(await worker.exit()).toBe(1);
    expect(worker.text).toContain(`WORKER_PORT=${Number(taken) + 1}`);
  });
});
