import { readSettings } from '../../../src/configuration.js';
import { createLogger } from '../../../src/core/logger.js';
import { PrismaService } from '../../../src/database/prisma.service.js';
import { CaptureByDefault, refuseCaptureByDefault } from '../../../src/mail/routing/capture-by-default.js';
import { createDatabase, type TestDatabase } from '../../support/database/postgres.js';
import { TEST_SECRET } from '../../support/service/otpost.js';
import { OtpostInProcess } from '../../support/service/otpost-in-process.js';
import { eventually } from '../../support/signals/wait.js';
import { SmtpSink } from '../../support/smtp/smtp-sink.js';

describe('a process that was told of no way out', () => {
  let database: TestDatabase;
  let sink: SmtpSink;
  const running: OtpostInProcess[] = [];

  beforeEach(async () => {
    database = await createDatabase();
    sink = await SmtpSink.start();
  });
  afterEach(async () => {
    for (const one of running.splice(0).reverse()) await one.stop();
    await sink.stop();
    await database.drop();
  });

  async function start(env: Record<string, string> = {}): Promise<OtpostInProcess> {
    const started = await OtpostInProcess.start({ DATABASE_URL: database.url, ...env });
    running.push(started);
    return started;
  }
  const statusesBy = async (): Promise<string[]> => {
    const rows = await database.query<{ told: string }>(
      `SELECT status || ' ' || coalesce(transport, '') AS told FROM outbound_emails ORDER BY id`,
    );
    return rows.map(({ told }) => told);
  };

  it.each(['worker', 'web', 'all'])(
    'does not start where mail of its database goes out, and says what to do: ROLE=%s',
    async (role) => {
      await start({ MAIL_TRANSPORTS: sink.url });
      await expect(start({ ROLE: role })).rejects.toMatchObject({
        message: `MAIL_TRANSPORTS is not set here, and mail of this database goes out by 127.0.0.1:${sink.port}.`,
        remedy: expect.stringMatching(/environment of the other processes.*MAIL_TRANSPORTS=capture:/) as string,
      });
      await start({ ROLE: role, MAIL_TRANSPORTS: 'capture:' }); // somebody means it
    },
  );

  it('starts where it delivers nothing, and where texts alone go out', async () => {
    await start({ SMS_TRANSPORTS: 'capture:', SMS_COUNTRIES: 'AT' });
    await start();
    await start({ MAIL_TRANSPORTS: sink.url });
    await start({ ROLE: 'web', OUTBOX_RESCUE: 'off' });
  });

  it('takes no mail any more once a process with ways out has come', async () => {
    const alone = await start();
    await alone.api.register('ada@example.com');
    await eventually(async () => (await statusesBy())[0] === 'sent capture', 'the inbox to keep it');
    await start({ MAIL_TRANSPORTS: sink.url, ROLE: 'web', OUTBOX_RESCUE: 'off' });
    await database.query(`INSERT INTO transport_states (name) VALUES ('127.0.0.1:${sink.port}')`); // as its worker says at its start
    await eventually(() => alone.text.includes('THIS PROCESS DELIVERS NO MAIL ANY MORE'), 'the log to say so');
    await alone.api.register('grace@example.com');
    expect(await statusesBy()).toEqual(['sent capture', 'queued ']);
    await start({ MAIL_TRANSPORTS: sink.url });
    await sink.waitForMailTo('grace@example.com');
  });

  it('takes none where that one came while it started', async () => {
    const { settings } = readSettings({ DATABASE_URL: database.url, APP_SECRET: TEST_SECRET });
    const prisma = new PrismaService({ url: database.url, poolSize: 1 });
    const capture = new CaptureByDefault(settings, prisma, createLogger('silent', 'worker'));
    await refuseCaptureByDefault(settings);
    await database.query(`INSERT INTO transport_states (name) VALUES ('127.0.0.1:${sink.port}')`);
    await capture.look();
    expect(await capture.mayTake()).toBe(false);
    await prisma.$disconnect();
  });

  it('is no worker of mail any more then: health says so, and a web process may stand in for it', async () => {
    const alone = await start({ ROLE: 'worker' });
    const lanes = async (): Promise<string[]> =>
      (await database.query<{ lanes: string[] }>('SELECT lanes FROM workers')).flatMap((worker) => worker.lanes);
    await eventually(async () => (await lanes()).includes('critical'), 'the worker to be known');
    const web = await start({ MAIL_TRANSPORTS: sink.url, ROLE: 'web' });
    await eventually(async () => (await lanes()).every((lane) => lane === 'sms'), 'the worker to say so');
    const told = async (): Promise<{ code: string; remedy: string }[]> => {
      const { problems } = (await (await fetch(`${web.url}/health/mail`)).json()) as {
        problems: { code: string; remedy: string }[];
      };
      return problems.filter(({ code }) => code === 'lane_without_worker');
    };
    await eventually(async () => (await told()).length === 3, 'health to tell of the three lanes of mail');
    expect((await told())[0]!.remedy).toMatch(/No mail is worked by \S+: where MAIL_TRANSPORTS is not set there/);
    expect(alone.text).toContain('THIS PROCESS DELIVERS NO MAIL ANY MORE');
  });
});
