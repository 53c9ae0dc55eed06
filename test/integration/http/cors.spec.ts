import { readSettings } from '../../../src/configuration.js';
import { createApiKey } from '../../support/service/api-key.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';

const LISTED = 'https://app.example.com';

describe('calls from pages of other origins', () => {
  let otpost: Otpost;

  beforeAll(async () => {
    otpost = await startOtpost({ ROLE: 'web', CORS_ORIGINS: `${LISTED}/, http://localhost:5173` });
  });
  afterAll(() => otpost.stop());

  async function preflight(
    path: string,
    origin: string,
    on = otpost,
  ): Promise<{ status: number; headers: Record<string, string> }> {
    const answer = await on.api.send('OPTIONS', path, {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type,idempotency-key,otpost-device',
    });
    return { status: answer.status, headers: Object.fromEntries(answer.headers) };
  }

  it.each([[LISTED], ['http://localhost:5173']])(
    'a page of %s may call, with a token and the headers of the API',
    async (origin) => {
      const { status, headers } = await preflight('/v1/accounts', origin);
      expect([status, headers['access-control-allow-origin']]).toEqual([204, origin]);
      const allowed = headers['access-control-allow-headers']!.toLowerCase();
      for (const name of ['authorization', 'content-type', 'idempotency-key', 'otpost-device'])
        expect(allowed).toContain(name);
      for (const method of ['GET', 'POST', 'PATCH', 'DELETE'])
        expect(headers['access-control-allow-methods']).toContain(method);
      expect(headers).toMatchObject({
        'access-control-max-age': '600',
        vary: expect.stringContaining('Origin') as string,
      });
      expect(headers['access-control-allow-credentials']).toBeUndefined();
    },
  );

  it('reads the answer, the headers that tell it to wait, and the refusals as well', async () => {
    for (const [path, status] of [
      ['/v1/accounts', 202],
      ['/v1/sessions/refresh', 422],
    ] as const) {
      const answer = await otpost.api.post(path, { email: 'ada@example.com' }, { origin: LISTED });
      expect([path, answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([path, status, LISTED]);
      const exposed = answer.headers.get('access-control-expose-headers');
      for (const name of ['Retry-After', 'RateLimit', 'RateLimit-Policy', 'X-Request-Id'])
        expect(exposed).toContain(name);
      expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
    }
    const unauthorized = await otpost.api.send('GET', '/v1/me', { origin: LISTED });
    expect([unauthorized.status, unauthorized.headers.get('access-control-allow-origin')]).toEqual([401, LISTED]);
  });

  it.each([
    ['https://app.example.com.evil.example'],
    ['https://evil.example'],
    ['http://app.example.com'],
    ['https://app.example.com:8443'],
    ['https://sub.app.example.com'],
    ['null'],
    ['*'],
  ])('a page of %s may not', async (origin) => {
    const refused = await preflight('/v1/accounts', origin);
    expect(refused.status).toBe(404);
    expect(refused.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(Object.keys(refused.headers).filter((name) => name.startsWith('access-control-'))).toEqual([]);
    const answer = await otpost.api.send('GET', '/v1/me', { origin });
    expect(answer.headers.get('access-control-allow-origin')).toBeNull();
    expect(answer.headers.get('vary')).toContain('Origin');
  });

  it('a listed page reads nothing but the API: no inbox, no documentation, no metrics', async () => {
    for (const path of ['/inbox', '/inbox/messages', '/docs/json', '/metrics', '/health', '/unsubscribe']) {
      expect([path, (await preflight(path, LISTED)).status]).toEqual([path, 404]);
      const answer = await otpost.api.send('GET', path, { origin: LISTED });
      expect([path, answer.headers.get('access-control-allow-origin')]).toEqual([path, null]);
    }
  });

  it('the public keys are for every page', async () => {
    const answer = await otpost.api.send('GET', '/.well-known/jwks.json', { origin: 'https://anybody.example' });
    expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([200, '*']);
    expect(answer.headers.get('cache-control')).toBe('public, max-age=300');
  });

  it('an OPTIONS that is no preflight is a 404 like any other call that is not there', async () => {
    expect((await otpost.api.send('OPTIONS', '/v1/accounts', { origin: LISTED })).status).toBe(404);
    expect((await otpost.api.send('OPTIONS', '/v1/accounts', {})).status).toBe(404);
  });

  it('without CORS_ORIGINS no page may call at all, and back ends may as ever', async () => {
    const closed = await startOtpost({ ROLE: 'web' });
    try {
      expect((await preflight('/v1/accounts', LISTED, closed)).status).toBe(404);
      const key = await createApiKey(closed.database.url, ['emails:read']);
      const answer = await closed.api.send('GET', '/v1/emails/01890000-0000-7000-8000-000000000000', {
        authorization: `Bearer ${key}`,
        origin: LISTED,
      });
      expect([answer.body, answer.headers.get('access-control-allow-origin')]).toEqual([
        expect.objectContaining({ code: 'email_not_found' }),
        null,
      ]);
    } finally {
      await closed.stop();
    }
  });
});

describe('CORS_ORIGINS', () => {
  it('is read as browsers write origins', () => {
    const { settings } = readSettings({
      CORS_ORIGINS: 'https://APP.example.com:443/, http://127.0.0.1:5173,http://[::1]:3000,https://app.example.com',
    });
    expect(settings.http.corsOrigins).toEqual([
      'https://app.example.com',
      'http://127.0.0.1:5173',
      'http://[::1]:3000',
    ]);
    expect(readSettings({}).settings.http.corsOrigins).toEqual([]);
  });

  it.each([
    ['*'],
    ['https://*.example.com'],
    ['http://app.example.com'],
    ['app.example.com'],
    ['https://app.example.com/path'],
    ['null'],
    [','],
    ['https://u:p@app.example.com'],
    ['ftp://app.example.com'],
  ])('%s is refused', (text) => {
    expect(() => readSettings({ CORS_ORIGINS: text })).toThrow(/CORS_ORIGINS/);
  });
});
