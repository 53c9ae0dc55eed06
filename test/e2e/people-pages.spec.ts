import type { BrowserContext, Page } from 'playwright-core';
import { createDatabase, type TestDatabase } from '../support/database/postgres.js';
import { axeFaults } from '../support/http/axe.js';
import { describeWithChromium, openChromium, watchPage } from '../support/http/chromium.js';
import { linkIn } from '../support/http/page-client.js';
import { freePort } from '../support/network/free-port.js';
import { OtpostInProcess } from '../support/service/otpost-in-process.js';
import { Visitors } from '../support/service/visitors.js';
import { eventually } from '../support/signals/wait.js';
import { codeIn, SmtpSink } from '../support/smtp/smtp-sink.js';
import { wrongCode } from '../support/text/wrong-code.js';

/** Chromium writes one for each page whose status is an error; those pages are meant. */
const MEANT = /^Failed to load resource: the server responded with a status of 4/;
const PASSWORD = 'seventeen green bottles';

describeWithChromium('people on our pages, with the script', () => {
  let sink: SmtpSink;
  let database: TestDatabase;
  let otpost: OtpostInProcess;
  let url: string;
  let people: Visitors;
  let page: Page;
  let another: (options?: object) => Promise<BrowserContext>;
  let closeBrowser: () => Promise<void>;
  /** Faults of scripts, and whatever the policy of a page kept off. */
  const complaints: string[] = [];
  const sizes: Record<string, number> = {};
  let number = 0;

  beforeAll(async () => {
    sink = await SmtpSink.start({
      onRcptTo: ({ address }, _session, done) => {
        if (/^gone/.test(address))
          return done(Object.assign(new Error('5.1.1 The mailbox does not exist'), { responseCode: 550 }));
        if (/^later/.test(address))
          return done(Object.assign(new Error('4.2.1 Come back later'), { responseCode: 450 }));
        done();
      },
    });
    database = await createDatabase();
    const port = await freePort();
    url = `http://localhost:${port}`;
    otpost = await OtpostInProcess.start({
      ...{ DATABASE_URL: database.url, PORT: String(port), APP_URL: url, BRAND_SUPPORT: 'help@aster.example' },
      ...{ MAIL_FROM: 'Aster <no-reply@aster.example>', MAIL_TRANSPORTS: sink.url, BRAND_COLOR: '#b3261e' },
      ...{ LIMIT_IP: 'off', LIMIT_IP_DESTINATIONS: 'off', LIMIT_DESTINATION: 'off' },
    });
    const chromium = await openChromium();
    ({ another, close: closeBrowser } = chromium);
    page = await chromium.context.newPage();
    watchPage(page, complaints, MEANT);
    people = new Visitors(otpost, sink);
  });
  afterAll(async () => {
    console.log('bytes of a page and its script:', sizes);
    await closeBrowser();
    await otpost.stop();
    await database.drop();
    await sink.stop();
  });
  beforeEach(() => page.context().clearCookies());

  const fresh = (who = 'nora'): string => `${who}${++number}@example.com`;
  const press = (name: string) => page.getByRole('button', { name, exact: true }).click();
  /** The browser puts the focus into the field as it draws the page, which may be after it has loaded. */
  const inField = () => page.locator('input:focus').waitFor();
  const heading = (name: string) => page.getByRole('heading', { level: 1, name, exact: true }).waitFor();

  /**
   * Nothing on the page is in anybody's way, and it came small. The front door loads itself anew when all is well
   * again.
   */
  async function fine(name: string): Promise<void> {
    try {
      await looksFine(name);
    } catch (error) {
      if (!/context was destroyed/.test(String(error))) throw error;
      await page.waitForLoadState();
      await looksFine(name);
    }
  }

  async function looksFine(name: string): Promise<void> {
    expect([name, await axeFaults(page)]).toEqual([name, []]);
    expect([
      name,
      await page.evaluate('document.documentElement.scrollWidth > document.documentElement.clientWidth'),
    ]).toEqual([name, false]);
    const size = await page.evaluate<number>(
      `performance.getEntriesByType('navigation')[0].encodedBodySize + performance.getEntriesByType('resource').reduce((sum, one) => sum + one.encodedBodySize, 0)`,
    );
    sizes[name] = size;
    expect([name, size <= 20_480]).toEqual([name, true]);
  }

  async function askFor(email: string): Promise<void> {
    await page.goto(`${url}/account`);
    await page.getByLabel('Email address').fill(email);
    await press('Continue with email');
    await heading('Check your email');
  }

  const codesTo = (email: string): string[] =>
    people
      .mailsTo(email)
      .filter(({ mail }) => /^\d{3} ?\d{3}$/m.test(mail.text ?? ''))
      .map(({ mail }) => codeIn(mail.text));

  /** The code that came to an address, or the one of so many, whatever other mail did. */
  const codeTo = (email: string, nth = 1): Promise<string> =>
    eventually(() => codesTo(email)[nth - 1], `code ${nth} to ${email}`);

  /** As somebody types: the sixth digit sends the form, once the script is there. */
  async function type(code: string): Promise<void> {
    await page.waitForLoadState();
    await page.getByLabel('Code', { exact: true }).pressSequentially(code);
  }
  const signedInAs = (email: string) => page.getByText(`You’re signed in to Aster as ${email}.`).waitFor();

  async function signIn(email: string): Promise<void> {
    await askFor(email);
    await type(await codeTo(email));
    await signedInAs(email);
  }

  it('register by the sixth digit, and see the mail go out meanwhile without a load', async () => {
    const email = fresh();
    await page.goto(`${url}/account`);
    await fine('sign-in');
    await askFor(email);
    await page.getByText('We sent a 6-digit code to').waitFor();
    await page.getByText('The email is on its way.').waitFor();
    await database.query(`UPDATE otp_challenges SET resend_after = now() + interval '1 hour' WHERE destination = $1`, [
      email,
    ]);
    await page.reload();
    await page.getByText(/You can send it again in \d+:\d\d/).waitFor();
    await page.getByText(/The code expires in \d+:\d\d/).waitFor();
    await fine('code');
    const code = await codeTo(email);
    await type(wrongCode(code));
    await page.getByText('That’s not the right code. You have 4 tries left.').waitFor();
    await fine('wrong code');
    await type(code);
    await signedInAs(email);
    await fine('account');
    expect(await page.locator('time').first().textContent()).not.toContain('UTC');
  });

  it('are told where an address takes no mail, and where the server wants it later', async () => {
    await askFor(fresh('gone'));
    await page.getByText('We can’t send email to this address.').waitFor();
    expect(await page.getByText('We sent a 6-digit code').isVisible()).toBe(false);
    await fine('refused mail');
    await askFor(fresh('later'));
    await page.getByText('We couldn’t send the email yet. We’re still trying.').waitFor();
  });

  it('get a new code where one has expired, with one press', async () => {
    const email = fresh();
    await askFor(email);
    await codeTo(email);
    await database.query(`UPDATE otp_challenges SET expires_at = now() - interval '1 second' WHERE destination = $1`, [
      email,
    ]);
    await page.reload();
    await heading('This code has expired');
    await fine('expired code');
    await press('Send a new code');
    await heading('Check your email');
    await type(await codeTo(email, 2));
    await signedInAs(email);
  });

  it('get the same code once more', async () => {
    const email = fresh();
    await askFor(email);
    const code = await codeTo(email);
    await database.query(
      `UPDATE otp_challenges SET resend_after = now() - interval '1 minute' WHERE destination = $1`,
      [email],
    );
    await page.reload();
    await press('Send it again');
    expect(await codeTo(email, 2)).toBe(code);
    await type(code);
    await signedInAs(email);
  });

  it('do everything with the keyboard alone', async () => {
    const email = fresh();
    await page.goto(`${url}/account`);
    await inField();
    await page.keyboard.type(email);
    await page.keyboard.press('Enter');
    await heading('Check your email');
    const code = await codeTo(email);
    await inField();
    await page.keyboard.type(code);
    await signedInAs(email);
    for (
      let n = 0;
      n < 30 && (await page.evaluate('document.activeElement.textContent')) !== 'Sign out everywhere';
      n++
    )
      await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await heading('Sign in or register');
  });

  it('set a password, sign in with it, forget it and set another', async () => {
    const email = fresh();
    await signIn(email);
    await page.getByRole('link', { name: 'Password: Change' }).click();
    await page.getByLabel('New password').fill('password1');
    await press('Save password');
    await page.getByText('This password is one of the first that attackers try.').waitFor();
    await fine('set password');
    await page.getByLabel('New password').fill(PASSWORD);
    await press('Save password');
    await page.getByText('Your password was saved.').waitFor();
    await press('Sign out');
    await page.getByRole('link', { name: 'Sign in with a password instead' }).click();
    await fine('password sign-in');
    await page.getByLabel('Email address').fill(email);
    await page.getByLabel('Password', { exact: true }).fill('a wrong one');
    await press('Sign in');
    await page.getByText('The address or the password is wrong').waitFor();
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await press('Sign in');
    await signedInAs(email);
    // It was entered just now, and is asked for all the same: a password proves nothing about a password.
    await page.goto(`${url}/account/password`);
    await fine('change password');
    await page.getByLabel('Current password').fill('a wrong one');
    await page.getByLabel('New password').fill('a wall of paper lanterns');
    await press('Save password');
    await page.getByText('That’s not your current password.').waitFor();
    await press('Use a code by email instead');
    await heading('Check your email');
    await fine('confirm');
    await type(await codeTo(email, 2));
    await heading('Change your password');
    await page.getByLabel('New password').fill('a wall of paper lanterns');
    await press('Save password');
    await page.getByText('Your password was saved.').waitFor();
    await press('Sign out');
    await page.goto(`${url}/account/reset`);
    await fine('reset');
    await page.getByLabel('Email address').fill(email);
    await press('Send me a code');
    await heading('Set a new password');
    await fine('reset code');
    await type(await codeTo(email, 3));
    await page.getByLabel('New password').fill('four tin whistles playing');
    await press('Save and sign in');
    await signedInAs(email);
    expect((await people.signInByPassword(email, 'four tin whistles playing')).status).toBe(200);
  });

  it('change name and language, and every page speaks it from then on, behind mailed links too', async () => {
    const email = fresh();
    await signIn(email);
    await page.getByRole('link', { name: 'Name: Change' }).click();
    await fine('profile');
    await page.getByLabel('Name', { exact: true }).fill('Nora');
    await page.getByLabel('Language').selectOption('de');
    await press('Save');
    await page.getByText('Ihr Profil wurde gespeichert.').waitFor();
    const link = linkIn((await people.mailOf((await people.ask('login', fresh())).body)).mail.text, '/not-me');
    await page.goto(url + link);
    expect(await page.locator('html').getAttribute('lang')).toBe('de');
    await page.goto(`${url}/unsubscribe?t=none`);
    expect(await page.locator('html').getAttribute('lang')).toBe('de');
    await page.goto(url);
    expect(await page.locator('html').getAttribute('lang')).toBe('de');
  });

  it('change the address, and delete the account', async () => {
    const [before, after] = [fresh(), fresh()];
    await signIn(before);
    await page.getByRole('link', { name: 'Email address: Change' }).click();
    await fine('change address');
    await page.getByLabel('New email address').fill(after);
    await press('Send the code');
    await heading('Check your email');
    await type(await codeTo(after));
    await page.getByText('Your email address was changed.').waitFor();
    await signedInAs(after);
    await page.getByRole('link', { name: 'Delete your account' }).click();
    await fine('delete');
    await press('Delete my account');
    await heading('Your account was deleted');
    await fine('deleted');
    const rows = await database.query('SELECT 1 FROM accounts WHERE email = ANY($1)', [[before, after]]);
    expect(rows).toEqual([]);
  });

  it('find the front door, the documentation and problems as pages with a way back', async () => {
    await page.goto(url);
    await page.getByText('Everything is working.').waitFor();
    await fine('home');
    await page.goto(`${url}/nowhere`);
    await page.getByRole('link', { name: 'Go to the start page' }).waitFor();
    await fine('problem');
    await page.goto(`${url}/docs`);
    await heading('Otpost API');
    expect(await axeFaults(page)).toEqual([]);
    await page.getByText('/v1/sessions/refresh', { exact: true }).click();
    await page.getByText('New tokens for a refresh token').waitFor();
    await page.evaluate(`for (const call of document.querySelectorAll('details')) call.open = true`);
    expect(await axeFaults(page)).toEqual([]);
    const again = await page.request.get(`${url}/docs`, { headers: { 'accept-encoding': 'br' } });
    expect(again.headers()).toMatchObject({ 'content-encoding': 'br', 'cache-control': 'no-cache' });
    const same = await page.request.get(`${url}/docs`, { headers: { 'if-none-match': again.headers()['etag']! } });
    expect(same.status()).toBe(304);
  });

  it('see all of it in the dark, and on a phone, just as well', async () => {
    const context = await another({ colorScheme: 'dark', viewport: { width: 390, height: 844 } });
    const light = page;
    page = await context.newPage();
    watchPage(page, complaints, MEANT);
    for (const path of ['/', '/account', '/account/sign-in', '/account/reset', '/nowhere']) {
      await page.goto(url + path);
      await fine(`dark ${path}`);
    }
    await signIn(fresh());
    for (const path of ['/account', '/account/profile', '/account/password', '/account/email', '/account/delete']) {
      await page.goto(url + path);
      await fine(`dark, signed in ${path}`);
    }
    await page.goto(`${url}/docs`);
    expect(await axeFaults(page)).toEqual([]);
    await context.close();
    page = light;
  });

  it('nothing was complained about in the consoles, by no policy either', () => {
    expect(complaints).toEqual([]);
  });
});
