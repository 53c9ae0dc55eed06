import { getDefaultResultOrder } from 'node:dns';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { HTTP_TIMEOUTS, HttpTransport } from '../../../../../src/mail/providers/http-transport.js';
import { providerOf } from '../../../../../src/mail/providers/providers.js';
import { OfferRefused } from '../../../../../src/mail/transport/transport.js';
import { KEYS } from '../../../../support/http/provider-apis.js';
import { type ProviderScript, ProviderServer } from '../../../../support/http/provider-server.js';
import { message } from '../message.js';
import { HeldTimers } from '../../../../support/signals/held-timers.js';
import { patience, putBackAfterwards } from '../../../../support/signals/put-back.js';
import { eventually } from '../../../../support/signals/wait.js';

const clock = { now: () => new Date() };
const here = (ms: number) => ({ kind: 'deferred', uncounted: true, transport: { kind: 'backoff', ms, here: true } });
const away = { ...here(1_000), transport: { kind: 'backoff', ms: 1_000, here: true, unreachable: true } };

function transportOf(kind: string, key: string, endpoint: string): HttpTransport {
  return new HttpTransport(kind, providerOf(kind), { account: { key }, endpoint }, clock);
}

/** An offer, and how often it was made. */
function offering(during: () => Promise<void> = async () => undefined): {
  offer: () => Promise<void>;
  offers: () => number;
} {
  let made = 0;
  return {
    offers: () => made,
    offer: async () => {
      made++;
      await during();
    },
  };
}

/** An offer that is never settled: only what the server does ends the attempt. */
const never = (): Promise<void> => new Promise(() => undefined);

let servers: { stop(): Promise<void> }[] = [];
putBackAfterwards(HTTP_TIMEOUTS);
/** For answers: it runs out once the server has the whole request, and does not answer it. */
let timeForAnswers: HeldTimers;

beforeAll(() => {
  timeForAnswers = HeldTimers.hold();
  const { ms } = timeForAnswers;
  Object.assign(HTTP_TIMEOUTS, { againAfterMs: [20, 40], answerMs: ms, idempotentAnswerMs: ms });
});
afterAll(() => timeForAnswers.letGo());
afterEach(async () => {
  await Promise.all(servers.map((server) => server.stop()));
  servers = [];
});

/** Nobody waits for the answer to a request that is to have none. */
const patiently =
  (script: ProviderScript): ProviderScript =>
  (time, request) => {
    const behaviour = script(time, request);
    if (behaviour === 'hang' && time > 0) timeForAnswers.runOut();
    return behaviour;
  };

async function postmark(
  script: ProviderScript = () => undefined,
): Promise<{ server: ProviderServer; transport: HttpTransport }> {
  const server = await ProviderServer.start('postmark');
  servers.push(server);
  server.script = patiently(script);
  return { server, transport: transportOf('postmark', KEYS.postmark, server.url) };
}

