import type { BrowserContext, Page } from 'playwright-core';
import { TIMEOUTS } from '../../../src/mail/transport/timeouts.js';
import { createDatabase, type TestDatabase } from '../../support/database/postgres.js';
import { describeWithChromium, openChromium, watchPage } from '../../support/http/chromium.js';
import { ProviderServer } from '../../support/http/provider-server.js';
import {
  codeInText,
  smsApi,
  SMS_ENTRIES,
  SMS_SECRETS,
  textIn,
  textsTo,
  twilioReceipt,
} from '../../support/http/sms-apis.js';
import { BlackHole } from '../../support/network/black-hole.js';
import { freePort } from '../../support/network/free-port.js';
import { createApiKey } from '../../support/service/api-key.js';
import { compiledExample, ExampleServer } from '../../support/service/example.js';
import { OtpostInProcess } from '../../support/service/otpost-in-process.js';
import { putBackAfterwards } from '../../support/signals/put-back.js';
import { eventually, HANGS_MS } from '../../support/signals/wait.js';
import { codeIn, type Received, SmtpSink } from '../../support/smtp/smtp-sink.js';
import { wrongCode } from '../../support/text/wrong-code.js';

putBackAfterwards(TIMEOUTS);
beforeAll(() => void Object.assign(TIMEOUTS, { nextPortMs: 600 }));

const NOBODY = 'nobody@example.com';

