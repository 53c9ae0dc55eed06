import { createHash, generateKeyPairSync, verify } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttpServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PATIENCE } from '../../../src/mail/transport/patience.js';
import { createApiKey } from '../../support/api-key.js';
import { freePort } from '../../support/free-port.js';
import { HANG, MisbehavingSmtp } from '../../support/misbehaving-smtp.js';
import { type Otpost, startOtpost } from '../../support/otpost.js';
import { codeIn, SmtpSink } from '../../support/smtp-sink.js';
import { eventually } from '../../support/wait.js';

let otpost: Otpost | undefined;
let sink: SmtpSink | undefined;

afterEach(async () => {
  await otpost?.stop();
  await sink?.stop();
  otpost = sink = undefined;
});

describe('SMTP without a port', () => {
  const before = { ...PATIENCE };
  let silent: MisbehavingSmtp | undefined;

  beforeAll(() => void Object.assign(PATIENCE, { nextPortMs: 1_500 }));
  afterAll(() => void Object.assign(PATIENCE, before));
  afterEach(async () => {
    await silent?.stop();
    silent = undefined;
  });

  it('goes on to the next port where one is silent or closed, and remembers the one that works', async () => {
    silent = await MisbehavingSmtp.start({ greeting: HANG });
    sink = await SmtpSink.start();
    const ports = [silent.port, await freePort(), sink.port].join(',');
    otpost = await startOtpost({ MAIL_TRANSPORTS: 'smtp://127.0.0.1', SMTP_PORTS: ports });
    const { api, database } = otpost;
    const sent = (to: string) =>
      eventually(async () => {
        const events = await database.query<{ status: string; error_code: string | null }>(
          'SELECT e.status, e.error_code FROM email_events e JOIN outbound_emails m ON m.id = e.email_id WHERE to_address = $1 ORDER BY e.id',
          [to],
        );
        return events.at(-1)?.status === 'sent' && events.map(({ status, error_code: code }) => (code === null ? status : `${status}: ${code}`));
      }, `the mail to ${to} to be sent`);
    await api.register('ada@example.com');
    expect(await sent('ada@example.com')).toEqual(['queued', 'sending', 'sent']);
    expect(silent.connections).toBe(1);
    sink.hangUp(); // so that the next message needs a connection of its own
    await api.register('grace@example.com');
    expect(await sent('grace@example.com')).toEqual(['queued', 'sending', 'sent']);
    expect(silent.connections).toBe(1);
    const transports = await database.query('SELECT DISTINCT transport FROM outbound_emails');
    expect(transports).toEqual([{ transport: '127.0.0.1' }]);
  });

  it('stops at the port where a server turns it away', async () => {
    silent = await MisbehavingSmtp.start({ greeting: '554 5.7.1 not you' });
    sink = await SmtpSink.start();
    otpost = await startOtpost({ MAIL_TRANSPORTS: 'smtp://127.0.0.1', SMTP_PORTS: `${silent.port},${sink.port}` });
    await otpost.api.register('ada@example.com');
    await eventually(async () => {
      const [row] = await otpost!.database.query<{ last_reply: string | null }>('SELECT last_reply FROM outbound_emails');
      return row?.last_reply?.startsWith('554');
    }, 'the refusal in the record');
    expect(sink.received).toEqual([]);
  });
});

