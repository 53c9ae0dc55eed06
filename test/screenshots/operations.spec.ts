import { mkdirSync } from 'node:fs';
import { createDatabase, type TestDatabase } from '../support/database/postgres.js';
import { openChromium } from '../support/http/chromium.js';
import { freePort } from '../support/network/free-port.js';
import { createApiKey } from '../support/service/api-key.js';
import { AudienceClient } from '../support/service/audience.js';
import { makeAccount, messageTo, Operator } from '../support/service/console.js';
import { OtpostInProcess } from '../support/service/otpost-in-process.js';
import { eventually } from '../support/signals/wait.js';
import { SmtpSink } from '../support/smtp/smtp-sink.js';

const FOLDER = new URL('../../docs/screenshots/operations/', import.meta.url).pathname;
/** Everything, for whoever changes the page; the documents show a few. */
const ALL = process.env['SCREENSHOTS'];
const KEPT = [
  'overview-1280-light',
  'overview-390-dark',
  'trouble-1280-light',
  'messages-1280-light',
  'message-1280-dark',
  'template-1280-light',
  'broadcast-1280-light',
];

/**
 * Not a test: `npm run screenshots` writes the pictures of the documents. All pages: `SCREENSHOTS=/tmp/shots npm run
 * screenshots`.
 */
