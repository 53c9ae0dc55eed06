import { simpleParser } from 'mailparser';
import { createDatabase, type TestDatabase } from '../support/database/postgres.js';
import { describeWithChromium, openChromium } from '../support/http/chromium.js';
import { freePort } from '../support/network/free-port.js';
import { createApiKey } from '../support/service/api-key.js';
import { makeAccount, messageTo, Operator } from '../support/service/console.js';
import { OtpostInProcess } from '../support/service/otpost-in-process.js';
import { TEST_SECRET } from '../support/service/otpost.js';
import { HANG, MisbehavingSmtp } from '../support/smtp/misbehaving-smtp.js';
import type { Received } from '../support/smtp/smtp-sink.js';
import { noteMail } from '../support/text/test-logs.js';

const OPERATOR = 'grace@example.com';

describeWithChromium('what is wrong, as operators are told', () => {
  let smtp: MisbehavingSmtp;
  let database: TestDatabase;
  let env: Record<string, string>;
  let web: OtpostInProcess;
  let worker: OtpostInProcess;
  let operator: Operator;
  let close: () => Promise<void>;
  let headers: Record<string, string>;

  beforeAll(async () => {
    smtp = await MisbehavingSmtp.start();
    database = await createDatabase();
    const port = await freePort();
    const url = `http://localhost:${port}`;
    env = {
      ...{ DATABASE_URL: database.url, APP_SECRET: TEST_SECRET, APP_URL: url, OUTBOX_RESCUE: 'off' },
      ...{ MAIL_FROM: 'Aster <no-reply@example.com>', MAIL_TRANSPORTS: `${smtp.url}?greeting_timeout=1s` },
    };
    web = await OtpostInProcess.start({ ...env, ROLE: 'web', PORT: String(port) });
    worker = await OtpostInProcess.start({ ...env, ROLE: 'worker' });
    await makeAccount(database, OPERATOR, 'operator');
    headers = { authorization: `Bearer ${await createApiKey(database.url)}` };
    const chromium = await openChromium();
    close = chromium.close;
    operator = await Operator.open(chromium.context, url);
    const taken = takenBy(smtp);
    await operator.signIn('/operations', OPERATOR, taken);
    taken.stop();
  });
  afterAll(async () => {
    await close();
    await worker.stop();
    await web.stop();
    await database.drop();
    await smtp.stop();
  });

  const send = async (to: string): Promise<void> => {
    const { status } = await web.api.post('/v1/emails', { to, subject: 'Hello', text: 'Hello' }, headers);
    expect(status).toBe(202);
  };
  const alert = () => operator.page.getByRole('main').getByRole('alert');

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
    expect(operator.complaints).toEqual([]);
  });

  it('a server that hangs is named with the cause and the remedy, and its return clears it', async () => {
    await smtp.startAnew({ greeting: HANG });
    await send('hangs@example.com');
    await operator.banner('A mail server cannot be reached');
    await alert().getByText('connects, and sends no greeting').waitFor();
    await alert().getByText('then write smtps://').waitFor();
    await alert().getByText('1 message waits').waitFor();
    await smtp.startAnew();
    await operator.page.getByRole('button', { name: /^Resume 127/ }).click();
    await operator.page.getByRole('button', { name: 'Resume it' }).click();
    await database.query(`UPDATE outbound_emails SET next_attempt_at = now() WHERE status = 'deferred'`);
    await operator.banner('All is well');
    await messageTo(database, 'hangs@example.com', 'sent');
    const [audited] = await database.query(`SELECT target_kind FROM audit_events WHERE action = 'transport.resumed'`);
    expect(audited).toEqual({ target_kind: 'transport' });
    expect(operator.complaints).toEqual([]);
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
