import { generateKeyPairSync } from 'node:crypto';
import type { HookSecret } from '../../../src/config/settings.js';
import { readSettings } from '../../../src/configuration.js';
import { allSenders } from '../../support/http/provider-hooks.js';
import { remedyOf } from './faults.js';

const read = (text: string): HookSecret[] => readSettings({ HOOK_SECRETS: text }).settings.mail.hookSecrets;

describe('HOOK_SECRETS', () => {
  it('reads an entry of each provider', () => {
    const secrets = allSenders().map(({ secret }) => secret);
    expect(read(secrets.join(', ')).map(({ provider }) => provider)).toEqual([
      'sendgrid',
      'mailgun',
      'resend',
      'postmark',
      'brevo',
      'mailjet',
      'ses',
    ]);
  });

  it('takes several of one provider, for several accounts', () => {
    expect(read('brevo:0123456789abcdef,brevo:fedcba9876543210')).toEqual([
      { provider: 'brevo', secret: { token: '0123456789abcdef' } },
      { provider: 'brevo', secret: { token: 'fedcba9876543210' } },
    ]);
  });

  it('decodes users, passwords and tokens', () => {
    expect(read('postmark:a%40b:long%2Cpassword%3A%25!,brevo:a-token%20of%20sixteen')).toEqual([
      { provider: 'postmark', secret: { user: 'a@b', password: 'long,password:%!' } },
      { provider: 'brevo', secret: { token: 'a-token of sixteen' } },
    ]);
  });

  const otherCurve = generateKeyPairSync('ec', { namedCurve: 'secp384r1' })
    .publicKey.export({ format: 'der', type: 'spki' })
    .toString('base64');

  it.each([
    ['a provider there is none of', 'sparkpost:0123456789abcdef', /must begin with sendgrid:, mailgun:/],
    ['nothing but a name', 'mailgun', /must begin with/],
    ['no key', 'sendgrid:MFkwEwYHKoZIzj0', /sendgrid: must be the verification key/],
    ['a key of another kind', `sendgrid:${otherCurve}`, /sendgrid: must be the verification key/],
    ['a short key', 'mailgun:short', /mailgun: must have at least 16 characters/],
    ['a secret without its start', 'resend:MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', /resend: must be the signing secret/],
    ['a secret that is no base64', 'resend:whsec_not base64 at all, really', /resend: must be the signing secret/],
    ['no user', 'postmark:a-password-that-is-long', /postmark: must be a user/],
    ['a short password', 'mailjet:otpost:short', /mailjet: must be a user/],
    ['a percent sign that begins no escape', 'mailjet:otpost:a-password-of-100%', /mailjet: must be a user/],
    ['a short token', 'brevo:short', /brevo: the token must have at least 16/],
    ['an ARN of something else', 'ses:arn:aws:sqs:eu-west-1:123456789012:otpost', /ses: must be the ARN/],
    [
      'an ARN with a host in its region',
      'ses:arn:aws:sns:evil.example.com/:123456789012:otpost',
      /ses: must be the ARN/,
    ],
  ])('refuses %s, with an example', (_, text, remedy) => {
    const told = remedyOf('HOOK_SECRETS', text);
    expect(told).toMatch(remedy);
    expect(told).toContain('such as HOOK_SECRETS=');
  });

  it('is refused at start with all faults at once, and shows no secret', () => {
    const start = (): unknown => readSettings({ HOOK_SECRETS: 'brevo:hunter2,mailgun:hunter3' });
    expect(start).toThrow(/HOOK_SECRETS\s+read \*\*\* \(\d+ characters\)/);
    expect(start).toThrow(/entry 1: brevo:[^]*entry 2: mailgun:/);
    expect(start).not.toThrow(/hunter/);
  });
});
