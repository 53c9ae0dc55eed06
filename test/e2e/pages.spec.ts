import type { BrowserContext, Page } from 'playwright-core';
import { createApiKey } from '../support/api-key.js';
import { describeWithChromium, openChromium } from '../support/chromium.js';
import { type Otpost, startOtpost } from '../support/otpost.js';
import { codeFromInbox } from '../support/story.js';
import { eventually } from '../support/wait.js';

describeWithChromium('the pages, in a browser', () => {
  let otpost: Otpost;
  let context: BrowserContext;
  let closeBrowser: () => Promise<void>;
  let page: Page;
  const complaints: string[] = [];

  beforeAll(async () => {
    otpost = await startOtpost();
    ({ context, close: closeBrowser } = await openChromium());
    page = await context.newPage();
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
  });
  afterAll(async () => {
    await closeBrowser();
    await otpost.stop();
  });

  it('the front door leads to the inbox, the documentation and health', async () => {
    await page.goto(`${otpost.api.url}/`);
    expect(await page.getByRole('link').allTextContents()).toEqual(['Account', 'Inbox', 'API documentation', 'Health']);
    await page.getByRole('link', { name: 'Inbox' }).click();
    await page.waitForURL('**/inbox');
  });

  it('the empty inbox says what to do, and shows a code as soon as it comes, without a reload', async () => {
    await page.getByText('Register an address and its code appears here').waitFor();
    const issued = await otpost.api.register('ada@example.com');
    const shown = await page.locator('#code').textContent({ timeout: 5_000 });
    const { code } = await codeFromInbox(otpost.api, 'ada@example.com', issued);
    expect(shown!.replace(/\D/g, '')).toBe(code);
    await page.locator('#list > li[data-id]').first().getByText('ada@example.com').waitFor();
  });

  it('shows a message as HTML, as text and as source', async () => {
    await page.locator('#list a').first().click();
    await page.frameLocator('iframe.body').getByText('Your code:').waitFor();
    await page.getByRole('link', { name: 'Text', exact: true }).click();
    expect(await page.locator('pre.text').textContent()).toContain('Your Otpost code is');
    await page.getByRole('link', { name: 'Source', exact: true }).click();
    expect(await page.locator('pre.source').textContent()).toMatch(/^Auto-Submitted: auto-generated/m);
  });

  it('a page to unsubscribe takes one button, and back', async () => {
    const key = await createApiKey(otpost.database.url);
    const mail = { to: 'grace@example.com', subject: 'News', html: '<p>News</p>', text: 'News', lane: 'bulk' };
    await otpost.api.post('/v1/emails', mail, { authorization: `Bearer ${key}` });
    const link = await eventually(async () => {
      const { body } = await otpost.api.get<{ items: { id: string }[] }>('/inbox/messages?to=grace%40example.com');
      const source = body.items[0] && (await otpost.api.get<string>(`/inbox/${body.items[0].id}/source`)).body;
      return source && /<[^>]*(\/unsubscribe\?t=[^>]+)>/.exec(source.replace(/\r?\n\s+/g, ''))?.[1];
    }, 'the link in the mail');
    await page.goto(otpost.api.url + link);
    await page.getByRole('button', { name: 'Unsubscribe' }).click();
    await page.getByText('You are unsubscribed').waitFor();
    await page.getByRole('button', { name: 'That was a mistake' }).click();
    await page.getByText('You are subscribed again').waitFor();
  });

  it('the documentation lists the calls, in its own dress, and makes them', async () => {
    await page.goto(`${otpost.api.url}/docs`);
    await page.getByText('/v1/sessions/refresh', { exact: true }).click();
    await page.getByRole('button', { name: 'Try it out' }).click();
    await page.getByRole('button', { name: 'Authorize' }).first().click();
    await page.getByRole('button', { name: 'Close' }).click();
    expect(await page.evaluate(`getComputedStyle(document.querySelector('.swagger-ui .info .title')).fontFamily`)).toContain('sans-serif');
    await page.getByRole('button', { name: 'Execute' }).waitFor();
  });

  it('nothing was complained about in the console', () => {
    expect(complaints).toEqual([]);
  });
});
