import { connect } from 'node:net';
import { createApiKey } from '../../support/api-key.js';
import { type Otpost, startOtpost } from '../../support/otpost.js';
import { signIn } from '../../support/staff.js';
import { note } from '../../support/test-logs.js';

const DEEP = `${'['.repeat(5_000)}${']'.repeat(5_000)}`;
/** JSON that no field of ours wants. Text, so that it can be what JSON.stringify would not write. */
const HOSTILE = [
  'null', 'true', '0', '-1', '1e308', '9007199254740993', '""', '"\\u0000"', '"a\\u0000b@example.com"', '"\\ud800"', '"\\udc00\\ud800"', '"\\r\\nBcc: eve@example.com"',
  '[]', '[null]', '["a","b"]', '{}', '{"length":3}', '{"toString":"x"}', '{"constructor":null}', DEEP, JSON.stringify('x'.repeat(20_000)), JSON.stringify("' OR 1=1 --"),
  JSON.stringify('{{ constructor }}'), JSON.stringify('../../etc/passwd'), JSON.stringify('\u202e\u0007'), '"1970-01-01T00:00:00Z"', '"999999-99-99T99:99:99Z"', '"000000"',
];
/** For paths and queries, encoded. */
const SEGMENTS = ['%00', '%0d%0a', '%ed%a0%80', '%ff', '%25', '%2e%2e%2f%2e%2e', "'", 'x'.repeat(1_500), '٣', '%F0%9F%98%80', '-1', '[object%20Object]', '00000000-0000-0000-0000-000000000000', 'A'.repeat(22)];
const BODIES: [type: string, body: string][] = [
  ['application/json', ''], ['application/json', '{'], ['application/json', '\u0000'], ['application/json', 'null'], ['application/json', '[]'], ['application/json', '"x"'], ['application/json', DEEP],
  ['application/json', `{${Array.from({ length: 9_400 }, (_, n) => `"${n}":0`).join(',')}}`], ['application/json; charset=utf-16', '{}'], ['application/json', '{"__proto__":{"a":1}}'],
  ['text/plain', 'x'], ['application/xml', '<x/>'], ['multipart/form-data; boundary=x', '--x\r\n\r\n--x--'], ['application/x-www-form-urlencoded', 'a[b][c]=1&a=2&__proto__[x]=1'],
  ['application/x-www-form-urlencoded', Array.from({ length: 5_000 }, (_, n) => `f${n}=1`).join('&')], ['', '{}'], ['*/*', '{}'], ['application/json\u0000', '{}'], ['application/octet-stream', '\u0000\u00ff'],
];
/** Those that change nothing that the run stands on: it signs nobody out, and deletes nobody. */
const LEFT_OUT = ['DELETE /v1/me', 'DELETE /v1/sessions', 'DELETE /v1/sessions/current', 'GET /v1/otp/{id}/delivery/events'];

/**
 * Every operation of the OpenAPI document and every page, with what no client sends: nothing answers as if it were broken,
 * and every refusal is a problem, or a page for people.
 */
