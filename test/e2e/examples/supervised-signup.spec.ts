import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { createDatabase, type TestDatabase } from '../../support/database/postgres.js';
import { describeWithChromium, openChromium } from '../../support/http/chromium.js';
import { freePort } from '../../support/network/free-port.js';
import { createApiKey } from '../../support/service/api-key.js';
import { runCli } from '../../support/service/cli.js';
import { exampleFile, ExampleServer, PYTHON, runExample } from '../../support/service/example.js';
import { TEST_SECRET } from '../../support/service/otpost.js';
import { describeWithSupervisor, SupervisedOtpost } from '../../support/service/supervised-otpost.js';
import { eventually, HANGS_MS } from '../../support/signals/wait.js';
import { describeWhere } from '../../support/signals/where.js';
import { SmtpSink } from '../../support/smtp/smtp-sink.js';

const HAS_DJANGO = existsSync('/usr/lib/python3/dist-packages/django/__init__.py');
const MANAGE = exampleFile('supervised-signup/manage.py');

interface Listed {
  id: string;
  to: string;
  status: string;
}

const tests = (): void => {
  let sink: SmtpSink;
  let database: TestDatabase;
  let container: SupervisedOtpost;
  let site: ExampleServer;
  let url: string;
  let folder: string;
  let page: Page;
  let closeBrowser: () => Promise<void>;

  beforeAll(async () => {
    [sink, database, folder] = [
      await SmtpSink.start(),
      await createDatabase(),
      await mkdtemp(join(tmpdir(), 'otpost-signup-')),
    ];
    const smtpPort = await freePort();
    container = await SupervisedOtpost.start({
      ...commands(),
      NODE_ENV: 'production',
      HOST: '127.0.0.1',
      APP_URL: 'http://localhost:3000',
      MAIL_FROM: 'Sign-up <no-reply@example.com>',
      MAIL_TRANSPORTS: sink.url,
      SMTP_LISTEN: `127.0.0.1:${smtpPort}`,
      // The worker is stopped for as long as a busy machine takes, and web is not to stand in for it meanwhile.
      OUTBOX_RESCUE: 'off',
    });
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    const env = {
      OTPOST_SMTP_PORT: String(smtpPort),
      OTPOST_SMTP_TIMEOUT: String(HANGS_MS / 1_000),
      OTPOST_API_KEY: await createApiKey(database.url, ['emails:send']),
      DJANGO_SECRET_KEY: TEST_SECRET,
      DATABASE_FILE: join(folder, 'signup.sqlite3'),
    };
    expect(await runExample([PYTHON, MANAGE, 'migrate', '--verbosity', '0'], env)).toMatchObject({ code: 0, err: '' });
    site = await ExampleServer.start(url, [PYTHON, MANAGE, 'runserver', '--noreload', `127.0.0.1:${port}`], env);
    const chromium = await openChromium();
    closeBrowser = chromium.close;
    page = await chromium.context.newPage();
    page.setDefaultTimeout(HANGS_MS);
    await Promise.all([container.running('worker'), container.ready()]);
  });
  afterAll(async () => {
    await closeBrowser();
    await site.stop();
    await container.destroy();
    await Promise.all([sink.stop(), database.drop(), rm(folder, { recursive: true })]);
  });

  const commands = (): Record<string, string> => ({ DATABASE_URL: database.url, APP_SECRET: TEST_SECRET });
  const otpost = (...args: string[]) => runCli(args, commands());

  async function signUp(email: string): Promise<void> {
    await page.goto(url);
    await page.getByLabel('E-mail address').fill(email);
    await page.getByRole('button', { name: 'Sign up' }).click();
    await page.getByText(`A link to confirm ${email} is on its way.`).waitFor();
  }

  /** What waits, as `celery inspect` was asked. */
  async function waiting(): Promise<Listed[]> {
    const { out } = await otpost('outbox', 'list', '--status', 'queued', '--show-addresses', '--json');
    return JSON.parse(out) as Listed[];
  }

  async function confirm(email: string): Promise<void> {
    const [{ mail }] = (await sink.waitForMailTo(email)) as [(typeof sink.received)[0]];
    expect([mail.subject, mail.from!.text]).toEqual(['Confirm your address', '"Sign-up" <no-reply@example.com>']);
    const link = /http\S+\/verify\/\S+/.exec(mail.text!)![0];
    await page.goto(link);
    await page.getByLabel('New password:').fill('correct horse battery');
    await page.getByLabel('New password confirmation:').fill('correct horse battery');
    await page.getByRole('button', { name: 'Confirm' }).click();
    await page.getByText(`${email} is confirmed.`).waitFor();
    await page.goto(link);
    await page.getByRole('heading', { name: 'This link does not work' }).waitFor();
  }

  it('confirms an address by the link that its Django sent, and by it once', async () => {
    await signUp('ada@example.com');
    await confirm('ada@example.com');
    expect(sink.received.filter(({ to }) => to.includes('ada@example.com'))).toHaveLength(1);
  });

  it('shows what waits while the worker is stopped, takes one message back, and sends the other', async () => {
    expect(await container.control('stop', 'worker')).toContain('worker: stopped');
    await signUp('typo@example.com');
    await signUp('grace@example.com');
    expect((await waiting()).map(({ to }) => to).sort()).toEqual(['grace@example.com', 'typo@example.com']);
    expect((await otpost('queue', 'stats')).out).toMatch(/^default +2 /m);

    const revoked = (await waiting()).find(({ to }) => to === 'typo@example.com')!;
    expect((await otpost('outbox', 'cancel', revoked.id)).code).toBe(0);
    expect(await container.control('start', 'worker')).toContain('worker: started');
    await confirm('grace@example.com');
    const shown = JSON.parse((await otpost('outbox', 'show', revoked.id, '--json')).out) as { status: string };
    expect([shown.status, sink.received.filter(({ to }) => to.includes('typo@example.com'))]).toEqual([
      'cancelled',
      [],
    ]);
  });

  it('stops both programs at SIGTERM with what was begun finished, and tells people when no mail can be taken', async () => {
    await signUp('katherine@example.com');
    await sink.waitForMailTo('katherine@example.com');
    container.child.kill('SIGTERM');
    expect(await container.exit()).toBe(0);
    expect(container.text).toMatch(/stopped: web[^]*stopped: worker/);
    await page.goto(url);
    await page.getByLabel('E-mail address').fill('late@example.com');
    await page.getByRole('button', { name: 'Sign up' }).click();
    await page.getByRole('heading', { name: 'No mail was sent' }).waitFor();
    await eventually(
      async () =>
        (await database.query(`SELECT FROM outbound_emails WHERE status NOT IN ('sent', 'cancelled')`)).length === 0,
      'nothing to be left under way',
    );
  });
};

describeWhere(HAS_DJANGO)('examples/supervised-signup: a Django site, and Otpost under Supervisor', () =>
  describeWithSupervisor('in one container,', () => describeWithChromium('in a browser,', tests)),
);
