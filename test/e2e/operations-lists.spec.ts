import { describeWithChromium } from '../support/http/chromium.js';
import { AudienceClient } from '../support/service/audience.js';
import { makeAccount } from '../support/service/console.js';
import { type OpenOperations, openOperations } from '../support/service/open-operations.js';

const REFUSED = /status of 422/;
/** Where nothing is looked for yet, all of its kind. */
const WORDS = { keys: 'API keys', webhooks: 'Webhook endpoints' };

describeWithChromium('the lists of Operations', () => {
  let { database, otpost, operator, key, headers, send, close } = {} as OpenOperations;

  beforeAll(async () => {
    ({ database, otpost, operator, key, headers, send, close } = await openOperations({ role: 'admin' }));
    await makeAccount(database, 'ada@example.com', 'user');
    await send('ada@example.com');
    await otpost.api.post('/v1/suppressions', { address: 'gone@example.com' }, headers);
  });
  afterEach(() => {
    expect(operator.complaints.filter((text) => !REFUSED.test(text))).toEqual([]);
    operator.complaints.length = 0;
  });
  afterAll(() => close());

  it.each([
    ['/accounts?email=', '+49 170', 'An address is looked up whole.'],
    ['/accounts?email=', 'ada@', 'An address is looked up whole.'],
    ['/suppressions?address=', 'gone', 'An address is looked up whole.'],
    ['/messages?to=', '+4917', 'An address is looked up whole, and so is a number.'],
    ['/messages?from=', 'no-reply', 'An address is looked up whole, and so is a number.'],
  ])('find nothing at %s%s, rather than refusing it', async (path, half, words) => {
    await operator.open(`/operations${path}${encodeURIComponent(half)}`);
    await operator.page.getByText(words).waitFor();
    await expect(operator.page.getByRole('alert').count()).resolves.toBe(0);
    await expect(operator.page.locator('main tbody tr').count()).resolves.toBe(0);
  });

  it('find the same once it is whole, and go back by the button of the browser', async () => {
    const { page } = operator;
    await operator.open('/operations/accounts?role=user');
    await page.getByRole('link', { name: 'ada@example.com' }).waitFor();
    const field = page.getByLabel('E-mail address');
    await field.fill('+49 170');
    await field.press('Enter');
    await page.getByText('An address is looked up whole.').waitFor();
    await field.fill('ada@example.com');
    await field.press('Enter');
    await page.getByRole('link', { name: 'ada@example.com' }).waitFor();
    await page.goBack();
    await page.getByText('An address is looked up whole.').waitFor();
    await expect(field.inputValue()).resolves.toBe('+49 170');
    await page.goBack();
    await page.getByRole('link', { name: 'ada@example.com' }).waitFor();
    await expect(field.inputValue()).resolves.toBe('');
  });

  it('say that an address gets mail only where they looked for it, whatever the reason', async () => {
    const { page } = operator;
    await operator.open('/operations/suppressions?address=free@example.com');
    await page.getByText('This address gets mail').waitFor();
    await operator.open('/operations/suppressions?address=gone@example.com&reason=complaint');
    await page.getByText('Nobody is like this').waitFor();
    await expect(page.getByText('This address gets mail').count()).resolves.toBe(0);
  });

  it('say what is wrong with everything else that cannot be looked for', async () => {
    await operator.open('/operations/messages?broadcast=spring');
    const said = operator.page.getByRole('alert').filter({ hasText: 'broadcast' });
    expect(await said.textContent()).toBe('Some fields are not acceptable: broadcast must be the id of a broadcast. ');
    await expect(operator.page.getByLabel('Select all on this page').count()).resolves.toBe(0);
    await operator.open('/operations/accounts?cursor=nowhere');
    await operator.page.getByRole('alert').filter({ hasText: 'cursor' }).waitFor();
  });

  it.each(['keys', 'webhooks'] as const)('show all %s, however many there are', async (place) => {
    const { page } = operator;
    const copies = {
      keys: `INSERT INTO api_keys (id, name, prefix, key_hash, scopes)
        SELECT gen_random_uuid(), 'key ' || n, 'otp_live_', sha256(n::text::bytea), ARRAY['admin'] FROM generate_series(1, 130) AS n`,
      webhooks: `INSERT INTO webhook_endpoints (id, url, events, sealed_secret, seal_key_id)
        SELECT gen_random_uuid(), 'https://shop.example.com/' || n, ARRAY['email.complained'], '', '' FROM generate_series(1, 70) AS n`,
    };
    await database.query(copies[place]);
    const [{ all }] = (await database.query<{ all: number }>(
      `SELECT count(*)::int AS all FROM ${{ keys: 'api_keys', webhooks: 'webhook_endpoints' }[place]}`,
    )) as [{ all: number }];
    await operator.open(`/operations/${place}`);
    const rows = page.getByRole('table', { name: WORDS[place] }).locator('tbody tr');
    await rows.first().waitFor();
    const first = await rows.count();
    await page.getByRole('button', { name: 'Newer' }).click();
    await page.waitForURL('**cursor=**');
    await page.waitForFunction(`document.querySelectorAll('main tbody tr').length !== ${first}`);
    expect(first + (await rows.count())).toBe(all);
    await page.getByRole('button', { name: 'Oldest' }).click();
    await page.waitForURL(({ search }) => search === '');
  });

  it('never say that there is nothing before they know', async () => {
    const { page } = operator;
    const audience = await AudienceClient.make(otpost.api, key);
    await audience.add('subscriber@example.com');
    const scheduledAt = new Date(Date.now() + 86_400_000).toISOString();
    await audience.tell({ subject: 'News', text: 'News', scheduledAt });
    await page.addInitScript(`
      window.said = [];
      new MutationObserver(() => document.querySelectorAll('main p[class*=emptyTitle]').forEach((one) => said.push(one.textContent)))
        .observe(document, { subtree: true, childList: true })`);
    for (const [path, link] of [
      ['/messages', 'ada@example.com'],
      ['/broadcasts', 'News'],
      [`/audiences/${audience.id}`, 'subscriber@example.com'],
    ] as const) {
      await operator.open(`/operations${path}`);
      await page.getByRole('link', { name: link }).first().waitFor();
      const said = await page.evaluate<string[]>('said');
      expect([path, said.filter((words) => words !== 'No file was imported yet')]).toEqual([path, []]);
    }
  });
});
