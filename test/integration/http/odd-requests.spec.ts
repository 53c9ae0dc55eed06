import { answersIn, RawClient } from '../../support/http/raw-client.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';

describe('requests that no browser sends', () => {
  let otpost: Otpost;

  beforeAll(async () => {
    otpost = await startOtpost({ ROLE: 'web' });
  });
  afterAll(() => otpost.stop());

  const CLOSE = 'Host: localhost\r\nConnection: close\r\n';

  it.each([
    [
      'an expectation that is none',
      `POST /v1/accounts HTTP/1.1\r\n${CLOSE}Expect: 200-maybe\r\nContent-Length: 2\r\n\r\n{}`,
      417,
      'expectation_failed',
    ],
    ['no host', 'GET /health HTTP/1.1\r\nConnection: close\r\n\r\n', 400, 'bad_request'],
    ['two hosts', `GET /health HTTP/1.1\r\n${CLOSE}Host: evil.example\r\n\r\n`, 400, 'bad_request'],
    ['a method that is none', `BREW /health HTTP/1.1\r\n${CLOSE}\r\n`, 400, 'bad_request'],
    ['TRACE', `TRACE / HTTP/1.1\r\n${CLOSE}\r\n`, 404, 'not_found'],
    ['CONNECT, as to a proxy', `CONNECT evil.example:443 HTTP/1.1\r\n${CLOSE}\r\n`, 405, 'method_not_allowed'],
    [
      'a change of protocol that is not made',
      `GET /nothing HTTP/1.1\r\n${CLOSE.replace('close', 'Upgrade, close')}Upgrade: websocket\r\n\r\n`,
      404,
      'not_found',
    ],
    ['HTTP/2 without its preface', `GET /health HTTP/2.0\r\n${CLOSE}\r\n`, 505, 'http_version_not_supported'],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400, 'bad_request'],
    ['HTTP/1.2', `GET /health HTTP/1.2\r\n${CLOSE}\r\n`, 400, 'bad_request'],
    ['a TLS handshake', '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03', 400, 'bad_request'],
    ['a null in the name of a header', `GET /health HTTP/1.1\r\n${CLOSE}X\0: y\r\n\r\n`, 400, 'bad_request'],
    ['a null in a header', `GET /health HTTP/1.1\r\n${CLOSE}X: \0\r\n\r\n`, 400, 'bad_request'],
    ['a header on two lines', `GET /health HTTP/1.1\r\n${CLOSE}X: y\r\n z\r\n\r\n`, 400, 'bad_request'],
    ['17 KiB of headers', `GET /health HTTP/1.1\r\n${CLOSE}X: ${'y'.repeat(17_000)}\r\n\r\n`, 431, 'headers_too_large'],
    ['an address of 17 KiB', `GET /${'y'.repeat(17_000)} HTTP/1.1\r\n${CLOSE}\r\n`, 431, 'headers_too_large'],
    [
      'two lengths',
      `POST /v1/accounts HTTP/1.1\r\n${CLOSE}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`,
      400,
      'bad_request',
    ],
    [
      'a length and chunks',
      `POST /v1/accounts HTTP/1.1\r\n${CLOSE}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      400,
      'bad_request',
    ],
    ['a negative length', `POST /v1/accounts HTTP/1.1\r\n${CLOSE}Content-Length: -2\r\n\r\n{}`, 400, 'bad_request'],
    [
      'a chunk whose length is none',
      `POST /v1/accounts HTTP/1.1\r\n${CLOSE}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`,
      400,
      'bad_request',
    ],
    [
      'chunks with 20 KiB of extensions',
      `POST /v1/accounts HTTP/1.1\r\n${CLOSE}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2;${'e'.repeat(20_000)}\r\n{}\r\n0\r\n\r\n`,
      413,
      'body_too_large',
    ],
    [
      'an encoding of the body that is none',
      `POST /v1/accounts HTTP/1.1\r\n${CLOSE}Transfer-Encoding: gzip\r\n\r\n{}`,
      400,
      'bad_request',
    ],
    ['a path that is no UTF-8', `GET /%ff%zz HTTP/1.1\r\n${CLOSE}\r\n`, 400, 'bad_request'],
    [
      'a segment of a path that is too long',
      `GET /v1/otp/${'a'.repeat(5_000)}/delivery HTTP/1.1\r\n${CLOSE}\r\n`,
      400,
      'bad_request',
    ],
    ['a way out of the assets', `GET /docs/../../package.json HTTP/1.1\r\n${CLOSE}\r\n`, 404, 'not_found'],
    [
      'an encoded way out of the assets',
      `GET /docs/%2e%2e%2f%2e%2e%2fpackage.json HTTP/1.1\r\n${CLOSE}\r\n`,
      404,
      'not_found',
    ],
    ['a way out with backslashes', `GET /docs/..%5c..%5cpackage.json HTTP/1.1\r\n${CLOSE}\r\n`, 404, 'not_found'],
    [
      'an asset with a null in its name',
      `GET /operations/assets/a%00.css HTTP/1.1\r\n${CLOSE}\r\n`,
      422,
      'validation_failed',
    ],
    ['an asset that there is none of', `GET /docs/nothing.js HTTP/1.1\r\n${CLOSE}\r\n`, 404, 'not_found'],
    ['the folder of the assets, hidden files too', `GET /docs/.npmignore HTTP/1.1\r\n${CLOSE}\r\n`, 404, 'not_found'],
    ['a method that a page has not', `PUT /docs HTTP/1.1\r\n${CLOSE}Content-Length: 0\r\n\r\n`, 404, 'not_found'],
    ['everything there is (OPTIONS *)', `OPTIONS * HTTP/1.1\r\n${CLOSE}\r\n`, 405, 'method_not_allowed'],
    ['OPTIONS without an origin', `OPTIONS /v1/accounts HTTP/1.1\r\n${CLOSE}\r\n`, 404, 'not_found'],
    ['the address of another server', `GET http://evil.example/v1/nothing HTTP/1.1\r\n${CLOSE}\r\n`, 404, 'not_found'],
    [
      'a type that is none',
      `POST /v1/accounts HTTP/1.1\r\n${CLOSE}Content-Type: ;;;\r\nContent-Length: 2\r\n\r\n{}`,
      415,
      'unsupported_media_type',
    ],
    [
      'a body without a type',
      `POST /v1/accounts HTTP/1.1\r\n${CLOSE}Content-Length: 2\r\n\r\n{}`,
      415,
      'unsupported_media_type',
    ],
    [
      'a page, a body of a type that no form has',
      `POST /account/sign-in HTTP/1.1\r\n${CLOSE}Content-Type: application/xml\r\nContent-Length: 2\r\n\r\n<>`,
      415,
      'unsupported_media_type',
    ],
    [
      'a body that is shorter than it says',
      `POST /v1/accounts HTTP/1.1\r\n${CLOSE}Content-Type: application/json\r\nContent-Length: 1\r\n\r\n{}`,
      400,
      'malformed_json',
    ],
  ])('%s: the answer is a problem', async (_, text, status, code) => {
    const [answer, ...more] = answersIn(await RawClient.ask(otpost.api.url, text));
    expect(answer!.headers).toMatch(/^content-type: application\/problem\+json/m);
    expect([answer!.status, JSON.parse(answer!.body)]).toMatchObject([
      status,
      { status, code, type: `urn:otpost:problem:${code}`, remedy: expect.any(String) as string },
    ]);
    expect(answer!.headers).toMatch(/^x-content-type-options: nosniff\r$/m);
    expect(answer!.headers).toMatch(/^content-security-policy: default-src 'none'/m);
    expect(more).toEqual([]);
  });

  it('HEAD of what is not there has the headers of the problem, and no body', async () => {
    const { status, headers, body } = await otpost.api.send<string>('HEAD', '/v1/nothing', {});
    expect([status, body]).toEqual([404, '']);
    expect(headers.get('content-type')).toMatch(/^application\/problem\+json/);
  });

  it('who asks whether to send a body is told before it is sent', async () => {
    const head = (path: string, type: string) =>
      `POST ${path} HTTP/1.1\r\n${CLOSE}Content-Type: ${type}\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n`;
    const client = (await RawClient.open(otpost.api.url)).read();
    client.write(head('/v1/accounts', 'application/json'));
    client.write('{}');
    expect((await client.untilClosed()).match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 100', 'HTTP/1.1 422']);
    const refused = await RawClient.ask(otpost.api.url, head('/v1/accounts', 'application/x-www-form-urlencoded'));
    expect(refused.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 415']);
  });
});
