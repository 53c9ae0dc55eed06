import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { createApiKey } from '../../support/service/api-key.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';
import { Visitors } from '../../support/service/visitors.js';
import { SmtpSink } from '../../support/smtp/smtp-sink.js';

const EVIL = 'evil.example';
const APP_URL = 'https://accounts.example.com';

/** What proxies, frameworks and people have used to say under which name a service is reached. */
const LIES: Record<string, string> = {
  host: EVIL,
  origin: `https://${EVIL}`,
  referer: `https://${EVIL}/`,
  forwarded: `host=${EVIL};proto=http;for=203.0.113.9`,
  'x-forwarded-host': EVIL,
  'x-forwarded-server': EVIL,
  'x-forwarded-proto': 'http',
  'x-forwarded-port': '8443',
  'x-forwarded-prefix': `//${EVIL}`,
  'x-host': EVIL,
  'x-original-host': EVIL,
  'x-original-url': `//${EVIL}/`,
  'x-rewrite-url': `//${EVIL}/`,
};

interface Raw {
  status: number;
  /** Headers and body. */
  all: string;
  body: string;
}

interface Description {
  paths: Record<string, Record<string, unknown>>;
}

// A proxy that is trusted is believed where a request comes from, and not where it went to.
describe.each([
  ['no proxy is trusted', {}],
  ['the proxy is trusted', { TRUSTED_PROXIES: '127.0.0.1' }],
] as [string, Record<string, string>][])('the name a client calls us by, when %s', (_, env) => {
  let sink: SmtpSink;
  let otpost: Otpost;
  let visitors: Visitors;

  beforeAll(async () => {
    sink = await SmtpSink.start();
    otpost = await startOtpost({ MAIL_TRANSPORTS: sink.url, APP_URL, ...env });
    visitors = new Visitors(otpost, sink);
  });
  afterAll(async () => {
    await otpost.stop();
    await sink.stop();
  });

  /** fetch would not send another Host. */
  async function lie(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Raw> {
    return new Promise((resolve, reject) => {
      const { hostname, port } = new URL(otpost.api.url);
      const content = body === undefined ? {} : { 'content-type': 'application/json' };
      const sent = request(
        { hostname, port, method, path, headers: { ...LIES, ...content, ...headers } },
        (response) => {
          // An endless stream of events has said enough with its headers.
          if (response.headers['content-type']?.startsWith('text/event-stream')) {
            response.destroy();
            resolve({ status: response.statusCode!, all: response.rawHeaders.join('\n'), body: '' });
            return;
          }
          text(response).then(
            (given) =>
              resolve({
                status: response.statusCode!,
                all: `${response.rawHeaders.join('\n')}\n${given}`,
                body: given,
              }),
            reject,
          );
        },
      );
      sent.on('error', reject);
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  it('stands in no answer of any call that is documented, whoever asks', async () => {
    const { body } = await otpost.api.get<Description>('/docs/json');
    const session = await visitors.signUp('caller@example.com');
    const key = await createApiKey(otpost.database.url, ['admin']);
    let calls = 0;
    for (const [path, operations] of Object.entries(body.paths)) {
      for (const method of Object.keys(operations)) {
        const concrete = path.replace(/\{[^}]+\}/g, '01890000-0000-7000-8000-000000000000');
        for (const authorization of ['', `Bearer ${session.accessToken}`, `Bearer ${key}`]) {
          const answer = await lie(
            method.toUpperCase(),
            concrete,
            ['get', 'delete'].includes(method) ? undefined : {},
            authorization ? { authorization } : {},
          );
          expect([method, path, answer.status < 500, answer.all.includes(EVIL)]).toEqual([method, path, true, false]);
          calls++;
        }
      }
    }
    expect(calls).toBeGreaterThan(60);
  });

  it.each([
    ['/'],
    ['/account'],
    ['/account/sign-in'],
    ['/setup'],
    ['/inbox'],
    ['/docs'],
    ['/docs/json'],
    ['/page.js'],
    ['/unsubscribe?t=x'],
    ['/health'],
    ['/l/AAAAAAAAAAAAAAAAAAAAAA'],
    ['/nothing-here'],
    ['//evil.example/'],
    ['/inbox/'],
    ['/docs/'],
  ])('stands in no page and no redirect: %s', async (path) => {
    for (const method of ['GET', 'POST']) {
      const { status, all } = await lie(method, path);
      expect([status < 500, all.replaceAll(path, '').includes(EVIL)]).toEqual([true, false]);
      expect(all).not.toMatch(/^location\n(https?:)?\/\//im);
    }
  });

  it('stands in no mail: every link leads to APP_URL', async () => {
    await visitors.signUp('known@example.com', { password: 'a long enough passphrase' });
    const asked = [
      await lie('POST', '/v1/accounts', { email: 'new@example.com', password: 'a long enough passphrase' }),
      await lie('POST', '/v1/accounts', { email: 'known@example.com' }),
      await lie('POST', '/v1/otp', { purpose: 'login', email: 'known@example.com' }),
      await lie('POST', '/v1/otp', { purpose: 'reset_password', email: 'known@example.com' }),
      await lie('POST', '/v1/otp', { purpose: 'login', email: 'unknown@example.com' }),
      await lie('POST', '/v1/otp', { purpose: 'verify_email', email: 'known@example.com' }),
    ];
    expect(asked.map(({ status }) => status)).toEqual(asked.map(() => 202));
    for (const { body } of asked) {
      const { mail } = await visitors.mailOf(JSON.parse(body) as Parameters<Visitors['mailOf']>[0]);
      const whole = [mail.text, mail.html, ...mail.headerLines.map(({ line }) => line)].join('\n');
      expect(whole).not.toContain(EVIL);
      for (const [link] of whole.matchAll(/https?:\/\/[^\s"'<>]+/g))
        expect(link.startsWith(`${APP_URL}/`) || link.includes('w3.org')).toBe(true);
    }
  });
});
