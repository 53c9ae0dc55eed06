import type { ProblemBody } from '../../support/service/api.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';

describe('bad input', () => {
  let otpost: Otpost;

  beforeAll(async () => {
    otpost = await startOtpost({ ROLE: 'web' });
  });
  afterAll(() => otpost.stop());

  const json = { 'content-type': 'application/json' };

  async function nothingWasWritten(): Promise<void> {
    const [counts] = await otpost.database.query<{ written: string }>(
      `SELECT (SELECT count(*) FROM otp_challenges) + (SELECT count(*) FROM outbound_emails)
            + (SELECT count(*) FROM accounts) + (SELECT count(*) FROM pending_registrations) AS written`,
    );
    expect(Number(counts!.written)).toBe(0);
  }

  async function refused(
    method: string,
    path: string,
    headers: Record<string, string>,
    body?: string,
  ): Promise<ProblemBody> {
    const answer = await otpost.api.send<ProblemBody>(method, path, headers, body);
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(answer.body).toMatchObject({
      type: `urn:otpost:problem:${answer.body.code}`,
      status: answer.status,
      title: expect.any(String) as string,
      detail: expect.any(String) as string,
      remedy: expect.any(String) as string,
      requestId: answer.headers.get('x-request-id'),
    });
    await nothingWasWritten();
    return answer.body;
  }

  it.each([
    ['cut off', '{"email":', 400, 'malformed_json'],
    ['that is no JSON', 'email=ada@example.com', 400, 'malformed_json'],
    ['that is empty', '', 422, 'validation_failed'],
    ['with a polluted prototype', '{"__proto__":{"a":1},"email":"ada@example.com"}', 400, 'malformed_json'],
    ['that is a list', '[]', 422, 'validation_failed'],
    ['that is a string', '"ada@example.com"', 422, 'validation_failed'],
    ['that is null', 'null', 422, 'validation_failed'],
    ['over 64 KiB', JSON.stringify({ email: 'ada@example.com', name: 'x'.repeat(65_536) }), 413, 'body_too_large'],
  ])('a body %s is refused', async (_, body, status, code) => {
    expect(await refused('POST', '/v1/accounts', json, body)).toMatchObject({ status, code });
  });

  it.each([
    ['text/plain', '/v1/accounts'],
    ['application/xml', '/v1/accounts'],
    ['application/x-www-form-urlencoded', '/v1/accounts'],
    ['Application/X-WWW-Form-Urlencoded; charset=UTF-8', '/v1/accounts'],
    ['application/x-www-form-urlencoded', '/%761/accounts'],
    ['Multipart/Form-Data; boundary=x', '/%76%31/otp'],
  ])('a body of %s is refused at %s', async (type, path) => {
    const problem = await refused('POST', path, { 'content-type': type }, 'email=ada%40example.com');
    expect(problem).toMatchObject({ status: 415, code: 'unsupported_media_type' });
  });

  it.each([
    ['no address', {}, 'email', 'invalid_address'],
    ['an address without a domain', { email: 'ada' }, 'email', 'invalid_address'],
    ['an address of 300 characters', { email: `${'a'.repeat(288)}@example.com` }, 'email', 'invalid_address'],
    ['an address with a line break', { email: 'ada@example.com\r\nBcc: eve@example.com' }, 'email', 'invalid_address'],
    ['an address that is a number', { email: 42 }, 'email', 'invalid_address'],
    ['an address that is a list', { email: ['ada@example.com'] }, 'email', 'invalid_address'],
    ['a name with a line break', { email: 'ada@example.com', name: 'Ada\r\nBcc: eve@example.com' }, 'name', 'matches'],
    ['a name with a null', { email: 'ada@example.com', name: 'Ada\0' }, 'name', 'unstorable'],
    ['a name of 101 characters', { email: 'ada@example.com', name: 'x'.repeat(101) }, 'name', 'is_length'],
    ['a name that is an object', { email: 'ada@example.com', name: { first: 'Ada' } }, 'name', 'is_string'],
    ['a language that is none', { email: 'ada@example.com', locale: '../../etc' }, 'locale', 'is_locale'],
    ['a field that is unknown', { email: 'ada@example.com', admin: true }, 'admin', 'unknown_field'],
    ['a password of 7 characters', { email: 'ada@example.com', password: '7 chars' }, 'password', 'password_too_short'],
    [
      'a password of 2,000 characters',
      { email: 'ada@example.com', password: 'x'.repeat(2_000) },
      'password',
      'max_length',
    ],
    ['a password that is a number', { email: 'ada@example.com', password: 12345678 }, 'password', 'is_string'],
  ])('a registration with %s is refused, and the field is named', async (_, body, field, code) => {
    const problem = await refused('POST', '/v1/accounts', json, JSON.stringify(body));
    expect(problem).toMatchObject({ status: 422, code: 'validation_failed' });
    expect(problem.errors!.map((error) => [error.field, error.code])).toContainEqual([field, code]);
  });

  it('every fault is told at once', async () => {
    const body = JSON.stringify({ email: 'ada', name: '', admin: true });
    const problem = await refused('POST', '/v1/accounts', json, body);
    expect(new Set(problem.errors!.map(({ field }) => field))).toEqual(new Set(['email', 'name', 'admin']));
  });

  it.each([
    ['letters', { code: 'abcdef' }],
    ['five digits', { code: '12345' }],
    ['seven digits', { code: '1234567' }],
    ['six signs that look like digits', { code: '①②③④⑤Ⅵ' }],
    ['a number', { code: 123456 }],
    ['nothing', {}],
    ['a letter behind it', { code: '123456x' }],
  ])('a code of %s is refused', async (_, body) => {
    const problem = await refused('POST', '/v1/otp/AAAAAAAAAAAAAAAAAAAAAA/verify', json, JSON.stringify(body));
    expect(problem).toMatchObject({ status: 422, code: 'validation_failed', errors: [{ field: 'code' }] });
  });

  it.each([
    ['POST', '/v1/otp/AAAAAAAAAAAAAAAAAAAAAA/verify', '{"code":"123456"}', 'challenge_not_found'],
    ['POST', '/v1/otp/AAAAAAAAAAAAAAAAAAAAAA/resend', '{}', 'challenge_not_found'],
    ['GET', '/v1/otp/AAAAAAAAAAAAAAAAAAAAAA/delivery', undefined, 'challenge_not_found'],
    ['GET', '/v1/nothing-here', undefined, 'not_found'],
    ['PUT', '/v1/accounts', undefined, 'not_found'],
  ])('%s %s is a 404', async (method, path, body, code) => {
    expect(await refused(method, path, body ? json : {}, body)).toMatchObject({ status: 404, code });
  });

  it('a path that is no UTF-8 is a 400', async () => {
    expect(await refused('GET', '/v1/%zz', {})).toMatchObject({ status: 400, code: 'bad_request' });
  });

  it.each([
    ['no token', undefined],
    ['a token that is none', 'Bearer x'],
    ['an unsigned token', `Bearer ${Buffer.from('{"alg":"none"}').toString('base64url')}.e30.`],
    ['another scheme', 'Basic YTpi'],
  ])('%s is a 401', async (_, authorization) => {
    const problem = await refused('GET', '/v1/me', authorization ? { authorization } : {});
    expect(problem).toMatchObject({ status: 401, code: 'unauthorized' });
  });

  it('a request id of the caller is kept when it is harmless, and replaced when it is not', async () => {
    const kept = await otpost.api.send('GET', '/health/live', { 'x-request-id': 'my-request-0001' });
    expect(kept.headers.get('x-request-id')).toBe('my-request-0001');
    const replaced = await otpost.api.send('GET', '/health/live', { 'x-request-id': '{"log":"injected"}' });
    expect(replaced.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });
});
