import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { readSettings } from '../../../src/configuration.js';
import { TargetGuard } from '../../../src/mail/webhooks/target-guard.js';
import { WebhookSender } from '../../../src/mail/webhooks/webhook-delivery.js';
import { type Respond, WebhookReceiver } from '../../support/http/webhook-receiver.js';

/** What does not end before this does not end. */
const HOUR = 3_600_000;
/** Milliseconds; what runs out in a case is shorter there. */
const PATIENCE = { connect: HOUR, whole: HOUR, body: HOUR };

describe('one POST of a webhook', () => {
  let receiver: WebhookReceiver;

  beforeAll(async () => {
    receiver = await WebhookReceiver.start();
  });
  afterAll(() => receiver.stop());

  function post(url: string, { allow = '127.0.0.1', signal = new AbortController().signal, timing = PATIENCE } = {}) {
    const { settings } = readSettings({ WEBHOOK_ALLOW_PRIVATE: allow });
    return new WebhookSender(new TargetGuard(settings), timing).post(
      { url: new URL(url), headers: { 'webhook-id': 'a' }, body: '{}' },
      signal,
    );
  }

  async function answerOf(path: string, respond: Respond, timing = PATIENCE) {
    receiver.answer(path, respond);
    return post(receiver.url(path), { timing });
  }

  it('hears the answer', async () => {
    const answer = await answerOf(
      '/ok',
      (response) => void response.writeHead(503, { 'retry-after': '7' }).end('so ⚡ far'),
    );
    expect(answer).toEqual({ kind: 'answered', statusCode: 503, retryAfter: '7', response: 'so ⚡ far' });
    expect(receiver.at('/ok')).toMatchObject([
      { method: 'POST', body: '{}', headers: { 'webhook-id': 'a', 'content-length': '2' } },
    ]);
  });

  it('takes no more than a kilobyte of a huge answer, and hangs up', async () => {
    let closed: Promise<unknown> | undefined;
    const answer = await answerOf('/huge', (response) => {
      closed = once(response, 'close');
      response.writeHead(200);
      const more = (): void => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
      };
      response.on('drain', more);
      more();
    });
    expect(answer).toMatchObject({ kind: 'answered', statusCode: 200, response: 'x'.repeat(1_024) });
    await closed;
  });

  it('does not wait for the end of an answer that drips', async () => {
    const answer = await answerOf('/drip', (response) => void response.writeHead(200).write('a'), {
      ...PATIENCE,
      body: 1_000,
    });
    expect(answer).toMatchObject({ kind: 'answered', statusCode: 200, response: 'a' });
  });

  it('gives up on an answer that does not come', async () => {
    const answer = await answerOf('/slow', () => undefined, { ...PATIENCE, whole: 600 });
    expect(answer).toEqual({ kind: 'unanswered', errorCode: 'timeout' });
  });

  it('stops when it is told to', async () => {
    receiver.answer('/stopped', () => undefined);
    const stop = new AbortController();
    const posted = post(receiver.url('/stopped'), {
      signal: stop.signal,
    });
    await receiver.arrived('/stopped');
    stop.abort();
    expect(await posted).toEqual({ kind: 'unanswered', errorCode: 'aborted' });
    expect(await post(receiver.url('/stopped'), { signal: stop.signal })).toEqual({
      kind: 'unanswered',
      errorCode: 'aborted',
    });
    expect(receiver.at('/stopped')).toHaveLength(1);
  });

  it('follows no redirect', async () => {
    for (const location of [receiver.url('/private'), 'http://169.254.169.254/latest/meta-data/']) {
      const answer = await answerOf('/moved', (response) => void response.writeHead(307, { location }).end());
      expect(answer).toMatchObject({ kind: 'answered', statusCode: 307 });
    }
    expect(receiver.at('/private')).toEqual([]);
  });

  it.each([
    ['127.0.0.1'],
    ['2130706433'],
    ['0x7f.1'],
    ['0177.0.0.1'],
    ['[::ffff:127.0.0.1]'],
    ['[::ffff:7f00:1]'],
    // A name of the system that leads here: what counts is where a name leads.
    ['localhost'],
    ['LOCALHOST'],
  ])('does not go to a private address by the name of %s', async (host) => {
    expect(await post(receiver.url('/inside', host), { allow: '192.168.7.0/24' })).toEqual({
      kind: 'unanswered',
      errorCode: 'private_address',
    });
    expect(receiver.at('/inside')).toEqual([]);
  });

  it('connects to the address that was judged, whatever the name says a moment later', async () => {
    class Rebound extends TargetGuard {
      override resolve = async () => [{ address: '127.0.0.1', family: 4 }];
    }
    const sender = new WebhookSender(new Rebound(readSettings({}).settings), PATIENCE);
    const request = { url: new URL(receiver.url('/judged', 'nowhere.invalid')), headers: {}, body: '{}' };
    expect(await sender.post(request, new AbortController().signal)).toMatchObject({
      kind: 'answered',
      statusCode: 204,
    });
    expect(receiver.at('/judged')[0]!.headers.host).toBe(`nowhere.invalid:${receiver.port}`);
  });

  it('goes to a private address that is allowed, by network or by name', async () => {
    for (const [host, allow] of [
      ['127.0.0.1', '127.0.0.0/8'],
      ['localhost', '127.0.0.1'],
      ['localhost', 'localhost'],
    ] as const) {
      expect([host, allow, await post(receiver.url('/allowed', host), { allow })]).toMatchObject([
        host,
        allow,
        { kind: 'answered', statusCode: 204 },
      ]);
    }
  });

  it('says in a word why it got no answer', async () => {
    const closing: Server = createServer((socket) => socket.destroy());
    const babbling: Server = createServer((socket) => socket.end('220 smtp.example.com ESMTP\r\n'));
    const switching: Server = createServer((socket) =>
      socket.end('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'),
    );
    const servers = [closing, babbling, switching];
    for (const server of servers) {
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      expect(await post(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)).toEqual({
        kind: 'unanswered',
        errorCode: 'connection',
      });
    }
    const { port } = closing.address() as AddressInfo;
    for (const server of servers) server.close();
    expect(await post(`http://127.0.0.1:${port}/`)).toEqual({ kind: 'unanswered', errorCode: 'connection_refused' });
    expect(await post('http://nowhere.invalid/')).toEqual({
      kind: 'unanswered',
      errorCode: 'dns',
    });
  });

  it('does not trust a certificate that nobody vouches for', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'otpost-webhook-'));
    let asked = 0;
    let server: TlsServer | undefined;
    try {
      const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
      const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
      await promisify(execFile)('openssl', [
        'req',
        '-x509',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-keyout',
        key,
        '-out',
        cert,
        '-days',
        '1',
        ...subject,
      ]);
      server = createTlsServer({ key: await readFile(key), cert: await readFile(cert) }, (_, response) => {
        asked++;
        response.end();
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      expect(await post(`https://127.0.0.1:${(server.address() as AddressInfo).port}/`)).toEqual({
        kind: 'unanswered',
        errorCode: 'tls',
      });
      expect(asked).toBe(0);
    } finally {
      server?.close();
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('gives up on a host that agrees on no connection', async () => {
    // It accepts and never speaks TLS.
    const silent = createServer(() => undefined);
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const timing = { ...PATIENCE, connect: 300 };
    expect(await post(`https://127.0.0.1:${(silent.address() as AddressInfo).port}/`, { timing })).toEqual({
      kind: 'unanswered',
      errorCode: 'connect_timeout',
    });
    silent.close();
  });
});