describe('SMTP with OAuth2', () => {
  let tokens: Server | undefined;
  let asked: URLSearchParams[];
  let answer: { status: number; body: object };

  beforeEach(async () => {
    asked = [];
    answer = { status: 200, body: { access_token: 'fresh', expires_in: 3600, token_type: 'Bearer' } };
    tokens = createHttpServer((request, response) => {
      let text = '';
      request.on('data', (chunk: Buffer) => (text += chunk.toString()));
      request.on('end', () => {
        asked.push(new URLSearchParams(text));
        response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body));
      });
    }).listen(0, '127.0.0.1');
    await once(tokens, 'listening');
  });
  afterEach(async () => {
    tokens!.close();
    await once(tokens!, 'close');
  });

  async function start(): Promise<void> {
    sink = await SmtpSink.start({
      authOptional: false,
      allowInsecureAuth: true,
      authMethods: ['XOAUTH2'],
      onAuth: ({ username, accessToken }, _session, done) =>
        accessToken === 'fresh' ? done(null, { user: username }) : done(new Error('Invalid token')),
    });
    const { port } = tokens!.address() as AddressInfo;
    const oauth = new URLSearchParams({
      oauth_client_id: 'id', oauth_client_secret: 'secret', oauth_refresh_token: '1//token', oauth_token_url: `http://127.0.0.1:${port}/token`,
    });
    otpost = await startOtpost({ MAIL_TRANSPORTS: `smtp://me%40example.com@127.0.0.1:${sink.port}?${oauth.toString()}` });
  }

  it('exchanges the refresh token once and sends with what it gets', async () => {
    await start();
    await otpost!.api.register('ada@example.com');
    await sink!.waitForMailTo('ada@example.com');
    sink!.hangUp();
    await otpost!.api.register('grace@example.com');
    await sink!.waitForMailTo('grace@example.com');
    expect(asked.map((form) => Object.fromEntries(form))).toEqual([
      { client_id: 'id', client_secret: 'secret', refresh_token: '1//token', grant_type: 'refresh_token' },
    ]);
  });

  it('pauses as a configuration fault when the refresh token is refused, and keeps the mail', async () => {
    answer = { status: 400, body: { error: 'invalid_grant', error_description: 'Token has been revoked' } };
    await start();
    await otpost!.api.register('ada@example.com');
    const [state] = await eventually(async () => {
      const rows = await otpost!.database.query<{ pause_reason: string }>('SELECT pause_reason FROM transport_states WHERE paused_at IS NOT NULL');
      return rows.length > 0 && rows;
    }, 'the pause');
    expect(state!.pause_reason).toBe('smtp_auth');
    await eventually(async () => {
      const [row] = await otpost!.database.query<{ status: string; attempts: number }>('SELECT status, attempts FROM outbound_emails');
      return row!.status === 'deferred' && row!.attempts === 0;
    }, 'the mail to be kept, its attempt not counted');
  });

  it('only waits while the address for tokens does not answer', async () => {
    answer = { status: 503, body: {} };
    await start();
    await otpost!.api.register('ada@example.com');
    await eventually(() => asked.length > 0, 'the first try');
    answer = { status: 200, body: { access_token: 'fresh', expires_in: 3600 } };
    await sink!.waitForMailTo('ada@example.com');
  });
});

