import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readSettings } from '../../../src/configuration.js';
import type { SmtpSettings } from '../../../src/config/settings.js';
import type { ProbeTimes } from '../../../src/doctor/greeting-watch.js';
import { Names } from '../../../src/doctor/network.js';
import type { Check } from '../../../src/doctor/report.js';
import { type Progress, smtpChecks } from '../../../src/doctor/transport-checks.js';
import { BlackHole } from '../../support/network/black-hole.js';
import { DnsServer } from '../../support/network/dns-server.js';
import { freePort } from '../../support/network/free-port.js';
import { eventually } from '../../support/signals/wait.js';
import { type Certificate, makeCertificate } from '../../support/smtp/certificate.js';
import { CLOSE, HANG, MisbehavingSmtp, type Script } from '../../support/smtp/misbehaving-smtp.js';
import { SmtpSink } from '../../support/smtp/smtp-sink.js';

const PASSWORD = 'hunter22';
const cleanUp: (() => Promise<unknown>)[] = [];

afterAll(async () => {
  for (let end = cleanUp.pop(); end; end = cleanUp.pop()) await end();
});

async function look(
  transport: string,
  options: {
    ports?: number[];
    login?: boolean;
    names?: Names;
    signal?: AbortSignal;
    times?: Partial<ProbeTimes>;
    progress?: Progress;
  } = {},
): Promise<Check[]> {
  const { ports, login = true, names = new Names(), signal = new AbortController().signal } = options;
  const { times = {}, progress } = options;
  const { settings } = readSettings({ MAIL_TRANSPORTS: transport, ...(ports ? { SMTP_PORTS: ports.join(',') } : {}) });
  return smtpChecks(settings.mail.transports[0] as SmtpSettings, {
    names,
    login,
    helo: 'otpost.example.com',
    now: new Date(),
    signal,
    times,
    progress,
  });
}

/** Something that happens when the test says so. */
function signal(): { given: Promise<void>; give: () => void } {
  let give!: () => void;
  return { given: new Promise((resolve) => (give = resolve)), give: () => give() };
}

/** The only configured port. */
async function lookAt(transport: string, options: Parameters<typeof look>[1] = {}): Promise<Check> {
  return (await look(transport, options)).find(({ details }) => details?.['configured'])!;
}

async function misbehaving(...args: Parameters<typeof MisbehavingSmtp.start>): Promise<MisbehavingSmtp> {
  const server = await MisbehavingSmtp.start(...args);
  cleanUp.push(() => server.stop());
  return server;
}

async function sink(options: Parameters<typeof SmtpSink.start>[0] = {}): Promise<SmtpSink> {
  const server = await SmtpSink.start(options);
  cleanUp.push(() => server.stop());
  return server;
}

/** Takes the password, on plain connections too. */
const WITH_LOGIN: Parameters<typeof SmtpSink.start>[0] = {
  authOptional: false,
  allowInsecureAuth: true,
  onAuth: ({ password }, _session, done) =>
    password === PASSWORD ? done(null, { user: 'ada' }) : done(new Error('Invalid login')),
};

