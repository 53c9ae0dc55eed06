import type { Api, SignedInBody } from '../support/api.js';
import { runCli } from '../support/cli.js';
import { createEmptyDatabase } from '../support/empty-database.js';
import { buildFormer, type Former } from '../support/former-build.js';
import { OtpostProcess } from '../support/otpost-process.js';
import { TEST_SECRET } from '../support/otpost.js';
import type { TestDatabase } from '../support/postgres.js';
import { codeIn, SmtpSink } from '../support/smtp-sink.js';
import { verify } from '../support/story.js';

const former: Former = buildFormer();
if (former.kind === 'no_history') console.warn(`SKIPPED: no upgrade was tried, for ${former.why}`);

/** An upgrade as docs/upgrades.md tells it, with the two builds side by side at every step. */
(former.kind === 'built' ? describe : describe.skip)('an upgrade from the former build', () => {
  const build = former.kind === 'built' ? former.build.folder : '';
  const processes: OtpostProcess[] = [];
  let database: TestDatabase;
  let sink: SmtpSink;
  let env: Record<string, string>;
  let oldWeb: OtpostProcess;
  let oldWorker: OtpostProcess;
  let newWorker: OtpostProcess;
  let signedInBefore: SignedInBody;

  const start = async (role: string, which: 'former' | 'present', more: Record<string, string> = {}): Promise<OtpostProcess> => {
    const started = new OtpostProcess({ ...env, ROLE: role, ...more }, which === 'former' ? { build } : {});
    processes.push(started);
    await started.ready();
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
    await Promise.all(processes.map((one) => one.stop('SIGKILL')));
    await sink.stop();
    await database.drop();
  });

  async function signIn(api: Api, email: string): Promise<SignedInBody> {
    const issued = await api.register(email);
    const [received] = await sink.waitForMailTo(email);
    return verify(api, issued, codeIn(received!.mail.text));
  }

  const lastWorkerOf = async (email: string): Promise<unknown> => {
    const [row] = await database.query<{ worker: string; status: string }>(
      `SELECT e.worker, e.status FROM email_events e JOIN outbound_emails m ON m.id = e.email_id WHERE m.to_address = $1 ORDER BY e.id DESC LIMIT 1`,
      [email],
    );
    return row;
  };
  const nameOf = ({ child }: OtpostProcess): string => `:${child.pid}`;

  it('begins with a service that runs on the former build', async () => {
    oldWorker = await start('worker', 'former', { MIGRATE_ON_START: 'on' });
    oldWeb = await start('web', 'former');
    signedInBefore = await signIn(await oldWeb.api(), 'before@example.com');
  });

  it('is refused by the present build until its migrations are applied', async () => {
    const { code, out } = await runCli(['migrate', '--status', '--json'], env);
    expect([code, JSON.parse(out)]).toMatchObject([1, { current: false, fits: true }]);
  });

  it('applies its migrations below the running former build, which goes on', async () => {
    const { code, err } = await runCli(['migrate'], env);
    expect([code, err]).toEqual([0, expect.stringContaining('Applied migration 20261121120000_accounts')]);
    const [status] = await Promise.all([runCli(['migrate', '--status'], env), signIn(await oldWeb.api(), 'meanwhile@example.com')]);
    expect(status.code).toBe(0);
  });

  it('has the present worker deliver what the former web process accepts', async () => {
    [newWorker] = await Promise.all([start('worker', 'present'), oldWorker.stop()]);
    await signIn(await oldWeb.api(), 'old-to-new@example.com');
    expect(await lastWorkerOf('old-to-new@example.com')).toEqual({ worker: expect.stringContaining(nameOf(newWorker)) as string, status: 'sent' });
  });

  it('lets a former process start anew on the new schema, with a warning', async () => {
    await oldWeb.stop();
    oldWeb = await start('web', 'former');
    expect(oldWeb.text).toMatch(/"level":"warn".*was migrated by a newer Otpost/);
    await signIn(await oldWeb.api(), 'rolled-back@example.com');
  });

  it('has the former worker deliver the codes that the present web process accepts', async () => {
    const [newWeb, startedWorker] = await Promise.all([start('web', 'present'), start('worker', 'former'), newWorker.stop()]);
    oldWorker = startedWorker;
    const api = await newWeb.api();
    await signIn(api, 'new-to-old@example.com');
    expect(await lastWorkerOf('new-to-old@example.com')).toEqual({ worker: expect.stringContaining(nameOf(oldWorker)) as string, status: 'sent' });
    const { status } = await api.post('/v1/sessions/refresh', { refreshToken: signedInBefore.refreshToken });
    expect(status).toBe(200);
  });

  it('loses and doubles nothing', async () => {
    const { code, out } = await runCli(['outbox', 'stats', '--json'], env);
    expect([code, JSON.parse(out)]).toMatchObject([0, { imbalance: 0, accepted: 5, states: { sent: 5 } }]);
    expect(sink.received).toHaveLength(5);
  });

  it('ends where a migration says that the former build no longer works: it does not start', async () => {
    await database.query(`UPDATE schema_compatibility SET oldest_version = '99.0.0' WHERE migration = (SELECT max(migration) FROM schema_compatibility)`);
    const refused = new OtpostProcess({ ...env, ROLE: 'web' }, { build });
    processes.push(refused);
    expect(await refused.exit()).toBe(1);
    expect(refused.text).toMatch(/no longer fits version .* Run version 99\.0\.0 or newer/);
  });
});
