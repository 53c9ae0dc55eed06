import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SOCKET_BOUNDS, type SocketBounds } from '../../../src/http/socket-policy.js';
import { boundedServer, type ServerTimes } from '../../../src/http/sockets.js';
import { answersIn, RawClient } from '../../support/http/raw-client.js';
import { eventually } from '../../support/signals/wait.js';

const LARGE = 64 * 1024 * 1024;
const TIMES: ServerTimes = { requestMs: 30_000, keepAliveMs: 72_000, checkEveryMs: 50 };

describe('one connection of a client', () => {
  const servers: Server[] = [];
  const asked: { url: string; response: ServerResponse }[] = [];

  afterEach(() => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
    asked.length = 0;
  });

  /** A server that leaves every request to the test. */
  async function start(bounds: Partial<SocketBounds> = {}, times: Partial<ServerTimes> = {}): Promise<string> {
    const server = boundedServer(
      (request, response) => void asked.push({ url: request.url!, response }),
      { ...TIMES, ...times },
      { ...SOCKET_BOUNDS, ...bounds },
    );
    servers.push(server.listen(0, '127.0.0.1'));
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
  const isAsked = (url: string) => eventually(() => asked.find((one) => one.url === url), `${url} to be asked`);
  const codes = (text: string) =>
    answersIn(text).map(({ status, body }) => [
      status,
      status < 400 ? body : (JSON.parse(body) as { code: string }).code,
    ]);

  /** Answers more than the kernel takes, and says whether the connection ended before all of it had left. */
  async function cutWhileAnswering(client: RawClient, response: ServerResponse): Promise<boolean> {
    response.end(Buffer.alloc(LARGE));
    await once(response, 'close');
    await client.read().untilClosed();
    return client.bytesRead < LARGE;
  }

  it('has its requests begun one after the other, and answered in their order', async () => {
    const client = (await RawClient.open(await start())).read();
    client.write(get('/1') + get('/2') + get('/3'));
    const { response } = await isAsked('/1');
    await new Promise((resolve) => setImmediate(resolve));
    expect(asked).toHaveLength(1);
    response.end('one');
    (await isAsked('/2')).response.end('two');
    (await isAsked('/3')).response.end('three');
    await eventually(() => client.text.endsWith('three'), 'the last answer');
    expect(codes(client.text)).toEqual([
      [200, 'one'],
      [200, 'two'],
      [200, 'three'],
    ]);
    client.write(get('/4'));
    (await isAsked('/4')).response.end();
    client.hangUp();
  });

  it('has each of its requests begun in the asynchronous context that it came in, also one that waited for its turn', async () => {
    const context = new AsyncLocalStorage<string>();
    const came = (message: unknown): void => context.enterWith((message as { request: { url: string } }).request.url);
    subscribe('http.server.request.start', came);
    const begun: [string, string | undefined][] = [];
    const server = boundedServer((request, response) => {
      begun.push([request.url!, context.getStore()]);
      setImmediate(() => response.end('done'));
    }, TIMES);
    servers.push(server.listen(0, '127.0.0.1'));
    await once(server, 'listening');
    const client = (await RawClient.open(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)).read();
    client.write(get('/1') + get('/2') + get('/3'));
    await eventually(() => begun.length === 3, 'all to be begun').finally(() =>
      unsubscribe('http.server.request.start', came),
    );
    expect(begun).toEqual([
      ['/1', '/1'],
      ['/2', '/2'],
      ['/3', '/3'],
    ]);
    client.hangUp();
  });

  it('begins nothing more once the client hung up', async () => {
    const client = await RawClient.open(await start());
    client.write(get('/1') + get('/2'));
    const { response } = await isAsked('/1');
    const closed = once(response, 'close');
    client.hangUp();
    await closed;
    expect(response.destroyed).toBe(true);
    await new Promise((resolve) => setImmediate(resolve));
    expect(asked.map(({ url }) => url)).toEqual(['/1']);
  });

  it('begins nothing more behind the answer that closes the connection', async () => {
    const client = (await RawClient.open(await start())).read();
    client.write(get('/1') + get('/2') + get('/3'));
    (await isAsked('/1')).response.setHeader('connection', 'close').end('one');
    expect(codes(await client.untilClosed())).toEqual([[200, 'one']]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(asked.map(({ url }) => url)).toEqual(['/1']);
  });

  it('is closed when more waits than may', async () => {
    const url = await start({ waitingRequests: 2 });
    const patient = await RawClient.open(url);
    patient.write(get('/a') + get('/b') + get('/c'));
    await isAsked('/a');
    const greedy = (await RawClient.open(url)).read();
    greedy.write(get('/1') + get('/2') + get('/3') + get('/4'));
    expect(await greedy.untilClosed()).toBe('');
    expect(patient.isOpen).toBe(true);
    patient.hangUp();
    expect(asked.map(({ url }) => url)).not.toContain('/2');
  });

  it('is cut when the client reads nothing of what it is sent, and not when the answer is long in coming', async () => {
    const url = await start({ stalledMs: 1 });
    const [waiting, deaf] = [(await RawClient.open(url)).read(), await RawClient.open(url)];
    waiting.write(get('/slow'));
    deaf.write(get('/large'));
    const { response } = await isAsked('/large');
    expect(await cutWhileAnswering(deaf, response)).toBe(true);
    (await isAsked('/slow')).response.end('at last');
    await eventually(() => waiting.text.endsWith('at last'), 'the slow answer');
    waiting.hangUp();
  });

  it('gives way when all together leave too much waiting, while who reads is served', async () => {
    const url = await start({ unwrittenBytes: 48 * 1024 * 1024 });
    const deaf = await RawClient.open(url);
    deaf.write(get('/deaf'));
    const { response } = await isAsked('/deaf');
    expect(await cutWhileAnswering(deaf, response)).toBe(true);
    const reading = (await RawClient.open(url)).read();
    reading.write(get('/small'));
    (await isAsked('/small')).response.end('small');
    await eventually(() => reading.text.endsWith('small'), 'the small answer');
    reading.hangUp();
  });

  it('is told what was wrong behind the answers that are due, and nothing in the middle of one', async () => {
    const client = (await RawClient.open(await start())).read();
    client.write(`${get('/1')}${get('/2')}GARBAGE\r\n\r\n`);
    const { response } = await isAsked('/1');
    response.write('half ');
    response.end('and half');
    (await isAsked('/2')).response.end('two');
    const text = await client.untilClosed();
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 200', 'HTTP/1.1 400']);
    expect(text).toMatch(/"code":"bad_request".*\}$/);
  });

  it('is told so when a request does not come in time: its head, or its body', async () => {
    const url = await start({}, { requestMs: 100 });
    for (const part of [
      'GET / HTTP/1.1\r\nHost: localh',
      'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n12345',
    ]) {
      // On a busy machine its time may be over before any of it is there, and a connection on which nothing was asked
      // is closed.
      const answer = await eventually(
        async () => (await RawClient.ask(url, part)) || undefined,
        'part of a request to arrive',
      );
      expect(codes(answer)).toEqual([[408, 'request_timeout']]);
    }
  });

  it('is closed without a word when nothing was asked', async () => {
    expect(await RawClient.ask(await start({}, { requestMs: 100, keepAliveMs: 100 }), '')).toBe('');
    const client = (await RawClient.open(await start({}, { keepAliveMs: 100 }))).read();
    client.write(get('/1'));
    (await isAsked('/1')).response.end('one');
    expect(codes(await client.untilClosed())).toEqual([[200, 'one']]);
  });

  it('is closed by us after a refusal, whether or not the client closes it', async () => {
    const url = await start({ lingerMs: 1 });
    const client = await RawClient.open(url);
    client.write('GARBAGE\r\n\r\n');
    client.read();
    expect(codes(await client.untilClosed())).toEqual([[400, 'bad_request']]);
    await eventually(
      async () => new Promise<boolean>((resolve) => servers[0]!.getConnections((_, count) => resolve(count === 0))),
      'no connection to be left',
    );
  });

  it('is not kept open by a client that neither reads nor closes', async () => {
    const url = await start({ lingerMs: 1 });
    const client = await RawClient.open(url);
    client.write('GARBAGE\r\n\r\n');
    await eventually(
      async () => new Promise<boolean>((resolve) => servers[0]!.getConnections((_, count) => resolve(count === 1))),
      'the connection',
    );
    await eventually(
      async () => new Promise<boolean>((resolve) => servers[0]!.getConnections((_, count) => resolve(count === 0))),
      'no connection to be left',
    );
    client.hangUp();
  });
});
