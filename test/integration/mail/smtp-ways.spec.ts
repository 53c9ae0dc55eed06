import { createHash, generateKeyPairSync, verify } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttpServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { TIMEOUTS } from '../../../src/mail/transport/timeouts.js';
import { freePort } from '../../support/network/free-port.js';
import { createApiKey } from '../../support/service/api-key.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';
import { putBackAfterwards } from '../../support/signals/put-back.js';
import { eventually } from '../../support/signals/wait.js';
import { wakeOnceDue } from '../../support/signals/wake.js';
import { HANG, MisbehavingSmtp } from '../../support/smtp/misbehaving-smtp.js';
import { codeIn, SmtpSink } from '../../support/smtp/smtp-sink.js';

putBackAfterwards(TIMEOUTS);
beforeAll(() => void Object.assign(TIMEOUTS, { nextPortMs: 600, statesMs: 0, loginAgainMs: 0 }));

/** What the case before taught of the transport, and the mail that waits for it. */
async function forgetTroubles({ database }: Otpost): Promise<void> {
  await database.query('DELETE FROM outbound_emails');
  await database.query(
    'UPDATE transport_states SET paused_at = NULL, pause_reason = NULL, failures = 0, backoff_until = NULL, trial_until = NULL',
  );
}

/** Waits until an attempt has put the mail off. */
async function putOff({ database }: Otpost, to: string): Promise<{ attempts: number; reply: string | null }> {
  return eventually(async () => {
    const [row] = await database.query<{ status: string; attempts: number; reply: string | null }>(
      'SELECT status, attempts, last_reply AS reply FROM outbound_emails WHERE to_address = $1',
      [to],
    );
    return row?.status === 'deferred' && row;
  }, `the mail to ${to} to be put off`);
}

describe('SMTP without a port', () => {
  let first: MisbehavingSmtp;
  let sink: SmtpSink;
  let otpost: Otpost;

  beforeAll(async () => {
    [first, sink] = [await MisbehavingSmtp.start(), await SmtpSink.start()];
    otpost = await startOtpost({
      MAIL_TRANSPORTS: 'smtp://127.0.0.1',
      SMTP_PORTS: [first.port, await freePort(), sink.port].join(','),
    });
  });
  afterAll(async () => {
    await otpost.stop();
    await Promise.all([first.stop(), sink.stop()]);
  });

  it('stops at the port where a server turns it away', async () => {
    await first.startAnew({ greeting: '554 5.7.1 not you' });
    await otpost.api.register('bob@example.com');
    expect((await putOff(otpost, 'bob@example.com')).reply).toMatch(/^554/);
    expect(sink.received).toEqual([]);
    await forgetTroubles(otpost);
  });

  it('goes on to the next port where one is silent or closed, and remembers the one that works', async () => {
    await first.startAnew({ greeting: HANG });
    const { api, database } = otpost;
    const sent = (to: string) =>
      eventually(async () => {
        const events = await database.query<{ status: string; error_code: string | null }>(
          'SELECT e.status, e.error_code FROM email_events e JOIN outbound_emails m ON m.id = e.email_id WHERE to_address = $1 ORDER BY e.id',
          [to],
        );
        return (
          events.at(-1)?.status === 'sent' &&
          events.map(({ status, error_code: code }) => (code === null ? status : `${status}: ${code}`))
        );
      }, `the mail to ${to} to be sent`);
    await api.register('ada@example.com');
    expect(await sent('ada@example.com')).toEqual(['queued', 'sending', 'sent']);
    expect(first.connections).toBe(1);
    sink.hangUp(); // so that the next message needs a connection of its own
    await api.register('grace@example.com');
    expect(await sent('grace@example.com')).toEqual(['queued', 'sending', 'sent']);
    expect(first.connections).toBe(1);
    const transports = await database.query('SELECT DISTINCT transport FROM outbound_emails');
    expect(transports).toEqual([{ transport: '127.0.0.1' }]);
  });
});

