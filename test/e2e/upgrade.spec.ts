import { createEmptyDatabase } from '../support/database/empty-database.js';
import type { TestDatabase } from '../support/database/postgres.js';
import { OtpostInProcess } from '../support/service/otpost-in-process.js';
import type { Api, SignedInBody } from '../support/service/api.js';
import { createApiKey } from '../support/service/api-key.js';
import { runCli } from '../support/service/cli.js';
import { buildFormer, type Former } from '../support/service/former-build.js';
import { OtpostProcess } from '../support/service/otpost-process.js';
import { TEST_SECRET } from '../support/service/otpost.js';
import { verify } from '../support/service/story.js';
import { eventually } from '../support/signals/wait.js';
import { codeIn, SmtpSink } from '../support/smtp/smtp-sink.js';

const former: Former = buildFormer();
if (former.kind === 'no_history') console.warn(`SKIPPED: no upgrade was tried, for ${former.why}`);

/** An upgrade as docs/upgrades.md tells it, with the two builds side by side at every step. */
(former.kind === 'built' ? describe : describe.skip)('an upgrade from the former build', () => {
  const build = former.kind === 'built' ? former.build.folder : '';
  const processes: OtpostProcess[] = [];
  const services: OtpostInProcess[] = [];
  let database: TestDatabase;
  let sink: SmtpSink;
  let env: Record<string, string>;
  let oldWeb: OtpostProcess;
  let oldWorker: OtpostProcess;
  let oldAll: OtpostProcess;
  let newWorker: OtpostInProcess;
  let newWeb: OtpostInProcess;
  let signedInBefore: SignedInBody;

  const startFormer = async (role: string, more: Record<string, string> = {}): Promise<OtpostProcess> => {
    const started = new OtpostProcess({ ...env, ROLE: role, ...more }, { build });
    processes.push(started);
    await started.ready();
    return started;
  };
  const startPresent = async (role: string): Promise<OtpostInProcess> => {
    const started = await OtpostInProcess.start({ ...env, ROLE: role });
    services.push(started);
    return started;
  };

  beforeAll(async () => {
    database = await createEmptyDatabase();
    sink = await SmtpSink.start();
    env = {
      DATABASE_URL: database.url,
      APP_SECRET: TEST_SECRET,
      APP_URL: 'http://localhost:3000',
      MAIL_TRANSPORTS: sink.url,
      MAIL_FROM: 'no-reply@example.com',
      PORT: '0',
      OUTBOX_RESCUE: 'off',
      // A rolling upgrade applies the schema with its own job, so that no start is late.
      MIGRATE_ON_START: 'off',
    };
  });
  afterAll(async () => {
    await Promise.all([...processes.map((one) => one.stop('SIGKILL')), ...services.map((one) => one.stop())]);
    await sink.stop();
    await database.drop();
  });

  async function signIn(api: Api, email: string): Promise<SignedInBody> {
    const issued = await api.register(email);
    const [received] = await sink.waitForMailTo(email);
    return verify(api, issued, codeIn(received!.mail.text));
  }

  /** Whose worker had it last, once its mail is written down as sent: it arrives a moment before. */
  const lastWorkerOf = (email: string): Promise<string> =>
    eventually(async () => {
      const [row] = await database.query<{ worker: string }>(
        `SELECT e.worker FROM email_events e JOIN outbound_emails m ON m.id = e.email_id
         WHERE m.to_address = $1 AND e.status = 'sent' ORDER BY e.id DESC LIMIT 1`,
        [email],
      );
      return row?.worker;
    }, `the mail to ${email} to be written down as sent`);

  it('begins with a service that runs on the former build', async () => {
    oldWorker = await startFormer('worker', { MIGRATE_ON_START: 'on' });
    oldWeb = await startFormer('web');
    signedInBefore = await signIn(await oldWeb.api(), 'before@example.com');
  });

  it('is refused by the present build until its migrations are applied', async () => {
    const { code, out } = await runCli(['migrate', '--status', '--json'], env);
    expect([code, JSON.parse(out)]).toMatchObject([1, { current: false, fits: true }]);
  });

  it('applies its migrations below the running former build, which goes on', async () => {
    const { code, err } = await runCli(['migrate'], env);
    expect([code, err]).toEqual([0, expect.stringContaining('Applied migration 20261121120000_accounts')]);
    const [status] = await Promise.all([
      runCli(['migrate', '--status'], env),
      signIn(await oldWeb.api(), 'meanwhile@example.com'),
    ]);
    expect(status.code).toBe(0);
  });

  it('has the present worker deliver what the former web process accepts', async () => {
    [newWorker] = await Promise.all([startPresent('worker'), oldWorker.stop()]);
    await signIn(await oldWeb.api(), 'old-to-new@example.com');
    expect(await lastWorkerOf('old-to-new@example.com')).toEqual(expect.stringContaining(`:${process.pid}`));
  });

  it('lets a former process start anew on the new schema, with a warning', async () => {
    await oldWeb.stop();
    oldAll = await startFormer('all');
    expect(oldAll.text).toMatch(/"level":"warn".*was migrated by a newer Otpost/);
    await signIn(await oldAll.api(), 'rolled-back@example.com');
  });

  it('has the former worker deliver the codes that the present web process accepts', async () => {
    await newWorker.stop();
    newWeb = await startPresent('web');
    const { api } = newWeb;
    await signIn(api, 'new-to-old@example.com');
    expect(await lastWorkerOf('new-to-old@example.com')).toEqual(expect.stringContaining(`:${oldAll.child.pid}`));
    const { status } = await api.post('/v1/sessions/refresh', { refreshToken: signedInBefore.refreshToken });
    expect(status).toBe(200);
  });

  it('has the former worker put off what keeps its words where that one cannot look, and send no empty mail', async () => {
    const authorization = `Bearer ${await createApiKey(database.url)}`;
    const mail = { to: 'Ada <ada@example.com>', cc: 'grace@example.com', subject: 'For two', text: 'Hello, both.' };
    const { body } = await newWeb.api.post<{ id: string }>('/v1/emails', mail, { authorization });
    const put = await eventually(async () => {
      const [row] = await database.query<{ status: string; code: string; worker: string }>(
        `SELECT e.status, e.error_code AS code, e.worker FROM email_events e WHERE email_id = $1 AND status NOT IN ('queued', 'sending')`,
        [body.id],
      );
      return row;
    }, 'the former worker to have had it');
    expect(put).toEqual({
      status: 'deferred',
      code: 'secret_unknown',
      worker: expect.stringContaining(`:${oldAll.child.pid}`) as string,
    });
    expect(sink.received.filter(({ to }) => to.includes('ada@example.com'))).toEqual([]);
    await oldAll.stop();
    newWorker = await startPresent('worker');
    await database.query('UPDATE outbound_emails SET next_attempt_at = now() WHERE id = $1', [body.id]);
    const [received] = await sink.waitForMailTo('ada@example.com');
    expect(received!.to).toEqual(['ada@example.com', 'grace@example.com']);
    expect([received!.mail.subject, received!.mail.text!.trim()]).toEqual(['For two', 'Hello, both.']);
    await eventually(async () => {
      const [row] = await database.query<{ status: string }>('SELECT status FROM outbound_emails WHERE id = $1', [
        body.id,
      ]);
      return row!.status === 'sent';
    }, 'the present worker to have recorded it');
  });

  it('loses and doubles nothing', async () => {
    const { code, out } = await runCli(['outbox', 'stats', '--json'], env);
    expect([code, JSON.parse(out)]).toMatchObject([0, { imbalance: 0, accepted: 6, states: { sent: 6 } }]);
    expect(sink.received).toHaveLength(6);
  });

  it('ends where a migration says that the former build no longer works: it does not start', async () => {
    await database.query(
      `UPDATE schema_compatibility SET oldest_version = '99.0.0' WHERE migration = (SELECT max(migration) FROM schema_compatibility)`,
    );
    const refused = new OtpostProcess({ ...env, ROLE: 'web' }, { build });
    processes.push(refused);
    expect(await refused.exit()).toBe(1);
    expect(refused.text).toMatch(/no longer fits version .* Run version 99\.0\.0 or newer/);
  });
});
