import { RawClient } from '../../support/http/raw-client.js';
import type { ProblemBody } from '../../support/service/api.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';

/** As Chromium opens an address. */
const OPENING = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8';
const FORM = 'application/x-www-form-urlencoded';
const ELSEWHERE = { origin: 'https://elsewhere.example', 'sec-fetch-site': 'cross-site', 'content-type': FORM };

interface Case {
  about: string;
  path: string;
  init?: RequestInit;
  status: number;
  code: string;
  says: string;
  leadsTo: string;
}

const CASES: Case[] = [
  {
    about: 'a path that there is not',
    path: '/nowhere',
    status: 404,
    code: 'not_found',
    says: 'We can’t find that page',
    leadsTo: '/',
  },
  {
    about: 'a path that there is not, below one that there is',
    path: '/account/nowhere',
    status: 404,
    code: 'not_found',
    says: 'We can’t find that page',
    leadsTo: '/account',
  },
  {
    about: 'a link that was cut off',
    path: '/l',
    status: 404,
    code: 'not_found',
    says: 'We can’t find that page',
    leadsTo: '/account',
  },
  {
    about: 'a file of the documentation that there is not',
    path: '/docs/nowhere.js',
    status: 404,
    code: 'not_found',
    says: 'We can’t find that page',
    leadsTo: '/docs',
  },
  {
    about: 'a message of the inbox that there is not',
    path: '/inbox/nowhere/html',
    status: 404,
    code: 'not_found',
    says: 'We can’t find that page',
    leadsTo: '/inbox',
  },
  {
    about: 'a form of the inbox, sent from another site',
    path: '/inbox/clear',
    init: { method: 'POST', headers: ELSEWHERE, body: '' },
    status: 403,
    code: 'forbidden',
    says: 'This form came from another site',
    leadsTo: '/inbox',
  },
  {
    about: 'a way to ask that there is not',
    path: '/inbox',
    init: { method: 'DELETE' },
    status: 404,
    code: 'not_found',
    says: 'We can’t find that page',
    leadsTo: '/inbox',
  },
  {
    about: 'an address that cannot be read',
    path: '/%ff',
    status: 400,
    code: 'bad_request',
    says: 'We couldn’t read that',
    leadsTo: '/',
  },
  {
    about: 'a form that is too long',
    path: '/unsubscribe?t=x',
    init: { method: 'POST', headers: { 'content-type': FORM }, body: `a=${'x'.repeat(70_000)}` },
    status: 413,
    code: 'body_too_large',
    says: 'That’s too much at once',
    leadsTo: '/',
  },
  {
    about: 'a form that is none',
    path: '/unsubscribe?t=x',
    init: { method: 'POST', headers: { 'content-type': 'text/plain' }, body: 'x' },
    status: 415,
    code: 'unsupported_media_type',
    says: 'We couldn’t read that',
    leadsTo: '/',
  },
];

describe('What cannot be done', () => {
  let otpost: Otpost;
  let url: string;

  beforeAll(async () => {
    otpost = await startOtpost({
      MAIL_FROM: 'Aster <no-reply@example.com>',
      APP_URL: 'http://localhost:3000',
      LIMIT_IP: '3/10min',
    });
    url = otpost.process.url!;
  });
  afterAll(() => otpost.stop());

  const ask = (path: string, accept: string, init: RequestInit = {}) =>
    fetch(url + path, { ...init, headers: { ...(init.headers as Record<string, string>), accept } });

  async function expectPage(
    answer: Response,
    { status, says, leadsTo }: Pick<Case, 'status' | 'says' | 'leadsTo'>,
  ): Promise<string> {
    const text = await answer.text();
    expect([answer.status, answer.headers.get('content-type')]).toEqual([status, 'text/html; charset=utf-8']);
    expect(text).toContain(`<h1>${says}</h1>`);
    expect(text).toContain(`<a href="${leadsTo}">`);
    expect(text).toContain(`${says} · Aster</title>`);
    expect(text).toContain(`<b>${answer.headers.get('x-request-id')}</b>`);
    expect(text).not.toMatch(/urn:otpost|undefined|GET \/|POST \/|\/docs\b(?!")/);
    expect(answer.headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'sha256-[^']+'/);
    expect(answer.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    return text;
  }

  it.each(CASES)('is told to people as a page: $about', async (one) => {
    await expectPage(await ask(one.path, OPENING, one.init), one);
  });

  it.each(CASES)('is told to programs as a problem: $about', async ({ path, init, status, code }) => {
    for (const accept of ['*/*', 'application/json', 'application/json, text/html']) {
      const answer = await ask(path, accept, init);
      expect([answer.status, answer.headers.get('content-type')?.split(';')[0]]).toEqual([
        status,
        'application/problem+json',
      ]);
      expect(await answer.json()).toMatchObject({ code, requestId: answer.headers.get('x-request-id') });
    }
  });

  it.each([
    '/v1/nowhere',
    '/v1/me',
    '/health/nowhere',
    '/metrics/nowhere',
    '/inbox/messages/nowhere',
    '/.well-known/nowhere',
  ])('is told as a problem where programs ask, whatever opens it (%s)', async (path) => {
    const answer = await ask(path, OPENING);
    expect([404, 401]).toContain(answer.status);
    expect(((await answer.json()) as ProblemBody).code).toMatch(/^(not_found|unauthorized)$/);
  });

  it('is told with the wait, where people ask too often, and the header for it', async () => {
    const form = (n: number) =>
      ask('/account/sign-in', OPENING, {
        method: 'POST',
        headers: { 'content-type': FORM },
        body: `email=too-often${n}%40example.com`,
        redirect: 'manual',
      });
    for (let n = 0; n < 3; n++) expect((await form(n)).status).toBe(303);
    const refused = await form(3);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await refused.text()).toMatch(
      /<h1>That was a lot of tries<\/h1>[\s\S]+Try again in \d+ (minutes?|seconds?)\./,
    );
    expect(refused.status).toBe(429);
  });

  it('is told as a page also where a browser sends more cookies than are taken, before there is a request', async () => {
    const request = (accept: string) =>
      `GET /account HTTP/1.1\r\nHost: localhost\r\nAccept: ${accept}\r\nCookie: a=${'x'.repeat(20_000)}\r\n\r\n`;
    const page = await RawClient.ask(url, request(OPENING));
    expect(page).toMatch(
      /^HTTP\/1\.1 431 [\s\S]+content-type: text\/html; charset=utf-8\r\n[\s\S]+<h1>Your browser sent too much<\/h1>[\s\S]+Delete the cookies of this site/,
    );
    expect(await RawClient.ask(url, request('*/*'))).toMatch(
      /^HTTP\/1\.1 431 [\s\S]+content-type: application\/problem\+json\r\n[\s\S]+"code":"headers_too_large"/,
    );
  });
});