describe('the doctor and an SMTP server', () => {
  it('reaches one that works, tells how long each stage took, takes leave and sends nothing', async () => {
    const server = await misbehaving();
    const check = await lookAt(server.url);
    expect(check).toMatchObject({
      area: 'smtp',
      name: `127.0.0.1:${server.port}`,
      status: 'ok',
      summary: 'answers, plain text, no login configured',
    });
    expect(Object.keys(check.details!['stages'] as object)).toEqual(['dns', 'connect', 'greeting', 'ehlo']);
    expect(check.details).toMatchObject({ addresses: ['127.0.0.1'], greeting: '220 misbehaving ESMTP' });
    expect(server.lines.map((line) => line.split(' ')[0])).toEqual(['EHLO', 'QUIT']);
  });

  it('logs in with the password that is configured', async () => {
    const server = await sink(WITH_LOGIN);
    const check = await lookAt(`smtp://ada:${PASSWORD}@127.0.0.1:${server.port}`);
    expect([check.status, check.summary]).toEqual(['ok', 'answers, plain text, login accepted']);
    expect(check.details!['stages']).toHaveProperty('login');
    expect(server.received).toEqual([]);
  });

  it('tells of a password that is refused, in the words of the server and without the password', async () => {
    const plain = Buffer.from(`\0ada\0${PASSWORD}`).toString('base64');
    const server = await misbehaving({ AUTH: `535 5.7.8 no ${PASSWORD} for ada@example.com, not ${plain}` }, [
      'AUTH PLAIN',
    ]);
    const check = await lookAt(`smtp://ada:${PASSWORD}@127.0.0.1:${server.port}`);
    expect([check.status, check.summary]).toEqual([
      'fail',
      'the login is refused: 535 5.7.8 no *** for ***@example.com, not ***',
    ]);
    expect(check.remedy).toContain('Correct the user and the password');
  });

  it('shows no password at a start, and needs none to say that the server answers', async () => {
    const server = await misbehaving({ AUTH: '535 5.7.8 no' }, ['AUTH PLAIN']);
    const check = await lookAt(`smtp://ada:${PASSWORD}@127.0.0.1:${server.port}`, { login: false });
    expect([check.status, server.count('AUTH')]).toEqual(['ok', 0]);
  });

  it('tells of a server that offers no login', async () => {
    const server = await misbehaving();
    const check = await lookAt(`smtp://ada:${PASSWORD}@127.0.0.1:${server.port}`);
    expect([check.status, check.summary]).toEqual(['warn', expect.stringContaining('offers no login')]);
  });

  it.each([
    ['is refused', 'connect', async () => `smtp://127.0.0.1:${await freePort()}`, /is refused: nothing listens there/],
    ['hangs up', 'greeting', async () => (await misbehaving({ greeting: CLOSE })).url, /hangs up before it greets/],
    [
      'turns us away',
      'greeting',
      async () => (await misbehaving({ greeting: '554 5.7.1 not you' })).url,
      /turns this host away: 554 5\.7\.1 not you/,
    ],
    [
      'is a server of another kind',
      'greeting',
      async () => (await misbehaving({ greeting: '* OK [CAPABILITY IMAP4rev1] ready' })).url,
      /is no mail server's: \* OK \[CAPABILITY IMAP4rev1\] ready/,
    ],
    [
      'refuses the second word',
      'ehlo',
      async () => `${(await misbehaving({ EHLO: '421 4.3.2 too busy' })).url}?tls=on`,
      /421 4\.3\.2 too busy/,
    ],
    [
      'has no STARTTLS',
      'starttls',
      async () => `${(await misbehaving({ STARTTLS: '502 5.5.1 what?' })).url}?tls=on`,
      /offers no STARTTLS \(502 5\.5\.1 what\?\)/,
    ],
    ['speaks no TLS', 'tls', async () => `smtps://127.0.0.1:${(await misbehaving()).port}`, /speaks plain SMTP first/],
  ])('tells at which stage one fails that %s', async (_what, stage, transport, says) => {
    const check = await lookAt(await transport());
    expect([check.status, check.summary]).toEqual(['fail', expect.stringMatching(says)]);
    expect(check.details).toMatchObject({ failure: { stage } });
  });

  it('gives up a port that drops everything, and says what that means', async () => {
    const hole = await BlackHole.start();
    cleanUp.push(() => hole.stop());
    const check = await lookAt(`smtp://127.0.0.1:${hole.port}`, { times: { connectMs: 300 } });
    expect([check.status, check.summary]).toEqual([
      'fail',
      expect.stringContaining(
        `${hole.port} hangs: this host probably blocks SMTP; Render's free web services and Railway below Pro do`,
      ),
    ]);
  });

  it('looks at the ports side by side, and leaves one that does not greet when another one works', async () => {
    const dialled = signal();
    const silent = await misbehaving({ greeting: () => (dialled.give(), HANG) });
    const server = await misbehaving({
      greeting: { after: dialled.given, reply: '220 after the other one was dialled' },
    });
    const checks = await look('smtp://127.0.0.1', { ports: [silent.port, server.port], times: { quietMs: 100 } });
    expect(checks.map(({ status, summary, remedy }) => [status, summary, remedy])).toEqual([
      ['warn', expect.stringMatching(/connects, and has not greeted within/), expect.stringMatching(/another port/)],
      ['ok', expect.stringMatching(/^answers/), undefined],
    ]);
  });

  it('waits for a server that greets late as deliveries do, and shows that it waits', async () => {
    const shown = signal();
    const told: string[] = [];
    const late = await misbehaving({ greeting: { after: shown.given, reply: '220 at last' } });
    const check = await lookAt(late.url, {
      times: { quietMs: 50 },
      progress: (what, state) => (told.push(`${state}: ${what}`), shown.give()),
    });
    expect([check.status, check.summary]).toEqual(['ok', 'answers, plain text, no login configured']);
    const what = `the greeting of 127.0.0.1:${late.port}, for up to 5 min`;
    expect(told).toEqual([`begun: ${what}`, `over: ${what}`]);
  });

  it('waits no longer for a greeting than deliveries do', async () => {
    const silent = await misbehaving({ greeting: HANG });
    const check = await lookAt(silent.url, { times: { quietMs: 50, connectMs: 500, greetingMs: 1_000 } });
    expect([check.status, check.summary]).toEqual(['fail', `${silent.port} connects, and does not greet within 1 s`]);
  });

  it.each<[string, Script, RegExp]>([
    ['silent after its greeting', { EHLO: HANG }, /greets, then says nothing more \(ETIMEDOUT\)/],
    ['gone after its greeting', { EHLO: CLOSE }, /greets, then hangs up/],
    ['silent at the login', { AUTH: HANG }, /the login hangs/],
    ['gone at the login', { AUTH: CLOSE }, /^hangs up at the login/],
  ])('says so of a server that is %s', async (_what, script, says) => {
    const server = await misbehaving(script, ['AUTH PLAIN']);
    const check = await lookAt(`smtp://ada:${PASSWORD}@127.0.0.1:${server.port}`, { times: { setupMs: 500 } });
    expect([check.status, check.summary]).toEqual(['fail', expect.stringMatching(says)]);
  });

  it.each([
    ['before', (away: number, works: number) => [away, works], 'fail', /put it first in SMTP_PORTS/],
    ['behind', (away: number, works: number) => [works, away], 'warn', /^Nothing has to be done/],
  ])(
    'knows that deliveries stop at a port that turns them away: %s one that works',
    async (_, order, status, advises) => {
      const away = await misbehaving({ greeting: '554 5.7.1 not you' });
      const works = await misbehaving();
      const checks = await look('smtp://127.0.0.1', { ports: order(away.port, works.port) });
      expect(checks.find(({ details }) => details!['port'] === away.port)).toMatchObject({
        status,
        summary: 'turns this host away: 554 5.7.1 not you',
        remedy: expect.stringMatching(advises) as string,
      });
    },
  );

  it('looks at the other well-known ports where none of those configured works, and shows no password there', async () => {
    const closed = await freePort();
    const checks = await look(`smtp://ada:${PASSWORD}@127.0.0.1:${closed}`);
    expect(checks.map(({ details }) => [details!['port'], details!['configured']])).toEqual([
      [closed, true],
      [587, false],
      [465, false],
      [2525, false],
      [25, false],
    ]);
    expect(checks.slice(1).every(({ status }) => status === 'skip')).toBe(true);
  });

  it('ends at once when it is told to', async () => {
    const silent = await misbehaving({ greeting: HANG });
    const stopping = new AbortController();
    const looking = lookAt(silent.url, { signal: stopping.signal });
    await eventually(() => silent.connections > 0, 'the server to be dialled');
    stopping.abort();
    expect((await looking).summary).toMatch(/EABORTED/);
  });
});

