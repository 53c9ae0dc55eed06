import { createServer, request, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import { describeWithChromium, openChromium } from '../support/chromium.js';
import { HeldMail } from '../support/held-mail.js';
import { type Otpost, startOtpost } from '../support/otpost.js';
import { eventually } from '../support/wait.js';

/** Stands between the browser and the service, sees what the browser asks, and can cut what is under way. */
class Front {
  readonly asked: (string | undefined)[] = [];
  private readonly streams = new Set<IncomingMessage>();

  private constructor(private readonly server: Server) {}

  static async start(target: string): Promise<Front> {
    const server = createServer((incoming, outgoing) => {
      const isStream = incoming.url!.endsWith('/delivery/events');
      if (isStream) front.asked.push(incoming.headers['last-event-id'] as string | undefined);
      const inner = request(target + incoming.url!, { method: incoming.method, headers: incoming.headers }, (answer) => {
        outgoing.writeHead(answer.statusCode!, answer.headers);
        answer.pipe(outgoing);
        if (isStream) front.streams.add(incoming);
      });
      inner.on('error', () => outgoing.destroy());
      outgoing.on('close', () => inner.destroy());
      incoming.pipe(inner);
    });
    const front = new Front(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return front;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** As a restart, or a network that changes. */
  cut(): void {
    for (const { socket } of this.streams) socket.destroy();
    this.streams.clear();
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

interface Heard {
  types: string[];
  data: string[];
  ids: string[];
  errors: number;
  state: number;
}

describeWithChromium('an EventSource in a browser', () => {
  let otpost: Otpost;
  let front: Front;
  let mail: HeldMail;
  let page: Page;
  let closeBrowser: () => Promise<void>;
  let number = 0;

  beforeAll(async () => {
    otpost = await startOtpost({ ROLE: 'web', OUTBOX_RESCUE: 'off' });
    front = await Front.start(otpost.api.url);
    mail = new HeldMail(otpost.database);
    const { context, close } = await openChromium();
    closeBrowser = close;
    page = await context.newPage();
    await page.goto(`${front.url}/docs`);
  });
  afterAll(async () => {
    await closeBrowser();
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
  const statuses = async (): Promise<string[]> => (await heard()).data.map((data) => (JSON.parse(data) as { status: string }).status);
  const hears = (count: number) => eventually(async () => (await heard()).data.length >= count, `${count} events in the browser`);

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
