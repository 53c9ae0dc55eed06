import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ConfigurationError } from '../../../src/config/read-settings.js';
import { readSettings, VARIABLES } from '../../../src/configuration.js';
import { PROVIDERS } from '../../../src/mail/providers/providers.js';
import { PRODUCTION_ENV } from './faults.js';

const FOLDER = fileURLToPath(new URL('../../../src/config/', import.meta.url));

/** What is put into each variable; between them they provoke every fault that there is. */
const WRONG = [
  'x',
  'a b',
  '~',
  '-1',
  '0',
  '99999999',
  'a,b',
  ',',
  '"quoted"',
  "'quoted'",
  '1,1',
  'ü',
  'A\u2028B <a@b.example>',
  'pöst@b.example',
  '"a b"@b.example',
  '[::]',
  'https://user:pw@example.com/x?y#z',
  'postgres://u:p#w@db/x',
  'mysql://db/x',
  'redis://localhost/cache',
  'postgres://localhost/otpost?sslmode=on',
  'http://localhost',
  'redis://u:1/2@host',
  'http://127.0.0.1:4317',
  '11',
  '10.0.0.0/0',
  'capture:x',
  'capture:,nonsense',
  'smtp://',
  'smtp://host:0',
  'smtp://host?tls=maybe',
  'smtps://host?tls=off',
  'smtp://u:p@host?tls=off',
  'smtp://u@host',
  'smtp://u:p@host?oauth_client_id=a&oauth_client_secret=b&oauth_refresh_token=c',
  'smtp://u@host?oauth_client_id=a',
  'smtp://u@host?oauth_client_id=a&oauth_client_secret=b&oauth_refresh_token=c',
  'smtp://u:p@smtp.gmail.com?oauth_client_id=a&oauth_client_secret=b&oauth_refresh_token=c',
  'smtp://host?rate=x',
  'smtp://host?daily=x',
  'smtp://host?connections=0',
  'smtp://host?colour=red',
  'smtp://host?helo=host',
  'smtp://host?auth=x',
  'smtp://host?greeting_timeout=x',
  'resend:',
  'resend:a b',
  'resend:%',
  'resend:k?x=1',
  'mailgun:k',
  'mailgun:k@mg.example.com?region=x',
  'mailjet:k',
  'ses:nowhere',
  'file:',
  'file:~/x',
  'sendgrid:',
  'resend:k?endpoint=https://example.com',
  'sendgrid:k',
  'mailgun:short',
  'postmark:u:p',
  'mailjet:u',
  'brevo:%',
  'ses:x',
  '587?tls=no',
  '465',
  '465?tls=off',
  '#fefefe',
];

/** Each of them wrong by what another one says. */
const BETWEEN: Record<string, string | undefined>[] = [
  { ROLE: 'web' },
  { ROLE: 'worker' },
  { SMTP_TLS_CERT: '/a' },
  { SMTP_TLS_KEY: '/a' },
  { DKIM_SELECTOR: 'otpost' },
  { DKIM_PRIVATE_KEY: 'x' },
  { MAIL_TRANSPORTS: 'ses:eu-west-1' },
  { NODE_ENV: 'production' },
  { ...PRODUCTION_ENV, SMS_TEST_NUMBERS: '+15005550006:123456:2027-01-31' },
  { ...PRODUCTION_ENV, APP_URL: 'http://example.com' },
  { ...PRODUCTION_ENV, MAIL_TRANSPORTS: 'resend:k?endpoint=http://127.0.0.1:1' },
  ...Object.keys(PRODUCTION_ENV)
    .filter((name) => name !== 'NODE_ENV')
    .map((name) => ({ ...PRODUCTION_ENV, [name]: undefined })),
];

/** What an operator is told of an environment; nothing where it is accepted. */
function remediesFor(env: Record<string, string | undefined>): string[] {
  try {
    readSettings(env);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.faults.map(({ remedy }) => remedy.join('\n'));
  }
}

describe('what is told of a setting that is wrong', () => {
  const told = new Set(
    [...VARIABLES.flatMap(({ name }) => WRONG.map((text) => ({ [name]: text }))), ...BETWEEN].flatMap(remediesFor),
  );

  it('is provoked here, all of it', () => {
    const sources = readdirSync(FOLDER)
      .map((file) => readFileSync(FOLDER + file, 'utf8'))
      .join('\n');
    const beginnings = [...sources.matchAll(/\bfault\(\s*['`]([^'`$\n]{6,})/g)].map(([, text]) =>
      text!.replaceAll('\\n', '\n'),
    );
    const all = [...told].join('\n');
    const wants = PROVIDERS.flatMap(({ entry, secret }) => [entry.wants, secret.wants]);
    expect(beginnings.length).toBeGreaterThan(40);
    expect([...beginnings, ...wants].filter((text) => !all.includes(text))).toEqual([]);
  });

  it.each([...told].map((remedy) => [remedy]))('is whole: %s', (remedy) => {
    for (const line of remedy.split('\n')) {
      expect(line).toMatch(/\.$/);
      expect(line).not.toMatch(
        / {2}| [,;]| \.(?!_)|[,;] ?[,;]|\b(an?|the|or|and|of) (such as|or|and)\b|\b(undefined|null|NaN)\b|\[object|\(\)|such as [.,]|=\.$/,
      );
    }
  });
});
