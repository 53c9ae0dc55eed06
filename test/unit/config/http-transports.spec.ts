import { readSettings } from '../../../src/configuration.js';
import { maskTransports, onlyFault, onlyTransport, PRODUCTION_ENV, remedyOf } from './faults.js';

describe('a provider in MAIL_TRANSPORTS', () => {
  it.each([
    ['resend:re_1', { kind: 'http', provider: 'resend', name: 'resend', account: { key: 're_1' } }],
    ['RESEND:re_1', { kind: 'http', provider: 'resend', name: 'resend', account: { key: 're_1' } }],
    ['sendgrid:SG.a.b', { kind: 'http', provider: 'sendgrid', name: 'sendgrid', account: { key: 'SG.a.b' } }],
    ['postmark:0f-1', { kind: 'http', provider: 'postmark', name: 'postmark', account: { key: '0f-1' } }],
    ['brevo:a%2Cb', { kind: 'http', provider: 'brevo', name: 'brevo', account: { key: 'a,b' } }],
    [
      'mailgun:key-1@MG.example.com',
      {
        kind: 'http',
        provider: 'mailgun',
        name: 'mailgun:mg.example.com',
        account: { domain: 'mg.example.com', key: 'key-1', region: 'us' },
      },
    ],
    [
      'mailgun:mg.example.com:key-1?region=EU',
      {
        kind: 'http',
        provider: 'mailgun',
        name: 'mailgun:mg.example.com',
        account: { domain: 'mg.example.com', key: 'key-1', region: 'eu' },
      },
    ],
    [
      'mailjet:key:secret',
      { kind: 'http', provider: 'mailjet', name: 'mailjet', account: { key: 'key', secret: 'secret' } },
    ],
    [
      'ses:eu-west-1',
      {
        kind: 'http',
        provider: 'ses',
        name: 'ses:eu-west-1',
        account: { region: 'eu-west-1', credentials: { accessKeyId: 'AKID', secretAccessKey: 'secret' } },
      },
    ],
    [
      'ses:us-gov-west-1',
      {
        kind: 'http',
        provider: 'ses',
        name: 'ses:us-gov-west-1',
        account: { region: 'us-gov-west-1', credentials: { accessKeyId: 'AKID', secretAccessKey: 'secret' } },
      },
    ],
    ['file:/var/spool/otpost', { kind: 'file', name: 'file:/var/spool/otpost', folder: '/var/spool/otpost' }],
    ['file:out?rate=1/s', { kind: 'file', name: 'file:out', folder: 'out', rate: { count: 1, windowMs: 1_000 } }],
    [
      'resend:re_1?rate=2/s&daily=100',
      {
        kind: 'http',
        provider: 'resend',
        name: 'resend',
        account: { key: 're_1' },
        rate: { count: 2, windowMs: 1_000 },
        daily: 100,
      },
    ],
    [
      'resend:re_1?endpoint=http://127.0.0.1:8025',
      { kind: 'http', provider: 'resend', name: 'resend', account: { key: 're_1' }, endpoint: 'http://127.0.0.1:8025' },
    ],
  ])('%s is read', (text, settings) => {
    expect(onlyTransport(text)).toEqual(settings);
  });

  it.each([
    ['resend:', 'such as MAIL_TRANSPORTS=resend:re_123.'],
    ['resend:re 1', 'such as MAIL_TRANSPORTS=resend:re_123.'],
    ['resend:%zz', '% is %25'],
    ['sendgrid:ключ', 'such as MAIL_TRANSPORTS=sendgrid:SG.123.'],
    ['postmark:', 'such as MAIL_TRANSPORTS=postmark:'],
    ['brevo:a\tb', 'such as MAIL_TRANSPORTS=brevo:'],
    ['mailgun:key-1', 'such as MAIL_TRANSPORTS=mailgun:key-123@mg.example.com.'],
    ['mailgun:key-1@localhost', 'wants a key and a domain'],
    ['mailgun:key-1@a/b.example', 'wants a key and a domain'],
    ['mailgun:key-1@mg.example.com?region=asia', 'region must be us or eu'],
    ['mailjet:key', 'such as MAIL_TRANSPORTS=mailjet:api-key:secret-key.'],
    ['mailjet:a:b:c', 'such as MAIL_TRANSPORTS=mailjet:'],
    ['ses:Ireland', 'such as MAIL_TRANSPORTS=ses:eu-west-1.'],
    ['ses:eu-west-1.evil.example/', 'such as MAIL_TRANSPORTS=ses:eu-west-1.'],
    ['file:', 'such as MAIL_TRANSPORTS=file:/var/spool/otpost.'],
    ['file:~/mail', 'without ~'],
    ['resend:re_1?rate=fast', 'rate must be'],
    ['resend:re_1?region=eu', 'understands no parameters but'],
    ['resend:re_1?endpoint=https://api.evil.example', 'endpoint is for tests'],
    ['resend:re_1?endpoint=http://127.0.0.1.evil.example', 'endpoint is for tests'],
    ['resend:re_1?endpoint=http://127.0.0.1/path', 'endpoint is for tests'],
    ['resend', 'must begin with'],
  ])('%j is refused, with a remedy that does not repeat the secret', (text, part) => {
    expect(remedyOf('MAIL_TRANSPORTS', text)).toContain(part);
  });

  it('is masked in error texts', () => {
    expect(maskTransports('mailgun:key-1@mg.example.com?region=eu,mailjet:k:s,resend:re_1')).toBe(
      'mailgun:***,mailjet:***,resend:***',
    );
  });
});

