import { readFile, stat } from 'node:fs/promises';
import { createDatabase, type TestDatabase } from '../support/database/postgres.js';
import { describeWithChromium, openChromium } from '../support/http/chromium.js';
import { freePort } from '../support/network/free-port.js';
import { createApiKey } from '../support/service/api-key.js';
import { makeAccount, messageTo, Operator } from '../support/service/console.js';
import { OtpostInProcess } from '../support/service/otpost-in-process.js';
import { eventually } from '../support/signals/wait.js';
import { SmtpSink } from '../support/smtp/smtp-sink.js';

const OPERATOR = 'grace@example.com';
const ADMIN = 'ada@example.com';
const USER = 'mary@example.com';
/** Bytes, packed, of all that a browser fetches before it shows the first page. */
const BUDGET = 220_000;
const WEB = new URL('../../dist/web/', import.meta.url);

describeWithChromium('the page of operators', () => {
  const refused = new Set<string>();
  let sink: SmtpSink;
  let database: TestDatabase;
  let otpost: OtpostInProcess;
  let url: string;
  let chromium: Awaited<ReturnType<typeof openChromium>>;
  let operator: Operator;
  let admin: Operator;
  let headers: Record<string, string>;

  beforeAll(async () => {
    sink = await SmtpSink.start({
      onRcptTo: ({ address }, _session, done) =>
        refused.has(address)
          ? done(Object.assign(new Error('5.3.4 The message is too big'), { responseCode: 552 }))
          : done(),
    });
    database = await createDatabase();
    const port = await freePort();
    url = `http://localhost:${port}`;
    otpost = await OtpostInProcess.start({
      ...{ DATABASE_URL: database.url, PORT: String(port), APP_URL: url },
      ...{ MAIL_FROM: 'Aster <no-reply@example.com>', MAIL_TRANSPORTS: sink.url },
    });
    await makeAccount(database, OPERATOR, 'operator');
    await makeAccount(database, ADMIN, 'admin');
    await makeAccount(database, USER, 'user');
    headers = { authorization: `Bearer ${await createApiKey(database.url, ['admin'])}` };
    chromium = await openChromium();
    operator = await Operator.open(chromium.context, url);
    admin = await Operator.open(await chromium.another(), url);
    await operator.signIn('/operations', OPERATOR, sink);
    await admin.signIn('/operations', ADMIN, sink);
  });
  afterEach(() => {
    expect([...operator.complaints, ...admin.complaints]).toEqual([]);
  });
  afterAll(async () => {
    await chromium.close();
    await otpost.stop();
    await database.drop();
    await sink.stop();
  });

  const send = async (to: string, more: object = {}): Promise<void> => {
    const { status } = await otpost.api.post('/v1/emails', { to, subject: 'Hello', text: 'Hello', ...more }, headers);
    expect(status).toBe(202);
  };

  it('an operator finds a message that failed, reads what the server said, tries it again, and sees it arrive', async () => {
    const { page } = operator;
    refused.add('lise@example.com');
    await send('lise@example.com', { html: '<h1>Hello Lise</h1><script>document.title = "run"</script>' });
    await messageTo(database, 'lise@example.com', 'failed');
    await operator.open('/operations/messages?status=failed');
    await page.getByRole('link', { name: 'lise@example.com' }).click();
    await page.getByText('552 5.3.4 The message is too big').first().waitFor();
    await page.frameLocator('iframe').getByRole('heading', { name: 'Hello Lise' }).waitFor();
    refused.clear();
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Try again' }).click();
    await page.getByText('The next mail server took it').waitFor();
    await sink.waitForMailTo('lise@example.com');
    const [audited] = await database.query(`SELECT actor_kind FROM audit_events WHERE action = 'email.retried'`);
    expect(audited).toEqual({ actor_kind: 'account' });
  });

  it('never shows what a mail with a code says', async () => {
    await operator.open(`/operations/messages/${await messageTo(database, OPERATOR, 'sent')}`);
    await operator.page.getByText('It carries a code, and nobody may read it here').waitFor();
    await expect(operator.page.getByRole('button', { name: 'Send again' }).count()).resolves.toBe(0);
  });

  it('keeps its filters in the address, and its counters go with them', async () => {
    const { page } = operator;
    for (const n of [1, 2, 3]) await send(`tagged${n}@example.com`, { tags: ['spring'] });
    await send('tagged4@example.com', {
      tags: ['spring'],
      scheduledAt: new Date(Date.now() + 3_600_000).toISOString(),
    });
    for (const n of [1, 2, 3]) await messageTo(database, `tagged${n}@example.com`, 'sent');
    await operator.open('/operations/messages?tag=spring');
    await page.getByRole('button', { name: 'scheduled 1' }).waitFor();
    await page.getByRole('button', { name: 'sent 3' }).click();
    await page.waitForURL('**/messages?*status=sent*');
    await page.reload();
    await page.getByText('3 messages').waitFor();
    await expect(page.getByRole('link', { name: /tagged/ }).allTextContents()).resolves.toEqual(
      [3, 2, 1].map((n) => `tagged${n}@example.com`),
    );
    await page.getByRole('searchbox').fill('tagged2@example.com');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/messages?*to=tagged2%40example.com*');
    await page.getByText('1 message', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Remove Recipient' }).click();
    await page.getByText('3 messages').waitFor();
  });

  it('cancels all that match, after a count, a reason and a confirmation', async () => {
    const { page } = operator;
    const scheduledAt = new Date(Date.now() + 3_600_000).toISOString();
    const people = Array.from({ length: 120 }, (_, n) => `many${n}@example.com`);
    await Promise.all(people.map((to) => send(to, { tags: ['autumn'], scheduledAt, lane: 'bulk' })));
    await operator.open('/operations/messages?tag=autumn');
    await page.getByText('120 messages').waitFor();
    await page.getByLabel('Select all on this page').check();
    await page.getByRole('button', { name: 'Select all 120 that match' }).click();
    await page.getByRole('button', { name: 'Do something with all 120' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('Do not send: 120').click();
    const confirm = dialog.getByRole('button', { name: 'Cancel 120 messages' });
    await expect(confirm.isDisabled()).resolves.toBe(true); // without a reason
    await dialog.getByLabel('Reason').fill('wrong price');
    await confirm.click();
    await dialog.getByText('Cancelled: 120 of 120.').waitFor();
    await dialog.getByRole('button', { name: 'Close' }).click();
    await page.getByRole('button', { name: 'cancelled 120' }).waitFor();
    const [row] = await database.query<{ count: number }>(
      `SELECT count(*)::int FROM outbound_emails WHERE 'autumn' = ANY(tags) AND status = 'cancelled'`,
    );
    expect(row).toEqual({ count: 120 });
  });

  it('nothing moves under the pointer: what is new is counted until somebody asks for it', async () => {
    const { page } = operator;
    await send('still@example.com', { tags: ['still'] });
    await operator.open('/operations/messages?tag=still');
    await page.getByRole('link', { name: 'still@example.com' }).hover();
    await send('next@example.com', { tags: ['still'] });
    await page.getByRole('button', { name: '1 new message: show' }).waitFor();
    await expect(page.getByRole('link', { name: 'next@example.com' }).count()).resolves.toBe(0);
    await page.getByRole('button', { name: '1 new message: show' }).click();
    await page.getByRole('link', { name: 'next@example.com' }).waitFor();
    await page.getByRole('switch', { name: 'Live' }).click();
    await page.getByRole('switch', { name: 'Paused' }).click();
  });

  it('pauses a lane and resumes it, and both are on record', async () => {
    const { page } = operator;
    await operator.open('/operations');
    await page.getByRole('button', { name: 'Pause bulk' }).click();
    await page.getByRole('dialog').getByLabel('Reason').fill('a look first');
    await page.getByRole('button', { name: 'Pause it' }).click();
    await operator.banner('A lane is paused');
    await page.getByRole('button', { name: 'Resume bulk' }).click();
    await page.getByRole('button', { name: 'Resume it' }).click();
    await operator.banner('All is well');
    const rows = await database.query(`SELECT action FROM audit_events WHERE target_kind = 'lane' ORDER BY id`);
    expect(rows).toEqual([{ action: 'lane.paused' }, { action: 'lane.resumed' }]);
  });

  it('is worked by keyboard alone', async () => {
    const { page } = operator;
    await send('keys@example.com', { subject: 'For those who type' });
    await messageTo(database, 'keys@example.com', 'sent');
    await operator.open('/operations');
    await page.keyboard.press('g');
    await page.keyboard.press('m');
    await page.getByRole('heading', { level: 1, name: 'Messages' }).waitFor();
    await page.getByRole('searchbox').waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('who type');
    await page.keyboard.press('Enter');
    await page.getByText('1 message', { exact: true }).waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('j');
    await page.keyboard.press('x');
    await page.getByText('1 selected').waitFor();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'For those who type' }).waitFor();
    await page.keyboard.press('?');
    await page.getByRole('dialog').getByText('Next and previous row').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
  });

  it('an administrator makes a key, which is shown once', async () => {
    const { page } = admin;
    await admin.go('API keys');
    await page.getByRole('button', { name: 'New key' }).click();
    await page.getByLabel('Name').fill('shop');
    await page.getByRole('button', { name: 'Create' }).click();
    const key = (await page.getByRole('dialog').locator('code').textContent())!;
    expect(key).toMatch(/^otp_live_/);
    await page.getByRole('button', { name: 'I have kept it' }).click();
    await page.getByRole('link', { name: 'shop' }).waitFor();
    expect(await page.content()).not.toContain(key);
    await page.reload();
    await page.getByRole('link', { name: 'shop' }).waitFor();
    expect(await page.content()).not.toContain(key);
  });

  it('says of an unknown outcome what its three answers mean, and takes one from an administrator', async () => {
    await send('lost@example.com');
    const id = await messageTo(database, 'lost@example.com', 'sent');
    await database.query(`UPDATE outbound_emails SET status = 'unknown', sent_at = NULL WHERE id = $1`, [id]);
    await operator.open(`/operations/messages/${id}`);
    await operator.page.getByText('An administrator can say which.').waitFor();
    await admin.open(`/operations/messages/${id}`);
    await admin.page.getByText('the recipient has it twice').waitFor();
    await admin.page.getByRole('button', { name: 'It was sent' }).click();
    await admin.page.getByRole('dialog').getByRole('button', { name: 'It was sent' }).click();
    await admin.page.getByText('The next mail server took it').waitFor();
    await messageTo(database, 'lost@example.com', 'sent');
  });

  it('shows an operator what is for administrators, and nothing to do with it', async () => {
    const { page } = operator;
    await operator.open('/operations/keys');
    await page.getByRole('link', { name: 'shop' }).waitFor();
    await expect(page.getByRole('button', { name: /New key|Rotate|Revoke/ }).count()).resolves.toBe(0);
  });

  it('tells whoever has no right that it is for operators, and gives their browser no token', async () => {
    const visitor = await Operator.open(await chromium.another(), url);
    await visitor.signIn('/operations/messages', USER, sink);
    await visitor.page.getByRole('heading', { name: 'Operations is for operators' }).waitFor();
    const status = await visitor.page
      .evaluate('fetch("/operations/token", { method: "POST" }).then(({ status }) => status)')
      .catch(() => 0);
    expect([0, 403]).toContain(status); // the policy of that page lets it call nothing
    const cookies = (await visitor.page.context().cookies()).map(({ name, value }) => `${name}=${value}`).join('; ');
    const answer = await fetch(`${url}/operations/token`, { method: 'POST', headers: { cookie: cookies } });
    expect(answer.status).toBe(403);
  });

  it('a session that ended leads to the sign-in page, and from there back to the same filters', async () => {
    const another = await Operator.open(await chromium.another(), url);
    await another.signIn('/operations/messages?tag=spring&status=sent', OPERATOR, sink);
    await another.page.getByText('3 messages').waitFor();
    await database.query(`UPDATE sessions SET revoked_at = now(), revoked_reason = 'ended'`);
    await another.page.getByLabel('Email address').waitFor(); // by the next look of the page itself
    await another.signInHere(OPERATOR, sink);
    await another.page.getByText('3 messages').waitFor();
    expect(new URL(another.page.url()).search).toBe('?tag=spring&status=sent');
    await operator.signIn('/operations', OPERATOR, sink);
    await admin.signIn('/operations', ADMIN, sink);
    for (const one of [operator, admin, another]) one.complaints.length = 0; // calls that were under way
  });

  it('gives its token to its own page alone, and to nobody from elsewhere', async () => {
    const cookies = (await operator.page.context().cookies()).map(({ name, value }) => `${name}=${value}`).join('; ');
    const from = async (more: Record<string, string>): Promise<number> =>
      (await fetch(`${url}/operations/token`, { method: 'POST', headers: { cookie: cookies, ...more } })).status;
    await expect(from({ origin: url })).resolves.toBe(200);
    await expect(from({ origin: 'https://elsewhere.example' })).resolves.toBe(403);
    await expect(from({ 'sec-fetch-site': 'cross-site' })).resolves.toBe(403);
    await expect(from({ cookie: '', origin: url })).resolves.toBe(401);
    // The cookie opens nothing of the API.
    expect((await fetch(`${url}/v1/emails`, { headers: { cookie: cookies } })).status).toBe(401);
  });

  it(`fetches at most ${BUDGET / 1_000} kB before it shows something, packed, under names that browsers keep`, async () => {
    const context = await chromium.another({ storageState: await operator.page.context().storageState() });
    const page = await context.newPage();
    const names = new Set<string>();
    page.on('response', (response) => {
      const name = /\/operations\/assets\/([^/]+)$/.exec(response.url())?.[1];
      if (name === undefined) return;
      names.add(name);
      expect(response.headers()['cache-control']).toBe('public, max-age=31536000, immutable');
    });
    await page.goto(`${url}/operations`);
    await page.getByRole('heading', { name: 'All is well' }).waitFor();
    const sizes = await Promise.all(
      [...names].map(async (name) => (await stat(new URL(`assets/${name}.gz`, WEB))).size),
    );
    const sum = sizes.reduce((all, size) => all + size, 0);
    console.log(`first load of Operations: ${names.size} files, ${Math.round(sum / 1_000)} kB packed`);
    expect(sum).toBeGreaterThan(0);
    expect(sum).toBeLessThanOrEqual(BUDGET);
    const script = [...names].find((name) => name.endsWith('.js'))!;
    const packed = await fetch(`${url}/operations/assets/${script}`, { headers: { 'accept-encoding': 'br' } });
    expect(packed.headers.get('content-encoding')).toBe('br');
    expect(Buffer.from(await packed.arrayBuffer()).equals(await readFile(new URL(`assets/${script}`, WEB)))).toBe(true);
    expect((await fetch(`${url}/operations/assets/index-gone.js`)).status).toBe(404);
    await context.close();
  });

  it('lets its page run nothing but its own files', async () => {
    const answer = await operator.page.goto(`${url}/operations`);
    const policy = (await answer!.allHeaders())['content-security-policy']!;
    expect(policy).not.toMatch(/unsafe|data:|https?:|\*/);
    expect(policy).toContain("default-src 'none'");
    await operator.page.evaluate(
      `document.body.append(Object.assign(document.createElement('img'), { src: 'https://elsewhere.example/pixel' }))`,
    );
    await eventually(
      () => operator.complaints.some((text) => /Content Security Policy/.test(text)),
      'the browser to refuse it',
    );
    operator.complaints.length = 0;
  });
});
