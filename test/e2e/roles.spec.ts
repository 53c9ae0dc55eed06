import { createEmptyDatabase } from '../support/database/empty-database.js';
import type { TestDatabase } from '../support/database/postgres.js';
import { REDIS_URL } from '../support/redis/redis.js';
import type { Api } from '../support/service/api.js';
import { OtpostProcess } from '../support/service/otpost-process.js';
import { TEST_SECRET } from '../support/service/otpost.js';
import { expectNothingTold, tellStory, type Told, verify } from '../support/service/story.js';
import { inTurn, type Story, turnByTurn, twoAtATime } from '../support/signals/side-by-side.js';
import { eventually } from '../support/signals/wait.js';
import { concurrentWhere } from '../support/signals/where.js';
import { codeIn, SmtpSink } from '../support/smtp/smtp-sink.js';

interface Variant {
  server?: string | undefined;
  redisUrl?: string | undefined;
  /** With a first worker that captures its mail, and a second web process that starts at the same moment. */
  withInbox?: boolean;
  test?: typeof it.concurrent;
}

function webAndWorkerOnTheirOwn(
  on: string,
  { server = process.env['TEST_POSTGRES_URL'], redisUrl, withInbox = false, test = it.concurrent }: Variant,
): Story[] {
  let database: TestDatabase | undefined;
  let sink: SmtpSink | undefined;
  let env: Record<string, string>;
  const processes: OtpostProcess[] = [];
  const told: Told[] = [];
  let web: OtpostProcess;
  let worker: OtpostProcess;
  let api: Api;
  /** Whose mail the sink leaves waiting for the answer to RCPT, and the answers. */
  let holdsFor = '';
  const held: (() => void)[] = [];

  const spawn = (role: string, more: Record<string, string> = {}): OtpostProcess => {
    const started = new OtpostProcess({ ...env, ROLE: role, ...more });
    processes.push(started);
    return started;
  };
  const startWorker = (): Promise<OtpostProcess> =>
    twoAtATime(async () => {
      const started = spawn('worker');
      await started.ready();
      return started;
    });
  const codeSentTo = async (email: string): Promise<string> => codeIn((await sink!.waitForMailTo(email))[0]!.mail.text);

  const story = inTurn(
    `web and worker on their own, ${on},`,
    async () => {
      database = await createEmptyDatabase(server);
      sink = await SmtpSink.start({
        onRcptTo: ({ address }, _session, done) => void (address === holdsFor ? held.push(done) : done()),
      });
      env = {
        DATABASE_URL: database.url,
        APP_SECRET: TEST_SECRET,
        APP_URL: 'http://localhost:3000',
        MAIL_TRANSPORTS: sink.url,
        PORT: '0',
        ...(redisUrl ? { REDIS_URL: redisUrl } : {}),
      };
    },
    { test },
  );
  afterAll(async () => {
    await Promise.all(processes.map((one) => one.stop('SIGKILL')));
    await sink?.stop();
    await database?.drop();
  });

  return [
    story('migrate an empty database once, though several start at the same moment', async () => {
      await twoAtATime(async () => {
        const inbox: Record<string, string> = withInbox ? { MAIL_TRANSPORTS: 'capture:' } : {};
        web = spawn('web', inbox);
        worker = spawn('worker', inbox);
        if (withInbox) spawn('web', inbox);
        await Promise.all(processes.map((one) => one.ready()));
      });
      api = await web.api();
      await Promise.all(processes.slice(2).map((one) => one.stop()));
      const applied = processes.filter((one) => one.text.includes('Applied migration'));
      expect(applied).toHaveLength(1);
    }),

    story(`tell the same story${withInbox ? ', and share the inbox' : ''}`, async () => {
      if (withInbox) {
        told.push(await twoAtATime(() => tellStory(api, 'ada.lovelace@example.com')));
        return;
      }
      const issued = await api.register('ada.lovelace@example.com');
      const code = await codeSentTo('ada.lovelace@example.com');
      const { accessToken, refreshToken } = await verify(api, issued, code);
      told.push({ email: 'ada.lovelace@example.com', secrets: [code, accessToken, refreshToken] });
    }),

    story('run on the broker they were given', async () => {
      const kind = redisUrl ? 'redis' : 'postgres';
      expect((await web.ready()) as { broker?: string }).toMatchObject({ broker: kind });
      const health = await eventually(async () => {
        const { body } = await api.get<{ status: string; details: Record<string, object> }>('/health');
        return body.status === 'ok' && body;
      }, 'health');
      expect(health.details['broker']).toMatchObject({ status: 'up', kind });
    }),

    story(
      'the id of the request that accepted a message stands in the log of the worker that handed it over',
      async () => {
        const answer = await api.post(
          '/v1/accounts',
          { email: 'grace.hopper@example.com' },
          { 'x-request-id': 'follow-me-0001' },
        );
        expect(answer.status).toBe(202);
        const line = await eventually(
          () => worker.output.find((text) => text.includes('handed over') && text.includes('follow-me-0001')),
          'the line in the log of the worker',
        );
        expect(JSON.parse(line)).toMatchObject({
          requestId: 'follow-me-0001',
          role: 'worker',
          status: 'sent',
          attempt: 1,
        });
      },
    ),

    story('lose nothing when the worker is killed, before a delivery and in the middle of one', async () => {
      if (withInbox) {
        await worker.stop('SIGKILL');
        worker = await startWorker(); // its mail goes out by SMTP
      }
      holdsFor = 'mary.jackson@example.com';
      const underWay = await api.register(holdsFor);
      await eventually(() => held.length > 0, 'the delivery to be under way');
      await worker.stop('SIGKILL');
      holdsFor = '';
      held.splice(0);
      sink!.hangUp();
      const notBegun = await api.register('katherine.johnson@example.com');
      const waiting = await api.get<{ status: string }>(`/v1/otp/${notBegun.challenge.id}/delivery`);
      expect(waiting.body.status).toBe('queued');
      worker = await startWorker();
      await verify(api, notBegun, await codeSentTo('katherine.johnson@example.com'));
      // The lease of the dead worker lasts 20 s, unless it is ended here; the rescue looks every 5 s.
      await database!.query(
        `UPDATE outbound_emails SET lease_until = now() WHERE status = 'sending' AND to_address = 'mary.jackson@example.com'`,
      );
      await verify(api, underWay, await codeSentTo('mary.jackson@example.com'));
    }),

    story('hand over by SMTP, and finish what is under way at SIGTERM', async () => {
      holdsFor = 'dorothy.vaughan@example.com';
      const issued = await api.register(holdsFor);
      await eventually(() => held.length > 0, 'the delivery to be under way');
      const stopped = worker.stop('SIGTERM');
      await eventually(() => worker.text.includes('stopping'), 'the worker to stop');
      held[0]!();
      expect(await stopped).toBe(0);
      await verify(api, issued, await codeSentTo('dorothy.vaughan@example.com'));
      expect((await api.get<{ status: string }>(`/v1/otp/${issued.challenge.id}/delivery`)).body.status).toBe('sent');
    }),

    story('stop at SIGTERM with 0, and have told no secret', async () => {
      expect(await web.stop()).toBe(0);
      for (const one of processes) expectNothingTold(one.text, told);
    }),
  ];
}

const other = process.env['TEST_OTHER_POSTGRES_URL'];

/** Side by side, for each waits for looks. */
describe('the roles:', () => {
  const variants = [
    webAndWorkerOnTheirOwn('BullMQ on Postgres', { withInbox: true }),
    webAndWorkerOnTheirOwn('BullMQ on Redis', { redisUrl: REDIS_URL, test: concurrentWhere(REDIS_URL) }),
    webAndWorkerOnTheirOwn("on the machine's own Postgres", { server: other, test: concurrentWhere(other) }),
  ];
  for (const story of turnByTurn(...variants)) story();
});
