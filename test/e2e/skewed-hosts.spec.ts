import { createDatabase, type TestDatabase } from '../support/database/postgres.js';
import { REDIS_URL } from '../support/redis/redis.js';
import type { Api, SignedInBody } from '../support/service/api.js';
import { OtpostProcess } from '../support/service/otpost-process.js';
import { TEST_SECRET } from '../support/service/otpost.js';
import { skewedHost } from '../support/service/skewed-host.js';
import { verify } from '../support/service/story.js';
import { codeIn, SmtpSink } from '../support/smtp/smtp-sink.js';

const HOUR_S = 3_600;

/** Two web processes and a worker, each on a host with a clock of its own; only Postgres's is right. */
describe('hosts whose clocks are hours apart', () => {
  let database: TestDatabase;
  let sink: SmtpSink;
  let processes: OtpostProcess[];
  let early: Api;
  let late: Api;

  beforeAll(async () => {
    database = await createDatabase();
    sink = await SmtpSink.start();
    const env = {
      DATABASE_URL: database.url,
      APP_SECRET: TEST_SECRET,
      APP_URL: 'http://localhost:3000',
      MAIL_TRANSPORTS: sink.url,
      PORT: '0',
      OUTBOX_RESCUE: 'off',
      ...(REDIS_URL ? { REDIS_URL } : {}),
    };
    processes = [
      new OtpostProcess({ ...env, ROLE: 'web', ...skewedHost(-5 * HOUR_S) }),
      new OtpostProcess({ ...env, ROLE: 'web', ...skewedHost(40 * HOUR_S) }),
      new OtpostProcess({ ...env, ROLE: 'worker', ...skewedHost(20 * HOUR_S) }),
    ];
    [early, late] = (await Promise.all(processes.slice(0, 2).map((one) => one.api()))) as [Api, Api];
    await processes[2]!.ready();
  });
  afterAll(async () => {
    await Promise.all(processes.map((one) => one.stop('SIGKILL')));
    await sink.stop();
    await database.drop();
  });

  const askedAt = (): [string, Api, () => Api][] => [
    ['early', early, () => late],
    ['late', late, () => early],
  ];

  it('lose no code: it is asked for at one, handed over by another, and opens at a third, whose tokens hold at the first', async () => {
    for (const [name, here, there] of askedAt()) {
      const issued = await here.register(`ada@${name}.example`);
      const [received] = await sink.waitForMailTo(`ada@${name}.example`);
      expect(received!.mail.text).toContain('10 minutes');
      expect(Math.abs(received!.mail.date!.getTime() - Date.now())).toBeLessThan(HOUR_S * 1_000);
      const { accessToken, refreshToken } = await verify(there(), issued, codeIn(received!.mail.text));
      expect((await here.get('/v1/me', accessToken)).status).toBe(200);
      const refreshed = await here.post<SignedInBody>('/v1/sessions/refresh', { refreshToken });
      expect([refreshed.status, (await there().get('/v1/me', refreshed.body.accessToken)).status]).toEqual([200, 200]);
    }
  });

  it('keep the same limits: the one that answers does not matter to how soon a code may be sent again', async () => {
    for (const [name, here, there] of askedAt()) {
      const { challenge } = await here.register(`grace@${name}.example`);
      const { status, headers } = await there().post(`/v1/otp/${challenge.id}/resend`, {});
      expect([status, Number(headers.get('retry-after')) <= 30]).toEqual([429, true]);
    }
  });

  it('are told of, each once', () => {
    for (const { output } of processes)
      expect(output.filter((line) => line.includes('the clocks of this host and of Postgres differ'))).toHaveLength(1);
  });
});
