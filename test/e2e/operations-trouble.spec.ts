import { simpleParser } from 'mailparser';
import { createDatabase, type TestDatabase } from '../support/database/postgres.js';
import { describeWithChromium, openChromium } from '../support/http/chromium.js';
import { WebhookReceiver } from '../support/http/webhook-receiver.js';
import { freePort } from '../support/network/free-port.js';
import { StallingProxy } from '../support/network/stalling-proxy.js';
import { HAS_REDIS_SERVER, RedisServer } from '../support/redis/redis-server.js';
import { createApiKey } from '../support/service/api-key.js';
import { makeAccount, messageTo, Operator } from '../support/service/console.js';
import { OtpostInProcess } from '../support/service/otpost-in-process.js';
import { OtpostProcess } from '../support/service/otpost-process.js';
import { TEST_SECRET } from '../support/service/otpost.js';
import { skewedHost } from '../support/service/skewed-host.js';
import { CLOSE, HANG, MisbehavingSmtp } from '../support/smtp/misbehaving-smtp.js';
import type { Received } from '../support/smtp/smtp-sink.js';
import { noteMail } from '../support/text/test-logs.js';

const OPERATOR = 'grace@example.com';
const LOGIN = ['AUTH PLAIN LOGIN'];

/** Each fault is made, its banner is waited for, the fault ends, and so does the banner; see docs/operations.md. */
describeWithChromium('what is wrong, as operators are told', () => {
  let smtp: MisbehavingSmtp;
  let redis: RedisServer | undefined;
  let proxy: StallingProxy;
  let database: TestDatabase;
  let env: Record<string, string>;
  let web: OtpostInProcess;
  let worker: OtpostInProcess;
  let operator: Operator;
  let close: () => Promise<void>;
  let headers: Record<string, string>;

  beforeAll(async () => {
    smtp = await MisbehavingSmtp.start({}, LOGIN);
    redis = HAS_REDIS_SERVER ? await RedisServer.start() : undefined;
    database = await createDatabase();
    proxy = await StallingProxy.to(database.url);
    const port = await freePort();
    const url = `http://localhost:${port}`;
    env = {
      ...{ DATABASE_URL: database.url, APP_SECRET: TEST_SECRET, APP_URL: url, OUTBOX_RESCUE: 'off' },
      ...{ MAIL_FROM: 'Aster <no-reply@example.com>', WEBHOOK_ALLOW_PRIVATE: '127.0.0.0/8' },
      MAIL_TRANSPORTS: `smtp://post:secret@127.0.0.1:${smtp.port}?greeting_timeout=1s`,
      ...(redis ? { REDIS_URL: redis.url } : {}),
    };
    const throughProxy = { ...env, DATABASE_URL: proxy.through(database.url) };
    web = await OtpostInProcess.start({ ...throughProxy, ROLE: 'web', PORT: String(port) });
    worker = await OtpostInProcess.start({ ...env, ROLE: 'worker' });
    await makeAccount(database, OPERATOR, 'operator');
    headers = { authorization: `Bearer ${await createApiKey(database.url, ['admin'])}` };
    const chromium = await openChromium();
    close = chromium.close;
    operator = await Operator.open(chromium.context, url);
    const taken = takenBy(smtp);
    await operator.signIn('/operations', OPERATOR, taken);
    taken.stop();
  });
  afterEach(async () => {
    await operator.banner('All is well');
    expect(operator.complaints).toEqual([]);
  });
  afterAll(async () => {
    await close();
    await worker.stop();
    await web.stop();
    await proxy.stop();
    await redis?.kill();
    await database.drop();
    await smtp.stop();
  });

  const post = (path: string, body: object = {}) => web.api.post<{ id: string }>(path, body, headers);
  const send = async (to: string, more: object = {}): Promise<string> => {
    const { status, body } = await post('/v1/emails', { to, subject: 'Hello', text: 'Hello', ...more });
    expect(status).toBe(202);
    return body.id;
  };
  const alert = () => operator.page.getByRole('main').getByRole('alert');
  const said = (text: string) => operator.page.getByRole('main').getByText(text).first().waitFor();
  const resume = async (name: RegExp): Promise<void> => {
    await operator.page.getByRole('button', { name }).click();
    await operator.page.getByRole('button', { name: 'Resume it' }).click();
    await database.query(`UPDATE outbound_emails SET next_attempt_at = now() WHERE status = 'deferred'`);
  };

  it('a worker that stops raises the banner with what to do, and its return clears it', async () => {
    await operator.banner('All is well');
    await worker.stop();
    await operator.banner('No worker delivers mail');
    await send('waits@example.com');
    await alert().getByText('1 message waits').waitFor();
    await alert().getByText('Start one: ROLE=worker, or ROLE=all.').waitFor();
    worker = await OtpostInProcess.start({ ...env, ROLE: 'worker' });
    await operator.banner('All is well');
    await messageTo(database, 'waits@example.com', 'sent');
  });

  it('a server that hangs is named with the cause and the remedy', async () => {
    await smtp.startAnew({ greeting: HANG }, LOGIN);
    await send('hangs@example.com');
    await operator.banner('A mail server cannot be reached');
    await alert().getByText('connects, and sends no greeting').waitFor();
    await alert().getByText('then write smtps://').waitFor();
    await alert().getByText('1 message waits').waitFor();
    await smtp.startAnew({}, LOGIN);
    await resume(/^Resume 127/);
    await operator.banner('All is well');
    await messageTo(database, 'hangs@example.com', 'sent');
    const [audited] = await database.query(`SELECT target_kind FROM audit_events WHERE action = 'transport.resumed'`);
    expect(audited).toEqual({ target_kind: 'transport' });
  });

  it('a login that is refused pauses the transport, and is told in the words of the server', async () => {
    await smtp.startAnew({ AUTH: '535 5.7.8 Wrong password' }, LOGIN);
    await send('login@example.com');
    await operator.banner('A mail server refuses the login');
    await alert().getByText('535 5.7.8 Wrong password').waitFor();
    await alert().getByText('Mend the user and the password').waitFor();
    await smtp.startAnew({}, LOGIN);
    await resume(/^Resume 127/);
    await operator.banner('All is well');
    await messageTo(database, 'login@example.com', 'sent');
  });

  (HAS_REDIS_SERVER ? it : it.skip)(
    'Redis that is away: mail goes out all the same, and the banner says so',
    async () => {
      await redis!.kill();
      await operator.banner('The broker is away');
      await alert().getByText('Accepting goes on; workers drain on their timer.').waitFor();
      await send('noredis@example.com');
      await messageTo(database, 'noredis@example.com', 'sent');
      await redis!.start();
    },
  );

  it('Postgres that is away is told of instead of all else, with what was known before', async () => {
    await proxy.refuse();
    await operator.banner('Postgres does not answer');
    await alert().getByText('Nothing is accepted meanwhile').waitFor();
    await alert().getByText('Below is what was known').waitFor();
    await proxy.takeAgain();
    await operator.banner('All is well');
    expect(operator.complaints.filter((text) => !/status of 503/.test(text))).toEqual([]);
    operator.complaints.length = 0;
  });

  it('Postgres that answers nothing is the same to whoever waits', async () => {
    proxy.stall();
    await operator.banner('Postgres does not answer');
    proxy.goOn();
    await operator.banner('All is well');
    operator.complaints.length = 0;
  });

  it('a lane that somebody paused, with how to go on', async () => {
    await post('/v1/operations/lanes/bulk/pause', { reason: 'a look first' });
    await operator.banner('A lane is paused');
    await alert().getByText('otpost queue resume bulk').waitFor();
    await post('/v1/operations/lanes/bulk/resume');
  });

  it('an outcome that is unknown asks for a look while mail flows, until somebody says what became of it', async () => {
    await smtp.startAnew({ 'after the dot': CLOSE }, LOGIN);
    const id = await send('unknown@example.com', { lane: 'bulk' }); // which is not sent a second time by itself
    await messageTo(database, 'unknown@example.com', 'unknown');
    await smtp.startAnew({}, LOGIN);
    await operator.banner('Somebody has to say what became of mail');
    await said('Mail flows all the same.');
    await expect(alert().count()).resolves.toBe(0);
    expect((await post(`/v1/emails/${id}/resolve`, { as: 'sent' })).status).toBe(200);
  });

  it('a webhook endpoint that says it is gone is told of until it is removed', async () => {
    const receiver = await WebhookReceiver.start();
    receiver.answer('/hook', (response) => void response.writeHead(410).end());
    const { body } = await post('/v1/webhook-endpoints', { url: receiver.url('/hook') });
    await send('told@example.com');
    await operator.banner('A webhook endpoint was given up');
    await web.api.send('DELETE', `/v1/webhook-endpoints/${body.id}`, headers);
    await operator.banner('All is well');
    await receiver.stop();
  });

  it('codes that expired unsent, until one is handed over', async () => {
    await post('/v1/operations/lanes/critical/pause');
    await post('/v1/operations/codes', { to: 'late@example.com' });
    await database.query(`UPDATE outbound_emails SET expires_at = now() WHERE to_address = 'late@example.com'`);
    await post('/v1/operations/lanes/critical/resume');
    await messageTo(database, 'late@example.com', 'expired');
    await operator.banner('Codes expire before they are sent');
    await alert().getByText('A code expired in the last hour').waitFor();
    await post('/v1/operations/codes', { to: 'next@example.com' });
    await messageTo(database, 'next@example.com', 'sent');
  });

  it('many addresses that do not exist, until most messages arrive again', async () => {
    const batch = (to: string[]) =>
      post(
        '/v1/emails/batch',
        to.map((name) => ({ to: `${name}@example.com`, subject: 'Hello', text: 'Hello' })),
      );
    const refuse = (_time: number, line: string) => (line.includes('<gone') ? '550 5.1.1 no such user' : undefined);
    await smtp.startAnew({ RCPT: refuse }, LOGIN);
    // Not all of them: a server that refuses everybody alike has something against us, and not they.
    await batch(Array.from({ length: 60 }, (_, n) => (n % 3 === 0 ? `gone${n}` : `fine${n}`)));
    await operator.banner('Many messages come back');
    await said('20 of the last');
    await batch(Array.from({ length: 200 }, (_, n) => `here${n}`));
    await operator.banner('All is well');
  });

  it('a host whose clock is wrong, by name', async () => {
    const skewed = new OtpostProcess({ ...env, ROLE: 'worker', ...skewedHost(600) });
    await operator.banner('The clock of a host is wrong');
    await said('600 s ahead');
    await skewed.stop();
    await operator.banner('All is well');
  });
});

/** What the server took, as mail, for as long as somebody waits for a code. */
function takenBy(smtp: MisbehavingSmtp): { received: Received[]; stop: () => void } {
  const received: Received[] = [];
  let seen = 0;
  const timer = setInterval(() => {
    for (const { recipients, source } of smtp.transfers.slice(seen)) {
      void simpleParser(source).then((mail) => {
        noteMail(`${mail.subject ?? ''}\n${mail.text ?? ''}`);
        received.push({ from: '', to: [...recipients], mail });
      });
    }
    seen = smtp.transfers.length;
  }, 20);
  return { received, stop: () => clearInterval(timer) };
}
