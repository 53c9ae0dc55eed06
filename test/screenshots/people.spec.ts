import { mkdirSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { createDatabase, type TestDatabase } from '../support/database/postgres.js';
import { axeFaults } from '../support/http/axe.js';
import { openChromium } from '../support/http/chromium.js';
import { freePort } from '../support/network/free-port.js';
import type { IssuedBody } from '../support/service/api.js';
import { codeFromInbox } from '../support/service/story.js';
import { OtpostInProcess } from '../support/service/otpost-in-process.js';

const FOLDER = new URL('../../docs/screenshots/people/', import.meta.url).pathname;
/** Everything, for whoever changes a page; the documents show a few. */
const ALL = process.env['SCREENSHOTS'];
/** The headless one is no browser that people sign in with. */
const CHROME = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36';
const KEPT = ['home-1280-light', 'code-390-light', 'account-1280-dark', 'inbox-1280-light', 'docs-1280-light'];

/**
 * Not a test: `npm run screenshots` writes the pictures of the documents. All pages: `SCREENSHOTS=/tmp/shots npm run
 * screenshots`.
 */
describe('screenshots of the pages for people', () => {
  let database: TestDatabase;
  let otpost: OtpostInProcess;
  let url: string;
  let close: () => Promise<void>;
  beforeAll(async () => {
    database = await createDatabase();
    const port = await freePort();
    url = `http://localhost:${port}`;
    otpost = await OtpostInProcess.start({
      ...{ DATABASE_URL: database.url, PORT: String(port), APP_URL: url, LOG_LEVEL: 'warn' },
      ...{ MAIL_FROM: 'Aster <no-reply@aster.example>', BRAND_SUPPORT: 'help@aster.example' },
      ...{ LIMIT_IP: 'off', LIMIT_IP_DESTINATIONS: 'off', LIMIT_DESTINATION: 'off' },
    });
  });
  afterAll(async () => {
    await close();
    await otpost.stop();
    await database.drop();
  });

  async function askFor(page: Page, email: string): Promise<void> {
    await page.goto(`${url}/account`);
    await page.getByLabel('Email address').fill(email);
    await page.getByRole('button', { name: 'Continue with email' }).click();
    await page.getByText('The email is on its way.').waitFor();
  }

  async function codeOf(page: Page, email: string): Promise<string> {
    const reference = await page
      .locator('b')
      .filter({ hasText: /^[A-Z2-9]{4}$/ })
      .textContent();
    const { code } = await codeFromInbox(otpost.api, email, { challenge: { reference } } as IssuedBody);
    return code;
  }

  it('are written', async () => {
    const chromium = await openChromium();
    close = chromium.close;
    const folder = ALL ?? FOLDER;
    mkdirSync(folder, { recursive: true });
    for (const scheme of ['light', 'dark'] as const) {
      for (const width of [1280, 390]) {
        const viewport = { width, height: width === 390 ? 844 : 860 };
        const context = await chromium.another({ colorScheme: scheme, viewport, userAgent: CHROME });
        const page = await context.newPage();
        const email = `ada.${scheme}.${width}@example.com`;
        const shoot = async (name: string) => {
          const file = `${name}-${width}-${scheme}`;
          if (ALL === undefined && !KEPT.includes(file)) return;
          await page.screenshot({ path: `${folder}/${file}.png` });
          if (ALL === undefined) return;
          const faults = await axeFaults(page);
          if (faults.length > 0) console.log(`${file}\n  ${faults.join('\n  ')}`);
          expect([file, await page.evaluate('document.documentElement.scrollWidth')]).toEqual([file, width]);
        };
        const open = async (name: string, path: string) => {
          await page.goto(url + path);
          await shoot(name);
        };
        await page.goto(url);
        await page.getByText('Everything is working.').waitFor(); // a process that just started knows of no worker yet
        await shoot('home');
        await open('inbox-empty', '/inbox?q=nothing');
        await open('sign-in', '/account');
        await open('password-sign-in', '/account/sign-in');
        await open('reset', '/account/reset');
        await askFor(page, email);
        await shoot('code');
        const code = await codeOf(page, email);
        await page
          .getByLabel('Code', { exact: true })
          .pressSequentially(String((Number(code) + 1) % 1e6).padStart(6, '0'));
        await page.getByRole('alert').waitFor();
        await shoot('wrong-code');
        await page.getByLabel('Code', { exact: true }).pressSequentially(code);
        await page.getByText('You’re signed in to').waitFor();
        await shoot('account');
        for (const name of ['profile', 'password', 'email', 'delete']) await open(name, `/account/${name}`);
        await open('inbox', '/inbox');
        for (const view of ['links', 'headers', 'source', 'receipt'])
          await open(`inbox-${view}`, `/inbox?view=${view}`);
        await open('problem', '/nowhere');
        await open('link-over', '/l/AAAAAAAAAAAAAAAAAAAAAA');
        await open('unsubscribe', '/unsubscribe?t=none');
        await open('docs', '/docs');
        await context.close();
      }
    }
  });
});
