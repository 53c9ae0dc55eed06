import { simpleParser } from 'mailparser';
import { TIMEOUTS } from '../../src/mail/transport/timeouts.js';
import { eventually } from '../support/signals/wait.js';
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
import { putBackAfterwards } from '../support/signals/put-back.js';
import { CLOSE, GARBAGE, HANG, MisbehavingSmtp, type Script } from '../support/smtp/misbehaving-smtp.js';
import type { Received } from '../support/smtp/smtp-sink.js';
import { noteMail } from '../support/text/test-logs.js';

const OPERATOR = 'grace@example.com';
const LOGIN = ['AUTH PLAIN LOGIN'];
putBackAfterwards(TIMEOUTS);

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
    TIMEOUTS.loginAgainMs = 0; // nobody mends a login and resumes the transport within two seconds, but this
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
    console.log(`Seconds until a banner stands, and until it is gone:\n${operator.took.join('\n')}`);
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
  const resume = async (): Promise<void> => {
    await operator.page.getByRole('button', { name: /^Resume 127/ }).click();
    operator.mark();
    await operator.page.getByRole('button', { name: 'Resume it' }).click();
  };
  /** Instead of the one that runs. */
  const otherWorker = async (more: Record<string, string>): Promise<void> => {
    await worker.stop();
    worker = await OtpostInProcess.start({ ...env, ...more, ROLE: 'worker' });
  };
  /** The server does so from now on, to whoever connects. */
  const serves = async (script: Script, more: string[] = []): Promise<void> => {
    await smtp.startAnew(script, [...LOGIN, ...more]);
    operator.mark();
  };

  it('a worker that stops raises the banner with what to do, and its return clears it', async () => {
    await operator.banner('All is well');
    operator.mark();
    await worker.stop();
    await operator.banner('No worker delivers mail');
    await send('waits@example.com');
    await alert().getByText('1 message waits').waitFor();
    await alert().getByText('Start one: ROLE=worker, or ROLE=all.').waitFor();
    worker = await OtpostInProcess.start({ ...env, ROLE: 'worker' });
    operator.mark();
    await operator.banner('All is well');
    await messageTo(database, 'waits@example.com', 'sent');
  });

  it('a server that hangs is named with the cause and the remedy', async () => {
    await serves({ greeting: HANG });
    await send('hangs@example.com');
    await operator.banner('A mail server cannot be reached');
    await alert().getByText('connects, and sends no greeting').waitFor();
    await alert().getByText('then write smtps://').waitFor();
    await alert().getByText('1 message waits').waitFor();
    // No probe of the worker's own comes before the press.
    await database.query(`UPDATE transport_hosts SET backoff_until = now() + interval '1 hour'`);
    await serves({});
    await resume();
    await operator.banner('All is well');
    await messageTo(database, 'hangs@example.com', 'sent');
    // Mail flows again before the answer to the press is written.
    const resumed = () =>
      database.query(
        `SELECT target_kind FROM audit_events WHERE action = 'transport.resumed' AND target_kind = 'transport'`,
      );
    await eventually(async () => (await resumed()).length > 0, 'the resumption in the audit');
  });

  it('a login that is refused pauses the transport, and is told in the words of the server', async () => {
    await serves({ AUTH: '535 5.7.8 Wrong password' });
    await send('login@example.com');
    await operator.banner('A mail server refuses the login');
    await alert().getByText('535 5.7.8 Wrong password').waitFor();
    await alert().getByText('Mend the user and the password').waitFor();
    await serves({});
    await resume();
    await operator.banner('All is well');
    await messageTo(database, 'login@example.com', 'sent');
  });

  (HAS_REDIS_SERVER ? it : it.skip)(
    'Redis that is away: mail goes out all the same, and the banner says so',
    async () => {
      await redis!.kill();
      operator.mark();
      await operator.banner('The broker is away');
      await alert().getByText('Accepting goes on; workers drain on their timer.').waitFor();
      await send('noredis@example.com');
      await messageTo(database, 'noredis@example.com', 'sent');
      await redis!.start();
      operator.mark();
    },
  );

  it('Postgres that is away is told of instead of all else, with what was known before', async () => {
    await proxy.refuse();
    operator.mark();
    await operator.banner('Postgres does not answer');
    await alert().getByText('Nothing is accepted meanwhile').waitFor();
    await alert().getByText('Below is what was known').waitFor();
    await proxy.takeAgain();
    operator.mark();
    await operator.banner('All is well');
    expect(operator.complaints.filter((text) => !/status of 503/.test(text))).toEqual([]);
    operator.complaints.length = 0;
  });

  it('Postgres that answers nothing is the same to whoever waits', async () => {
    proxy.stall();
    operator.mark();
    await operator.banner('Postgres does not answer');
    proxy.goOn();
    operator.mark();
    await operator.banner('All is well');
    operator.complaints.length = 0;
  });

  it('a lane that somebody paused, with how to go on', async () => {
    await post('/v1/operations/lanes/bulk/pause', { reason: 'a look first' });
    operator.mark();
    await operator.banner('A lane is paused');
    await alert().getByText('otpost queue resume bulk').waitFor();
    await post('/v1/operations/lanes/bulk/resume');
    operator.mark();
  });

  it('an outcome that is unknown asks for a look while mail flows, until somebody says what became of it', async () => {
    await serves({ 'after the dot': CLOSE });
    const id = await send('unknown@example.com', { lane: 'bulk' }); // which is not sent a second time by itself
    await messageTo(database, 'unknown@example.com', 'unknown');
    await serves({});
    await operator.banner('Somebody has to say what became of mail');
    await said('Mail flows all the same.');
    await expect(alert().count()).resolves.toBe(0);
    expect((await post(`/v1/emails/${id}/resolve`, { as: 'sent' })).status).toBe(200);
    operator.mark();
  });

  it('a webhook endpoint that says it is gone is told of until it is removed', async () => {
    const receiver = await WebhookReceiver.start();
    receiver.answer('/hook', (response) => void response.writeHead(410).end());
    const { body } = await post('/v1/webhook-endpoints', { url: receiver.url('/hook') });
    operator.mark();
    await send('told@example.com');
    await operator.banner('A webhook endpoint was given up');
    await web.api.send('DELETE', `/v1/webhook-endpoints/${body.id}`, headers);
    operator.mark();
    await operator.banner('All is well');
    await receiver.stop();
  });

  it('one that fails is told of until it takes something', async () => {
    const receiver = await WebhookReceiver.start();
    receiver.answer('/hook', (response) => void response.writeHead(500).end());
    const { body } = await post('/v1/webhook-endpoints', { url: receiver.url('/hook') });
    operator.mark();
    await send('fails@example.com');
    await send('again@example.com');
    await operator.banner('A webhook endpoint takes nothing');
    await said('nothing is lost for now');
    receiver.answer('/hook', (response) => void response.writeHead(204).end());
    expect((await post(`/v1/webhook-endpoints/${body.id}/test`)).status).toBe(202);
    operator.mark();
    await operator.banner('All is well');
    await web.api.send('DELETE', `/v1/webhook-endpoints/${body.id}`, headers);
    await receiver.stop();
  });

  it('TLS that does not come about, until the server can do it, or need not', async () => {
    await serves({ handshake: GARBAGE }, ['STARTTLS']);
    await otherWorker({ MAIL_TRANSPORTS: `${env['MAIL_TRANSPORTS']}&tls=on` });
    operator.mark();
    await send('tls@example.com');
    await operator.banner('TLS with a mail server fails');
    await alert().getByText('No TLS that can be trusted comes about').waitFor();
    await otherWorker({});
    operator.mark();
    await operator.banner('All is well');
    await messageTo(database, 'tls@example.com', 'sent');
    await smtp.startAnew({}, LOGIN);
  });

  it('mail that is due and waits, though nothing is broken', async () => {
    await otherWorker({ MAIL_TRANSPORTS: `${env['MAIL_TRANSPORTS']}&rate=1/h` });
    await send('first@example.com');
    await messageTo(database, 'first@example.com', 'sent');
    operator.mark();
    await send('old@example.com');
    await database.query(
      `UPDATE outbound_emails SET next_attempt_at = now() - interval '31 seconds' WHERE to_address = 'old@example.com'`,
    ); // time passes
    await operator.banner('Mail waits');
    await alert().getByText('a rate (MAIL_RATE, ?rate=, ?daily=) is used up').waitFor();
    await otherWorker({});
    operator.mark();
    await operator.banner('All is well');
    await messageTo(database, 'old@example.com', 'sent');
  });

  it('codes that expired unsent, until one is handed over', async () => {
    await post('/v1/operations/lanes/critical/pause');
    await post('/v1/operations/codes', { to: 'late@example.com' });
    await database.query(`UPDATE outbound_emails SET expires_at = now() WHERE to_address = 'late@example.com'`);
    await post('/v1/operations/lanes/critical/resume');
    await messageTo(database, 'late@example.com', 'expired');
    operator.mark();
    await operator.banner('Codes expire before they are sent');
    await alert().getByText('A code expired in the last hour').waitFor();
    await post('/v1/operations/codes', { to: 'next@example.com' });
    await messageTo(database, 'next@example.com', 'sent');
    operator.mark();
  });

  it('many addresses that do not exist, until most messages arrive again', async () => {
    const batch = (to: string[]) =>
      post(
        '/v1/emails/batch',
        to.map((name) => ({ to: `${name}@example.com`, subject: 'Hello', text: 'Hello' })),
      );
    const refuse = (_time: number, line: string) => (line.includes('<gone') ? '550 5.1.1 no such user' : undefined);
    await serves({ RCPT: refuse });
    // Not all of them: a server that refuses everybody alike has something against us, and not they.
    await batch(Array.from({ length: 60 }, (_, n) => (n % 3 === 0 ? `gone${n}` : `fine${n}`)));
    await operator.banner('Many messages come back');
    await said('20 of the last');
    operator.mark();
    await batch(Array.from({ length: 200 }, (_, n) => `here${n}`));
    await operator.banner('All is well');
  });

  it('a host whose clock is wrong, by name', async () => {
    const skewed = new OtpostProcess({ ...env, ROLE: 'worker', ...skewedHost(600) });
    operator.mark();
    await operator.banner('The clock of a host is wrong');
    await said('600 s ahead');
    await skewed.stop();
    operator.mark();
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