describe('screenshots of Operations', () => {
  let sink: SmtpSink;
  let database: TestDatabase;
  let otpost: OtpostInProcess;
  let url: string;
  let close: () => Promise<void>;
  beforeAll(async () => {
    const refused = { code: '550', message: '5.1.1 The mailbox does not exist' };
    sink = await SmtpSink.start({
      onRcptTo: ({ address }, _session, done) => {
        if (/^gone/.test(address)) return done(Object.assign(new Error(refused.message), { responseCode: 550 }));
        if (/^later/.test(address))
          return done(
            Object.assign(new Error('4.2.1 Greylisted, please come back in five minutes'), { responseCode: 450 }),
          );
        done();
      },
    });
    database = await createDatabase();
    const port = await freePort();
    url = `http://localhost:${port}`;
    otpost = await OtpostInProcess.start({
      ...{ DATABASE_URL: database.url, PORT: String(port), APP_URL: url, LOG_LEVEL: 'warn' },
      ...{ MAIL_FROM: 'Aster <no-reply@aster.example>', MAIL_TRANSPORTS: `${sink.url}?rate=600/min` },
    });
  });
  afterAll(async () => {
    await close();
    await otpost.stop();
    await database.drop();
    await sink.stop();
  });

  /** Answers the paths of what it made. */
  async function seed(): Promise<{ audience: string; broadcast: string }> {
    const key = await createApiKey(database.url, ['admin']);
    const headers = { authorization: `Bearer ${key}` };
    const post = (path: string, body: object) => otpost.api.post<{ id: string }>(path, body, headers);
    const names = [
      'ada',
      'grace',
      'katherine',
      'dorothy',
      'margaret',
      'annie',
      'joan',
      'mary',
      'hedy',
      'radia',
      'barbara',
      'frances',
    ];
    const subjects = [
      'Your receipt',
      'Your order is on its way',
      'Your invoice for November',
      'Welcome to Aster',
      'Your seat is booked',
    ];
    for (let n = 0; n < 48; n++) {
      const who = n % 11 === 5 ? 'gone' : n % 13 === 7 ? 'later' : names[n % names.length]!;
      await post('/v1/emails', {
        to: `${who}${n}@${n % 3 === 0 ? 'example.com' : 'mail.example'}`,
        subject: subjects[n % subjects.length],
        text: `Hello, and thank you.\n\nOrder ${4711 + n} is with the carrier.`,
        html: `<div style="font: 16px sans-serif; max-width: 34rem; margin: 2rem auto"><h1 style="color: #146c5c">${subjects[n % subjects.length]}</h1><p>Hello, and thank you.</p><p>Order <b>${4711 + n}</b> is with the carrier. It comes by Thursday.</p></div>`,
        lane: n % 5 === 2 ? 'bulk' : 'default',
        tags: n % 5 === 2 ? ['newsletter'] : n % 4 === 0 ? ['receipt'] : [],
      });
    }
    await post('/v1/emails', {
      to: 'ada@example.com',
      subject: 'Tomorrow',
      text: 'See you',
      scheduledAt: new Date(Date.now() + 86_400_000).toISOString(),
    });
    await post('/v1/webhook-endpoints', {
      ...{ url: 'https://shop.example.com/hooks/otpost', description: 'The shop' },
      events: ['email.complained'], // of which there are none: nobody listens there
    });
    await messageTo(database, 'frances47@mail.example', 'sent');
    await messageTo(database, 'gone5@mail.example', 'failed', 'suppressed');
    const audience = await AudienceClient.make(otpost.api, key, 'Readers of the newsletter');
    const people = ['', '.b', '.c', '.d', '.e', '.f'].flatMap((more) => names.map((name) => name + more));
    const lines = people.map(
      (name) => `${name}@reader.example,${name[0]!.toUpperCase()}${name.slice(1)},${name.length % 2 ? 'pro' : 'free'}`,
    );
    const file = ['email,name,plan', ...lines, 'nobody at example.com,Nobody,free', 'ada@reader.example,Ada,pro'].join(
      '\n',
    );
    await otpost.api.send(
      'POST',
      `/v1/audiences/${audience.id}/import`,
      { ...headers, 'content-type': 'text/csv' },
      file,
    );
    const active = async () =>
      (await audience.get<{ subscribers: { active: number } }>(`/v1/audiences/${audience.id}`)).body;
    await eventually(async () => (await active()).subscribers.active === lines.length, 'the import to be done');
    const words = { subject: 'What is new at Aster in December', text: 'Hello {{ subscriber.name }}, this is new.' };
    const broadcast = (
      await post('/v1/broadcasts', { audience: audience.id, ...words, rate: '20/min', tags: ['newsletter'] })
    ).body.id;
    await eventually(
      async () =>
        ((await audience.get<{ counts: { sent?: number } }>(`/v1/broadcasts/${broadcast}`)).body.counts.sent ?? 0) > 12,
      'some of it to be sent',
    );
    // As if they had come in the course of an hour.
    await database.query(
      `UPDATE email_events e SET at = e.at - shift FROM (SELECT id, random() * interval '58 minutes' AS shift FROM outbound_emails) AS m WHERE m.id = e.email_id`,
    );
    await database.query(
      `UPDATE outbound_emails m SET created_at = (SELECT min(at) FROM email_events e WHERE e.email_id = m.id)`,
    );
    return { audience: audience.id, broadcast };
  }

  it('are written', async () => {
    const chromium = await openChromium();
    close = chromium.close;
    const email = 'ada@aster.example';
    await makeAccount(database, email, 'admin');
    const { audience, broadcast } = await seed();
    const folder = ALL ?? FOLDER;
    mkdirSync(folder, { recursive: true });
    const failed = await messageTo(database, 'gone16@mail.example', 'failed');
    const sent = await messageTo(database, 'frances47@mail.example', 'sent');
    const pages: [string, string][] = [
      ['overview', '/operations'],
      ['all', '/operations/messages'],
      ['messages', '/operations/messages?status=failed%2Cdeferred&last=24h'],
      ['message', `/operations/messages/${sent}`],
      ['failed', `/operations/messages/${failed}`],
      ['broadcasts', '/operations/broadcasts'],
      ['broadcast', `/operations/broadcasts/${broadcast}`],
      ['audiences', '/operations/audiences'],
      ['audience', `/operations/audiences/${audience}`],
      ['schedules', '/operations/schedules'],
      ['trial', '/operations/trial'],
      ['suppressions', '/operations/suppressions'],
      ['templates', '/operations/templates'],
      ['template', '/operations/templates/verification-code'],
      ['webhooks', '/operations/webhooks'],
      ['keys', '/operations/keys'],
      ['accounts', '/operations/accounts'],
      ['audit', '/operations/audit'],
    ];
    for (const scheme of ['light', 'dark'] as const) {
      for (const width of [1280, 390]) {
        const context = await chromium.another({
          colorScheme: scheme,
          viewport: { width, height: width === 390 ? 844 : 860 },
        });
        const operator = await Operator.open(context, url);
        await operator.signIn('/operations', email, sink);
        const shoot = async (name: string) => {
          const file = `${name}-${width}-${scheme}`;
          if (ALL === undefined && !KEPT.includes(file)) return;
          await operator.page.mouse.move(0, 0);
          await operator.page.screenshot({ path: `${folder}/${file}.png`, fullPage: ALL !== undefined });
        };
        for (const [name, path] of pages) {
          if (ALL === undefined && !KEPT.includes(`${name}-${width}-${scheme}`)) continue;
          await operator.open(path);
          await operator.page.locator('[data-stream=open]').waitFor({ state: 'attached' });
          await operator.page.waitForTimeout(400); // pictures of mails, and what was just asked for
          await shoot(name);
          if (ALL === undefined) continue;
          expect(await operator.page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
          const faults = await operator.axe();
          if (faults.length > 0) console.log(`${name}-${width}-${scheme}\n  ${faults.join('\n  ')}`);
        }
        await database.query(`INSERT INTO lane_pauses (lane, reason) VALUES ('bulk', 'wrong price in the newsletter')`);
        await operator.open('/operations');
        await operator.banner('A lane is paused');
        await shoot('trouble');
        await database.query('DELETE FROM lane_pauses');
        expect(operator.complaints).toEqual([]);
        await context.close();
      }
    }
  });
});
