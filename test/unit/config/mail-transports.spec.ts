import fc from 'fast-check';
import type { TransportSettings } from '../../../src/config/settings.js';
import { readSettings } from '../../../src/configuration.js';
import { maskTransports, remedyOf } from './faults.js';

const transports = (text: string): TransportSettings[] =>
  readSettings({ MAIL_TRANSPORTS: text }).settings.mail.transports;
const remedy = (text: string): string => remedyOf('MAIL_TRANSPORTS', text);

const tlsOf = (text: string) =>
  transports(text).map((transport) => transport.kind === 'smtp' && transport.ports[0]!.tls)[0];

describe('MAIL_TRANSPORTS', () => {
  it('keeps the order of preference', () => {
    expect(transports('smtp://user:pw@smtp.example.com:2525, smtps://user:pw@backup.example.com ,capture:')).toEqual([
      {
        kind: 'smtp',
        name: 'smtp.example.com:2525',
        host: 'smtp.example.com',
        ports: [{ port: 2525, tls: 'starttls' }],
        user: 'user',
        password: 'pw',
      },
      {
        kind: 'smtp',
        name: 'backup.example.com:465',
        host: 'backup.example.com',
        ports: [{ port: 465, tls: 'implicit' }],
        user: 'user',
        password: 'pw',
      },
      { kind: 'capture', name: 'capture' },
    ]);
  });

  it('tries the ports of SMTP_PORTS for smtp without a port, and 465 alone for smtps', () => {
    expect(transports('smtp://a.example,smtps://b.example')).toMatchObject([
      {
        name: 'a.example',
        ports: [
          { port: 587, tls: 'starttls' },
          { port: 465, tls: 'implicit' },
          { port: 2525, tls: 'starttls' },
        ],
      },
      { name: 'b.example:465', ports: [{ port: 465, tls: 'implicit' }] },
    ]);
    const { settings } = readSettings({ MAIL_TRANSPORTS: 'smtp://a.example', SMTP_PORTS: '2525' });
    expect(settings.mail.transports).toMatchObject([{ name: 'a.example:2525', ports: [{ port: 2525 }] }]);
  });

  it('never tries 465 without TLS', () => {
    expect(transports('smtp://localhost,smtp://mail.internal?tls=off')).toMatchObject([
      {
        ports: [
          { port: 587, tls: 'off' },
          { port: 2525, tls: 'off' },
        ],
      },
      {
        ports: [
          { port: 587, tls: 'off' },
          { port: 2525, tls: 'off' },
        ],
      },
    ]);
  });

  it('reads rate, daily quota and connections of any of them', () => {
    expect(transports('smtp://a.example:25?rate=50/min&daily=500&connections=5&tls=off')[0]).toMatchObject({
      rate: { count: 50, windowMs: 60_000 },
      daily: 500,
      connections: 5,
      ports: [{ port: 25, tls: 'off' }],
    });
    expect(remedy('smtp://a.example?rate=fast')).toMatch(/rate=50\/min/);
    expect(remedy('smtp://a.example?daily=0')).toMatch(/daily=500/);
    expect(remedy('smtp://a.example?connections=-1')).toMatch(/connections=5/);
    expect(remedy('smtp://a.example?daily=1&daily=2')).toMatch(/each once/);
  });

  describe('and OAuth2', () => {
    const parameters = 'oauth_client_id=id&oauth_client_secret=secret&oauth_refresh_token=1%2F%2Ftoken';

    it('takes the place of a password', () => {
      expect(transports(`smtp://me%40gmail.com@smtp.gmail.com:587?${parameters}`)[0]).toMatchObject({
        user: 'me@gmail.com',
        oauth: {
          clientId: 'id',
          clientSecret: 'secret',
          refreshToken: '1//token',
          tokenUrl: 'https://oauth2.googleapis.com/token',
        },
      });
    });

    it('is refused where a part is missing, beside a password, or with an open address for tokens', () => {
      expect(remedy('smtp://me@smtp.gmail.com?oauth_client_id=id')).toMatch(/together/);
      expect(remedy(`smtp://me:pw@smtp.gmail.com?${parameters}`)).toMatch(/no password/);
      expect(remedy(`smtp://me@smtp.example.com?${parameters}`)).toMatch(/oauth_token_url must be/);
      expect(remedy(`smtp://me@smtp.example.com?${parameters}&oauth_token_url=http://login.example.com/t`)).toMatch(
        /https/,
      );
    });

    it('is hidden from error texts', () => {
      expect(maskTransports(`smtp://me:x@smtp.gmail.com?${parameters}&rate=1/s`)).toBe(
        'smtp://me:***@smtp.gmail.com?oauth_client_id=***&oauth_client_secret=***&oauth_refresh_token=***&rate=1/s',
      );
    });
  });

  it('leaves out user and password where there are none', () => {
    expect(transports('smtp://relay.example:587')).toEqual([
      { kind: 'smtp', name: 'relay.example:587', host: 'relay.example', ports: [{ port: 587, tls: 'starttls' }] },
    ]);
  });

  it('unpacks IPv6 hosts and keeps the brackets in the name', () => {
    expect(transports('smtp://[::1]:1025')[0]).toMatchObject({
      host: '::1',
      ports: [{ port: 1025, tls: 'off' }],
      name: '[::1]:1025',
    });
  });

  it('decodes credentials, whatever is in them', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1 });
    fc.assert(
      fc.property(text, text, (user, password) => {
        const url = `smtp://${encodeURIComponent(user)}:${encodeURIComponent(password)}@smtp.example.com`;
        expect(transports(url)[0]).toMatchObject({ user, password, host: 'smtp.example.com' });
      }),
    );
  });

  it('takes an address as the user, with its @ escaped or not', () => {
    expect(transports('smtp://me@gmail.com:abcd efgh@smtp.gmail.com')[0]).toMatchObject({
      user: 'me@gmail.com',
      password: 'abcd efgh',
      host: 'smtp.gmail.com',
    });
  });

  describe('and TLS', () => {
    it.each(['localhost', 'LOCALHOST', '127.0.0.1', '127.8.8.8', '[::1]', '[0:0:0:0:0:0:0:1]'])(
      'is off by default on %s',
      (host) => {
        expect(tlsOf(`smtp://${host}:1025`)).toBe('off');
        expect(tlsOf(`smtp://user:pw@${host}:1025`)).toBe('off');
        expect(tlsOf(`smtp://user:pw@${host}:1025?tls=off`)).toBe('off');
        expect(tlsOf(`smtp://user:pw@${host}:1025?tls=on`)).toBe('starttls');
      },
    );

    it.each([
      'smtp.example.com',
      '127.0.0.1.example.com',
      'localhost.example.com',
      '127.1',
      '10.0.0.1',
      '[::2]',
      'mailpit',
    ])('is required on %s', (host) => {
      expect(tlsOf(`smtp://${host}`)).toBe('starttls');
      expect(tlsOf(`smtp://user:pw@${host}?tls=true`)).toBe('starttls');
      expect(tlsOf(`smtps://user:pw@${host}`)).toBe('implicit');
      expect(tlsOf(`smtp://${host}:25?tls=off`)).toBe('off');
      expect(remedy(`smtp://user:pw@${host}?tls=off`)).toMatch(/^credentials are never sent without TLS/);
      expect(remedy(`smtp://user:pw@${host}?tls=FALSE`)).toMatch(/^credentials are never sent without TLS/);
    });

    it('cannot be turned off in smtps://', () => {
      expect(remedy('smtps://a.example?tls=off')).toMatch(/smtps:\/\/ is TLS/);
      expect(remedy('smtps://127.0.0.1?tls=off')).toMatch(/smtps:\/\/ is TLS/);
    });

    it('is decided by one parameter only', () => {
      expect(remedy('smtp://a.example?tls=on&tls=off')).toMatch(/no parameters but tls/);
      expect(remedy('smtp://a.example?tls=maybe')).toMatch(/on or off/);
      expect(remedy('smtp://a.example?ssl=off')).toMatch(/no parameters but tls/);
    });
  });

  it.each([
    'smtp.example.com',
    'smpt://a.example',
    'http://a.example',
    'smtp:a.example',
    'smtp://',
    'smtp://a.example/inbox',
    'smtp://a.example#x',
    'smtp://a b.example',
    'smtp://a.example:0',
    'smtp://a.example:70000',
    'smtp://user@a.example',
    'smtp://user:@a.example',
    'smtp://:pw@a.example',
    'smtp://user:pw#1@a.example',
    'smtp://user:12/34@a.example',
    'smtp://user:12?34@a.example',
    'smtp://user:100%@a.example',
    'smtp://user:p\nw@a.example',
    'capture',
    'capture:x',
    ',',
  ])('refuses %j', (entry) => {
    expect(remedy(entry)).not.toBe('');
  });

  it('names every entry that is wrong', () => {
    const lines = remedy('ses:eu,capture:,smtp://a.example:0').split('\n');
    expect(lines).toEqual([expect.stringMatching(/^entry 1: ses:/), expect.stringMatching(/^entry 3: the port/)]);
  });
});

describe('maskTransports', () => {
  it.each([
    ['smtp://user:pw@smtp.example.com?tls=off', 'smtp://user:***@smtp.example.com?tls=off'],
    ['capture:,smtps://u:p@a.example', 'capture:,smtps://u:***@a.example'],
    ['smpt://u:p@a.example', 'smpt://u:***@a.example'],
    ['SMTPS://u:p@a.example', 'smtps://u:***@a.example'],
    ['resend:re_1', 'resend:***'],
    ['capture', 'capture'],
    ['mailjet:key:secret', 'mailjet:***'],
    ['smtp:user:pw@a.example', 'smtp:***'],
    ['re_1', '***'],
    ['smtp://user:12,34@a.example', '***'],
  ])('shows %s as %s', (text, shown) => {
    expect(maskTransports(text)).toBe(shown);
  });
});
