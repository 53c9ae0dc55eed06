import type { Api } from '../support/api.js';
import { createEmptyDatabase } from '../support/empty-database.js';
import { OtpostProcess } from '../support/otpost-process.js';
import { TEST_SECRET } from '../support/otpost.js';
import type { TestDatabase } from '../support/postgres.js';
import { describeWithRedis, REDIS_URL } from '../support/redis.js';
import { SmtpSink, codeIn } from '../support/smtp-sink.js';
import { codeFromInbox, expectNothingTold, tellStory, type Told, verify } from '../support/story.js';
import { eventually } from '../support/wait.js';

/** `waitOutLease`: the lease of a killed worker runs out in real time, elsewhere the test ends it. */
function webAndWorkerOnTheirOwn(server: string | undefined, redisUrl: string | undefined, waitOutLease = false): void {
  let database: TestDatabase;
  let env: Record<string, string>;
  const processes: OtpostProcess[] = [];
  const told: Told[] = [];
  let web: OtpostProcess;
  let worker: OtpostProcess;
  let api: Api;

  const spawn = (role: string, more: Record<string, string> = {}): OtpostProcess => {
    const started = new OtpostProcess({ ...env, ROLE: role, ...more });
    processes.push(started);
    return started;
  };

  beforeAll(async () => {
    database = await createEmptyDatabase(server);
    env = {
      DATABASE_URL: database.url,
      APP_SECRET: TEST_SECRET,
      APP_URL: 'http://localhost:3000',
      MAIL_TRANSPORTS: 'capture:',
      PORT: '0',
      ...(redisUrl ? { REDIS_URL: redisUrl } : {}),
    };
  });
  afterAll(async () => {
    await Promise.all(processes.map((one) => one.stop('SIGKILL')));
    await database.drop();
  });

  it('migrate an empty database once, though several start at the same moment', async () => {
    web = spawn('web');
    worker = spawn('worker');
    const more = [spawn('web'), spawn('worker')];
    await Promise.all(processes.map((one) => one.ready()));
    api = await web.api();
    await Promise.all(more.map((one) => one.stop()));
    const applied = processes.filter((one) => one.text.includes('Applied migration'));
    expect(applied).toHaveLength(1);
  });

  it('tell the same story, and share the inbox', async () => {
    const story = await tellStory(api, 'ada.lovelace@example.com');
    told.push(story);
    console.log(`the code was in the inbox after ${Math.round(story.afterMs)} ms`);
    expect(story.afterMs).toBeLessThan(1_000);
  });

  it('run on the broker they were given', async () => {
    const kind = redisUrl ? 'redis' : 'postgres';
    expect((await web.ready()) as { broker?: string }).toMatchObject({ broker: kind });
    const health = await eventually(async () => {
      const { body } = await api.get<{ status: string; details: Record<string, object> }>('/health');
      return body.status === 'ok' && body;
    }, 'health');
    expect(health.details['broker']).toMatchObject({ status: 'up', kind });
  });

  it('the id of the request that accepted a message stands in the log of the worker that handed it over', async () => {
    const answer = await api.post('/v1/accounts', { email: 'grace.hopper@example.com' }, { 'x-request-id': 'follow-me-0001' });
    expect(answer.status).toBe(202);
    const line = await eventually(
      () => worker.output.find((text) => text.includes('handed over') && text.includes('follow-me-0001')),
      'the line in the log of the worker',
    );
    expect(JSON.parse(line)).toMatchObject({ requestId: 'follow-me-0001', role: 'worker', status: 'sent', attempt: 1 });
  });

  it('lose nothing when the worker is killed between registration and delivery', async () => {
    await worker.stop('SIGKILL');
    const issued = await api.register('katherine.johnson@example.com');
    const waiting = await api.get<{ status: string }>(`/v1/otp/${issued.challenge.id}/delivery`);
    expect(waiting.body.status).toBe('queued');
    worker = spawn('worker');
    const { code } = await codeFromInbox(api, 'katherine.johnson@example.com', issued);
    await verify(api, issued, code);
  });

  it('lose nothing when the worker is killed in the middle of a delivery', async () => {
    const stalled: (() => void)[] = [];
    const sink = await SmtpSink.start({ onMailFrom: (_address, _session, done) => void stalled.push(done) });
    await worker.stop('SIGKILL');
    worker = spawn('worker', { MAIL_TRANSPORTS: sink.url });
    await worker.ready();
    const issued = await api.register('mary.jackson@example.com');
    await eventually(() => stalled.length > 0, 'the delivery to be under way');
    await worker.stop('SIGKILL');
    sink.hangUp();
    await sink.stop();
    worker = spawn('worker');
    // The lease of the dead worker lasts 20 s; the rescue looks every 5 s.
    if (!waitOutLease) await database.query(`UPDATE outbound_emails SET lease_until = now() WHERE status = 'sending'`);
    const { code, afterMs } = await codeFromInbox(api, 'mary.jackson@example.com', issued, 32_000);
    console.log(`picked up ${Math.round(afterMs / 1_000)} s after the kill`);
    await verify(api, issued, code);
  }, 60_000);

  it('hand over by SMTP, and finish what is under way at SIGTERM', async () => {
    const held: (() => void)[] = [];
    const sink = await SmtpSink.start({
      onMailFrom: (_address, _session, done) => void held.push(done),
    });
    await worker.stop();
    worker = spawn('worker', { MAIL_TRANSPORTS: sink.url });
    await worker.ready();
    const issued = await api.register('dorothy.vaughan@example.com');
    await eventually(() => held.length > 0, 'the delivery to be under way');
    const stopped = worker.stop('SIGTERM');
    await eventually(() => worker.text.includes('stopping'), 'the worker to stop');
    held[0]!();
    expect(await stopped).toBe(0);
    const [received] = await sink.waitForMailTo('dorothy.vaughan@example.com');
    await verify(api, issued, codeIn(received!.mail.text));
    expect((await api.get<{ status: string }>(`/v1/otp/${issued.challenge.id}/delivery`)).body.status).toBe('sent');
    await sink.stop();
  });

  it('stop at SIGTERM with 0, and have told no secret', async () => {
    expect(await web.stop()).toBe(0);
    for (const one of processes) expectNothingTold(one.text, told);
  });
}

describe('web and worker on their own, BullMQ on Postgres', () => {
  webAndWorkerOnTheirOwn(process.env['TEST_POSTGRES_URL'], undefined, true);
});

describeWithRedis('web and worker on their own, BullMQ on Redis', () => {
  webAndWorkerOnTheirOwn(process.env['TEST_POSTGRES_URL'], REDIS_URL);
});

const other = process.env['TEST_OTHER_POSTGRES_URL'];
(other ? describe : describe.skip)("web and worker on their own, on the machine's own Postgres", () => {
  webAndWorkerOnTheirOwn(other, undefined);
});
