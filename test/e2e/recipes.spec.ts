import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { Webhook } from 'standardwebhooks';
import { betterAuth, ConnectionError, Otpost as Client } from '../../clients/typescript/src/index.js';
import { BETTER_AUTH, DATABASE, HANDLER, SERVER } from '../support/client/web-program.js';
import { Api, type SignedInBody } from '../support/service/api.js';
import { codeFromInbox, verify } from '../support/service/story.js';
import { createApiKey } from '../support/service/api-key.js';
import { freePort } from '../support/network/free-port.js';
import { type Otpost, startOtpost } from '../support/service/otpost.js';
import { eventually } from '../support/signals/wait.js';
import { portOf, SmtpWayIn } from '../support/smtp/smtp-way-in.js';
import { note } from '../support/text/test-logs.js';
import { wrongCode } from '../support/text/wrong-code.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PEERS = `${ROOT}tools/client-peers/node_modules`;
const DJANGO = '/usr/lib/python3/dist-packages/django/__init__.py';
const ACTION_MAILER = '/usr/share/doc/ruby-actionmailer';
const PHP_MAILER = '/usr/share/php/libphp-phpmailer/autoload.php';
const itWith = (needed: string) => (existsSync(needed) ? it : it.skip);
const run = promisify(execFile);

/** The files that a page shows, by the path in their first line. */
function filesOf(page: string): Map<string, string> {
  const text = readFileSync(`${ROOT}docs/recipes/${page}`, 'utf8');
  const blocks = text.matchAll(/^```\w+\n((?:<\?php\n)?(?:\/\/|#) (\S+)\n[\s\S]*?)^```/gm);
  return new Map([...blocks].map(([, content, path]) => [path!, content!]));
}