describe('SMTP with OAuth2', () => {
  let asked: URLSearchParams[] = [];
  let answer: { status: number; body: object };
  let accepted = 'fresh';
  let tokens: Server;
  let sink: SmtpSink;
  let otpost: Otpost;

  beforeAll(async () => {
    tokens = createHttpServer((request, response) => {
      let text = '';
      request.on('data', (chunk: Buffer) => (text += chunk.toString()));
      request.on('end', () => {
        asked.push(new URLSearchParams(text));
        response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body));
      });
    }).listen(0, '127.0.0.1');
    await once(tokens, 'listening');
    sink = await SmtpSink.start({
      authOptional: false,
      allowInsecureAuth: true,
      authMethods: ['XOAUTH2'],
      onAuth: ({ username, accessToken }, _session, done) =>
        // As Google and Microsoft do: 334 with the reason, and 535 after the client's empty line.
        done(null, accessToken === accepted ? { user: username } : { data: { status: '400', schemes: 'Bearer' } }),
    });
    const { port } = tokens.address() as AddressInfo;
    const oauth = new URLSearchParams({
      oauth_client_id: 'id',
      oauth_client_secret: 'secret',
      oauth_refresh_token: '1//token',
      oauth_token_url: `http://127.0.0.1:${port}/token`,
    });
    otpost = await startOtpost({
      MAIL_TRANSPORTS: `smtp://me%40example.com@127.0.0.1:${sink.port}?${oauth.toString()}`,
    });
  });
  afterAll(async () => {
    await otpost.stop();
    await sink.stop();
    tokens.close();
    await once(tokens, 'close');
  });

  it('pauses as a configuration fault when the refresh token is refused, and keeps the mail', async () => {
    answer = { status: 400, body: { error: 'invalid_grant', error_description: 'Token has been revoked' } };
    await otpost.api.register('bob@example.com');
    expect((await putOff(otpost, 'bob@example.com')).attempts).toBe(0);
    const states = await otpost.database.query('SELECT pause_reason FROM transport_states WHERE paused_at IS NOT NULL');
    expect(states).toEqual([{ pause_reason: 'smtp_auth' }]);
    await forgetTroubles(otpost);
  });

  it('only waits while the address for tokens does not answer; exchanges the refresh token once, and sends with what it gets', async () => {
    answer = { status: 503, body: {} };
    await otpost.api.register('ada@example.com');
    await putOff(otpost, 'ada@example.com');
    expect(await otpost.database.query('SELECT FROM transport_states WHERE paused_at IS NOT NULL')).toEqual([]);
    answer = { status: 200, body: { access_token: 'fresh', expires_in: 3600, token_type: 'Bearer' } };
    asked = [];
    await wakeOnceDue(otpost, await createApiKey(otpost.database.url), 'ada@example.com');
    await sink.waitForMailTo('ada@example.com');
    sink.hangUp();
    await otpost.api.register('grace@example.com');
    await sink.waitForMailTo('grace@example.com');
    expect(asked.map((form) => Object.fromEntries(form))).toEqual([
      { client_id: 'id', client_secret: 'secret', refresh_token: '1//token', grant_type: 'refresh_token' },
    ]);
  });

  it('only waits while the address is away, too, when a token that it gave before is refused', async () => {
    answer = { status: 503, body: {} };
    accepted = 'fresher';
    asked = [];
    sink.hangUp();
    await otpost.api.register('linus@example.com');
    expect((await putOff(otpost, 'linus@example.com')).attempts).toBe(0);
    expect(asked).toHaveLength(1); // in the login
    expect(await otpost.database.query('SELECT FROM transport_states WHERE paused_at IS NOT NULL')).toEqual([]);
    answer = { status: 200, body: { access_token: 'fresher', expires_in: 3600, token_type: 'Bearer' } };
    await wakeOnceDue(otpost, await createApiKey(otpost.database.url), 'linus@example.com');
    await sink.waitForMailTo('linus@example.com');
  });
});

describe('a message with a DKIM key', () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

  it('is signed, the unsubscribe headers too', async () => {
    const raw: Buffer[] = []; // the bytes as the server got them
    const sink = await SmtpSink.start({
      onData: (stream, _session, done) => {
        stream.on('data', (chunk: Buffer) => raw.push(chunk));
        stream.on('end', () => done(null, 'taken'));
      },
    });
    const otpost = await startOtpost({
      MAIL_TRANSPORTS: sink.url,
      MAIL_FROM: 'Post <post@example.com>',
      DKIM_SELECTOR: 'otpost',
      DKIM_PRIVATE_KEY: Buffer.from(privateKey.export({ type: 'pkcs8', format: 'pem' })).toString('base64'),
    });
    try {
      const headers = { authorization: `Bearer ${await createApiKey(otpost.database.url)}` };
      const mail = { to: 'ada@example.com', subject: 'Hällo', html: '<p>Grüße</p>\n.\n..dots', lane: 'bulk' };
      expect((await otpost.api.post('/v1/emails', mail, headers)).status).toBe(202);
      await eventually(
        async () => (await otpost.database.query(`SELECT FROM outbound_emails WHERE status = 'sent'`)).length > 0,
        'the hand-over',
      );
    } finally {
      await otpost.stop();
      await sink.stop();
    }
    const text = Buffer.concat(raw).toString('utf8');
    const key = publicKey.export({ type: 'spki', format: 'pem' }).toString();
    const tags = verifyDkim(text, key);
    expect(tags).toMatchObject({ d: 'example.com', s: 'otpost', a: 'rsa-sha256' });
    expect(tags['h']!.toLowerCase().split(':')).toEqual(
      expect.arrayContaining(['from', 'to', 'subject', 'message-id', 'list-unsubscribe', 'list-unsubscribe-post']),
    );
    // It would not verify otherwise.
    expect(() => verifyDkim(text.replace('ada@example.com', 'eve@example.com'), key)).toThrow('signature');
  });
});

