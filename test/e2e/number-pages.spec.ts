import type { BrowserContext, Page } from 'playwright-core';
import { createDatabase, type TestDatabase } from '../support/database/postgres.js';
import { axeFaults } from '../support/http/axe.js';
import { describeWithChromium, openChromium } from '../support/http/chromium.js';
import { freePort } from '../support/network/free-port.js';
import { codeByText, textTo } from '../support/service/captured-texts.js';
import { OtpostInProcess } from '../support/service/otpost-in-process.js';
import { codeIn, SmtpSink } from '../support/smtp/smtp-sink.js';

/** Chromium writes one for each page whose status is an error; those pages are meant. */
const MEANT = /^Failed to load resource: the server responded with a status of 4/;

/**
 * A phone that reads texts, which no Chromium of a test is: it tells what it was asked, and gives the code that it is
 * given.
 */
const PHONE = `
  window.OTPCredential = class {};
  navigator.credentials.get = (asked) => new Promise((given, refused) => {
    window.asked = JSON.stringify(asked.otp);
    window.receive = (code) => given({ code });
    asked.signal.addEventListener('abort', () => refused(asked.signal.reason));
  });
`;

describeWithChromium('people with numbers, on our pages', () => {
  let sink: SmtpSink;
  let database: TestDatabase;
  let otpost: OtpostInProcess;
  let url: string;
  let page: Page;
  let another: (options?: object) => Promise<BrowserContext>;
  let closeBrowser: () => Promise<void>;
  const complaints: string[] = [];
  let count = 0;

  beforeAll(async () => {
    sink = await SmtpSink.start();
    database = await createDatabase();
    const port = await freePort();
    url = `http://localhost:${port}`;
    otpost = await OtpostInProcess.start({
      ...{ DATABASE_URL: database.url, PORT: String(port), APP_URL: url },
      ...{ MAIL_FROM: 'Aster <no-reply@aster.example>', MAIL_TRANSPORTS: sink.url },
      ...{ SMS_TRANSPORTS: 'capture:', SMS_COUNTRIES: 'PH', SMS_SIGN_IN: 'on' },
    });
    const chromium = await openChromium();
    ({ another, close: closeBrowser } = chromium);
    page = await open(chromium.context);
  });
  afterAll(async () => {
    await closeBrowser();
    await otpost.stop();
    await database.drop();
    await sink.stop();
  });
  beforeEach(() => page.context().clearCookies());

  async function open(context: BrowserContext): Promise<Page> {
    const tab = await context.newPage();
    tab.on('pageerror', (error) => complaints.push(error.message));
    tab.on('console', (message) => {
      if (['error', 'warning'].includes(message.type()) && !MEANT.test(message.text())) complaints.push(message.text());
    });
    return tab;
  }

  const address = (): string => `kim${++count}@example.com`;
  const number = (): string => `+639${String(170_000_000 + ++count * 10_001)}`;
  const press = (name: string | RegExp, tab = page) => tab.getByRole('button', { name, exact: true }).click();
  const heading = (name: string, tab = page) => tab.getByRole('heading', { level: 1, name, exact: true }).waitFor();
  const type = (code: string, tab = page) => tab.getByLabel('Code', { exact: true }).pressSequentially(code);
  const signedInAs = (email: string, tab = page) => tab.getByText(`You’re signed in to Aster as ${email}.`).waitFor();

  /** Nothing on the page is in anybody's way, and it is small. */
  async function fine(name: string, tab = page): Promise<void> {
    expect([name, await axeFaults(tab)]).toEqual([name, []]);
    const facts = await tab.evaluate<[boolean, number]>(
      `[document.documentElement.scrollWidth > document.documentElement.clientWidth,
        performance.getEntriesByType('navigation')[0].encodedBodySize + performance.getEntriesByType('resource').reduce((sum, one) => sum + one.encodedBodySize, 0)]`,
    );
    expect([name, facts[0], facts[1] <= 20_480 ? 'small' : facts[1]]).toEqual([name, false, 'small']);
  }

  async function askFor(to: string, tab = page): Promise<void> {
    await tab.goto(`${url}/account`);
    await tab.getByLabel('Email address or phone number').fill(to);
    await press('Continue', tab);
  }

  async function signUp(email: string, tab = page): Promise<void> {
    await askFor(email, tab);
    await heading('Check your email', tab);
    await tab.getByLabel('Code').fill(codeIn((await sink.waitForMailTo(email))[0]!.mail.text));
    if (tab !== page) await press('Continue', tab);
    await signedInAs(email, tab);
  }

  it('add one, sign in by it, confirm by it that it is still they, and remove it', async () => {
    const [email, phone] = [address(), number()];
    await page.goto(`${url}/account`);
    await fine('sign-in');
    await signUp(email);
    await page.getByRole('link', { name: 'Phone number: Add' }).click();
    await fine('add a number');
    await page.getByLabel('Phone number').fill('+1 212 555 0100');
    await press('Send the code');
    await page.getByText('We don’t send codes to numbers of this country.').waitFor();
    await fine('refused number');
    await page.getByLabel('Phone number').fill(phone);
    await press('Send the code');
    await heading('Check your phone');
    await page.getByText('The text message is on its way.').waitFor();
    await page.getByText('We sent a 6-digit code by SMS to').waitFor();
    await fine('code by SMS');
    await type(await codeByText(otpost.api, phone));
    await page.getByText('Your phone number was saved.').waitFor();
    await fine('account');
    await press('Sign out');
    await askFor(phone);
    await heading('Check your phone');
    await type(await codeByText(otpost.api, phone, 2));
    await signedInAs(email);
    await database.query(`UPDATE sessions SET authenticated_at = now() - interval '1 hour'`);
    await page.getByRole('link', { name: 'Phone number: Change' }).click();
    await fine('confirm');
    await press(/^Send a code by SMS to/);
    await heading('Check your phone');
    await type(await codeByText(otpost.api, phone, 3));
    await heading('Change your phone number');
    await fine('change the number');
    await press('Remove number');
    await page.getByText('Your phone number was removed.').waitFor();
  });

  it('get a code that their phone fills in, of texts alone, and may type it all the same', async () => {
    const [email, phone] = [address(), number()];
    const context = await another();
    await context.addInitScript(PHONE);
    const tab = await open(context);
    await askFor(email, tab);
    await heading('Check your email', tab);
    expect(await tab.evaluate('window.asked')).toBeUndefined();
    await type(codeIn((await sink.waitForMailTo(email))[0]!.mail.text), tab);
    await signedInAs(email, tab);
    for (const by of ['phone', 'hand']) {
      await tab.goto(`${url}/account/phone`);
      await tab.getByLabel(/phone number/i).fill(phone);
      await press('Send the code', tab);
      await heading('Check your phone', tab);
      const code = await codeByText(otpost.api, phone, by === 'phone' ? 1 : 2);
      expect(await tab.evaluate('window.asked')).toBe('{"transport":["sms"]}');
      if (by === 'phone') await tab.evaluate(`window.receive('${code}')`);
      else await type(code, tab);
      await tab.getByText('Your phone number was saved.').waitFor();
    }
    await context.close();
  });

  it('do all of it without a script, in the dark and on a phone', async () => {
    const context = await another({
      ...{ javaScriptEnabled: false, colorScheme: 'dark', viewport: { width: 390, height: 844 } },
    });
    const tab = await open(context);
    const [email, phone] = [address(), number()];
    await signUp(email, tab);
    await tab.getByRole('link', { name: 'Phone number: Add' }).click();
    await tab.getByLabel('Phone number').fill(phone);
    await press('Send the code', tab);
    await tab.getByLabel('Code').fill(await codeByText(otpost.api, phone));
    await press('Continue', tab);
    await tab.getByText('Your phone number was saved.').waitFor();
    await press('Sign out', tab);
    await tab.goto(`${url}/account/reset`);
    await tab.getByLabel('Email address or phone number').fill(phone);
    await press('Send me a code', tab);
    await tab.getByLabel('Code').fill(await codeByText(otpost.api, phone, 2));
    await tab.getByLabel('New password').fill('seventeen green bottles');
    await press('Save and sign in', tab);
    await signedInAs(email, tab);
    await context.close();
  });

  it('that nobody has are told by SMS alone', async () => {
    const phone = number();
    await askFor(phone);
    await heading('Check your phone');
    expect((await textTo(otpost.api, phone)).preview).toContain('There is no account with it');
    await type('000000');
    await page.getByText('That’s not the right code. You have 4 tries left.').waitFor();
  });

  it('find the pages just as well in the dark, and on a phone', async () => {
    const context = await another({ colorScheme: 'dark', viewport: { width: 390, height: 844 } });
    const tab = await open(context);
    await tab.goto(`${url}/account`);
    await fine('dark sign-in', tab);
    await askFor(number(), tab);
    await heading('Check your phone', tab);
    await fine('dark code', tab);
    await context.clearCookies();
    const email = address();
    await askFor(email, tab);
    await type(codeIn((await sink.waitForMailTo(email))[0]!.mail.text), tab);
    await signedInAs(email, tab);
    for (const path of ['/account', '/account/phone']) {
      await tab.goto(url + path);
      await fine(`dark ${path}`, tab);
    }
    await context.close();
  });

  it('nothing was complained about in the consoles, by no policy either', () => {
    expect(complaints).toEqual([]);
  });
});
