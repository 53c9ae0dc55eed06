import { createDatabase, type TestDatabase } from '../support/database/postgres.js';
import { RawClient } from '../support/http/raw-client.js';
import type { Api } from '../support/service/api.js';
import { OtpostProcess } from '../support/service/otpost-process.js';
import { TEST_SECRET } from '../support/service/otpost.js';
import { factsOf, line, others, type ProcessFacts } from '../support/service/process-facts.js';
import { eventually } from '../support/signals/wait.js';

/** Of a provider whose proof is over the body. */
const HOOK_SECRETS =
  'sendgrid:MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEDr2LjtURuePQzplybdC+u4CwrqDqBaWjcMMsTbhdbcwHBcepxo7yAQGhHPTnlvFYPAZFceEu/1FwCM/QmGUhA==';
const ASSET = '/docs';

describe('a client that floods its connections', () => {
  let database: TestDatabase;
  let service: OtpostProcess;
  let api: Api;

  beforeAll(async () => {
    database = await createDatabase();
    service = await OtpostProcess.start({
      DATABASE_URL: database.url,
      APP_SECRET: TEST_SECRET,
      PORT: '0',
      ROLE: 'web',
      HOOK_SECRETS,
    });
    api = await service.api();
    for (const path of [ASSET, '/docs/json']) for (let times = 0; times < 3; times++) await api.get(path); // warm
  });
  afterAll(async () => {
    await service.stop();
    await database.drop();
  });

  const facts = (): ProcessFacts => factsOf(service.child.pid!);
  const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;

  /** Runs the flood while somebody else asks, and prints what the process looks like. */
  async function flooded(
    what: string,
    flood: () => Promise<unknown>,
  ): Promise<{ before: ProcessFacts; during: ProcessFacts }> {
    const before = facts();
    console.log(`${what}: before: ${line(before)}; ${await others(api, Promise.resolve())}`);
    const heard = await others(api, flood());
    const during = facts();
    console.log(`${what}: during: ${line(during)}; ${heard}`);
    return { before, during };
  }

  /** As before, but for connections of other clients that are kept. */
  async function recovered(what: string, before: ProcessFacts): Promise<void> {
    await eventually(() => facts().descriptors <= before.descriptors + 2, 'the descriptors to come back');
    console.log(`${what}: after: ${line(facts())}; ${await others(api, Promise.resolve())}`);
  }

  it('gets no file opened for what it asked behind the answer under way, and leaves nothing behind when it hangs up', async () => {
    const client = await RawClient.open(api.url);
    const { before, during } = await flooded('1,000 × the documentation on one connection', async () => {
      client.write(get(ASSET).repeat(1_000));
      await client.read().untilClosed();
    });
    client.hangUp();
    expect(during.descriptors - before.descriptors).toBeLessThan(16);
    await recovered('1,000 × the documentation on one connection', before);
  });

  it('that hangs up leaves nothing behind even of what may wait', async () => {
    const { before } = await flooded('50 × 8 × the documentation, unread, then hung up', async () => {
      const clients = await Promise.all(Array.from({ length: 50 }, () => RawClient.open(api.url)));
      for (const client of clients) client.write(get(ASSET).repeat(8));
      await Promise.all(clients.map((client) => client.sent()));
      await eventually(() => facts().descriptors >= 50, 'the connections');
      for (const client of clients) client.hangUp();
    });
    await recovered('50 × 8 × the documentation, unread, then hung up', before);
  });

  it('and reads nothing is cut off before its answers fill the memory, and holds up nobody else', async () => {
    const clients = await Promise.all(Array.from({ length: 4 }, () => RawClient.open(api.url)));
    const { before, during } = await flooded('4 × 5,000 × /docs/json, unread', async () => {
      for (const client of clients) client.write(get('/docs/json').repeat(5_000));
      await Promise.all(clients.map((client) => client.read().untilClosed()));
    });
    expect(during.peakMib - before.memoryMib).toBeLessThan(150);
    await recovered('4 × 5,000 × /docs/json, unread', before);
  });

  it('with bodies that it holds back takes no more memory than all of them may, whether or not it may send them', async () => {
    const head = (path: string) =>
      `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1048576\r\n\r\n`;
    const clients: RawClient[] = [];
    const { before, during } = await flooded('100 × a megabyte for a hook and for mail, held back', async () => {
      for (let n = 0; n < 100; n++) {
        for (const path of ['/v1/hooks/sendgrid', '/v1/emails']) {
          const client = (await RawClient.open(api.url)).read();
          clients.push(client);
          client.write(head(path));
          client.write(Buffer.alloc(1_048_575, ' '));
          await client.sent();
        }
      }
    });
    expect(during.peakMib - before.memoryMib).toBeLessThan(150);
    const told = (status: number) => clients.filter(({ text }) => text.startsWith(`HTTP/1.1 ${status}`)).length;
    await eventually(() => told(401) === 100 && told(503) >= 100 - 32, 'the refusals');
    for (const client of clients) client.hangUp();
    await recovered('100 × a megabyte for a hook and for mail, held back', before);
  });

  it('with many connections that are not read holds no more memory than all of them may', async () => {
    const { before, during } = await flooded('200 × 8 × /docs/json, unread, all connections open', async () => {
      const clients = await Promise.all(Array.from({ length: 200 }, () => RawClient.open(api.url)));
      for (const client of clients) client.write(get('/docs/json').repeat(8));
      await Promise.all(clients.map((client) => client.sent()));
      for (let times = 0; times < 20; times++) await api.get('/docs/json');
      for (const client of clients) client.hangUp();
    });
    expect(during.peakMib - before.memoryMib).toBeLessThan(200);
    await recovered('200 × 8 × /docs/json, unread, all connections open', before);
  });
});
