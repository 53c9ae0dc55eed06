import { createDatabase, type TestDatabase } from '../support/database/postgres.js';
import { CLIENT, CONSUMER, OtlpCollector, PRODUCER, SERVER, type TakenSpan } from '../support/http/otlp-collector.js';
import { OtpostInProcess } from '../support/service/otpost-in-process.js';
import { createApiKey } from '../support/service/api-key.js';
import type { Api } from '../support/service/api.js';
import { OtpostProcess } from '../support/service/otpost-process.js';
import { TEST_SECRET } from '../support/service/otpost.js';
import { eventually } from '../support/signals/wait.js';
import { codeIn, SmtpSink } from '../support/smtp/smtp-sink.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const CALLER = '00f067aa0ba902b7';

describe('traces, from the request to the word of the mail server', () => {
  let database: TestDatabase;
  let sink: SmtpSink;
  let collector: OtlpCollector;
  let key: string;
  let web: OtpostProcess;
  let worker: OtpostProcess;
  let api: Api;
  const running: { stop(): Promise<unknown> }[] = [];

  beforeAll(async () => {
    database = await createDatabase();
    key = await createApiKey(database.url);
    sink = await SmtpSink.start({
      onRcptTo: ({ address }, _session, done) =>
        done(
          address.startsWith('nobody')
            ? Object.assign(new Error(`5.1.1 <${address}> is unknown here`), { responseCode: 550 })
            : null,
        ),
    });
    collector = await OtlpCollector.start();
    [web, worker] = ['web', 'worker'].map((role) => new OtpostProcess(environment(role))) as [
      OtpostProcess,
      OtpostProcess,
    ];
    running.push(web, worker);
    [api] = await Promise.all([web.api(), worker.ready()]);
  });
  afterAll(async () => {
    await Promise.all(running.map((one) => one.stop()));
    await Promise.all([sink.stop(), collector.stop()]);
    await database.drop();
  });

  function environment(ROLE: string, more: Record<string, string> = {}): Record<string, string> {
    const where = { DATABASE_URL: database.url, APP_SECRET: TEST_SECRET, MAIL_TRANSPORTS: sink.url, PORT: '0', ROLE };
    return { ...where, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: '50', ...more };
  }

  /** In this process, whose environment OpenTelemetry reads as the service starts. */
  async function start(ROLE: string, more: Record<string, string> = {}): Promise<OtpostInProcess> {
    const env = environment(ROLE, more);
    const read = Object.entries(env).filter(([name]) => name.startsWith('OTEL_'));
    for (const [name, value] of read) process.env[name] = value;
    const started = await OtpostInProcess.start(env);
    for (const [name] of read) delete process.env[name];
    running.push(started);
    return started;
  }

  async function send(by: { api: Api }, to: string, traceparent?: string): Promise<string> {
    const headers = { authorization: `Bearer ${key}`, ...(traceparent ? { traceparent } : {}) };
    const { status, body } = await by.api.post<{ id: string }>(
      '/v1/emails',
      { to, subject: 'Hello', text: 'Hello.' },
      headers,
    );
    expect(status).toBe(202);
    return body.id;
  }

  const deliveryOf = (id: string) =>
    collector.waitFor(
      'the delivery',
      ({ kind, attributes }) => kind === CONSUMER && attributes['messaging.message.id'] === id,
    );
  async function arrives(id: string): Promise<void> {
    const sent = async () =>
      (await database.query(`SELECT FROM outbound_emails WHERE id = $1 AND status = 'sent'`, [id])).length === 1;
    await eventually(sent, 'the mail to be handed over');
  }
  const childrenOf = ({ spanId }: TakenSpan) => collector.spans.filter(({ parentId }) => parentId === spanId);

  it('are one trace, through two processes, and the child of the back end’s', async () => {
    const id = await send({ api }, 'ada@example.com', `00-${TRACE}-${CALLER}-01`);
    const delivery = await deliveryOf(id);
    const request = await collector.waitFor('the request', ({ kind }) => kind === SERVER);
    const accepted = await collector.waitFor('the acceptance', ({ kind }) => kind === PRODUCER);

    expect(new Set([delivery, request, accepted].map(({ traceId }) => traceId))).toEqual(new Set([TRACE]));
    expect([request.parentId, accepted.parentId, delivery.parentId]).toEqual([CALLER, request.spanId, accepted.spanId]);
    expect(request).toMatchObject({
      name: 'POST /v1/emails',
      attributes: { 'http.request.method': 'POST', 'http.route': '/v1/emails', 'http.response.status_code': 202 },
      resource: { 'service.name': 'otpost', 'otpost.role': 'web' },
    });
    expect(delivery).toMatchObject({
      name: 'deliver default',
      attributes: { 'otpost.status': 'sent', 'otpost.transport': `127.0.0.1:${sink.port}`, 'otpost.attempt': 1 },
      resource: { 'otpost.role': 'worker' },
    });
    expect(delivery.attributes['otpost.request_id']).toBe(request.attributes['otpost.request_id']);
    const handOver = childrenOf(delivery).find(({ kind }) => kind === CLIENT)!;
    expect(handOver.attributes).toMatchObject({
      'otpost.outcome': 'sent',
      'otpost.reply_code': 250,
      'otpost.reply_enhanced_code': '2.0.0',
    });
    expect(
      childrenOf(delivery)
        .map(({ name }) => name)
        .sort(),
    ).toEqual(['compose', 'offer', 'record', `send by 127.0.0.1:${sink.port}`]);
    expect(delivery.end - delivery.start).toBeGreaterThanOrEqual(handOver.end - handOver.start);
    expect([request, accepted, delivery, handOver].map(({ status }) => status.code)).toEqual([0, 0, 0, 0]);
  });

  it('tell by which code a message was refused, and hold no address, no words of the server and no key', async () => {
    const id = await send({ api }, 'nobody.in.particular@example.com');
    const delivery = await deliveryOf(id);
    expect(delivery.attributes).toMatchObject({ 'otpost.status': 'failed', 'otpost.error_code': 'smtp_550' });
    const handOver = childrenOf(delivery).find(({ kind }) => kind === CLIENT)!;
    expect(handOver).toMatchObject({
      status: { code: 2, message: 'smtp_550' },
      attributes: { 'otpost.reply_code': 550, 'otpost.reply_enhanced_code': '5.1.1' },
    });

    const { challenge } = await api.register('grace.hopper@example.com', { name: 'Grace Hopper' });
    const [mail] = await sink.waitForMailTo('grace.hopper@example.com');
    const code = codeIn(mail!.mail.text);
    await api.post(`/v1/otp/${challenge.id}/verify`, { code });
    await collector.waitFor('the verification', ({ name }) => name.endsWith('/verify'));
    await collector.waitFor('the mail with the code', ({ name }) => name === 'deliver critical');
    for (const secret of ['nobody.in', 'grace', 'Hopper', 'unknown here', key, code, challenge.id]) {
      expect([secret, collector.bytes.includes(secret)]).toEqual([secret, false]);
    }
  });

  it('do not follow a stranger, who would decide what is kept', async () => {
    const { status } = await api.post(
      '/v1/accounts',
      { email: 'stranger@example.com' },
      { traceparent: `00-${TRACE}-${CALLER}-01`, 'x-request-id': 'of-a-stranger' },
    );
    expect(status).toBe(202);
    const request = await collector.waitFor(
      'the request',
      ({ kind, attributes }) => kind === SERVER && attributes['otpost.request_id'] === 'of-a-stranger',
    );
    expect([request.traceId === TRACE, request.parentId]).toEqual([false, '']);
    const delivery = await collector.waitFor(
      'the delivery',
      ({ kind, attributes }) => kind === CONSUMER && attributes['otpost.request_id'] === 'of-a-stranger',
    );
    expect(delivery.traceId).toBe(request.traceId);
    expect(await Promise.all([web.stop(), worker.stop()])).toEqual([0, 0]);
  });

  it('are named, batched, sampled and authorised by the variables of OpenTelemetry, and all sent before the end', async () => {
    const named = {
      OTEL_SERVICE_NAME: 'post-office',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=tests',
      OTEL_EXPORTER_OTLP_HEADERS: 'x-team=mail',
    };
    const all = await start('all', { ...named, OTEL_BSP_SCHEDULE_DELAY: '600000' });
    const unsampled = await start('web', { OTEL_TRACES_SAMPLER: 'parentbased_always_off' });
    collector.spans.length = 0;
    const kept = await send(all, 'ada@example.com');
    const left = await send(unsampled, 'grace@example.com');
    await Promise.all([arrives(kept), arrives(left)]); // by the worker, which keeps to the decision of the web process
    expect(collector.spans).toEqual([]);
    await Promise.all([all.stop(), unsampled.stop()]);
    const delivered = collector.spans.filter(({ kind }) => kind === CONSUMER);
    expect(delivered.map(({ attributes }) => attributes['messaging.message.id'])).toEqual([kept]);
    expect(delivered[0]!.resource).toMatchObject({
      'service.name': 'post-office',
      'deployment.environment.name': 'tests',
    });
    expect(collector.headers['x-team']).toBe('mail');
  });

  it('never hold mail up: a collector that is away is told of once, and again when it is back', async () => {
    collector.status = 400; // which is not tried again
    const all = await start('all');
    const told = (text: string) => all.output.filter((line) => line.includes(text)).length;
    await eventually(async () => {
      await arrives(await send(all, 'ada@example.com'));
      return collector.refused >= 3;
    }, 'some batches to be refused');
    await eventually(() => told('the collector takes no traces') > 0, 'the warning');
    collector.status = 200;
    await eventually(async () => {
      await send(all, 'ada@example.com');
      return told('the collector takes traces again') === 1;
    }, 'the other word');
    expect(told('the collector takes no traces')).toBe(1);
    await all.stop();
  });

  it('do not keep a process from stopping when the collector hangs', async () => {
    const hanging = await OtlpCollector.start();
    hanging.hang();
    const all = await start('all', { OTEL_EXPORTER_OTLP_ENDPOINT: hanging.url });
    await arrives(await send(all, 'ada@example.com'));
    await all.stop(); // it hangs all the time
    await hanging.stop();
  });

  it('are not made without a collector', async () => {
    const all = await start('all', { OTEL_EXPORTER_OTLP_ENDPOINT: '' });
    const id = await send(all, 'ada@example.com', `00-${TRACE}-${CALLER}-01`);
    await arrives(id);
    expect(await database.query('SELECT traceparent FROM outbound_emails WHERE id = $1', [id])).toEqual([
      { traceparent: null },
    ]);
    await all.stop();
    expect([
      all.text.includes('traces are on'),
      collector.spans.some(({ attributes }) => attributes['messaging.message.id'] === id),
    ]).toEqual([false, false]);
  });
});
