import type { BrowserContext, Page } from 'playwright-core';
import { TIMEOUTS } from '../../../src/mail/transport/timeouts.js';
import { createDatabase, type TestDatabase } from '../../support/database/postgres.js';
import { describeWithChromium, openChromium } from '../../support/http/chromium.js';
import { BlackHole } from '../../support/network/black-hole.js';
import { freePort } from '../../support/network/free-port.js';
import { createApiKey } from '../../support/service/api-key.js';
import { compiledExample, ExampleServer } from '../../support/service/example.js';
import { OtpostInProcess } from '../../support/service/otpost-in-process.js';
import { putBackAfterwards } from '../../support/signals/put-back.js';
import { HANGS_MS } from '../../support/signals/wait.js';
import { codeIn, type Received, SmtpSink } from '../../support/smtp/smtp-sink.js';

putBackAfterwards(TIMEOUTS);
beforeAll(() => void Object.assign(TIMEOUTS, { nextPortMs: 600 }));

const NOBODY = 'nobody@example.com';

describeWithChromium('examples/family-registration, on a host that blocks port 587,', () => {
  let blocked: BlackHole;
  let sink: SmtpSink;
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
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    otpost = await OtpostInProcess.start({
      DATABASE_URL: database.url,
      MAIL_FROM: 'Families <no-reply@example.com>',
      // As `smtp://` of a provider is tried on 587 and 2525.
      MAIL_TRANSPORTS: 'smtp://127.0.0.1',
      SMTP_PORTS: `${blocked.port},${sink.port}`,
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
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error' && !/status of 400/.test(message.text())) complaints.push(message.text());
    });
  });
  afterAll(async () => {
    await closeBrowser();
    await example.stop();
    await otpost.stop();
    await Promise.all([sink.stop(), blocked.stop(), database.drop()]);
  });
  afterEach(() => expect(complaints).toEqual([]));

  async function register(family: string, email: string): Promise<void> {
    await page.goto(url);
    await page.getByLabel('Family name').fill(family);
    await page.getByLabel('E-mail address').fill(email);
    await page.getByRole('button', { name: 'Send a code' }).click();
    await page.getByRole('heading', { name: 'Enter your code' }).waitFor();
  }

  const told = (words: string): Promise<void> => page.getByRole('status').getByText(words).waitFor();

  async function enter(code: string): Promise<void> {
    await page.getByLabel('Code').fill(code);
    await page.getByRole('button', { name: 'Register' }).click();
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
    await enter(code === '000000' ? '111111' : '000000');
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
});