describe('the doctor and the certificate of an SMTP server', () => {
  let certificate: Certificate;
  beforeAll(async () => void (certificate = await makeCertificate()));
  afterAll(() => certificate.remove());

  it.each([
    ['STARTTLS', false, (port: number) => `smtp://ada:${PASSWORD}@127.0.0.1:${port}?tls=on`, 'starttls'],
    ['TLS from the first byte', true, (port: number) => `smtps://ada:${PASSWORD}@127.0.0.1:${port}`, 'tls'],
  ])(
    'refuses one that is signed by itself, with %s, and shows no password',
    async (_what, secure, transport, stage) => {
      const asked: string[] = [];
      const server = await sink({
        ...WITH_LOGIN,
        secure,
        key: certificate.key,
        cert: certificate.cert,
        disabledCommands: [],
        onAuth: (_auth, _session, done) => (asked.push('login'), done(null, { user: 'ada' })),
      });
      const check = await lookAt(transport(server.port));
      expect([check.status, check.summary]).toEqual([
        'fail',
        expect.stringContaining('its certificate is signed by itself (DEPTH_ZERO_SELF_SIGNED_CERT'),
      ]);
      expect(check.details).toMatchObject({ failure: { stage } });
      expect(asked).toEqual([]);
    },
  );

  it('tells a port that wants TLS from the first byte from one that is slow', async () => {
    const server = await sink({ secure: true, key: certificate.key, cert: certificate.cert });
    const check = await lookAt(`smtp://127.0.0.1:${server.port}?tls=on`, { times: { quietMs: 50 } });
    expect([check.status, check.summary, check.remedy]).toEqual([
      'fail',
      `${server.port} wants TLS from the first byte`,
      `Write smtps://…@127.0.0.1:${server.port}.`,
    ]);
  });
});

