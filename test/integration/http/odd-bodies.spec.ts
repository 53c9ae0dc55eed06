import { gzipSync } from 'node:zlib';
import { createApiKey } from '../../support/service/api-key.js';
import type { IssuedBody, ProblemBody } from '../../support/service/api.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';

describe('bodies that nobody sends by accident', () => {
  let otpost: Otpost;
  let key: string;

  beforeAll(async () => {
    otpost = await startOtpost({ ROLE: 'web' });
    key = await createApiKey(otpost.database.url, ['admin']);
  });
  afterAll(() => otpost.stop());

  interface Sent {
    status: number;
    body: ProblemBody & IssuedBody;
  }

  /** Bytes as they are, with the API key where the call wants one. */
  async function send(
    path: string,
    body: string | Uint8Array<ArrayBuffer>,
    headers: Record<string, string> = {},
  ): Promise<Sent> {
    const response = await fetch(otpost.api.url + path, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(/^\/v1\/(emails|verifications)/.test(path) ? { authorization: `Bearer ${key}` } : {}),
        ...headers,
      },
      body,
    });
    return { status: response.status, body: (await response.json()) as Sent['body'] };
  }

  const nested = (open: string, close: string, depth: number): string => open.repeat(depth) + close.repeat(depth);

  it.each([
    ['/v1/accounts', 'name'],
    ['/v1/accounts', 'password'],
    ['/v1/otp', 'purpose'],
    ['/v1/sessions', 'password'],
    ['/v1/sessions/refresh', 'refreshToken'],
    ['/v1/otp/AAAAAAAAAAAAAAAAAAAAAA/verify', 'code'],
    ['/v1/verifications', 'to'],
    ['/v1/emails', 'to'],
    ['/v1/emails', 'data'],
    ['/v1/emails', 'metadata'],
    ['/v1/emails', 'tags'],
    ['/v1/emails', 'attachments'],
  ])('%s with a %s as deep as a body can be is a 4xx', async (path, field) => {
    for (const [open, close, depth] of [
      ['[', ']', 30_000],
      ['{"a":', '}', 9_000],
    ] as const) {
      const value = open === '[' ? nested(open, close, depth) : `${open.repeat(depth)}1${close.repeat(depth)}`;
      const { status, body } = await send(path, `{"${field}":${value}}`);
      expect([status, body.code]).toEqual([422, 'validation_failed']);
    }
  });

  it.each([
    ['/v1/accounts', { email: 'ada@example.com' }, ['email', 'name', 'password', 'locale']],
    ['/v1/otp', { purpose: 'login', email: 'ada@example.com' }, ['email', 'purpose', 'locale']],
    ['/v1/sessions', { email: 'ada@example.com', password: 'x' }, ['email']],
    ['/v1/otp/AAAAAAAAAAAAAAAAAAAAAA/verify', { code: '123456' }, ['code']],
  ])('%s refuses 10,000 characters and a null in every field', async (path, good, fields) => {
    for (const field of fields) {
      for (const value of ['x'.repeat(10_000), 'a\0b', 'ada@example.com\0']) {
        const { status, body } = await send(path, JSON.stringify({ ...good, [field]: value }));
        expect([field, value.slice(0, 20), status, body.code]).toEqual([
          field,
          value.slice(0, 20),
          422,
          'validation_failed',
        ]);
      }
    }
  });

  it('a password of 10,000 characters, or with a null, is wrong like any other, and breaks nothing', async () => {
    for (const password of ['x'.repeat(10_000), 'a\0b']) {
      const { status, body } = await send('/v1/sessions', JSON.stringify({ email: 'ada@example.com', password }));
      expect([401, 422]).toContain(status);
      expect(['invalid_credentials', 'validation_failed']).toContain(body.code);
    }
  });

  it.each([
    ['{"constructor":{"prototype":{"admin":true}},"email":"ada@example.com"}'],
    ['{"email":"ada@example.com","name":{"__proto__":{"length":3}}}'],
  ])('%s pollutes nothing', async (text) => {
    const { status, body } = await send('/v1/accounts', text);
    expect([status, body.code]).toEqual([400, 'malformed_json']);
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
  });

  it('of two members of one name the last counts, for everything', async () => {
    const { status, body } = await send('/v1/accounts', '{"email":"first@example.com","email":"last@example.com"}');
    expect(status).toBe(202);
    const mails = await otpost.database.query<{ to: string }>('SELECT to_address AS to FROM outbound_emails');
    const challenges = await otpost.database.query<{ to: string }>(
      'SELECT destination AS to FROM otp_challenges WHERE id = $1',
      [body.challenge.id],
    );
    expect([mails, challenges]).toEqual([[{ to: 'last@example.com' }], [{ to: 'last@example.com' }]]);
  });

  it.each(['utf-16', 'iso-8859-1', 'utf-7'])(
    'JSON that says it is %s is a 415: JSON is UTF-8 (RFC 8259 §8.1)',
    async (charset) => {
      const bytes = new Uint8Array(
        Buffer.from('{"email":"charset@example.com"}', charset === 'utf-16' ? 'utf16le' : 'latin1'),
      );
      const { status, body } = await send('/v1/accounts', bytes, {
        'content-type': `application/json; charset=${charset}`,
      });
      expect([status, body.code]).toEqual([415, 'unsupported_media_type']);
      expect(
        (
          await send('/v1/accounts', '{"email":"charset@example.com"}', {
            'content-type': 'application/json;charset="UTF-8"',
          })
        ).status,
      ).toBe(202);
    },
  );

  it('bytes that are no UTF-8 get nowhere', async () => {
    const { status, body } = await send(
      '/v1/accounts',
      new Uint8Array(Buffer.from('{"email":"ad\xe9@example.com"}', 'latin1')),
    );
    expect([status, body.code]).toEqual([422, 'validation_failed']);
  });

  it('a body that is packed is a 415, whatever is in it: nothing is unpacked', async () => {
    for (const path of ['/v1/accounts', '/v1/emails']) {
      for (const text of ['{"email":"gzip@example.com"}', ' '.repeat(5_000_000)]) {
        const { status, body } = await send(path, new Uint8Array(gzipSync(text)), { 'content-encoding': 'gzip' });
        expect([status, body.code]).toEqual([415, 'unsupported_media_type']);
      }
    }
    expect(
      (await send('/v1/accounts', '{"email":"plain@example.com"}', { 'content-encoding': 'identity' })).status,
    ).toBe(202);
  });

  it('a body that is longer than it says, or never ends, is refused as soon as it is too long', async () => {
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new TextEncoder().encode(' '.repeat(16_384))),
    });
    const answer = await fetch(`${otpost.api.url}/v1/accounts`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: endless,
      duplex: 'half',
    }).then(
      ({ status }) => status,
      () => 'cut off',
    );
    expect([413, 'cut off']).toContain(answer);
    expect((await otpost.api.get('/health/live')).status).toBe(200);
  });
});
