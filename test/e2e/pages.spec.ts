import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { BrowserContext, Page } from 'playwright-core';
import { SOCKET_BOUNDS } from '../../src/http/socket-policy.js';
import { boundedServer } from '../../src/http/sockets.js';
import { axeFaults } from '../support/http/axe.js';
import { Front } from '../support/service/front.js';
import { describeWithChromium, openChromium, watchPage } from '../support/http/chromium.js';
import { linkIn } from '../support/http/page-client.js';
import { createApiKey } from '../support/service/api-key.js';
import { type Otpost, startOtpost } from '../support/service/otpost.js';
import { codeFromInbox } from '../support/service/story.js';
import { eventually } from '../support/signals/wait.js';
import { HeldMail } from '../support/smtp/held-mail.js';

/** Chromium writes one for each page whose status is an error; those pages are meant. */
const MEANT = /^Failed to load resource: the server responded with a status of 4/;

interface Heard {
  types: string[];
  data: string[];
  ids: string[];
  errors: number;
  state: number;
}

describeWithChromium('in a browser', () => {
  let context: BrowserContext;
  let closeBrowser: () => Promise<void>;

  beforeAll(async () => {
    ({ context, close: closeBrowser } = await openChromium());
  });
  afterAll(() => closeBrowser());

  describe('the pages', () => {
    let otpost: Otpost;
    let page: Page;
    const complaints: string[] = [];

    beforeAll(async () => {
      otpost = await startOtpost();
      page = await context.newPage();
      watchPage(page, complaints, MEANT);
    });
    afterAll(async () => {
      await page.close();
      await otpost.stop();
    });

    it('the front door leads to the inbox, the documentation and health', async () => {
      await page.goto(`${otpost.api.url}/`);
      expect(await page.getByRole('link').allTextContents()).toEqual([
        'Read the code',
        'See the receipt',
        'Your account',
        'Inbox',
        'Operations',
        'API documentation',
        'Health',
      ]);
      await page.getByRole('link', { name: 'Inbox' }).click();
      await page.waitForURL('**/inbox');
    });

    it('the empty inbox says what to do, and shows a code as soon as it comes, without a reload', async () => {
      await page.getByText('Register an address and its code appears here').waitFor();
      const issued = await otpost.api.register('ada@example.com');
      const shown = await page.locator('#code').textContent();
      const { code } = await codeFromInbox(otpost.api, 'ada@example.com', issued);
      expect(shown!.replace(/\D/g, '')).toBe(code);
      await page.locator('#list > li[data-id]').first().getByText('ada@example.com').waitFor();
    });

    it('shows a message as HTML, as text and as source', async () => {
      await page.locator('#list a').first().click();
      await page.frameLocator('iframe.body').getByText('Confirm your email address', { exact: true }).waitFor();
      await page.getByRole('link', { name: 'Text', exact: true }).click();
      expect(await page.locator('pre.text').textContent()).toMatch(/^\d{6}$/m);
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
      await page.getByText('You’re unsubscribed').waitFor();
      await page.getByRole('button', { name: 'That was a mistake' }).click();
      await page.getByText('You’re subscribed again').waitFor();
    });

    it('no view of the inbox, and no page that a mail or a log leads to, has a barrier that axe knows of', async () => {
      const { body } = await otpost.api.get<{ items: { id: string }[] }>('/inbox/messages?to=ada%40example.com');
      const message = `/inbox/${body.items[0]!.id}`;
      await page.goto(`${otpost.api.url}${message}?view=text`);
      const link = linkIn((await page.locator('pre.text').textContent())!);
      const paths = ['/inbox', '/inbox?q=nothing', message, `${message}?width=phone`]
        .concat(['text', 'links', 'headers', 'source', 'receipt'].map((view) => `${message}?view=${view}`))
        .concat([link, `${link}/not-me`, `/setup/${await otpost.process.offerSetup()}`])
        .concat(['/l/undo', '/l', '/setup', '/subscribe'].map((path) => `${path}/AAAAAAAAAAAAAAAAAAAAAA`));
      const faults: string[] = [];
      for (const [colorScheme, width] of [
        ['light', 1_280],
        ['dark', 390],
      ] as const) {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: 844 });
        for (const path of paths) {
          await page.goto(otpost.api.url + path);
          await page.evaluate(`for (const closed of document.querySelectorAll('details')) closed.open = true`);
          faults.push(...(await axeFaults(page)).map((fault) => `${path} ${colorScheme}: ${fault}`));
          const wide = await page.evaluate<number>('document.documentElement.scrollWidth');
          if (wide > width) faults.push(`${path} is ${wide} px wide where ${width} are there`);
        }
      }
      expect(faults).toEqual([]);
    });

    it('the documentation lists the calls in an order for newcomers, and each with a command', async () => {
      await page.goto(`${otpost.api.url}/docs`);
      const sections = await page.getByRole('navigation', { name: 'Sections' }).getByRole('link').allTextContents();
      expect(sections.map((text) => text.replace(/ \d+$/, '')).slice(0, 5)).toEqual([
        'Start here',
        'Accounts',
        'Codes',
        'Sessions',
        'Emails',
      ]);
      await page.getByText('/v1/sessions/refresh', { exact: true }).click();
      await page.getByText(/curl -X POST 'http\S+\/v1\/sessions\/refresh'/).waitFor();
    });

    it('nothing was complained about in the console', () => {
      expect(complaints).toEqual([]);
    });
  });

  describe('an EventSource', () => {
    let otpost: Otpost;
    let front: Front;
    let mail: HeldMail;
    let page: Page;
    let number = 0;

    beforeAll(async () => {
      otpost = await startOtpost({ ROLE: 'web', OUTBOX_RESCUE: 'off' });
      front = await Front.start(otpost.api.url);
      mail = new HeldMail(otpost.database);
      page = await context.newPage();
      await page.goto(`${front.url}/account`); // a page of ours that may follow a stream
    });
    afterAll(async () => {
      await page.close();
      await mail.close();
      front.stop();
      await otpost.stop();
    });

    async function listen(): Promise<string> {
      const id = (await otpost.api.register(`eve${++number}@example.com`)).challenge.id;
      front.asked.length = 0;
      await page.evaluate((path) => {
        const heard: Heard = { types: [], data: [], ids: [], errors: 0, state: 0 };
        const source = new EventSource(path);
        for (const type of ['delivery', 'end']) {
          source.addEventListener(type, (event) => {
            const { data, lastEventId } = event as unknown as { data: string; lastEventId: string };
            heard.types.push(type);
            heard.data.push(data);
            heard.ids.push(lastEventId);
          });
        }
        source.onerror = () => heard.errors++;
        Object.assign(globalThis, { heard, source });
      }, `/v1/otp/${id}/delivery/events`);
      return id;
    }

    const hangUp = () => page.evaluate(() => (globalThis as unknown as { source: EventSource }).source.close());
    const heard = (): Promise<Heard> =>
      page.evaluate(() => {
        const { heard, source } = globalThis as unknown as { heard: Heard; source: EventSource };
        return { ...heard, state: source.readyState };
      });
    const statuses = async (): Promise<string[]> =>
      (await heard()).data.map((data) => (JSON.parse(data) as { status: string }).status);
    const hears = (count: number) =>
      eventually(async () => (await heard()).data.length >= count, `${count} events in the browser`);

    it('hears each change as it comes', async () => {
      const id = await listen();
      await hears(1);
      await mail.claim(id);
      await hears(2);
      await mail.finish(id, { status: 'sent', transport: 'smtp.example.com', reply: '250 taken' });
      await hears(3);
      expect(await statuses()).toEqual(['queued', 'sending', 'sent']);
      expect(await heard()).toMatchObject({ types: ['delivery', 'delivery', 'delivery'], errors: 0, state: 1 });
      await hangUp();
    });

    it('connects again by itself when it is cut off, and hears nothing twice and nothing too little', async () => {
      const id = await listen();
      await hears(1);
      front.cut();
      await mail.claim(id); // while it is away
      await hears(2);
      expect(await statuses()).toEqual(['queued', 'sending']);
      front.cut();
      await eventually(() => front.asked.length === 3, 'the third connection');
      await mail.finish(id, { status: 'sent', transport: 'smtp.example.com', reply: '250 taken' });
      await hears(3);
      expect(await statuses()).toEqual(['queued', 'sending', 'sent']);
      const { ids } = await heard();
      expect(front.asked).toEqual([undefined, ids[0], ids[1]]);
      await hangUp();
    });

    it('comes to rest after the last word, also when the page does not close it', async () => {
      const id = await listen();
      await hears(1);
      await mail.note(id, 'bounced');
      await eventually(async () => (await heard()).state === 2, 'the browser to give up'); // EventSource.CLOSED
      const { types, data, ids } = await heard();
      expect([types, JSON.parse(data.at(-1)!)]).toEqual([['delivery', 'delivery', 'end'], { reason: 'final' }]);
      expect(front.asked).toEqual([undefined, ids[1]]); // and the second one was answered 204
    });
  });

  describe('a connection that is kept and on which nothing is asked', () => {
    const PAGE = '<!doctype html><title>idle</title><link rel="icon" href="data:,"><script>window.loaded = []</script>';
    let server: Server;
    const refused: string[] = [];

    /** Answers a page, and scripts that say their own name. */
    beforeAll(async () => {
      server = boundedServer(
        (request, response) => {
          const script = request.url!.startsWith('/script');
          const body = script ? `window.loaded.push(${JSON.stringify(request.url)})` : PAGE;
          const type = script ? 'text/javascript' : 'text/html';
          response.writeHead(200, { 'content-type': type, 'content-length': Buffer.byteLength(body) }).end(body);
        },
        { requestMs: 1_000, keepAliveMs: 1_500, checkEveryMs: 20 },
        SOCKET_BOUNDS,
        (problem) => {
          refused.push(problem.code);
          return { status: problem.status, headers: {}, body: '' };
        },
      );
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
    });
    afterAll(() => {
      server.closeAllConnections();
      server.close();
    });

    const noneIsOpen = () =>
      eventually(
        () => new Promise<boolean>((resolve) => server.getConnections((_, count) => resolve(count === 0))),
        'all connections to be closed',
      );

    it('loses nothing when it is closed: what the page asks for later comes over a new one', async () => {
      const page = await context.newPage();
      const complaints: string[] = [];
      page.on('requestfailed', (request) => complaints.push(`${request.url()} ${request.failure()?.errorText}`));
      page.on('console', (line) => complaints.push(line.text()));
      await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
      for (const name of ['/script-1', '/script-2']) {
        await noneIsOpen();
        await page.addScriptTag({ url: name });
      }
      expect(await page.evaluate('window.loaded')).toEqual(['/script-1', '/script-2']);
      expect(complaints).toEqual([]);
      expect(refused.filter((code) => code !== 'request_timeout')).toEqual([]);
      await page.close();
    });
  });
});
