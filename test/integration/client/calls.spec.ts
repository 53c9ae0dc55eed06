import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { ConnectionError, Otpost, Problem } from '../../../clients/typescript/src/index.js';
import { BlackHole } from '../../support/network/black-hole.js';
import { freePort } from '../../support/network/free-port.js';
import { eventually } from '../../support/signals/wait.js';

interface Asked {
  method: string | undefined;
  url: string | undefined;
  headers: IncomingMessage['headers'];
  body: string;
}

type Reply = (response: ServerResponse) => void;

const says =
  (status: number, body: object, headers: Record<string, string> = {}): Reply =>
  (response) =>
    response.writeHead(status, { 'content-type': 'application/problem+json', ...headers }).end(JSON.stringify(body));
const breaksOff: Reply = (response) => void response.socket?.destroy();
const ACCEPTED = says(202, { id: '01', status: 'queued' });
const BUSY = says(
  503,
  { code: 'unavailable', detail: 'The database is away.', remedy: 'Wait.' },
  { 'retry-after': '0' },
);
const DRAFT = { to: 'ada@example.com', subject: 'Hello', text: 'Hello.' };

describe('a call of the client, to a server that is not always well', () => {
  let server: Server;
  let replies: Reply[];
  let asked: Asked[];
  let client: Otpost;

  beforeAll(async () => {
    server = createServer((request, response) => void serve(request, response));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    // No chance in how long it waits: `maxWaitMs` bounds that.
    client = new Otpost({
      baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
      apiKey: 'otp_live_x',
      maxWaitMs: 20,
    });
  });
  beforeEach(() => {
    replies = [];
    asked = [];
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    asked.push({ method: request.method, url: request.url, headers: request.headers, body });
    replies.shift()?.(response); // without one it hangs
  }

  const keys = (): unknown[] => asked.map(({ headers }) => headers['idempotency-key']);

  it('sends the same key and the same body each time, until there is an answer', async () => {
    replies = [BUSY, breaksOff, says(504, {}), ACCEPTED];
    expect(await client.emails.send(DRAFT)).toEqual({ id: '01', status: 'queued' });
    expect(asked.map(({ method, url, body }) => [method, url, body])).toEqual(
      Array(4).fill(['POST', '/v1/emails', JSON.stringify(DRAFT)]),
    );
    expect(new Set(keys()).size).toBe(1);
    expect(keys()[0]).toMatch(/^[0-9a-f-]{36}$/);
    expect(asked[0]?.headers.authorization).toBe('Bearer otp_live_x');
  });

  it('makes another key for another call, and takes yours', async () => {
    replies = [ACCEPTED, ACCEPTED, ACCEPTED];
    await client.emails.send(DRAFT);
    await client.emails.send(DRAFT);
    await client.emails.send(DRAFT, { idempotencyKey: 'invoice 4711' });
    expect(new Set(keys()).size).toBe(3);
    expect(keys()[2]).toBe('invoice 4711');
  });

  it('does not repeat what might be done twice', async () => {
    replies = [breaksOff, ACCEPTED];
    await expect(client.verifications.check('id', { code: '123456' })).rejects.toBeInstanceOf(ConnectionError);
    expect(asked.length).toBe(1);
    replies = [BUSY, says(200, { status: 'approved' })];
    expect((await client.verifications.check('id', { code: '123456' })).status).toBe('approved');
    expect(asked.length).toBe(3);
    expect(keys()).toEqual([undefined, undefined, undefined]);
  });

  it('gives up after so many tries, with what was said last', async () => {
    replies = [breaksOff, breaksOff, BUSY];
    await expect(client.emails.send(DRAFT, { retries: 2 })).rejects.toMatchObject({
      name: 'Problem',
      status: 503,
      code: 'unavailable',
      message: 'The database is away.',
      remedy: 'Wait.',
      retryAfter: 0,
    });
    expect(asked.length).toBe(3);
  });

  it('does not wait longer than it may, and tells how long that would be', async () => {
    replies = [says(429, { code: 'rate_limited', detail: 'Too many.' }, { 'retry-after': '60' })];
    const error = await client.emails.send(DRAFT).catch((thrown: unknown) => thrown);
    expect(Problem.is(error, 'rate_limited') && error.retryAfter).toBe(60);
    expect(asked.length).toBe(1);
  });

  it('takes a proxy that answers a page for what it is', async () => {
    replies = [(response) => response.writeHead(413, { 'content-type': 'text/html' }).end('<h1>Too large</h1>')];
    await expect(client.emails.send(DRAFT)).rejects.toMatchObject({ status: 413, code: 'unknown', errors: [] });
  });

  it('does not take its key to where a redirect leads', async () => {
    replies = [(response) => response.writeHead(302, { location: '/elsewhere' }).end()];
    await expect(client.emails.get('id')).rejects.toMatchObject({ status: 302, code: 'unknown' });
    expect(asked.length).toBe(1);
  });

  it('ends in time where no answer comes', async () => {
    const nowhere = await BlackHole.start();
    const given: unknown[] = [];
    const hasty = new Otpost({
      baseUrl: `http://127.0.0.1:${nowhere.port}`,
      ...{ timeoutMs: 1, maxWaitMs: 1, retries: 1 },
      fetch: (input, init) => {
        given.push(new Headers(init?.headers).get('idempotency-key'));
        return fetch(input, init);
      },
    });
    await expect(hasty.emails.send(DRAFT)).rejects.toMatchObject({ name: 'ConnectionError', timedOut: true });
    expect([given.length, new Set(given).size]).toEqual([2, 1]);
    await nowhere.stop();
  });

  it('ends when it is told to, while it is asked and while it waits', async () => {
    const reason = new Error('the visitor left');
    const whileAsked = new AbortController();
    const hanging = client.emails.send(DRAFT, { signal: whileAsked.signal });
    const ended = expect(hanging).rejects.toBe(reason);
    await eventually(() => asked.length === 1, 'the server to be asked');
    whileAsked.abort(reason);
    await ended;

    const patient = new Otpost({
      baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      maxWaitMs: 3_600_000,
    });
    const whileWaiting = new AbortController();
    replies = [
      (response) => {
        response.on('close', () => setImmediate(() => whileWaiting.abort(reason)));
        says(503, { code: 'unavailable' }, { 'retry-after': '3600' })(response);
      },
    ];
    asked = [];
    await expect(patient.emails.send(DRAFT, { signal: whileWaiting.signal })).rejects.toBe(reason);
    expect(asked.length).toBe(1);
  });

  it('tries a server again that is not there yet, also where it might not repeat', async () => {
    const nowhere = new Otpost({ baseUrl: `http://127.0.0.1:${await freePort()}`, maxWaitMs: 1 });
    await expect(nowhere.verifications.check('id', { code: '1' })).rejects.toMatchObject({
      name: 'ConnectionError',
      timedOut: false,
    });
    let tries = 0;
    const counted = new Otpost({
      baseUrl: `http://127.0.0.1:${await freePort()}`,
      maxWaitMs: 1,
      fetch: (input, init) => {
        tries++;
        return fetch(input, init);
      },
    });
    await expect(counted.verifications.check('id', { code: '1' })).rejects.toBeInstanceOf(ConnectionError);
    expect(tries).toBe(4);
  });

  it('says of a stream what it says of any other call: what refused it, and that nobody answers', async () => {
    const follow = (by: Otpost) => by.otp.follow('id').next();
    replies = [
      says(429, { code: 'too_many_streams', detail: 'Too many.' }, { 'retry-after': '5' }),
      (response) => response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad gateway</h1>'),
      says(503, { code: 404 }),
      breaksOff,
    ];
    await expect(follow(client)).rejects.toMatchObject({ name: 'Problem', code: 'too_many_streams', retryAfter: 5 });
    await expect(follow(client)).rejects.toMatchObject({ name: 'Problem', status: 502, code: 'unknown' });
    await expect(follow(client)).rejects.toMatchObject({ name: 'Problem', status: 503, code: 'unknown' });
    await expect(follow(client)).rejects.toMatchObject({ name: 'ConnectionError', timedOut: false });
  });

  it('asks for its address with the first call, for a build has no environment', async () => {
    const built = new Otpost({ baseUrl: undefined as unknown as string });
    await expect(built.emails.get('id')).rejects.toThrow('needs a baseUrl');
    await expect(new Otpost({ baseUrl: 'otpost:3000' }).emails.get('id')).rejects.toThrow(TypeError);
  });

  it('deletes once, whatever the second try finds', async () => {
    replies = [breaksOff, says(404, { code: 'audience_not_found' })];
    expect(await client.audiences.delete('id')).toBeUndefined();
    replies = [says(404, { code: 'audience_not_found' })];
    await expect(client.audiences.delete('id')).rejects.toMatchObject({ code: 'audience_not_found' });
  });

  it('writes dates and filters as the API reads them', async () => {
    replies = [says(200, { items: [], nextCursor: null }), ACCEPTED];
    const at = new Date(Date.UTC(2026, 10, 29));
    await client.emails.list({ status: 'failed,deferred', since: at, limit: 5 });
    await client.emails.send({ ...DRAFT, scheduledAt: at });
    expect(asked[0]?.url).toBe('/v1/emails?status=failed%2Cdeferred&since=2026-11-29T00%3A00%3A00.000Z&limit=5');
    expect(JSON.parse(asked[1]!.body)).toMatchObject({ scheduledAt: '2026-11-29T00:00:00.000Z' });
  });
});
