import type { BrowserContext } from 'playwright-core';
import { createDatabase, type TestDatabase } from '../support/database/postgres.js';
import { describeWithChromium, openChromium } from '../support/http/chromium.js';
import { freePort } from '../support/network/free-port.js';
import { makeAccount, messageTo, Operator } from '../support/service/console.js';
import { OtpostProcess } from '../support/service/otpost-process.js';
import { TEST_SECRET } from '../support/service/otpost.js';
import { eventually } from '../support/signals/wait.js';
import { SmtpSink } from '../support/smtp/smtp-sink.js';

/**
 * Milliseconds from the request of a page to its first content (`first-contentful-paint`), with nothing in the cache.
 */
const WITHIN = 1_000;
const ROUNDS = 3;
const ADMIN = 'ada@example.com';

const TO_ALL = [
  '/',
  '/account',
  '/account/sign-in',
  '/account/reset',
  '/unsubscribe?t=none',
  '/l/none',
  '/nowhere',
].concat(['/inbox', '/docs']);
const OF_ACCOUNT = ['/account', '/account/profile', '/account/password', '/account/email', '/account/delete'];
const OF_OPERATIONS = ['', '/messages', '/broadcasts', '/audiences', '/suppressions', '/templates', '/webhooks'].concat(
  ['/templates/verification-code', '/schedules', '/trial', '/keys', '/accounts', '/audit'],
);

/** The best of a few rounds: a machine may be busy once, and what is slow is slow each time. */
describeWithChromium('every page', () => {
  let sink: SmtpSink;
  let database: TestDatabase;
  let otpost: OtpostProcess;
  let url: string;
  let chromium: Awaited<ReturnType<typeof openChromium>>;

  beforeAll(async () => {
    sink = await SmtpSink.start();
    database = await createDatabase();
    const port = await freePort();
    url = `http://localhost:${port}`;
    otpost = await OtpostProcess.start({
      ...{ DATABASE_URL: database.url, APP_SECRET: TEST_SECRET, PORT: String(port), APP_URL: url, HOST: '127.0.0.1' },
      ...{ MAIL_FROM: 'Aster <no-reply@example.com>', MAIL_TRANSPORTS: `${sink.url},capture:` },
    });
    await makeAccount(database, ADMIN, 'admin');
    chromium = await openChromium();
  });
  afterAll(async () => {
    await chromium.close();
    await otpost.stop();
    await database.drop();
    await sink.stop();
  });

  /** In a browser that was never here but for its cookies. */
  async function firstContent(path: string, storageState: Awaited<ReturnType<BrowserContext['storageState']>>) {
    const context = await chromium.another({ storageState });
    const page = await context.newPage();
    await page.goto(url + path);
    const at = await eventually(
      () => page.evaluate<number | undefined>(`performance.getEntriesByName('first-contentful-paint')[0]?.startTime`),
      `the first content of ${path}`,
    );
    await context.close();
    return at;
  }

  it(`has its first content within ${WITHIN} ms in a browser that was never here`, async () => {
    const admin = await Operator.open(chromium.context, url);
    const nobody = await chromium.context.storageState();
    await admin.signIn('/operations', ADMIN, sink);
    const somebody = await chromium.context.storageState();
    const message = `/messages/${await messageTo(database, ADMIN, 'sent')}`;
    const pages = [
      ...TO_ALL.map((path) => [path, path, nobody] as const),
      ...OF_ACCOUNT.map((path) => [`${path}, signed in`, path, somebody] as const),
      ...[...OF_OPERATIONS, message].map((path) => [`/operations${path}`, `/operations${path}`, somebody] as const),
    ];
    const best = new Map<string, number>();
    for (let round = 0; round < ROUNDS; round++)
      for (const [name, path, state] of pages)
        best.set(name, Math.min(best.get(name) ?? Number.POSITIVE_INFINITY, await firstContent(path, state)));
    console.log([...best].map(([name, ms]) => `${String(Math.round(ms)).padStart(5)} ms  ${name}`).join('\n'));
    expect([...best].filter(([, ms]) => ms > WITHIN)).toEqual([]);
  });
});
