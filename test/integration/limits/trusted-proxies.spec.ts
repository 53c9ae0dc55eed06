import { request } from 'node:http';
import { readSettings } from '../../../src/configuration.js';
import { fastifyAdapter } from '../../../src/http/web-server.js';
import { startOtpost } from '../../support/service/otpost.js';
import { eventually } from '../../support/signals/wait.js';
import { SmtpSink } from '../../support/smtp/smtp-sink.js';

/** What Fastify takes for the address of a request that comes from 127.0.0.1. */
async function seen(trusted: string | undefined, forwarded?: string): Promise<string> {
  const { settings } = readSettings({ TRUSTED_PROXIES: trusted });
  const server = fastifyAdapter(settings.http.trustedProxies).getInstance();
  server.get('/ip', (request) => ({ ip: request.ip }));
  const url = await server.listen({ host: '127.0.0.1', port: 0 });
  try {
    const answer = await fetch(`${url}/ip`, {
      headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
    });
    return ((await answer.json()) as { ip: string }).ip;
  } finally {
    await server.close();
  }
}

describe('the address of a request', () => {
  it('is that of the connection where no proxy is trusted, whatever the headers say', async () => {
    expect(await seen(undefined, '203.0.113.9')).toBe('127.0.0.1');
  });

  it('is what a trusted address or network forwards', async () => {
    expect(await seen('127.0.0.0/8', '203.0.113.9')).toBe('203.0.113.9');
    expect(await seen('127.0.0.1', '2001:db8::9')).toBe('2001:db8::9');
  });

  it('is not what others forward', async () => {
    expect(await seen('10.0.0.0/8,127.0.0.2', '203.0.113.9')).toBe('127.0.0.1');
  });

  it('is the last one that no trusted proxy has: what a client writes in front of it counts for nothing', async () => {
    expect(await seen('127.0.0.1', '192.0.2.66, 203.0.113.9')).toBe('203.0.113.9');
    expect(await seen('127.0.0.1,10.0.0.0/8', '192.0.2.66, 203.0.113.9, 10.9.9.9')).toBe('203.0.113.9');
    expect(await seen('127.0.0.1,10.0.0.0/8', '192.0.2.66, 203.0.113.9, ::ffff:10.9.9.9')).toBe('203.0.113.9');
    expect(await seen('127.0.0.1,fd00::/8', '192.0.2.66, 203.0.113.9, fd12::1')).toBe('203.0.113.9');
    expect(await seen('127.0.0.1,10.0.0.0/8', '10.6.6.6, 203.0.113.9')).toBe('203.0.113.9');
  });

  it('is as many steps away as there are proxies', async () => {
    expect(await seen('1', '192.0.2.66, 203.0.113.9')).toBe('203.0.113.9');
    expect(await seen('2', '192.0.2.66, 203.0.113.9, 172.64.0.1')).toBe('203.0.113.9');
    expect(await seen('2', '203.0.113.9')).toBe('203.0.113.9');
  });

  it('is that of the connection where a trusted proxy forwards nothing', async () => {
    expect(await seen('1')).toBe('127.0.0.1');
    expect(await seen('127.0.0.1')).toBe('127.0.0.1');
  });
});

/** fetch does not let one choose the host. */
async function postAs(headers: Record<string, string>, url: string, body: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const call = request(
      url,
      { method: 'POST', headers: { 'content-type': 'application/json', ...headers } },
      (answer) => {
        answer.resume().on('end', () => resolve(answer.statusCode!));
      },
    );
    call.on('error', reject).end(body);
  });
}

describe('the host that a request names', () => {
  it('is in no mail, whether a trusted proxy forwards it or not', async () => {
    const sink = await SmtpSink.start();
    const otpost = await startOtpost({
      MAIL_TRANSPORTS: sink.url,
      TRUSTED_PROXIES: '127.0.0.1',
      APP_URL: 'https://accounts.example.com',
    });
    try {
      const forged = {
        host: 'evil.test',
        'x-forwarded-host': 'evil.test',
        'x-forwarded-for': '203.0.113.9',
        'x-forwarded-proto': 'http',
        forwarded: 'host=evil.test',
      };
      expect(await postAs(forged, `${otpost.api.url}/v1/accounts`, '{"email":"ada@example.com"}')).toBe(202);
      const { mail } = await eventually(() => sink.received[0], 'the mail');
      expect(mail.text).toContain('https://accounts.example.com/');
      expect(`${mail.text} ${String(mail.html)} ${JSON.stringify([...mail.headers])}`).not.toContain('evil.test');
    } finally {
      await otpost.stop();
      await sink.stop();
    }
  });
});