describe('without one,', () => {
  let sink: SmtpSink;
  let otpost: Otpost;
  let key: string;
  let people = 0;

  beforeAll(async () => {
    sink = await SmtpSink.start();
    otpost = await startOtpost({
      MAIL_TRANSPORTS: sink.url,
      MAIL_FROM: 'Acme <post@example.com>',
      BOUNCE_ADDRESS: 'Bounce@bounces.example.com',
    });
    key = await createApiKey(otpost.database.url);
  });
  afterAll(async () => {
    await otpost.stop();
    await sink.stop();
  });

  const newAddress = (): string => `ada${++people}@example.com`;

  async function send(message: { to: string; [more: string]: unknown }): Promise<string> {
    const { status, body } = await otpost.api.post<{ id: string }>(
      '/v1/emails',
      { subject: 'Hällo', ...message },
      { authorization: `Bearer ${key}` },
    );
    if (status !== 202) throw new Error(JSON.stringify(body));
    return body.id;
  }

  describe('a message', () => {
    it('is not signed, returns to the mailbox of bounces, and says there which one it was', async () => {
      const to = newAddress();
      const id = await send({ to, text: 'Hello' });
      const [received] = await sink.waitForMailTo(to);
      expect(received!.mail.headers.has('message-id')).toBe(true);
      expect(received!.mail.headers.has('dkim-signature')).toBe(false);
      expect(received!.from).toBe(`bounce+${id}@bounces.example.com`);
      expect(received!.mail.from!.value[0]!.address).toBe('post@example.com');
    });

    it('that came as text alone has HTML too, and the other way round', async () => {
      await send({ to: 'text@example.com', text: 'One <two>\n\nthree & four' });
      await send({
        to: 'html@example.com',
        html: '<h1>Hi</h1><p>See <a href="https://example.com/x">this</a></p><img src="https://example.com/p.png">',
      });
      await send({ to: 'picture@example.com', html: '<img src="https://example.com/p.png">' });
      const mailTo = async (address: string) => (await sink.waitForMailTo(address))[0]!.mail;
      expect((await mailTo('text@example.com')).html).toContain('One &lt;two&gt;\n\nthree &amp; four');
      expect((await mailTo('html@example.com')).text).toMatch(/Hi\s+See this \[?https:\/\/example\.com\/x/);
      expect((await mailTo('picture@example.com')).text!.trim()).toBe('Hällo');
    });
  });

  describe('bulk mail', () => {
    const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

    /** How news for somebody end, or other mail. */
    async function ended(to: string, lane = 'bulk'): Promise<string> {
      const id = await send({ to, lane, subject: 'News', text: 'News' });
      return eventually(async () => {
        const [row] = await otpost.database.query<{ status: string }>(
          'SELECT status FROM outbound_emails WHERE id = $1',
          [id],
        );
        return !['queued', 'sending'].includes(row!.status) && row!.status;
      }, 'the message to end');
    }

    async function linkInMailTo(to: string): Promise<string> {
      await ended(to);
      const [received] = await sink.waitForMailTo(to);
      const { headerLines } = received!.mail;
      expect(headerLines.find(({ key }) => key === 'list-unsubscribe-post')!.line).toBe(
        'List-Unsubscribe-Post: List-Unsubscribe=One-Click',
      );
      const line = headerLines.find(({ key }) => key === 'list-unsubscribe')!.line.replace(/\s+/g, '');
      const url = new URL(/<(.*)>/.exec(line)![1]!);
      // Where people see it, too.
      for (const form of [received!.mail.text, received!.mail.html]) expect(form).toContain(url.href);
      return url.pathname + url.search;
    }

    const suppressionsOf = (address: string): Promise<object[]> =>
      otpost.database.query('SELECT scope, reason, source FROM suppressions WHERE address_canonical = $1', [address]);

    it.each([
      ['a form', FORM, 'List-Unsubscribe=One-Click'],
      [
        'multipart',
        { 'content-type': 'multipart/form-data; boundary=x' },
        '--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n',
      ],
    ])(
      'is unsubscribed from by one click, sent as %s: newsletters stop, codes and other mail go on',
      async (_, headers, body) => {
        const to = newAddress();
        const link = await linkInMailTo(to);
        const { status } = await otpost.api.send('POST', link, headers, body);
        expect(status).toBe(200);
        expect(await ended(to)).toBe('suppressed');
        expect(await ended(to, 'default')).toBe('sent');
        await otpost.api.register(to);
        const mails = await sink.waitForMailTo(to, 3);
        expect(codeIn(mails.at(-1)!.mail.text)).toMatch(/^\d{6}$/);
        expect(await suppressionsOf(to)).toEqual([{ scope: 'bulk', reason: 'unsubscribe', source: 'one_click' }]);
      },
    );

    it('is not unsubscribed from by a program that follows its link', async () => {
      const to = newAddress();
      const { status, body } = await otpost.api.get<string>(await linkInMailTo(to));
      expect(status).toBe(200);
      expect(body).toContain('Unsubscribe from Acme?');
      expect(body).toContain('a…@example.com');
      expect(await ended(to)).toBe('sent');
    });

    it('comes again after a mistake, unless somebody else had a reason', async () => {
      const to = newAddress();
      const link = await linkInMailTo(to);
      await otpost.api.send('POST', link, FORM, 'action=unsubscribe');
      expect((await otpost.api.send<string>('POST', link, FORM, 'action=subscribe')).body).toContain(
        'subscribed again',
      );
      expect(await ended(to)).toBe('sent');
      await otpost.database.query(
        `INSERT INTO suppressions (address_canonical, scope, reason, source) VALUES ($1, 'bulk', 'complaint', 'test')`,
        [to],
      );
      await otpost.api.send('POST', link, FORM, 'action=subscribe');
      expect(await ended(to)).toBe('suppressed');
    });

    it('is unsubscribed from by its own link only', async () => {
      const to = newAddress();
      const link = await linkInMailTo(to);
      for (const forged of [
        link.slice(0, -3) + 'AAA',
        '/unsubscribe?t=',
        '/unsubscribe',
        `${link}&t=x`,
        '/unsubscribe?t=00000000.' + 'A'.repeat(80),
      ]) {
        const { status, body } = await otpost.api.send<string>('POST', forged, FORM, 'List-Unsubscribe=One-Click');
        expect({ forged, status }).toEqual({ forged, status: 404 });
        expect(body).toContain('doesn’t work');
      }
      expect(await suppressionsOf(to)).toEqual([]);
    });
  });
});

/** RFC 6376 §6.1, relaxed/relaxed, independent of the code that signs. Returns the tags. */
function verifyDkim(raw: string, publicKey: string): Record<string, string> {
  const end = raw.indexOf('\r\n\r\n');
  const headers = raw.slice(0, end).split(/\r\n(?![ \t])/);
  const relaxed = (header: string) => {
    const colon = header.indexOf(':');
    return `${header.slice(0, colon).trim().toLowerCase()}:${header
      .slice(colon + 1)
      .replace(/\r\n/g, '')
      .replace(/[ \t]+/g, ' ')
      .trim()}`;
  };
  const signature = headers.find((header) => /^dkim-signature:/i.test(header))!;
  const tags = Object.fromEntries(
    signature
      .slice(signature.indexOf(':') + 1)
      .replace(/\s+/g, '')
      .split(';')
      .filter(Boolean)
      .map((tag) => [tag.slice(0, tag.indexOf('=')), tag.slice(tag.indexOf('=') + 1)]),
  ) as Record<string, string>;
  const body = raw
    .slice(end + 4)
    .replace(/[ \t]+(?=\r\n)/g, '')
    .replace(/[ \t]+/g, ' ')
    .replace(/(\r\n)+$/, '');
  const bodyHash = createHash('sha256')
    .update(body === '' ? '' : `${body}\r\n`)
    .digest('base64');
  if (bodyHash !== tags['bh']) throw new Error('the body hash differs');
  const signed = tags['h']!.split(':')
    .map((name) => headers.find((header) => header.toLowerCase().startsWith(`${name.toLowerCase()}:`))!)
    .filter(Boolean)
    .map(relaxed);
  const own = relaxed(signature.replace(/(\bb=)[^;]*/s, '$1'));
  const data = [...signed, own].join('\r\n');
  if (!verify('sha256', Buffer.from(data), publicKey, Buffer.from(tags['b']!, 'base64')))
    throw new Error('the signature does not fit');
  return tags;
}