async function place(files: Map<string, string>, folder: string): Promise<void> {
  for (const [path, content] of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
}

describe('the recipe for', () => {
  let folder: string;
  let otpost: Otpost;
  let key: string;
  const programs: ChildProcess[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'otpost-recipes-'));
    await symlink(PEERS, join(folder, 'node_modules'));
    const port = await freePort();
    otpost = await startOtpost({ PORT: String(port), APP_URL: `http://127.0.0.1:${port}` });
    key = await createApiKey(otpost.database.url, ['emails:send', 'emails:read', 'verifications']);
  });
  afterAll(async () => {
    await Promise.all(programs.map(async (child) => child.kill() && once(child, 'close')));
    await otpost.stop();
    await rm(folder, { recursive: true });
  });

  /** A program of a page's files and `routes.ts`, bundled with the client as it is in the repository. */
  async function started(page: string, routes: string, more: Record<string, string>, env: Record<string, string>) {
    const home = await mkdtemp(join(folder, `${page}-`));
    await place(filesOf(page), home);
    await place(new Map(Object.entries({ 'routes.ts': routes, ...more })), home);
    await build({
      entryPoints: [join(home, 'routes.ts')],
      outfile: join(home, 'routes.js'),
      bundle: true,
      format: 'esm',
      platform: 'node',
      external: ['better-auth', 'better-auth/*'],
      alias: {
        '@': home,
        otpost: `${ROOT}clients/typescript/src/index.ts`,
        jose: `${ROOT}node_modules/jose`,
        standardwebhooks: `${ROOT}node_modules/standardwebhooks`,
      },
      logLevel: 'warning',
    });
    await writeFile(join(home, 'server.mjs'), SERVER);
    const child = spawn(process.execPath, [join(home, 'server.mjs')], {
      env: { PATH: process.env['PATH'], OTPOST_URL: otpost.api.url, OTPOST_API_KEY: key, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    programs.push(child);
    const printed: string[] = [];
    createInterface({ input: child.stderr }).on('line', (line) => printed.push(line));
    const [url] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    return { api: new Api(url), printed };
  }

  const captured = async (to: string, subject: RegExp) =>
    eventually(async () => {
      const { body } = await otpost.api.get<{ items: { id: string; subject: string; code: string | null }[] }>(
        `/inbox/messages?to=${encodeURIComponent(to)}`,
      );
      return body.items.find((mail) => subject.test(mail.subject));
    }, `a mail to ${to}`);
  const textOf = async (id: string) => (await otpost.api.get<{ text: string }>(`/inbox/messages/${id}`)).body.text;

  it('Next.js sends a code, takes it back, follows its mail, and knows webhooks and tokens', async () => {
    const secret = `whsec_${Buffer.from('a secret of an endpoint, of tests').toString('base64')}`;
    const routes = [...filesOf('nextjs.md').keys()].filter((path) => path.endsWith('/route.ts'));
    expect(routes.length).toBe(4);
    const { api } = await started(
      'nextjs.md',
      routes.map((path, at) => `import * as handlers${at} from './${path.replace(/\.ts$/, '')}';`).join('\n') +
        `\nexport const routes = [${routes
          .map((path, at) => {
            const pattern = `^/${path.replace(/^app\/|\/route\.ts$/g, '').replace(/\[(\w+)\]/g, '(?<$1>[^/]+)')}$`;
            return `{ pattern: ${JSON.stringify(pattern)}, handlers: handlers${at} }`;
          })
          .join(', ')}];`,
      {},
      { OTPOST_WEBHOOK_SECRET: secret },
    );
    expect(await api.post('/api/codes', { email: 'nobody' })).toMatchObject({ status: 422 });
    const { status, body } = await api.post<{ id: string; reference: string }>('/api/codes', {
      email: 'ada@example.com',
    });
    expect(status).toBe(202);
    const mail = await captured('ada@example.com', new RegExp(body.reference));
    expect((await api.post(`/api/codes/${body.id}`, { code: wrongCode(mail.code!) })).body).toEqual({
      error: 'otp_invalid',
      attemptsLeft: 4,
    });
    expect((await api.post(`/api/codes/${body.id}`, { code: mail.code })).body).toEqual({ email: 'ada@example.com' });
    const fate = async () => (await api.get<{ status: string }>(`/api/codes/${body.id}`)).body.status;
    await eventually(async () => (await fate()) === 'sent', 'the page to say that the code was sent');

    const event = JSON.stringify({ type: 'email.bounced', timestamp: new Date().toISOString(), data: { id: '1' } });
    const headers = (signature: string) => ({
      'webhook-id': '1',
      'webhook-timestamp': String(Math.floor(Date.now() / 1_000)),
      'webhook-signature': signature,
    });
    const signed = new Webhook(secret).sign('1', new Date(), event);
    expect((await api.send('POST', '/api/otpost', headers(signed), event)).status).toBe(204);
    expect((await api.send('POST', '/api/otpost', headers('v1,AAAA'), event)).status).toBe(401);

    const issued = await otpost.api.register('grace@example.com');
    const { code } = await codeFromInbox(otpost.api, 'grace@example.com', issued);
    const { accessToken, account }: SignedInBody = await verify(otpost.api, issued, code);
    expect((await api.get('/api/who', accessToken)).body).toMatchObject({ accountId: account.id });
    expect((await api.get('/api/who')).status).toBe(401);
  });

  itWith(`${PEERS}/better-auth`)('Better Auth sends all its mail, committed when it answers', async () => {
    const { api } = await started('better-auth.md', HANDLER, { 'database.ts': DATABASE }, BETTER_AUTH);
    const waiting = async (to: string, template: string) =>
      (
        await otpost.database.query('SELECT id FROM outbound_emails WHERE to_canonical = $1 AND template = $2', [
          to,
          template,
        ])
      ).length;
    const origin = { origin: 'http://127.0.0.1' };
    const post = <Body>(path: string, body: object) => api.post<Body>(`/api/auth${path}`, body, origin);

    const who = { name: 'Ada', email: 'ada@better.example.com', password: 'correct horse battery staple' };
    expect((await post('/sign-up/email', who)).status).toBe(200);
    expect(await waiting(who.email, 'auth-confirm')).toBe(1);
    expect((await post('/request-password-reset', { email: who.email, redirectTo: '/reset' })).status).toBe(200);
    expect(await waiting(who.email, 'auth-recovery')).toBe(1);
    expect((await post('/sign-in/magic-link', { email: who.email })).status).toBe(200);
    expect(await waiting(who.email, 'auth-login')).toBe(1);
    const link = await captured(who.email, /^Sign in/);
    expect(await textOf(link.id)).toMatch(/magic-link\/verify\?token=/);

    const email = 'grace@better.example.com';
    expect((await post('/email-otp/send-verification-otp', { email, type: 'sign-in' })).status).toBe(200);
    expect(await waiting(email, 'auth-login')).toBe(1);
    const { id } = await captured(email, /^Sign in/);
    const otp = /(?<!\d)\d{6}(?!\d)/.exec(await textOf(id))![0];
    note('code', otp);
    expect((await post<{ user: { email: string } }>('/sign-in/email-otp', { email, otp })).body.user.email).toBe(email);
  });

  itWith(`${PEERS}/better-auth`)('Better Auth says what happens without Otpost', async () => {
    const { api, printed } = await started(
      'better-auth.md',
      HANDLER,
      { 'database.ts': DATABASE },
      {
        ...BETTER_AUTH,
        OTPOST_URL: `http://127.0.0.1:${await freePort()}`,
      },
    );
    const ask = (path: string, body: object) => api.post(`/api/auth${path}`, body, { origin: 'http://127.0.0.1' });
    const email = 'ada@better.example.com';
    expect((await ask('/email-otp/send-verification-otp', { email, type: 'sign-in' })).status).toBe(200);
    await eventually(() => printed.join('\n').includes('Failed to run background task'), 'what the program prints');
    expect((await ask('/sign-in/magic-link', { email })).status).toBe(500);

    const away = new Client({ baseUrl: `http://127.0.0.1:${await freePort()}`, apiKey: key, maxWaitMs: 1 });
    const mail = betterAuth(away, { invitationUrl: (id) => `https://shop.example.com/${id}` });
    const user = { email: 'ada@example.com' };
    const url = 'https://shop.example.com/x';
    for (const sent of [
      mail.sendVerificationOTP({ email: user.email, otp: '123456', type: 'sign-in' }),
      mail.sendMagicLink({ email: user.email, url }),
      mail.sendResetPassword({ user, url }),
    ])
      await expect(sent).rejects.toBeInstanceOf(ConnectionError);
    const here = betterAuth(new Client({ baseUrl: otpost.api.url, apiKey: key }), {
      invitationUrl: (id) => `https://shop.example.com/${id}`,
      localeOf: () => 'de',
    });
    await here.sendOTP({ user, otp: '123456' });
    await here.sendVerificationOTP({ email: user.email, otp: '123456', type: 'change-email' });
    await here.sendChangeEmailConfirmation({ user, newEmail: 'ada@example.org', url });
    await here.sendDeleteAccountVerification({ user, url });
    const group = { id: 'i1', email: user.email, organization: { name: 'Acme' }, inviter: { user: { name: 'Grace' } } };
    await here.sendInvitationEmail(group);
    expect((await captured(user.email, /Acme/)).subject).toContain('Grace');
    await expect(betterAuth(away).sendInvitationEmail(group)).rejects.toBeInstanceOf(TypeError);
  });

  describe('a program that sends by SMTP:', () => {
    let way: SmtpWayIn;
    beforeAll(async () => {
      way = await SmtpWayIn.start();
    });
    afterAll(() => way.stop());

    const env = () => ({
      PATH: process.env['PATH'],
      HOME: folder,
      OTPOST_HOST: '127.0.0.1',
      OTPOST_PORT: String(portOf(way.otpost.process.smtp[0]!)),
      OTPOST_API_KEY: way.key,
    });
    const tagsAt = async (address: string) => {
      await way.at(address);
      const rows = await way.otpost.database.query<{ tags: string[] }>(
        'SELECT tags FROM outbound_emails WHERE to_canonical = $1',
        [address],
      );
      return rows.map(({ tags }) => tags);
    };

    itWith(DJANGO)('Django', async () => {
      const home = join(folder, 'django');
      await place(filesOf('django.md'), home);
      const script = `import os, sys; sys.path.insert(0, ${JSON.stringify(home)}); os.environ['DJANGO_SETTINGS_MODULE'] = 'settings'; import django; django.setup(); import runpy; [runpy.run_path(${JSON.stringify(`${home}/mail.py`)}) for _ in (1, 2)]; django.conf.settings.ADMINS = [('Ops', 'ops@example.com')]; from django.core.mail import mail_admins; mail_admins('Internal Server Error', 'Traceback')`;
      await run('/usr/bin/python3', ['-c', script], { env: { ...env(), SECRET_KEY: 'x' } });
      expect(await tagsAt('ada@example.com')).toEqual([['welcome']]);
      expect(await tagsAt('ops@example.com')).toEqual([[]]);
    });

    itWith(ACTION_MAILER)('Rails', async () => {
      const home = join(folder, 'rails');
      await place(filesOf('rails.md'), home);
      const script = `
        require 'action_mailer'
        require 'ostruct'
        config = OpenStruct.new(action_mailer: OpenStruct.new)
        eval(File.read('${home}/config/environments/production.rb'), binding)
        config.action_mailer.each_pair { |name, value| ActionMailer::Base.public_send("#{name}=", value) }
        load '${home}/app/mailers/welcome_mailer.rb'
        WelcomeMailer.welcome('rails@example.com').deliver_now`;
      await run('ruby', ['-e', script], { env: env() });
      expect(await tagsAt('rails@example.com')).toEqual([['welcome']]);
    });

    itWith(PHP_MAILER)('WordPress, whose mailer it sets', async () => {
      const home = join(folder, 'wordpress');
      await place(filesOf('wordpress.md'), home);
      const script = `
        require '${PHP_MAILER}';
        function add_action($name, $does) { if ($name === 'phpmailer_init') $GLOBALS['does'] = $does; }
        require '${home}/wp-content/mu-plugins/otpost.php';
        $mailer = new PHPMailer\\PHPMailer\\PHPMailer(true);
        $mailer->addAddress('wp@example.com');
        $mailer->Subject = 'Hello';
        $mailer->Body = 'Hello.';
        $does($mailer);
        $mailer->send();`;
      await run('php', ['-r', script], { env: env() });
      expect(await tagsAt('wp@example.com')).toEqual([['wordpress']]);
    });
  });
});