describe('a message', () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

  /** The bytes as the server got them. */
  async function receiveRaw(env: Record<string, string>, send: () => Promise<unknown>): Promise<string> {
    const raw: Buffer[] = [];
    sink = await SmtpSink.start({
      onData: (stream, _session, done) => {
        stream.on('data', (chunk: Buffer) => raw.push(chunk));
        stream.on('end', () => done(null, 'taken'));
      },
    });
    otpost = await startOtpost({ MAIL_TRANSPORTS: sink.url, MAIL_FROM: 'Post <post@example.com>', ...env });
    await send();
    await eventually(async () => (await otpost!.database.query(`SELECT FROM outbound_emails WHERE status = 'sent'`)).length > 0, 'the hand-over');
    return Buffer.concat(raw).toString('utf8');
  }

  async function send(message: object): Promise<void> {
    const key = await createApiKey(otpost!.database.url);
    const { status, body } = await otpost!.api.post('/v1/emails', { to: 'ada@example.com', subject: 'Hällo', ...message }, { authorization: `Bearer ${key}` });
    if (status !== 202) throw new Error(JSON.stringify(body));
  }

  it('is signed with DKIM where there is a key, the unsubscribe headers too', async () => {
    const env = { DKIM_SELECTOR: 'otpost', DKIM_PRIVATE_KEY: Buffer.from(pem).toString('base64') };
    const raw = await receiveRaw(env, () => send({ html: '<p>Grüße</p>\n.\n..dots', lane: 'bulk' }));
    const tags = verifyDkim(raw, publicKey.export({ type: 'spki', format: 'pem' }).toString());
    expect(tags).toMatchObject({ d: 'example.com', s: 'otpost', a: 'rsa-sha256' });
    expect(tags['h']!.toLowerCase().split(':')).toEqual(
      expect.arrayContaining(['from', 'to', 'subject', 'message-id', 'list-unsubscribe', 'list-unsubscribe-post']),
    );
    // It would not verify otherwise.
    expect(() => verifyDkim(raw.replace('ada@example.com', 'eve@example.com'), publicKey.export({ type: 'spki', format: 'pem' }).toString())).toThrow('signature');
  });

  it('is not signed without one', async () => {
    expect(await receiveRaw({}, () => send({ text: 'Hello' }))).not.toMatch(/^dkim-signature/im);
  });

  it('returns to the mailbox of bounces, and says there which one it was', async () => {
    sink = await SmtpSink.start();
    otpost = await startOtpost({ MAIL_TRANSPORTS: sink.url, MAIL_FROM: 'post@example.com', BOUNCE_ADDRESS: 'Bounce@bounces.example.com' });
    await send({ text: 'Hello' });
    const [received] = await sink.waitForMailTo('ada@example.com');
    const [row] = await otpost.database.query<{ id: string }>('SELECT id FROM outbound_emails');
    expect(received!.from).toBe(`bounce+${row!.id}@bounces.example.com`);
    expect(received!.mail.from!.value[0]!.address).toBe('post@example.com');
  });

  it('that came as text alone has HTML too, and the other way round', async () => {
    sink = await SmtpSink.start();
    otpost = await startOtpost({ MAIL_TRANSPORTS: sink.url });
    await send({ to: 'text@example.com', text: 'One <two>\n\nthree & four' });
    await send({ to: 'html@example.com', html: '<h1>Hi</h1><p>See <a href="https://example.com/x">this</a></p><img src="https://example.com/p.png">' });
    await send({ to: 'picture@example.com', html: '<img src="https://example.com/p.png">' });
    const mailTo = async (address: string) => (await sink!.waitForMailTo(address))[0]!.mail;
    expect((await mailTo('text@example.com')).html).toContain('One &lt;two&gt;\n\nthree &amp; four');
    expect((await mailTo('html@example.com')).text).toMatch(/HI\s+See this \[?https:\/\/example\.com\/x/);
    expect((await mailTo('picture@example.com')).text!.trim()).toBe('Hällo');
  });
});

