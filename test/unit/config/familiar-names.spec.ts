import { translateFamiliarNames as translate } from '../../../src/config/names.js';
import { readSettings } from '../../../src/configuration.js';
import { PROVIDERS } from '../../../src/mail/providers/providers.js';

const translateFamiliarNames = (env: Record<string, string>) => translate(env, PROVIDERS);
const transportsOf = (env: Record<string, string>) => translateFamiliarNames(env).env['MAIL_TRANSPORTS'];

describe('variables of others', () => {
  it("are understood as Django's and Celery's users have them", () => {
    const env = {
      EMAIL_HOST: 'smtp.gmail.com',
      EMAIL_PORT: '587',
      EMAIL_HOST_USER: 'me@gmail.com',
      EMAIL_HOST_PASSWORD: 'ab,cd e/f?',
      EMAIL_USE_TLS: 'True',
      DEFAULT_FROM_EMAIL: 'Acme <me@gmail.com>',
    };
    const { settings, warnings } = readSettings(env);
    expect(settings.mail).toMatchObject({
      from: { name: 'Acme', address: 'me@gmail.com' },
      transports: [
        {
          name: 'smtp.gmail.com:587',
          ports: [{ port: 587, tls: 'starttls' }],
          user: 'me@gmail.com',
          password: 'ab,cd e/f?',
        },
      ],
    });
    expect(warnings).toEqual([
      'MAIL_TRANSPORTS is not set; it was made of EMAIL_HOST, EMAIL_PORT, EMAIL_HOST_USER, EMAIL_HOST_PASSWORD, EMAIL_USE_TLS.',
      'MAIL_FROM is not set; DEFAULT_FROM_EMAIL stands in for it.',
    ]);
  });

  it.each([
    [{ EMAIL_HOST: 'a.example' }, 'smtp://a.example'],
    [{ SMTP_HOST: 'a.example', SMTP_PORT: '2525', SMTP_USER: 'u', SMTP_PASSWORD: 'p' }, 'smtp://u:p@a.example:2525'],
    [{ EMAIL_HOST: 'a.example', EMAIL_USE_SSL: '1' }, 'smtps://a.example'],
    [{ SMTP_HOST: 'a.example', SMTP_PORT: '465' }, 'smtps://a.example:465'],
    [{ EMAIL_HOST: 'mail.internal', EMAIL_PORT: '25', EMAIL_USE_TLS: 'False' }, 'smtp://mail.internal:25?tls=off'],
    [{ EMAIL_HOST: '::1', EMAIL_PORT: '1025' }, 'smtp://[::1]:1025'],
    // Laravel and Flask-Mail.
    [
      { MAIL_MAILER: 'smtp', MAIL_HOST: 'a.example', MAIL_PORT: '587', MAIL_USERNAME: 'u', MAIL_PASSWORD: 'p' },
      'smtp://u:p@a.example:587',
    ],
    [{ MAIL_HOST: 'a.example', MAIL_PORT: '25', MAIL_USERNAME: 'null', MAIL_PASSWORD: 'null' }, 'smtp://a.example:25'],
    [{ MAIL_HOST: 'a.example', MAIL_ENCRYPTION: 'ssl' }, 'smtps://a.example'],
    [{ MAIL_HOST: 'a.example', MAIL_SCHEME: 'smtps', MAIL_ENCRYPTION: 'null' }, 'smtps://a.example'],
    [{ MAIL_HOST: 'a.example', MAIL_ENCRYPTION: 'tls' }, 'smtp://a.example'],
    [{ MAIL_MAILER: 'log', MAIL_HOST: '127.0.0.1', MAIL_PORT: '2525' }, undefined],
    [
      { MAIL_SERVER: 'a.example', MAIL_USE_SSL: 'True', MAIL_USERNAME: 'u', MAIL_PASSWORD: 'p' },
      'smtps://u:p@a.example',
    ],
    [{ MAIL_SERVER: 'a.example', MAIL_USE_TLS: 'False' }, 'smtp://a.example?tls=off'],
    // Nothing of one program goes with another's, and no port is the address of a service.
    [{ SMTP_HOST: 'a.example', MAIL_USERNAME: 'u', MAIL_PASSWORD: 'p' }, 'smtp://a.example'],
    [{ SMTP_HOST: 'a.example', SMTP_PORT: 'tcp://10.0.0.1:25' }, 'smtp://a.example'],
    [{ SENDGRID_API_KEY: 'SG.x' }, 'sendgrid:SG.x'],
    [{ EMAIL_HOST: 'a.example', SENDGRID_API_KEY: 'SG.x' }, 'smtp://a.example,sendgrid:SG.x'],
  ])('%j make %s', (env, transports) => {
    expect(transportsOf(env as Record<string, string>)).toBe(transports);
  });

  it('never send a password in the clear, whatever EMAIL_USE_TLS says', () => {
    const env = { EMAIL_HOST: 'a.example', EMAIL_HOST_USER: 'u', EMAIL_HOST_PASSWORD: 'p', EMAIL_USE_TLS: 'False' };
    expect(readSettings(env).settings.mail.transports).toMatchObject([
      { ports: [{ tls: 'starttls' }, { tls: 'implicit' }, { tls: 'starttls' }] },
    ]);
  });

  it('give way to ours, and say so', () => {
    const { env, notes } = translateFamiliarNames({
      EMAIL_HOST: 'a.example',
      MAIL_TRANSPORTS: 'capture:',
      MAIL_FROM: 'a@b.example',
      SMTP_FROM: 'c@d.example',
    });
    expect(env).toMatchObject({ MAIL_TRANSPORTS: 'capture:', MAIL_FROM: 'a@b.example' });
    expect(notes).toEqual(['EMAIL_HOST: not used, because MAIL_TRANSPORTS is set.']);
  });

  it.each([
    [
      { SMTP_MAIL_FROM: 'a@b.example', SMTP_FROM_NAME: 'DCA LMS' },
      'DCA LMS',
      'SMTP_MAIL_FROM and SMTP_FROM_NAME stand',
    ],
    [
      { MAIL_FROM_ADDRESS: 'a@b.example', MAIL_FROM_NAME: 'Shop, "Inc."' },
      "Shop, 'Inc.'",
      'MAIL_FROM_ADDRESS and MAIL_FROM_NAME stand',
    ],
    [{ SMTP_FROM_EMAIL: 'Shop <a@b.example>', SMTP_FROM_NAME: 'Other' }, 'Shop', 'SMTP_FROM_EMAIL stands'],
    [{ MAIL_DEFAULT_SENDER: 'a@b.example' }, '', 'MAIL_DEFAULT_SENDER stands'],
    [{ MAIL_FROM_ADDRESS: 'a@b.example', MAIL_FROM_NAME: '${APP_NAME}' }, '', 'MAIL_FROM_ADDRESS stands'],
    [{ MAIL_HOST: 'c.example', MAIL_USERNAME: 'a@b.example', MAIL_PASSWORD: 'p' }, '', 'MAIL_USERNAME stands'],
    [
      { EMAIL_HOST: 'c.example', EMAIL_HOST_USER: 'a@b.example', EMAIL_HOST_PASSWORD: 'p' },
      '',
      'EMAIL_HOST_USER stands',
    ],
    [
      { EMAIL_HOST: 'c.example', EMAIL_HOST_USER: 'x@c.example', EMAIL_HOST_PASSWORD: 'p', SMTP_FROM: 'a@b.example' },
      '',
      'SMTP_FROM stands',
    ],
  ])('%j name the sender', (env, name, note) => {
    const { settings, warnings } = readSettings(env);
    expect(settings.mail.from).toEqual({ name, address: 'a@b.example' });
    expect(warnings.at(-1)).toBe(`MAIL_FROM is not set; ${note} in for it.`);
  });

  it.each([
    { EMAIL_HOST: 'c.example', EMAIL_HOST_USER: 'apikey' },
    { EMAIL_HOST: 'c.example', EMAIL_HOST_USER: 'a@b.example', MAIL_TRANSPORTS: 'capture:' },
    { SMTP_FROM_NAME: 'Shop' },
  ])('%j name no sender', (env) => {
    expect(translateFamiliarNames({ ...env } as unknown as Record<string, string>).env['MAIL_FROM']).toBeUndefined();
  });

  it('are not taken for misspelt ones of ours, and no note repeats a value', () => {
    const { warnings } = readSettings({
      SMTP_HOST: 'a.example',
      SMTP_PORT: '25',
      SMTP_USER: 'someone',
      SMTP_PASS: 'hidden',
      EMAIL_FROM: 'a@b.example',
      SMTP_FROM_NAME: 'Someone',
    });
    expect(warnings).toHaveLength(2);
    expect(warnings.join()).not.toMatch(/hidden|someone|Someone|b\.example|Did you mean/);
  });
});