describe('between variables', () => {
  const withTransports = (MAIL_TRANSPORTS: string, more: Record<string, string> = {}) => ({
    ...PRODUCTION_ENV,
    MAIL_TRANSPORTS,
    ...more,
  });
  const KEYS = {
    AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  };

  it('ses: needs credentials, and has them in its settings', () => {
    expect(onlyFault(withTransports('ses:eu-west-1', { AWS_ACCESS_KEY_ID: 'AKIA' }))).toMatchObject({
      variable: 'AWS_SECRET_ACCESS_KEY',
      remedy: expect.stringContaining('is required with ses: in MAIL_TRANSPORTS') as string,
    });
    const { settings } = readSettings(withTransports('ses:eu-west-1', { ...KEYS, AWS_SESSION_TOKEN: 'token' }));
    expect(settings.mail.transports).toEqual([
      {
        kind: 'http',
        provider: 'ses',
        name: 'ses:eu-west-1',
        account: {
          region: 'eu-west-1',
          credentials: {
            accessKeyId: KEYS.AWS_ACCESS_KEY_ID,
            secretAccessKey: KEYS.AWS_SECRET_ACCESS_KEY,
            sessionToken: 'token',
          },
        },
      },
    ]);
  });

  it('credentials of AWS that are there for something else bother nobody', () => {
    expect(readSettings(withTransports('resend:re_1', KEYS)).settings.mail.transports).toEqual([
      { kind: 'http', provider: 'resend', name: 'resend', account: { key: 're_1' } },
    ]);
  });

  it('an endpoint for tests is refused in production, and the key is not shown', () => {
    const fault = onlyFault(withTransports('resend:re_secret?endpoint=http://127.0.0.1:1'));
    expect(fault).toMatchObject({
      variable: 'MAIL_TRANSPORTS',
      remedy: expect.stringContaining('?endpoint= in production') as string,
    });
    expect(fault.read).not.toContain('re_secret');
  });

  it('file: in production is warned of', () => {
    expect(readSettings(withTransports('file:/var/spool/otpost')).warnings).toEqual([
      expect.stringContaining('file: in production'),
    ]);
    expect(readSettings({ MAIL_TRANSPORTS: 'file:out' }).warnings).toEqual([]);
  });
});