describe('a hostile client', () => {
  let otpost: Otpost;
  let document: OpenApi;
  let bearers: (string | undefined)[];
  const broken: string[] = [];
  const tally = { sent: 0, refused: 0, taken: 0 };

  beforeAll(async () => {
    otpost = await startOtpost({ APP_URL: 'http://localhost:3000', HOOK_SECRETS: 'postmark:otpost:a-password-of-postmark,brevo:a-bearer-token-of-brevo' });
    document = (await otpost.api.get<OpenApi>('/docs/json')).body;
    const { accessToken } = await signIn(otpost, 'admin@example.com', 'admin');
    await signIn(otpost, 'second@example.com', 'admin'); // so that the first one is not the last
    const key = await createApiKey(otpost.database.url, ['emails:send', 'emails:read', 'verifications', 'admin']);
    bearers = [accessToken, key, undefined];
  });
  afterEach(() => {
    expect(broken.splice(0, 20)).toEqual([]);
  });
  afterAll(async () => {
    console.log(`hostile run: ${tally.sent} requests, ${tally.refused} refused, ${tally.taken} taken, none broken`);
    await otpost.stop();
  });

  /** Notes what was sent where the answer is none that the API or a page may give. */
  async function send(method: string, path: string, { body, type = 'application/json', bearer, more = {} }: { body?: string; type?: string; bearer?: string | undefined; more?: Record<string, string> } = {}): Promise<number> {
    const headers = new Headers(more);
    // What fetch itself refuses to send is sent by the raw connections below.
    if (body !== undefined && type !== '' && isHeader(type)) headers.set('content-type', type);
    if (bearer !== undefined) headers.set('authorization', `Bearer ${bearer}`);
    const response = await fetch(otpost.api.url + path, { method, headers, redirect: 'manual', ...(body === undefined ? {} : { body: new TextEncoder().encode(body) }) });
    const text = await response.text();
    tally.sent++;
    tally[response.status >= 400 ? 'refused' : 'taken']++;
    const kind = response.headers.get('content-type') ?? '';
    const fits = response.status < 400 || /^application\/problem\+json/.test(kind) || (!path.startsWith('/v1/') && /^text\/html/.test(kind));
    if (response.status >= 500 || !fits) broken.push(`${method} ${path.slice(0, 200)} with ${type} ${String(body).slice(0, 200)} was answered ${response.status} ${kind}: ${text.slice(0, 300)}`);
    else if (/^application\/problem/.test(kind)) expect(JSON.parse(text)).toMatchObject({ status: response.status, code: expect.any(String) as string, remedy: expect.any(String) as string });
    keep(text);
    return response.status;
  }

  const operations = (): [method: string, path: string, operation: Operation][] =>
    Object.entries(document.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]): [string, string, Operation] => [method.toUpperCase(), path, operation]));
  const fieldsOf = ({ requestBody }: Operation): string[] => {
    const reference = requestBody?.content['application/json']?.schema.$ref?.split('/').at(-1);
    return Object.keys(document.components.schemas[reference ?? '']?.properties ?? {});
  };
  /** What the document gives as examples, or something of the kind; every field that is there. */
  function exampleOf({ requestBody }: Operation): Record<string, unknown> {
    const reference = requestBody?.content['application/json']?.schema.$ref?.split('/').at(-1);
    const properties = document.components.schemas[reference ?? '']?.properties ?? {};
    return Object.fromEntries(Object.entries(properties).map(([name, { example, enum: allowed, type, format }]) => [name, example ?? allowed?.[0] ?? (format === 'date-time' ? '2030-01-01T00:00:00Z' : type === 'integer' || type === 'number' ? 1 : type === 'array' ? [] : 'x')]));
  }
  const filled = (path: string, segment = '00000000-0000-7000-8000-000000000000'): string => path.replace(/\{\w+\}/g, segment);

  it('gets no broken answer for any field of any operation', async () => {
    for (const [method, path, operation] of operations().filter(([method, path]) => !LEFT_OUT.includes(`${method} ${path}`))) {
      const example = exampleOf(operation);
      const id = path.startsWith('/v1/otp') || path.startsWith('/v1/verifications') ? 'A'.repeat(22) : undefined;
      for (const field of fieldsOf(operation)) {
        for (const value of HOSTILE) {
          const body = JSON.stringify({ ...example, [field]: '@' }).replace('"@"', () => value);
          for (const bearer of bearers.slice(0, 2)) await send(method, filled(path, id), { body, bearer });
        }
      }
    }
    expect(tally.refused).toBeGreaterThan(1_000);
  }, 300_000);

  it('gets none for any path, query, body or type', async () => {
    for (const [method, path, operation] of operations().filter(([method, path]) => !LEFT_OUT.includes(`${method} ${path}`))) {
      if (path.includes('{')) for (const segment of SEGMENTS) for (const bearer of bearers) await send(method, filled(path, segment), { bearer, ...(method === 'GET' || method === 'DELETE' ? {} : { body: '{}' }) });
      for (const { name } of (operation.parameters ?? []).filter((parameter) => parameter.in === 'query')) {
        for (const segment of SEGMENTS) await send(method, `${filled(path)}?${name}=${segment}&${name}=${segment}&${name}[x]=1`, { bearer: bearers[0] });
      }
      if (method === 'GET') continue;
      for (const [type, body] of BODIES) for (const bearer of [bearers[0], undefined]) await send(method, filled(path), { type, body, bearer });
    }
  }, 300_000);

  it('gets a page from every page', async () => {
    const token = 'A'.repeat(22);
    const pages = ['/', '/account', '/account/sign-in', `/account/code/${token}`, `/account/code/${token}/resend`, '/account/sign-out', '/account/sessions/x/end', `/l/${token}`, `/l/${token}/not-me`, `/l/undo/${token}`, `/setup/${token}`, '/unsubscribe', '/inbox', '/inbox/x', '/docs', '/docs/json', '/docs/../../package.json', '/docs/%2e%2e%2fpackage.json', '/health', '/health/mail', '/metrics'];
    const cookies = ['otpost_session=\u00ff', `otpost_asked=${'.'.repeat(500)}`, 'otpost_asked=a.b.c.d.e.f', 'otpost_device=otd_', `otpost_session=${'x'.repeat(4_000)}`, '=;;=', 'otpost_session=%00'];
    for (const page of pages) {
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
        for (const [type, body] of method === 'GET' || method === 'OPTIONS' ? [['', undefined] as const] : BODIES) await send(method, page, { type, ...(body === undefined ? {} : { body }) });
        for (const cookie of cookies) await send(method, page, { more: { cookie: Buffer.from(cookie, 'latin1').toString('latin1') } });
      }
      for (const segment of SEGMENTS) {
        await send('GET', `${page}?token=${segment}&token[a]=${segment}&id=${segment}`);
        await send('GET', `${page}/${segment}`);
        for (const field of ['email', 'code', 'newPassword', 'name', 'password', 'form', 'token']) await send('POST', page, { type: 'application/x-www-form-urlencoded', body: `${field}=${segment}&${field}=x` });
      }
    }
  }, 300_000);

  it.each([
    ['two lengths', 'POST /v1/accounts HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{}{}{}'],
    ['a length and chunks', 'POST /v1/accounts HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /v1/me HTTP/1.1\r\n\r\n'],
    ['a chunk that is none', 'POST /v1/accounts HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'],
    ['no host', 'GET / HTTP/1.1\r\n\r\n'],
    ['a method that is none', 'BREW /account HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['a header with a NUL', 'GET / HTTP/1.1\r\nHost: x\r\nX-Request-Id: a\u0000b\r\n\r\n'],
    ['a type with a NUL', 'POST /v1/accounts HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\u0000\r\nContent-Length: 2\r\n\r\n{}'],
    ['an expectation', 'POST /v1/accounts HTTP/1.1\r\nHost: x\r\nExpect: a-pony\r\nContent-Length: 2\r\n\r\n{}'],
    ['an upgrade', 'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'],
    ['a tunnel', 'CONNECT example.com:25 HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['headers without end', `GET / HTTP/1.1\r\nHost: x\r\n${'X-A: b\r\n'.repeat(4_000)}\r\n`],
    ['no HTTP at all', '\u0016\u0003\u0001\u0002\u0000'],
    ['a line of SMTP', 'EHLO example.com\r\n'],
    ['the path of another host', 'GET http://evil.example/v1/me HTTP/1.1\r\nHost: evil.example\r\n\r\n'],
    ['twenty at once', 'GET /v1/me HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(20)],
  ])('on a raw connection with %s is refused in words of ours, or left without any', async (_, bytes) => {
    const answer = await raw(bytes);
    const statuses = [...answer.matchAll(/HTTP\/1\.1 (\d{3})[^\r]*\r\n([^]*?)\r\n\r\n/g)];
    for (const [, status, headers] of statuses) {
      expect(Number(status)).toBeLessThan(500);
      if (Number(status) >= 400) expect(headers).toMatch(/content-type: application\/problem\+json/i);
    }
  });

  it('who stalls in the middle of a request holds up nobody', async () => {
    const stalled = Array.from({ length: 50 }, (_, n) => {
      const socket = connect(Number(new URL(otpost.api.url).port), '127.0.0.1');
      socket.on('error', () => undefined);
      socket.write(n % 2 === 0 ? 'POST /v1/accounts HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n{"email":' : 'GET / HTTP/1.1\r\nHost: x\r\nX-');
      return socket;
    });
    expect(await send('POST', '/v1/accounts', { body: '{"email":"ada@example.com"}' })).toBe(202);
    for (const socket of stalled) socket.destroy();
  });

  it('leaves a service that is well', async () => {
    expect(await send('GET', '/v1/me', { bearer: bearers[0] })).toBe(200);
    expect(await send('POST', '/v1/accounts', { body: '{"email":"after@example.com"}' })).toBe(202);
    expect((await otpost.api.get<{ status: string }>('/health')).body.status).toBe('ok');
  });

  /** All that comes until the server closes, or is silent. */
  async function raw(bytes: string): Promise<string> {
    const socket = connect(Number(new URL(otpost.api.url).port), '127.0.0.1');
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
    return new Promise((resolve) => {
      socket.on('error', () => undefined).on('close', () => resolve(answer));
      socket.setTimeout(1_000, () => socket.destroy());
      socket.write(Buffer.from(bytes, 'latin1'));
    });
  }
});

/** What answers gave away is looked for in the logs, like everywhere. */
function keep(text: string): void {
  for (const [, token] of text.matchAll(/"(?:accessToken|refreshToken|deviceToken|key|secret)":"([^"]{20,})"/g)) note('token', token!);
}

function isHeader(value: string): boolean {
  return /^[\x20-\x7e]*$/.test(value);
}

interface Operation {
  parameters?: { name: string; in: string }[];
  requestBody?: { content: Record<string, { schema: { $ref?: string } }> };
}

interface OpenApi {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, { properties?: Record<string, { example?: unknown; enum?: unknown[]; type?: string; format?: string }> }> };
}
