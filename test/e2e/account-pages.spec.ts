import type { BrowserContext, Page } from 'playwright-core';
import { createDatabase, type TestDatabase } from '../support/database/postgres.js';
import { axeFaults } from '../support/http/axe.js';
import { describeWithChromium, openChromium } from '../support/http/chromium.js';
import { linkIn } from '../support/http/page-client.js';
import { freePort } from '../support/network/free-port.js';
import { OtpostInProcess } from '../support/service/otpost-in-process.js';
import type { IssuedBody } from '../support/service/api.js';
import { bearer, Visitors } from '../support/service/visitors.js';
import { codeIn, SmtpSink } from '../support/smtp/smtp-sink.js';

/** Chromium writes one for each page whose status is an error; those pages are meant. */
const MEANT = /^Failed to load resource: the server responded with a status of 4/;

describeWithChromium('the account pages, in browsers', () => {
  let sink: SmtpSink;
  let database: TestDatabase;
  let otpost: OtpostInProcess;
  let url: string;
  let people: Visitors;
  /** The second one runs no script. */
  let contexts: BrowserContext[];
  let closeBrowser: () => Promise<void>;
  const complaints: string[] = [];
  const secrets: string[] = [];
  let number = 0;

  beforeAll(async () => {
    sink = await SmtpSink.start();
    database = await createDatabase();
    const port = await freePort();
    url = `http://localhost:${port}`;
    otpost = await OtpostInProcess.start({
      DATABASE_URL: database.url,
      PORT: String(port),
      APP_URL: url,
      MAIL_FROM: 'Aster <no-reply@example.com>',
      MAIL_TRANSPORTS: sink.url,
    });
    const chromium = await openChromium();
    closeBrowser = chromium.close;
    contexts = [chromium.context, await chromium.another({ javaScriptEnabled: false })];
    await Promise.all(contexts.map(openTab));
    people = new Visitors(otpost, sink);
  });
  afterAll(async () => {
    await closeBrowser();
    await otpost.stop();
    await database.drop();
    await sink.stop();
  });

  const fresh = (): string => `lise${++number}@example.com`;

  /** The tab of one of the browsers, without cookies. */
  async function tab(which = 0): Promise<Page> {
    await contexts[which]!.clearCookies();
    return contexts[which]!.pages()[0]!;
  }

  async function openTab(context: BrowserContext): Promise<Page> {
    const page = await context.newPage();
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type()) && !MEANT.test(message.text())) complaints.push(message.text());
    });
    return page;
  }

  async function press(page: Page, name: string): Promise<void> {
    await page.getByRole('button', { name, exact: true }).click();
  }

  async function enter(page: Page, email: string): Promise<void> {
    await page.goto(`${url}/account`);
    await page.getByLabel('Email address').fill(email);
    await press(page, 'Continue with email');
  }

  /** With a script the page sends the sixth digit; pressing too would press a button of the page after it. */
  async function give(page: Page, code: string): Promise<void> {
    await page.getByLabel('Code').fill(code);
    if (page.context() === contexts[1]) await press(page, 'Continue');
  }

  /** The text of the mail whose reference the page shows. */
  async function mailFor(page: Page): Promise<string> {
    const reference = await page
      .locator('b')
      .filter({ hasText: /^[A-Z2-9]{4}$/ })
      .textContent();
    return told((await people.mailOf({ challenge: { reference } } as IssuedBody)).mail.text!);
  }

  /** Notes what must not be logged. */
  function told(text: string): string {
    secrets.push(...[...text.matchAll(/\/l\/(?:undo\/)?([\w-]{22})/g)].map(([, token]) => token!));
    return text;
  }

  const linkOf = async (issued: IssuedBody, end = ''): Promise<string> =>
    url + linkIn(told((await people.mailOf(issued)).mail.text!), end);
  const signedInAs = (page: Page, email: string) => page.getByText(`You’re signed in to Aster as ${email}.`).waitFor();
  const signedOut = (page: Page) => page.getByRole('button', { name: 'Continue with email' }).waitFor();

  it('somebody registers by code, without any script, and signs out', async () => {
    const [page, email] = [await tab(1), fresh()];
    await page.goto(url);
    await page.getByRole('link', { name: 'Your account' }).click();
    await enter(page, email);
    const code = codeIn(await mailFor(page));
    await page.getByLabel('Code').fill(people.wrong(code));
    await page.keyboard.press('Enter');
    expect(await page.getByRole('alert').textContent()).toBe('That’s not the right code. You have 4 tries left.');
    await give(page, `${code.slice(0, 3)} ${code.slice(3)}`);
    await signedInAs(page, email);
    expect(page.url()).toBe(`${url}/account`);
    expect(await page.getByRole('listitem').allInnerTexts()).toEqual([
      expect.stringMatching(/on Linux \(this device\)[^]*by code, from/),
    ]);
    await press(page, 'Sign out');
    await signedOut(page);
  });

  it('somebody who presses every button twice, on a line of 300 ms, is signed in once and gets one mail', async () => {
    const [page, email] = [await tab(0), fresh()];
    const line = await contexts[0]!.newCDPSession(page);
    await line.send('Network.emulateNetworkConditions', {
      offline: false,
      latency: 300,
      downloadThroughput: -1,
      uploadThroughput: -1,
    });
    const twice = (name: string) => page.getByRole('button', { name, exact: true }).dblclick();
    await page.goto(`${url}/account`);
    await page.getByLabel('Email address').fill(email);
    await twice('Continue with email');
    const code = codeIn(await mailFor(page));
    await page.getByLabel('Code').fill(code);
    await Promise.all([page.keyboard.press('Enter'), page.keyboard.press('Enter')]);
    await signedInAs(page, email);
    await page.goto(await linkOf((await people.ask('login', email)).body));
    await twice('Sign in');
    await signedInAs(page, email);
    const counts = await database.query(
      `SELECT (SELECT count(*)::int FROM sessions s WHERE s.account_id = a.id AND s.revoked_at IS NULL) AS sessions,
        (SELECT count(*)::int FROM outbound_emails m WHERE m.to_canonical = a.email_canonical) AS mails FROM accounts a WHERE a.email = $1`,
      [email],
    );
    expect(counts).toEqual([{ sessions: 1, mails: 2 }]); // one for each way of signing in; the first session ended with the second
    await line.detach();
  });

  it('a link that is pressed in another browser signs that one in, and not the one that asked', async () => {
    const [asked, phone, email] = [await tab(0), await tab(1), fresh()];
    await enter(asked, email);
    const link = url + linkIn(await mailFor(asked));
    await phone.goto(link);
    await phone.getByText(email).waitFor();
    await press(phone, 'Confirm and sign in');
    await signedInAs(phone, email);
    await asked.reload();
    await asked.getByRole('heading', { name: 'This code has already been used' }).waitFor();
    await asked.getByRole('link', { name: 'Go to your account' }).click();
    await signedOut(asked);
  });

  it('a link that is pressed where it was asked for lets the waiting page go on', async () => {
    const [waiting, email] = [await tab(0), fresh()];
    await enter(waiting, email);
    const other = await openTab(contexts[0]!);
    await other.goto(url + linkIn(await mailFor(waiting)));
    await press(other, 'Confirm and sign in');
    await signedInAs(other, email);
    await other.close();
    await waiting.reload();
    await signedInAs(waiting, email);
  });

  it('"This wasn’t me" stops a code, and its link', async () => {
    const [page, stranger] = [await tab(0), await tab(1)];
    await enter(stranger, fresh());
    const text = await mailFor(stranger);
    await page.goto(url + linkIn(text));
    await page.getByRole('link', { name: 'This wasn’t me' }).click();
    await press(page, 'This wasn’t me');
    await page.getByRole('heading', { name: 'It’s stopped' }).waitFor();
    expect(await axeFaults(page)).toEqual([]);
    await page.goto(url + linkIn(text));
    await page.getByRole('heading', { name: 'This link was stopped' }).waitFor();
    await give(stranger, codeIn(text));
    await stranger.getByRole('heading', { name: 'This code was stopped' }).waitFor();
  });

  it('the former address takes a change back, and signs in again', async () => {
    const [page, before, after] = [await tab(1), fresh(), fresh()];
    const api = otpost.api;
    const session = await people.signUp(before);
    const { body } = await api.post<IssuedBody>('/v1/me/email', { email: after }, bearer(session.accessToken));
    await people.verify(body, await people.codeOf(body), {}, bearer(session.accessToken));
    const notices = await sink.waitForMailTo(before, 2);
    const link = url + linkIn(told(notices.map(({ mail }) => mail.text).find((text) => text?.includes('/l/undo/'))!));
    const scripted = await tab(0); // axe is a script
    await scripted.goto(link);
    expect(await axeFaults(scripted)).toEqual([]);
    await page.goto(link);
    await press(page, 'Undo the change');
    await page.getByText('Every device was signed out').waitFor();
    expect((await api.get('/v1/me', session.accessToken)).status).toBe(401);
    await enter(page, before);
    await give(page, codeIn(await mailFor(page)));
    await signedInAs(page, before);
  });

  it('a new password is set behind a link, and one that is too easy is refused there', async () => {
    const [page, email] = [await tab(0), fresh()];
    await people.signUp(email);
    await page.goto(await linkOf((await people.ask('reset_password', email)).body));
    expect(await axeFaults(page)).toEqual([]);
    await page.getByLabel('New password').fill('password1');
    await press(page, 'Save and sign in');
    expect(await page.getByRole('alert').textContent()).toContain('is one of the first that attackers try');
    await page.getByLabel('New password').fill('seventeen green bottles');
    await press(page, 'Save and sign in');
    await signedInAs(page, email);
    expect((await people.signInByPassword(email, 'seventeen green bottles')).status).toBe(200);
  });

  it('signing out everywhere ends the other browser’s session, and the app’s', async () => {
    const [one, two, email] = [await tab(0), await tab(1), fresh()];
    const app = await people.signUp(email);
    for (const page of [one, two]) {
      await enter(page, email);
      await give(page, codeIn(await mailFor(page)));
      await signedInAs(page, email);
    }
    await one.reload();
    expect(await one.getByRole('listitem').count()).toBe(3);
    await press(one, 'Sign out everywhere');
    await signedOut(one);
    await two.reload();
    await signedOut(two);
    expect((await otpost.api.get('/v1/me', app.accessToken)).status).toBe(401);
  });

  it('nothing was complained about in the consoles', () => {
    expect(complaints).toEqual([]);
  });

  it('neither a token of a link nor a cookie was logged, and pages were, by the patterns of their routes', async () => {
    for (const context of contexts) secrets.push(...(await context.cookies()).map(({ value }) => value));
    expect(secrets.length).toBeGreaterThan(12);
    for (const secret of secrets) expect(otpost.text).not.toContain(secret);
    for (const route of ['/l/:token', '/l/:token/not-me', '/l/undo/:token', '/account/code/:id'])
      expect(otpost.text).toContain(`"route":"${route}"`);
  });
});
