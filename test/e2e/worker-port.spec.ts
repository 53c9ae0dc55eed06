import { createDatabase, type TestDatabase } from '../support/database/postgres.js';
import { OtpostInProcess } from '../support/service/otpost-in-process.js';
import { OtpostProcess } from '../support/service/otpost-process.js';
import { TEST_SECRET } from '../support/service/otpost.js';
import { eventually } from '../support/signals/wait.js';
import { SmtpSink } from '../support/smtp/smtp-sink.js';

const TOKEN = 'the-token-of-the-scraper';

describe('a worker on its own', () => {
  let database: TestDatabase;
  let sink: SmtpSink;
  const running: { stop(): Promise<unknown> }[] = [];

  beforeAll(async () => {
    database = await createDatabase();
    sink = await SmtpSink.start();
  });
  afterEach(() => Promise.all(running.splice(0).map((one) => one.stop())));
  afterAll(async () => {
    await sink.stop();
    await database.drop();
  });

  const env = (ROLE: string, more: Record<string, string> = {}): Record<string, string> => ({
    DATABASE_URL: database.url,
    APP_SECRET: TEST_SECRET,
    MAIL_TRANSPORTS: sink.url,
    PORT: '0',
    ROLE,
    ...more,
  });

  async function start(ROLE: string, more: Record<string, string> = {}): Promise<OtpostInProcess> {
    const started = await OtpostInProcess.start(env(ROLE, more));
    running.push(started);
    return started;
  }

  it('tells by WORKER_PORT whether it is well and what it delivered, and answers nothing else', async () => {
    const worker = new OtpostProcess(env('worker', { WORKER_PORT: '0' }));
    running.push(worker);
    const web = (await start('web')).api;
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
    expect(await api.get('/health')).toMatchObject({
      status: 200,
      body: { status: 'ok', details: { database: { status: 'up' }, broker: { status: 'up' } } },
    });
    for (const path of ['/', '/health/mail', '/docs', '/docs/json', '/inbox', '/v1/me', '/.well-known/jwks.json']) {
      expect([path, await api.get(path)]).toMatchObject([path, { status: 404, body: { code: 'not_found' } }]);
    }
    expect((await api.post('/v1/accounts', { email: 'ada@example.com' })).status).toBe(404);
    expect(worker.text).not.toContain('curl');
    expect(await worker.stop()).toBe(0);
  });

  it('tells in production no more than whether it is well, unless METRICS_TOKEN is shown', async () => {
    const production = {
      NODE_ENV: 'production',
      HOST: '127.0.0.1',
      APP_URL: 'https://otpost.example.com',
      MAIL_FROM: 'Acme <no-reply@example.com>',
    };
    const { api } = await start('worker', { ...production, WORKER_PORT: '0', METRICS_TOKEN: TOKEN });
    for (const token of [undefined, 'another-token-than-that', `otp_live_${'x'.repeat(43)}`]) {
      expect(await api.get('/health', token)).toMatchObject({ status: 200, body: { status: 'ok' } });
      expect(Object.keys((await api.get<object>('/health', token)).body)).toEqual(['status']);
    }
    expect((await api.get('/health', TOKEN)).body).toMatchObject({
      status: 'ok',
      details: { database: { status: 'up' }, broker: { kind: expect.any(String) as string } },
    });
  });

  it('guards its metrics like any other', async () => {
    const { api } = await start('worker', { WORKER_PORT: '0', METRICS_TOKEN: TOKEN });
    expect((await api.get('/metrics')).status).toBe(401);
    expect((await api.get('/metrics', TOKEN)).status).toBe(200);
  });

  it('opens no port without WORKER_PORT', async () => {
    expect((await start('worker')).url).toBeUndefined();
  });

  it('says which variable to change when its port is taken', async () => {
    const taken = new URL((await start('web')).url).port;
    await expect(start('worker', { WORKER_PORT: taken })).rejects.toMatchObject({
      lines: [expect.stringContaining(`WORKER_PORT=${Number(taken) + 1}`)],
    });
  });
});