describe('the doctor and an access token for an SMTP server', () => {
  it.each([
    [
      'a refresh token that is refused',
      { status: 400, body: { error: 'invalid_grant', error_description: 'Token has been revoked' } },
      'the OAuth2 refresh token is refused: invalid_grant',
    ],
    [
      'an address for tokens that is away',
      { status: 503, body: {} },
      'the address that exchanges OAuth2 refresh tokens gave none',
    ],
  ])('tells of %s, and does not blame the server', async (_what, { status, body }, says) => {
    const tokens = createServer((_request, response) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body)),
    ).listen(0, '127.0.0.1');
    await once(tokens, 'listening');
    cleanUp.push(async () => void tokens.close());
    const oauth = new URLSearchParams({
      oauth_client_id: 'id',
      oauth_client_secret: 'hunter23',
      oauth_refresh_token: '1//hunter24',
      oauth_token_url: `http://127.0.0.1:${(tokens.address() as AddressInfo).port}/token`,
    });
    const server = await misbehaving({}, ['AUTH XOAUTH2']);
    const check = await lookAt(`smtp://me%40example.com@127.0.0.1:${server.port}?${oauth.toString()}`);
    expect([check.status, check.summary]).toEqual(['fail', says]);
    expect(check.details).toMatchObject({ failure: { stage: 'token' } });
    expect(JSON.stringify(check)).not.toMatch(/hunter2|me@/);
    expect(server.count('AUTH')).toBe(0);
  });
});

describe('the doctor and the name of an SMTP server', () => {
  async function names(zone: Parameters<typeof DnsServer.start>[0]): Promise<Names> {
    const server = await DnsServer.start(zone);
    cleanUp.push(() => server.stop());
    return new Names([server.address]);
  }

  it('asks the name server that it is told to ask', async () => {
    const server = await sink();
    const check = await lookAt(`smtp://smtp.example.test:${server.port}?tls=off`, {
      names: await names({ 'smtp.example.test': { A: ['127.0.0.1'] } }),
    });
    expect([check.status, check.name]).toEqual(['ok', `smtp.example.test:${server.port}`]);
  });

  it('tries the next address where the first one is no good', async () => {
    const server = await sink();
    const check = await lookAt(`smtp://smtp.example.test:${server.port}?tls=off`, {
      names: await names({ 'smtp.example.test': { A: ['127.0.0.9', '127.0.0.1'] } }),
    });
    expect(check.status).toBe('ok');
  });

  it.concurrent.each([
    ['does not exist', {}, /there is no host smtp\.example\.test in DNS/],
    [
      'is not told',
      { 'smtp.example.test': 'refuse' as const },
      /no name server tells the address of smtp\.example\.test \(ESERVFAIL\)/,
    ],
    [
      'is waited for in vain',
      { 'smtp.example.test': 'silent' as const },
      /no name server tells the address of smtp\.example\.test \(ETIMEOUT\)/,
    ],
  ])('tells of a name that %s', async (_what, zone, says) => {
    const check = await lookAt('smtp://smtp.example.test:587', { names: await names(zone) });
    expect([check.status, check.summary]).toEqual(['fail', expect.stringMatching(says)]);
    expect(check.details).toMatchObject({ failure: { stage: 'dns' } });
  });
});