describeWithChromium('examples/family-registration, on a host that blocks port 587,', () => {
  let blocked: BlackHole;
  let sink: SmtpSink;
  let twilio: ProviderServer;
  let database: TestDatabase;
  let otpost: OtpostInProcess;
  let example: ExampleServer;
  let url: string;
  let context: BrowserContext;
  let page: Page;
  let closeBrowser: () => Promise<void>;
  const complaints: string[] = [];

  const openSink = (port?: number): Promise<SmtpSink> =>
    SmtpSink.start(
      {
        onRcptTo: ({ address }, _session, done) =>
          done(address === NOBODY ? Object.assign(new Error('5.1.1 no such mailbox'), { responseCode: 550 }) : null),
      },
      port,
    );

  beforeAll(async () => {
    [blocked, sink, database] = [await BlackHole.start(), await openSink(), await createDatabase()];
    twilio = await ProviderServer.start(smsApi('twilio'));
    const [port, otpostPort] = [await freePort(), await freePort()];
    url = `http://127.0.0.1:${port}`;
    otpost = await OtpostInProcess.start({
      DATABASE_URL: database.url,
      PORT: String(otpostPort),
      APP_URL: `http://127.0.0.1:${otpostPort}`,
      MAIL_FROM: 'Families <no-reply@example.com>',
      // As `smtp://` of a provider is tried on 587 and 2525.
      MAIL_TRANSPORTS: 'smtp://127.0.0.1',
      SMTP_PORTS: `${blocked.port},${sink.port}`,
      SMS_TRANSPORTS: `${SMS_ENTRIES.twilio}?endpoint=${twilio.url}`,
      SMS_COUNTRIES: 'PH',
      SMS_DOMAIN: 'families.example.com',
      HOOK_SECRETS: `twilio:${SMS_SECRETS.twilio}`,
      CORS_ORIGINS: url,
    });
    example = await ExampleServer.start(
      url,
      [process.execPath, await compiledExample('family-registration/server.ts')],
      {
        OTPOST_URL: otpost.url,
        OTPOST_API_KEY: await createApiKey(database.url, ['verifications']),
        PORT: String(port),
      },
    );
    const chromium = await openChromium();
    [context, closeBrowser] = [chromium.context, chromium.close];
    page = await context.newPage();
    page.setDefaultTimeout(HANGS_MS);
    watchPage(page, complaints, /status of 400/);
  });
  afterAll(async () => {
    await closeBrowser();
    await example.stop();
    await otpost.stop();
    await Promise.all([sink.stop(), twilio.stop(), blocked.stop(), database.drop()]);
  });
  afterEach(() => expect(complaints).toEqual([]));

  async function register(family: string, to: string): Promise<void> {
    await page.goto(url);
    await page.getByLabel('Family name').fill(family);
    if (to.includes('@')) await page.getByLabel('E-mail address').fill(to);
    else {
      await page.getByLabel('SMS').check();
      await page.getByLabel('Mobile number').fill(to);
    }
    await page.getByRole('button', { name: 'Send a code' }).click();
    await page.getByRole('heading', { name: 'Enter your code' }).waitFor();
  }

  const told = (words: string): Promise<void> => page.getByRole('status').getByText(words).waitFor();

  async function enter(code: string): Promise<void> {
    await page.getByLabel('Code').fill(code);
    await page.getByRole('button', { name: 'Register' }).click();
  }

  const press = (name: string): Promise<void> => page.getByRole('button', { name }).click();

  /** When the next copy may go, from now on. */
  async function resendAfter(interval: '1 hour' | '-1 minute'): Promise<void> {
    await database.query('UPDATE otp_challenges SET resend_after = now() + $1::interval', [interval]);
  }
  const later = (): Promise<void> => resendAfter('-1 minute');

  /** The operator tells that its newest text arrived, or what else became of it. */
  async function operatorSays(number: string, status: string): Promise<void> {
    const [{ id }] = (await database.query<{ id: string }>(
      'SELECT provider_message_id AS id FROM outbound_emails WHERE to_address = $1 ORDER BY id DESC LIMIT 1',
      [number],
    )) as [{ id: string }];
    const fields = { MessageSid: id, MessageStatus: status, To: number };
    const hook = `${otpost.url}/v1/hooks/twilio`;
    const { status: answered } = await fetch(hook, { method: 'POST', ...twilioReceipt(hook, fields) });
    expect(answered).toBe(200);
  }

  async function mailTo(address: string): Promise<Received['mail']> {
    return (await sink.waitForMailTo(address))[0]!.mail;
  }

  it('sends the code by the port that is open, says that it left, and registers whoever has it', async () => {
    await register('Lovelace & Sons', 'ada@example.com');
    await told('The mail has left our house.');
    const mail = await mailTo('ada@example.com');
    expect(mail.subject).toContain(await page.locator('strong').innerText());
    const code = codeIn(mail.text);
    await enter(wrongCode(code));
    await page.getByRole('alert').getByText('4 tries are left.').waitFor();
    await enter(code);
    await page.getByText('The family Lovelace & Sons is registered with ada@example.com.').waitFor();
    expect(sink.received).toHaveLength(1);
  });

  it('says that an address has no mailbox', async () => {
    await register('Nobody', NOBODY);
    await told('No mail reaches this address. Is it spelled correctly?');
  });

  it('says that nothing gets out while all ports are shut, and without a reload that it did once one is open', async () => {
    const { port } = sink;
    sink.hangUp();
    await sink.stop();
    await register('Hopper', 'grace@example.com');
    await told('We could not send the mail yet. We keep trying; you need not do anything.');
    sink = await openSink(port);
    await told('The mail has left our house.');
    await enter(codeIn((await mailTo('grace@example.com')).text));
    await page.getByText('The family Hopper is registered').waitFor();
  });

  it('names what is wrong with an address, and keeps what was typed', async () => {
    await page.goto(url);
    await page.getByLabel('Family name').fill('Dot');
    await page.getByLabel('E-mail address').fill('ada@dot..example');
    await page.evaluate('document.forms[0].submit()'); // past what the browser itself looks at
    await page.getByRole('alert').waitFor();
    expect(await page.getByLabel('Family name').inputValue()).toBe('Dot');
  });

  it('sends the code by SMS, says what the operator says of it, and registers whoever has it', async () => {
    await register('Dela Cruz', '+63 917 123 4567');
    await told('The text has left our house.');
    await page.getByText('To +639171234567, reference').waitFor();
    const [text] = await textsTo(twilio, '+639171234567');
    const [, code] = /^(\d{6}) is your [\s\S]*\n@families\.example\.com #\1$/.exec(text!)!;
    await operatorSays('+639171234567', 'delivered');
    await told('The operator says that the text has arrived.');
    await enter(code!);
    await page.getByText('The family Dela Cruz is registered with +639171234567.').waitFor();
    expect(await textsTo(twilio, '+639171234567')).toHaveLength(1);
  });

  it('sends the same code by e-mail instead, and shows the status of each', async () => {
    await register('Santos', '+639171234568');
    await told('The text has left our house.');
    const code = codeInText((await textsTo(twilio, '+639171234568'))[0]!);

    await resendAfter('1 hour');
    await page.getByLabel('E-mail address').fill('santos@example.com');
    await press('Send it by e-mail instead');
    await page.getByRole('alert').waitFor(); // too soon
    await later();
    await page.getByLabel('E-mail address').fill('santos@example.com');
    await press('Send it by e-mail instead');
    await page.getByText('To santos@example.com, reference').waitFor();
    await told('The mail has left our house.');
    await page.getByText('Before that to +639171234568: The text has left our house.').waitFor();
    await operatorSays('+639171234568', 'undelivered');
    const late = page.getByText('Before that to +639171234568: The operator says that the text did not arrive.');
    await eventually(async () => (await page.reload(), await late.isVisible()), 'the page to show what came late');
    expect(codeIn((await mailTo('santos@example.com')).text)).toBe(code);

    await later();
    await press('Send it again');
    await sink.waitForMailTo('santos@example.com', 2);
    await later();
    await press('Send it by SMS instead');
    await page.getByText('Before that to santos@example.com: The mail has left our house.').waitFor();
    await told('The text has left our house.');
    expect((await textsTo(twilio, '+639171234568', 2))[1]).toContain(`#${code}`);
    await enter(code);
    await page.getByText('The family Santos is registered with +639171234568 or santos@example.com.').waitFor();
    expect(sink.received.filter(({ to }) => to.includes('santos@example.com'))).toHaveLength(2);
  });

  it('goes from mail to SMS where the address has no mailbox', async () => {
    await register('Reyes', NOBODY);
    await told('No mail reaches this address.');
    await later();
    await page.getByLabel('Mobile number').fill('+639171234569');
    await press('Send it by SMS instead');
    await told('The text has left our house.');
    await page.getByText(`Before that to ${NOBODY}: No mail reaches this address.`).waitFor();
    await enter(codeInText((await textsTo(twilio, '+639171234569'))[0]!));
    await page.getByText('The family Reyes is registered').waitFor();
  });

  it('says that the operator knows no such number, and how a number is written', async () => {
    twilio.script = () => ({ status: 400, body: { code: 21614, message: "'To' is no mobile number", status: 400 } });
    await register('Cruz', '+639171234570');
    await told('No text reaches this number. Is it right?');
    twilio.script = () => undefined;
    await page.goto(url);
    await page.getByLabel('Family name').fill('Cruz');
    await page.getByLabel('SMS').check();
    await page.getByLabel('Mobile number').fill('0917 123 4567');
    await press('Send a code');
    await page.getByRole('alert').getByText('+639171234567').waitFor();
    expect(await page.getByLabel('Mobile number').inputValue()).toBe('0917 123 4567');
    expect(twilio.requests.map(textIn).filter(({ to }) => !to.startsWith('+63'))).toEqual([]);
  });
});
