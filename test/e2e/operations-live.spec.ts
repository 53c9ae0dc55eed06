import { describeWithChromium } from '../support/http/chromium.js';
import { Operator } from '../support/service/console.js';
import { eventually } from '../support/signals/wait.js';
import { type OpenOperations, openOperations } from '../support/service/open-operations.js';

const MANY = 10_000;
const MATCHING = 5_000;

describeWithChromium('a page that is open all day', () => {
  let { database, otpost, operator, headers, send, close } = {} as OpenOperations;

  beforeAll(async () => {
    ({ database, otpost, operator, headers, send, close } = await openOperations());
    const scheduledAt = new Date(Date.now() + 86_400_000).toISOString();
    for (let from = 0; from < MANY; from += 1_000) {
      const batch = Array.from({ length: 1_000 }, (_, n) => ({
        ...{
          to: `many${from + n}@example.com`,
          subject: `Order ${from + n}`,
          text: 'Hello',
          lane: 'bulk',
          scheduledAt,
        },
        tags: [from < MATCHING ? 'autumn' : 'winter'],
      }));
      expect((await otpost.api.post('/v1/emails/batch', batch, headers)).status).toBe(202);
    }
  });
  afterEach(() => {
    expect(operator.complaints).toEqual([]);
  });
  afterAll(() => close());

  const stream = (state: 'open' | 'closed') => operator.page.locator(`[data-stream=${state}]`).waitFor();

  it('is told of what changes by one stream, asks for nothing of its own, and not at all while it is paused', async () => {
    const { page } = operator;
    const asked: string[] = [];
    page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    await operator.open('/operations/messages?tag=told');
    await stream('open');
    await send('told1@example.com', { tags: ['told'] });
    await page.getByRole('link', { name: 'told1@example.com' }).waitFor();
    // Another page, which is told of what this one is not while it is paused: it looks twice, and so would this one.
    const beside = await Operator.open(page.context(), operator.url);
    await beside.open('/operations/messages?tag=told');
    await page.getByRole('switch', { name: 'Live' }).click();
    await stream('closed');
    const sinceThen = asked.length;
    for (const to of ['told2@example.com', 'told3@example.com']) {
      await send(to, { tags: ['told'] });
      await beside.page.getByRole('link', { name: to }).waitFor();
    }
    expect(asked.slice(sinceThen)).toEqual([]);
    await expect(page.getByRole('link', { name: 'told2@example.com' }).count()).resolves.toBe(0);
    await beside.page.close();
    expect(beside.complaints).toEqual([]);
    await page.getByRole('switch', { name: 'Paused' }).click();
    await page.getByRole('link', { name: 'told2@example.com' }).waitFor();
    await operator.go('Overview');
    await operator.banner('All is well');
    expect(asked).toContain('/v1/operations/events');
    expect(asked.filter((path) => path === '/v1/operations/overview').length).toBeLessThanOrEqual(1);
  });

  it(`shows ${MANY} messages a page at a time: rows stay few, keys go through them, and what it shows stays put`, async () => {
    const { page } = operator;
    await operator.open('/operations/messages?lane=bulk');
    await page.getByText('10,000 messages').waitFor();
    const rows = page.locator('main tbody tr');
    for (let at = 0; at < 3; at++) {
      await expect(rows.count()).resolves.toBe(50);
      const first = await rows.first().getByRole('link').textContent();
      await page.getByRole('button', { name: 'Older' }).click();
      await page.waitForURL('**cursor=**');
      await eventually(
        async () => (await rows.first().getByRole('link').textContent()) !== first && (await rows.count()) === 50,
        'the next page',
      );
    }
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    const second = await rows.nth(1).getByRole('link').textContent();
    await expect(page.evaluate('document.activeElement.textContent')).resolves.toBe(second);
    await page.keyboard.press('k');
    await expect(page.evaluate('document.activeElement.textContent')).resolves.toBe(
      await rows.first().getByRole('link').textContent(),
    );
    await page.getByRole('button', { name: 'Newest' }).click();
    await page.waitForURL(({ search }) => search === '?lane=bulk'); // the first page of the same list
  });

  it(`cancels ${MATCHING} that match, with progress, and leaves the others`, async () => {
    const { page } = operator;
    await operator.open('/operations/messages?tag=autumn');
    await page.getByText('5,000 messages').waitFor();
    await page.getByLabel('Select all on this page').check();
    await page.getByRole('button', { name: 'Select all 5,000 that match' }).click();
    await page.getByRole('button', { name: 'Do something with all 5,000' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('Do not send: 5,000').click();
    const confirm = dialog.getByRole('button', { name: 'Cancel 5,000 messages' });
    await expect(confirm.isDisabled()).resolves.toBe(true); // without a reason
    await dialog.getByLabel('Reason').fill('wrong price');
    await confirm.click();
    await dialog.getByRole('progressbar').waitFor();
    await dialog.getByText('Cancelled: 5,000 of 5,000.').waitFor();
    await dialog.getByRole('button', { name: 'Close' }).click();
    await page.getByRole('button', { name: 'cancelled 5,000' }).waitFor();
    const left = await database.query(
      `SELECT status, count(*)::int FROM outbound_emails WHERE lane = 'bulk' GROUP BY status ORDER BY status::text`,
    );
    expect(left).toEqual([
      { status: 'cancelled', count: MATCHING },
      { status: 'scheduled', count: MANY - MATCHING },
    ]);
  });

  it('keeps a view under a name, shows it again, and forgets it', async () => {
    const { page } = operator;
    await operator.open('/operations/messages?tag=winter&status=scheduled');
    await page.getByText('5,000 messages').waitFor();
    await page.getByRole('button', { name: 'Save view' }).click();
    await page.getByRole('dialog').getByLabel('Name').fill('Winter to come');
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
    await operator.open('/operations/messages');
    await page.getByLabel('View').selectOption('Winter to come');
    await page.waitForURL('**/messages?*tag=winter*');
    await page.getByText('5,000 messages').waitFor();
    expect(Object.fromEntries(new URL(page.url()).searchParams)).toEqual({ tag: 'winter', status: 'scheduled' });
    await page.getByRole('button', { name: 'Forget view' }).click();
    await page.getByRole('button', { name: 'Save view' }).waitFor();
    await page.reload();
    await page.getByText('5,000 messages').waitFor();
    await expect(page.getByRole('option', { name: 'Winter to come' }).count()).resolves.toBe(0);
    await page.getByLabel('View').selectOption('Unknown outcome');
    await page.waitForURL('**/messages?status=unknown');
  });
});
