import { mkdirSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { createDatabase, type TestDatabase } from '../support/database/postgres.js';
import { axeFaults } from '../support/http/axe.js';
import { openChromium } from '../support/http/chromium.js';
import { freePort } from '../support/network/free-port.js';
import { codeByText } from '../support/service/captured-texts.js';
import { OtpostInProcess } from '../support/service/otpost-in-process.js';
import { describeWhere } from '../support/signals/where.js';
import { eventually } from '../support/signals/wait.js';

/** The documents show a service as it starts, by mail alone: these are for whoever changes a page. */
const FOLDER = process.env['SCREENSHOTS'];

/** Not a test: pictures of the pages that know numbers, by `SCREENSHOTS=/tmp/shots npm run screenshots`. */
describeWhere(FOLDER !== undefined)('screenshots of the pages for people, with numbers', () => {
  let database: TestDatabase;
  let otpost: OtpostInProcess;
  let url: string;
  let close: () => Promise<void>;
  let count = 0;

  beforeAll(async () => {
    database = await createDatabase();
    const port = await freePort();
    url = `http://localhost:${port}`;
    otpost = await OtpostInProcess.start({
      ...{ DATABASE_URL: database.url, PORT: String(port), APP_URL: url, LOG_LEVEL: 'warn' },
      ...{ MAIL_FROM: 'Aster <no-reply@aster.example>', BRAND_SUPPORT: 'help@aster.example' },
      ...{ SMS_TRANSPORTS: 'capture:', SMS_COUNTRIES: 'PH', SMS_SIGN_IN: 'on' },
    });
  });
  afterAll(async () => {
    await close();
    await otpost.stop();
    await database.drop();
  });

  it('are written', async () => {
    const chromium = await openChromium();
    close = chromium.close;
    mkdirSync(FOLDER!, { recursive: true });
    for (const scheme of ['light', 'dark'] as const) {
      for (const width of [1280, 390]) {
        const viewport = { width, height: width === 390 ? 844 : 860 };
        const context = await chromium.another({ colorScheme: scheme, viewport });
        await shootAll(await context.newPage(), `${width}-${scheme}`, width);
        await context.close();
      }
    }
  });

  async function shootAll(page: Page, suffix: string, width: number): Promise<void> {
    const [email, phone] = [`ada.${suffix}@example.com`, `+63917123456${++count}`];
    const shoot = async (name: string) => {
      await page.screenshot({ path: `${FOLDER}/number-${name}-${suffix}.png` });
      const faults = await axeFaults(page);
      if (faults.length > 0) console.log(`${name} ${suffix}\n  ${faults.join('\n  ')}`);
      expect([name, await page.evaluate('document.documentElement.scrollWidth')]).toEqual([name, width]);
    };
    const open = async (name: string, path: string) => {
      await page.goto(url + path);
      await shoot(name);
    };
    const ask = async (typed: string) => {
      await page.getByLabel(/phone number/i).fill(typed);
      await page.locator('main form button').first().click();
    };
    const type = async (code: string) => page.getByLabel('Code', { exact: true }).pressSequentially(code);
    await open('sign-in', '/account');
    await ask('0917 123 4567');
    await page.getByRole('alert').waitFor();
    await shoot('sign-in-fault');
    await ask(email);
    await page.getByText('The email is on its way.').waitFor();
    const codeByMail = await eventually(async () => {
      const { body } = await otpost.api.get<{ items: { code: string }[] }>(`/inbox/messages?to=${email}`);
      return body.items[0]?.code;
    }, 'the code');
    await type(codeByMail);
    await page.getByText('You’re signed in to').waitFor();
    await shoot('account-without');
    await open('add', '/account/phone');
    await ask('+1 212 555 0100');
    await page.getByRole('alert').waitFor();
    await shoot('add-fault');
    await ask(phone);
    await page.getByText('The text message is on its way.').waitFor();
    await shoot('code');
    await type(await codeByText(otpost.api, phone));
    await page.getByText('Your phone number was saved.').waitFor();
    await shoot('account');
    await open('change', '/account/phone');
    await database.query(`UPDATE sessions SET authenticated_at = now() - interval '1 hour'`);
    await open('confirm', '/account/phone');
    await page.getByRole('button', { name: 'Send a code by SMS' }).click();
    await page.getByText('The text message is on its way.').waitFor();
    await type(await codeByText(otpost.api, phone, 2));
    await page.getByRole('heading', { name: 'Change your phone number' }).waitFor();
    await page.goto(`${url}/account/password`);
    await page.getByLabel('New password').fill('seventeen green bottles');
    await page.getByRole('button', { name: 'Save password' }).click();
    await page.getByText('Your password was saved.').waitFor();
    await database.query(`UPDATE sessions SET authenticated_at = now() - interval '1 hour'`);
    await open('change-by-password', '/account/phone');
    await page.context().clearCookies();
    await open('reset', '/account/reset');
    await ask(phone);
    await page.getByText('The text message is on its way.').waitFor();
    await shoot('reset-code');
  }
});