describe('bulk mail', () => {
  beforeEach(async () => {
    sink = await SmtpSink.start();
    otpost = await startOtpost({ MAIL_TRANSPORTS: sink.url, MAIL_FROM: 'Acme <post@example.com>' });
  });

  async function send(lane: string, to = 'ada@example.com'): Promise<string> {
    const key = await createApiKey(otpost!.database.url);
    const { body } = await otpost!.api.post<{ id: string }>('/v1/emails', { to, subject: 'News', text: 'News', lane }, { authorization: `Bearer ${key}` });
    return body.id;
  }

  async function ended(id: string): Promise<string> {
    return eventually(async () => {
      const [row] = await otpost!.database.query<{ status: string }>('SELECT status FROM outbound_emails WHERE id = $1', [id]);
      return !['queued', 'sending'].includes(row!.status) && row!.status;
    }, 'the message to end');
  }

  async function linkInMail(): Promise<string> {
    await ended(await send('bulk'));
    const [{ mail }] = (await sink!.waitForMailTo('ada@example.com')) as [(typeof sink & object)['received'][number]];
    expect(mail.headerLines.find(({ key }) => key === 'list-unsubscribe-post')!.line).toBe('List-Unsubscribe-Post: List-Unsubscribe=One-Click');
    const line = mail.headerLines.find(({ key }) => key === 'list-unsubscribe')!.line.replace(/\s+/g, '');
    const url = new URL(/<(.*)>/.exec(line)![1]!);
    return url.pathname + url.search;
  }

  it.each([
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }, 'List-Unsubscribe=One-Click'],
    ['multipart', { 'content-type': 'multipart/form-data; boundary=x' }, '--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n'],
  ])('is unsubscribed from by one click, sent as %s: newsletters stop, codes and other mail go on', async (_, headers, body) => {
    const link = await linkInMail();
    const { status } = await otpost!.api.send('POST', link, headers, body);
    expect(status).toBe(200);
    expect(await ended(await send('bulk'))).toBe('suppressed');
    expect(await ended(await send('default'))).toBe('sent');
    await otpost!.api.register('ada@example.com');
    const mails = await sink!.waitForMailTo('ada@example.com', 3);
    expect(codeIn(mails.at(-1)!.mail.text)).toMatch(/^\d{6}$/);
    expect(await otpost!.database.query('SELECT scope, reason, source FROM suppressions')).toEqual([
      { scope: 'bulk', reason: 'unsubscribe', source: 'one_click' },
    ]);
  });

  it('is not unsubscribed from by a program that follows its link', async () => {
    const link = await linkInMail();
    const { status, body } = await otpost!.api.get<string>(link);
    expect(status).toBe(200);
    expect(body).toContain('Unsubscribe from Acme?');
    expect(body).toContain('a…@example.com');
    expect(await ended(await send('bulk'))).toBe('sent');
  });

  it('comes again after a mistake, unless somebody else had a reason', async () => {
    const link = await linkInMail();
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    await otpost!.api.send('POST', link, form, 'action=unsubscribe');
    expect((await otpost!.api.send<string>('POST', link, form, 'action=subscribe')).body).toContain('subscribed again');
    expect(await ended(await send('bulk'))).toBe('sent');
    await otpost!.database.query(`INSERT INTO suppressions (address_canonical, scope, reason, source) VALUES ('ada@example.com', 'bulk', 'complaint', 'test')`);
    await otpost!.api.send('POST', link, form, 'action=subscribe');
    expect(await ended(await send('bulk'))).toBe('suppressed');
  });

  it('is unsubscribed from by its own link only', async () => {
    const link = await linkInMail();
    for (const forged of [link.slice(0, -3) + 'AAA', '/unsubscribe?t=', '/unsubscribe', `${link}&t=x`, '/unsubscribe?t=00000000.' + 'A'.repeat(80)]) {
      const { status, body } = await otpost!.api.send<string>('POST', forged, { 'content-type': 'application/x-www-form-urlencoded' }, 'List-Unsubscribe=One-Click');
      expect({ forged, status }).toEqual({ forged, status: 404 });
      expect(body).toContain('does not work');
    }
    expect(await otpost!.database.query('SELECT FROM suppressions')).toEqual([]);
  });
});

/** RFC 6376 §6.1, relaxed/relaxed, independent of the code that signs. Returns the tags. */
function verifyDkim(raw: string, publicKey: string): Record<string, string> {
  const end = raw.indexOf('\r\n\r\n');
  const headers = raw.slice(0, end).split(/\r\n(?![ \t])/);
  const relaxed = (header: string) => {
    const colon = header.indexOf(':');
    return `${header.slice(0, colon).trim().toLowerCase()}:${header.slice(colon + 1).replace(/\r\n/g, '').replace(/[ \t]+/g, ' ').trim()}`;
  };
  const signature = headers.find((header) => /^dkim-signature:/i.test(header))!;
  const tags = Object.fromEntries(
    signature.slice(signature.indexOf(':') + 1).replace(/\s+/g, '').split(';').filter(Boolean).map((tag) => [tag.slice(0, tag.indexOf('=')), tag.slice(tag.indexOf('=') + 1)]),
  ) as Record<string, string>;
  const body = raw.slice(end + 4).replace(/[ \t]+(?=\r\n)/g, '').replace(/[ \t]+/g, ' ').replace(/(\r\n)+$/, '');
  const bodyHash = createHash('sha256').update(body === '' ? '' : `${body}\r\n`).digest('base64');
  if (bodyHash !== tags['bh']) throw new Error('the body hash differs');
  const signed = tags['h']!.split(':').map((name) => headers.find((header) => header.toLowerCase().startsWith(`${name.toLowerCase()}:`))!).filter(Boolean).map(relaxed);
  const own = relaxed(signature.replace(/(\bb=)[^;]*/s, '$1'));
  const data = [...signed, own].join('\r\n');
  if (!verify('sha256', Buffer.from(data), publicKey, Buffer.from(tags['b']!, 'base64'))) throw new Error('the signature does not fit');
  return tags;
}
