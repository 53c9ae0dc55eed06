import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';

const STRICT = {
  'content-security-policy': "default-src 'none';base-uri 'none';form-action 'none';frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'x-frame-options': 'DENY',
};

describe('the headers of answers', () => {
  let otpost: Otpost;

  beforeAll(async () => {
    otpost = await startOtpost({ ROLE: 'web' });
  });
  afterAll(() => otpost.stop());

  async function headersOf(
    method: string,
    path: string,
    headers: Record<string, string> = {},
  ): Promise<Record<string, string>> {
    const answer = await otpost.api.send(method, path, headers);
    return Object.fromEntries(answer.headers);
  }

  it.each([
    ['GET', '/v1/me'],
    ['POST', '/v1/accounts'],
    ['GET', '/v1/otp/AAAAAAAAAAAAAAAAAAAAAA/delivery'],
    ['GET', '/v1/nothing-here'],
    ['GET', '/nothing-here'],
    ['GET', '/health'],
    ['GET', '/metrics'],
    ['GET', '/docs/json'],
    ['GET', '/.well-known/jwks.json'],
  ])('%s %s is strict, whatever it answers', async (method, path) => {
    const { 'content-security-policy': policy, ...rest } = STRICT;
    const headers = await headersOf(method, path);
    expect(headers).toMatchObject(rest);
    expect(headers['permissions-policy']).toContain('camera=()');
    expect(headers['x-powered-by']).toBeUndefined();
    if (path.startsWith('/docs')) expect(headers['content-security-policy']).toContain("default-src 'none'");
    else expect(headers['content-security-policy']).toBe(policy);
  });

  it('no answer of the API is kept by anybody, and the public keys are for five minutes', async () => {
    for (const path of ['/v1/me', '/%761/me', '/v1/nothing-here', '/%761/nothing-here', '/v1'])
      expect(await headersOf('GET', path)).toMatchObject({ 'cache-control': 'no-store' });
    expect(await headersOf('GET', '/.well-known/jwks.json')).toMatchObject({ 'cache-control': 'public, max-age=300' });
  });

  it.each([
    ['/', "style-src 'sha256-"],
    ['/inbox', "script-src 'self'"],
    ['/unsubscribe?t=x', "form-action 'self'"],
    ['/docs', "style-src 'sha256-"],
  ])('the page %s has a policy of its own, which lets no other site frame it', async (path, part) => {
    const policy = (await headersOf('GET', path))['content-security-policy']!;
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain(part);
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain("script-src 'unsafe-inline'");
    expect(policy).not.toMatch(/https?:/);
  });

  it('what is refused before it is a request is strict as well', async () => {
    const bad = await headersOf('GET', '/v1/%zz');
    expect(bad).toMatchObject({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' });
    const { hostname, port } = new URL(otpost.api.url);
    const socket = connect(Number(port), hostname);
    socket.write('NOT HTTP\r\n\r\n');
    expect(await text(socket)).toMatch(
      /^HTTP\/1\.1 400 [\s\S]*content-security-policy: default-src 'none'[\s\S]*x-content-type-options: nosniff/,
    );
  });

  it('tells browsers to insist on https where the address is https, and there only', async () => {
    expect((await headersOf('GET', '/'))['strict-transport-security']).toBeUndefined();
    const secure = await startOtpost({ ROLE: 'web', APP_URL: 'https://accounts.example.com' });
    try {
      for (const path of ['/', '/v1/me', '/.well-known/jwks.json']) {
        expect((await secure.api.get(path)).headers.get('strict-transport-security')).toBe('max-age=31536000');
      }
    } finally {
      await secure.stop();
    }
  });
});