/** A server of sockets, for what no HTTP server does. */
async function raw(serve: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined); // clients that hang up are part of the tests
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push({
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('a message on its way over HTTP', () => {
  it('is sent with one offer, made when all but the last byte is out', async () => {
    const [{ server, transport }, other] = [await postmark(), await postmark()];
    let missing: number | undefined;
    const { offer, offers } = offering(async () => {
      await eventually(() => server.missing !== undefined && server.missing <= 1, 'all but the last byte to arrive');
      await fetch(other.server.url); // by then what was written beside the offer would have arrived, too
      missing = server.missing;
    });
    expect(await transport.send(message(), offer)).toMatchObject({ kind: 'sent', providerMessageId: 'pm-1' });
    expect(missing).toBe(1);
    expect([offers(), server.taken.length]).toEqual([1, 1]);
  });

  it('is never taken when the offer is refused', async () => {
    const { server, transport } = await postmark();
    const refuse = () => Promise.reject(new OfferRefused('the lease is lost'));
    expect(await transport.send(message(), refuse)).toEqual({ kind: 'withdrawn' });
    expect(server.requests).toHaveLength(0);
  });

  it('is not offered where nobody listens, and this host is to blame', async () => {
    const { server, transport } = await postmark();
    await server.stop();
    servers = [];
    const { offer, offers } = offering();
    expect(await transport.send(message(), offer)).toEqual({ ...away, errorCode: 'http_refused' });
    expect(offers()).toBe(0);
  });

  it('is not offered to a name that nobody has', async () => {
    const { offer, offers } = offering();
    const transport = transportOf('postmark', 'k', 'http://otpost-test.invalid');
    expect(await transport.send(message(), offer)).toEqual({ ...away, errorCode: 'http_dns' });
    expect(offers()).toBe(0);
  });

  it('is not offered to whoever does not speak TLS, says nothing or hangs up in the handshake', async () => {
    const { offer, offers } = offering();
    const send = async (serve: (socket: Socket) => void) =>
      transportOf('postmark', 'k', `https://${await raw(serve)}`).send(message(), offer);
    expect(await send((socket) => socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')))).toEqual({
      ...here(5_000),
      alert: true,
      errorCode: 'http_tls',
    });
    const impatience = patience(HTTP_TIMEOUTS, { connectMs: 100 });
    impatience.lose();
    expect(await send(() => undefined)).toEqual({ ...away, errorCode: 'http_connect_timeout' });
    impatience.find();
    expect(await send((socket) => socket.once('data', () => socket.destroy()))).toEqual({
      ...away,
      errorCode: 'http_closed',
    });
    expect(offers()).toBe(0);
  });

  it('is tried on a second connection, and deferred, when the server hangs up before the end', async () => {
    const { server, transport } = await postmark(() => 'close at once');
    expect(await transport.send(message(), never)).toEqual({ kind: 'deferred', errorCode: 'http_closed' });
    expect([server.connections, server.requests.length]).toEqual([2, 0]);
  });

  it('is sent by a second connection when the one that was kept is dead', async () => {
    let connections = 0;
    const address = await raw((socket) => {
      const nth = ++connections;
      let received = '';
      socket.on('data', (bytes: Buffer) => {
        received += bytes.toString();
        const length = Number(/content-length: (\d+)/i.exec(received)?.[1] ?? 0);
        const head = received.indexOf('\r\n\r\n');
        if (head < 0) return;
        if (nth === 1 && received.indexOf('POST', head) > 0) return void socket.destroy(); // the second request
        if (Buffer.byteLength(received.slice(head + 4)) < length) return;
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 33\r\n\r\n{"ErrorCode":0,"MessageID":"one"}');
      });
    });
    const transport = transportOf('postmark', 'k', `http://${address}`);
    const { offer } = offering();
    expect(await transport.send(message(), offer)).toMatchObject({ kind: 'sent', providerMessageId: 'one' });
    const onceSecond = async () => void (await eventually(() => connections === 2, 'the second connection'));
    expect(await transport.send(message(), onceSecond)).toMatchObject({ kind: 'sent' });
    expect(connections).toBe(2);
  });

  it.each([
    ['hangs', 'hang', 'http_timeout'],
    ['hangs up', 'close', 'http_closed'],
    ['talks nonsense', 'garbage', 'http_garbage'],
  ] as const)(
    'is unknown when the server %s after the last byte, and not sent again',
    async (_, behaviour, errorCode) => {
      const { server, transport } = await postmark(() => behaviour);
      const { offer, offers } = offering();
      expect(await transport.send(message(), offer)).toEqual({ kind: 'unknown', errorCode });
      expect([offers(), server.requests.length]).toEqual([1, 1]);
    },
  );

  it('is sent when the answer breaks off after a 200', async () => {
    const { transport } = await postmark(() => 'reset in mid-answer');
    expect(await transport.send(message(), offering().offer)).toEqual({
      kind: 'sent',
      reply: expect.stringMatching(/^200 .*broke off/) as string,
    });
  });

  it('is judged by an answer that comes before its end', async () => {
    const address = await raw((socket) =>
      socket.once('data', () => socket.end('HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n')),
    );
    const transport = transportOf('postmark', 'k', `http://${address}`);
    expect(await transport.send(message(), never)).toMatchObject({
      kind: 'deferred',
      errorCode: 'http_auth',
      transport: { kind: 'pause' },
    });
  });

  it('never follows a redirect, and so shows nobody the key', async () => {
    const other = await postmark();
    const { transport } = await postmark(() => ({ status: 307, headers: { location: `${other.server.url}/email` } }));
    expect(await transport.send(message(), offering().offer)).toMatchObject({
      kind: 'deferred',
      alert: true,
      errorCode: 'http_307',
    });
    expect(other.server.begun).toBe(0);
  });

  it('looks for IPv4 addresses first', async () => {
    await postmark();
    expect(getDefaultResultOrder()).toBe('ipv4first');
  });
});

describe('a provider that takes a request once', () => {
  const silentAt =
    (nth: number, otherwise: ProviderScript = () => undefined): ProviderScript =>
    (time, request) =>
      time === nth ? 'hang' : otherwise(time, request);

  async function resend(script: ProviderScript): Promise<{ server: ProviderServer; transport: HttpTransport }> {
    const server = await ProviderServer.start('resend');
    servers.push(server);
    server.script = patiently(script);
    return { server, transport: transportOf('resend', KEYS.resend, server.url) };
  }

  it('is asked again by the same request when it does not answer, and its yes counts', async () => {
    const { server, transport } = await resend(silentAt(1));
    const { offer, offers } = offering();
    expect(await transport.send(message(), offer)).toMatchObject({ kind: 'sent', providerMessageId: 're-1' });
    const [one, other] = server.requests;
    expect(other).toEqual(one);
    expect([offers(), server.requests.length]).toEqual([1, 2]);
  });

  it.each([
    ['stays silent', 'hang'],
    ['is away by then', 'close'],
    ['says no to the second request', { status: 429 }],
    ['still works on the first', { status: 409, body: { name: 'concurrent_idempotent_requests' } }],
  ] as const)('leaves the message unknown when it %s', async (_, second) => {
    const { server, transport } = await resend((time) => (time === 1 ? 'close' : second));
    expect(await transport.send(message(), offering().offer)).toEqual({ kind: 'unknown', errorCode: 'http_closed' });
    expect(server.requests).toHaveLength(3);
  });

  it('leaves the message unknown when it knows the key but not the answer, as Brevo does', async () => {
    const server = await ProviderServer.start('brevo');
    servers.push(server);
    const transport = transportOf('brevo', KEYS.brevo, server.url);
    server.script = patiently(silentAt(1, () => ({ status: 400, body: { code: 'duplicate_parameter' } })));
    expect(await transport.send(message(), offering().offer)).toEqual({ kind: 'unknown', errorCode: 'http_timeout' });
    server.script = patiently(silentAt(4));
    expect(await transport.send(message(), offering().offer)).toMatchObject({
      kind: 'sent',
      providerMessageId: expect.stringMatching(/^<br-1@/) as string,
    });
  });
});
