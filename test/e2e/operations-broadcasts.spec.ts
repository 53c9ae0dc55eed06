import { describeWithChromium } from '../support/http/chromium.js';
import { messageTo } from '../support/service/console.js';
import { eventually } from '../support/signals/wait.js';
import { wrongCode } from '../support/text/wrong-code.js';
import { codeIn } from '../support/smtp/smtp-sink.js';
import { type OpenOperations, openOperations } from '../support/service/open-operations.js';

const OPERATOR = 'grace@example.com';
const PEOPLE = 40;
/** A header line, people, one of them without an address, one twice. */
const FILE = [
  'email,name',
  ...Array.from({ length: PEOPLE }, (_, n) => `reader${n}@example.com,Reader ${n}`),
  'not an address,Nobody',
  'reader0@example.com,Reader 0',
].join('\n');

describeWithChromium('an operator tells an audience something', () => {
  let { sink, database, operator, close } = {} as OpenOperations;

  beforeAll(async () => {
    ({ sink, database, operator, close } = await openOperations({ email: OPERATOR, path: '/operations/audiences' }));
  });
  afterEach(() => {
    expect(operator.complaints).toEqual([]);
  });
  afterAll(() => close());

  const dialog = () => operator.page.getByRole('dialog');

  it('makes an audience of a file, and is told which of its rows were not taken', async () => {
    const { page } = operator;
    await page.getByRole('button', { name: 'New audience' }).click();
    await dialog().getByLabel('Name').fill('Readers');
    await dialog().getByRole('button', { name: 'Create' }).click();
    await page.getByRole('heading', { level: 1, name: 'Readers' }).waitFor();
    await page.locator('input[type=file]').setInputFiles({
      ...{ name: 'readers.csv', mimeType: 'text/csv' },
      buffer: Buffer.from(FILE),
    });
    await dialog().getByText(`Done: ${PEOPLE} new subscribers`).waitFor();
    await dialog().getByRole('cell', { name: 'invalid_address' }).waitFor();
    await dialog().getByRole('cell', { name: 'duplicate' }).waitFor();
    await dialog()
      .getByRole('cell', { name: String(PEOPLE + 2), exact: true })
      .waitFor(); // its line
    expect(await operator.axe()).toEqual([]);
    await dialog().getByRole('button', { name: 'Close' }).click();
    await page.getByRole('option', { name: `active (${PEOPLE})` }).waitFor({ state: 'attached' });
    await page.getByRole('searchbox').fill('reader17@');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/audiences/*?q=reader17%40');
    await page.getByRole('link', { name: 'reader17@example.com' }).waitFor();
    await eventually(
      async () => (await page.getByRole('link', { name: /^reader\d/ }).count()) === 1,
      'the others to go',
    );
    await page.getByRole('cell', { name: 'name: Reader 17' }).waitFor();
    await page.getByRole('button', { name: 'Unsubscribe reader17@example.com' }).click();
    await dialog().getByRole('button', { name: 'Unsubscribe' }).click();
    await page.getByRole('cell', { name: 'unsubscribed' }).waitFor();
    expect(await operator.axe()).toEqual([]);
  });

  it('watches a broadcast, pauses it, goes on with it, and sees it end', async () => {
    const { page } = operator;
    await operator.go('Broadcasts');
    await page.getByRole('button', { name: 'New broadcast' }).click();
    await dialog().getByLabel('Audience').selectOption({ label: 'Readers' });
    await dialog().getByLabel('Subject').fill('News for readers');
    await dialog().getByLabel('Text').fill('Hello {{ subscriber.name }}, this is new.');
    await dialog().getByLabel('Pace').fill('1/min');
    await dialog().getByRole('button', { name: 'Accept it' }).click();
    await page.getByRole('heading', { level: 1, name: 'News for readers' }).waitFor();
    await page.getByText(/[1-9]\d* of 39 are over/).waitFor();
    await page.getByRole('button', { name: 'Pause' }).click();
    await dialog().getByRole('button', { name: 'Pause it' }).click();
    await page.getByText('· paused').waitFor();
    expect(await operator.axe()).toEqual([]);
    expect(sink.received.filter(({ mail }) => mail.subject === 'News for readers').length).toBeLessThan(39);
    await page.getByRole('button', { name: 'Resume' }).click();
    await dialog().getByRole('button', { name: 'Go on' }).click();
    await page.getByText('· ends about').waitFor();
    await database.query(`UPDATE broadcasts SET rate = '6000/min'`); // it need not take its 39 minutes
    await page.getByText('39 of 39 are over').waitFor();
    await page.getByRole('main').getByText('done', { exact: true }).waitFor();
    const got = sink.received.filter(({ mail }) => mail.subject === 'News for readers');
    expect(new Set(got.flatMap(({ to }) => to)).size).toBe(39);
    expect(got[0]!.mail.text).toMatch(/^Hello Reader \d+, this is new\./);
    await page.getByRole('link', { name: 'sent 39' }).click();
    await page.getByText('39 messages').waitFor();
  });

  it('ends a broadcast that has not begun', async () => {
    const { page } = operator;
    await operator.go('Broadcasts');
    await page.getByRole('button', { name: 'New broadcast' }).click();
    await dialog().getByLabel('Audience').selectOption({ label: 'Readers' });
    expect(await operator.axe()).toEqual([]);
    await dialog().getByLabel('Subject').fill('Never');
    await dialog().getByLabel('Text').fill('Never.');
    await dialog()
      .getByLabel('Begins')
      .fill(new Date(Date.now() + 172_800_000).toISOString().slice(0, 16));
    await dialog().getByRole('button', { name: 'Accept it' }).click();
    await page.getByText('It has not begun').waitFor();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await dialog().getByRole('button', { name: 'End it' }).click();
    await page.getByRole('button', { name: 'Cancel' }).waitFor({ state: 'detached' });
    await page.getByRole('main').getByText('cancelled', { exact: true }).waitFor();
  });

  it('sends themselves a code, and sees each step of its way, by whom it was made', async () => {
    const { page } = operator;
    await operator.go('Send yourself a code');
    await page.getByRole('button', { name: 'Send me a code' }).click();
    await page.getByText('by the web process').waitFor();
    await page.getByText('claimed it').waitFor();
    const steps = page.getByRole('list', { name: 'Steps' });
    await steps.getByText(`127.0.0.1:${new URL(sink.url).port}`).waitFor();
    const reference = /message (\w{4})/.exec((await steps.textContent())!)![1]!;
    const { mail } = sink.received.find(({ mail: { text } }) => text?.includes(reference))!;
    const code = codeIn(mail.text);
    await page.getByLabel('The six digits').fill(wrongCode(code));
    await page.getByRole('button', { name: 'It arrived' }).click();
    await page.getByRole('main').getByRole('alert').waitFor();
    await page.getByLabel('The six digits').fill(code);
    await page.getByRole('button', { name: 'It arrived' }).click();
    await page.getByText('you gave the right code back').waitFor();
    await page.getByRole('button', { name: 'Try the transports' }).click();
    await page.getByRole('list', { name: 'Transports' }).getByText('done').waitFor();
    expect(await operator.axe()).toEqual([]);
    await messageTo(database, OPERATOR, 'sent');
    operator.complaints.length = 0; // the wrong code was refused with 400
  });

  it('sees what is done now and then, and when it ran last', async () => {
    await operator.go('Schedules');
    await operator.page.getByRole('row', { name: /^mail\.retention/ }).waitFor();
  });
});
