import { type Deployment, isAtTheMachine, isFromOurPage, isOurHost } from '../../../../src/http/pages/origin.js';

function setting(change: Partial<Deployment> = {}): Deployment {
  return {
    production: false,
    http: { host: '127.0.0.1', appUrl: 'http://otpost.example:3000' },
    ...change,
  };
}

describe('the host a request names', () => {
  it.each([
    'localhost',
    'LOCALHOST:3000',
    'app.localhost:3000',
    'localhost.',
    '127.0.0.1:3000',
    '127.9.9.9',
    '[::1]:3000',
    'otpost.example',
    'OTPOST.example:80',
  ])('may be %s', (host) => {
    expect(isOurHost(host, setting())).toBe(true);
  });

  it.each([
    undefined,
    '',
    'evil.example',
    'evil.example:3000',
    'localhost.evil.example',
    'evillocalhost',
    '127.0.0.1.evil.example',
    'otpost.example.evil.example',
    'evil@localhost',
    'evil.example/@localhost',
    '192.168.1.5:3000',
    '[::2]',
  ])('may not be %s', (host) => {
    expect(isOurHost(host, setting())).toBe(false);
  });

  it('may be the address the service was told to listen on', () => {
    const on = (host: string) => setting({ http: { host, appUrl: 'http://localhost:3000' } });
    expect(isOurHost('192.168.1.5:3000', on('192.168.1.5'))).toBe(true);
    expect(isOurHost('[fd00::5]:3000', on('fd00::5'))).toBe(true);
    expect(isOurHost('evil.example', on('0.0.0.0'))).toBe(false);
  });
});

describe('where a change comes from', () => {
  const host = 'localhost:3000';
  const ours = (origin: string | undefined, site: string | undefined) =>
    isFromOurPage({ host, origin, site }, setting());

  it('is our own page when the browser says same-origin, even if it hides the origin', () => {
    expect(ours('http://localhost:3000', 'same-origin')).toBe(true);
    expect(ours('null', 'same-origin')).toBe(true);
  });

  it('is a stranger when the browser says cross-site or same-site, whatever the origin', () => {
    expect(ours('http://localhost:3000', 'cross-site')).toBe(false);
    expect(ours(undefined, 'same-site')).toBe(false);
  });

  it('is told by the origin where the browser does not say: that of APP_URL, or in development the host asked for', () => {
    expect(ours('http://localhost:3000', undefined)).toBe(true);
    expect(ours('http://otpost.example:3000', undefined)).toBe(true);
    expect(ours('http://localhost:4000', undefined)).toBe(false);
    expect(ours('https://otpost.example:3000', undefined)).toBe(false);
    expect(ours('https://evil.example', undefined)).toBe(false);
  });

  it.each([
    ['the same host over http, where APP_URL is https', 'http://otp.example.com', false],
    ['the same host on another port', 'https://otp.example.com:8443', false],
    ['our page', 'https://otp.example.com', true],
    ['our page, written in full', 'HTTPS://OTP.example.com:443', true],
    ['a page that hides where it is', 'null', false],
    ['a file', 'file://', false],
    ['a page of another kind on our host', 'ftp://otp.example.com', false],
    ['no origin', 'otp.example.com', false],
    ['an empty origin', '', false],
  ])('in production, %s: %s', (_, origin, right) => {
    const production = setting({ production: true, http: { host: '0.0.0.0', appUrl: 'https://otp.example.com' } });
    expect(isFromOurPage({ host: 'otp.example.com', origin, site: undefined }, production)).toBe(right);
  });

  it('is never ours where the origin is hidden, under our name or another', () => {
    for (const production of [true, false]) {
      for (const asked of ['null', 'localhost', 'otpost.example:3000', undefined]) {
        expect(isFromOurPage({ host: asked, origin: 'null', site: undefined }, setting({ production }))).toBe(false);
      }
    }
  });

  it('is not ours in development under a name that is not', () => {
    expect(isFromOurPage({ host: 'evil.example', origin: 'http://evil.example', site: undefined }, setting())).toBe(
      false,
    );
  });

  it('is no page at all when neither is said, as with curl', () => {
    expect(ours(undefined, undefined)).toBe(true);
  });
});

describe('whether somebody sits at the machine', () => {
  const at = (address: string | undefined, host: string | undefined, production = false) =>
    isAtTheMachine({ address, host }, setting({ production }));

  it('is told by the connection and the host, and only in development', () => {
    for (const address of ['127.0.0.1', '::1', '::ffff:127.0.0.1']) expect(at(address, 'localhost:3000')).toBe(true);
    expect(at('127.0.0.1', 'localhost:3000', true)).toBe(false);
    expect(at('192.0.2.7', 'localhost:3000')).toBe(false);
    expect(at(undefined, 'localhost:3000')).toBe(false);
    expect(at('127.0.0.1', 'evil.example')).toBe(false);
  });
});
