import type { HttpSettings } from '../../../src/config/settings.js';
import { readSettings } from '../../../src/configuration.js';
import { accountVerdict } from '../../../src/doctor/provider-checks.js';
import type { ProbeAnswer, Question } from '../../../src/mail/providers/provider.js';
import { providerOf, PROVIDERS } from '../../../src/mail/providers/providers.js';

const NOW = new Date('2026-11-21T09:00:00Z');
const ENTRIES = {
  resend: 'resend:re_1',
  sendgrid: 'sendgrid:SG.1',
  postmark: 'postmark:pm',
  brevo: 'brevo:xkeysib',
  mailgun: 'mailgun:key@mg.example.com',
  mailjet: 'mailjet:mj:secret',
  ses: 'ses:eu-west-1',
};

function settingsOf(entry: string): HttpSettings {
  const aws = { AWS_ACCESS_KEY_ID: 'AKID', AWS_SECRET_ACCESS_KEY: 'secret' };
  return readSettings({ MAIL_TRANSPORTS: entry, ...aws }).settings.mail.transports[0] as HttpSettings;
}

function questionFor({ provider, account }: HttpSettings): Question | Promise<Question> {
  const of = providerOf(provider);
  return of.probe.question({ account, endpoint: of.endpoint(account), now: NOW });
}

function answer(status: number, json: unknown = {}, words = ''): ProbeAnswer {
  return { status, json, words };
}

describe('the question to a provider', () => {
  it.each<[keyof typeof ENTRIES, string, object]>([
    ['resend', 'https://api.resend.com/domains', { authorization: 'Bearer re_1' }],
    ['sendgrid', 'https://api.sendgrid.com/v3/scopes', { authorization: 'Bearer SG.1' }],
    ['postmark', 'https://api.postmarkapp.com/server', { 'x-postmark-server-token': 'pm' }],
    ['brevo', 'https://api.brevo.com/v3/account', { 'api-key': 'xkeysib' }],
    ['mailgun', 'https://api.mailgun.net/v4/domains/mg.example.com', { authorization: `Basic ${btoa('api:key')}` }],
    ['mailjet', 'https://api.mailjet.com/v3/REST/apikey', { authorization: `Basic ${btoa('mj:secret')}` }],
    [
      'ses',
      'https://email.eu-west-1.amazonaws.com/v2/email/account',
      { authorization: expect.stringContaining('Credential=AKID/20261121/eu-west-1/ses/aws4_request') as string },
    ],
  ])('%s: changes nothing', async (name, url, headers) => {
    expect(await questionFor(settingsOf(ENTRIES[name]))).toMatchObject({ method: 'GET', url, headers });
  });

  it('goes to the region of the domain', async () => {
    expect((await questionFor(settingsOf(`${ENTRIES.mailgun}?region=eu`))).url).toBe(
      'https://api.eu.mailgun.net/v4/domains/mg.example.com',
    );
  });

  it('is put a second time to Mailgun alone, whose sending keys cannot see the domain, and without anything to send', () => {
    const { account } = settingsOf(ENTRIES.mailgun);
    const { second } = providerOf('mailgun').probe;
    expect(second!.question({ account, endpoint: 'https://api.mailgun.net', now: NOW })).toEqual({
      method: 'POST',
      url: 'https://api.mailgun.net/v3/mg.example.com/messages',
      headers: { authorization: `Basic ${btoa('api:key')}`, 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect(PROVIDERS.filter(({ probe }) => probe.second).map(({ kind }) => kind)).toEqual(['mailgun']);
    expect(second!.judge(answer(400))).toMatchObject({
      status: 'ok',
      summary: expect.stringContaining('may send and nothing else') as string,
    });
    expect(second!.judge(answer(401))).toBeUndefined();
  });
});

describe('the answer of a provider', () => {
  it.each<[keyof typeof ENTRIES, ProbeAnswer, string, RegExp]>([
    ['resend', answer(200, { data: [{ name: 'example.com', status: 'verified' }] }), 'ok', /example\.com is verified/],
    ['resend', answer(200, { data: [{ name: 'example.com', status: 'pending' }] }), 'fail', /not verified \(pending\)/],
    ['resend', answer(200, { data: [] }), 'fail', /not among its domains/],
    ['resend', answer(401, { name: 'restricted_api_key' }), 'ok', /may send and nothing else/],
    [
      'resend',
      answer(403, { name: 'invalid_api_key' }, 'API key is invalid'),
      'fail',
      /refuses the key \(403 API key is invalid\)/,
    ],
    ['sendgrid', answer(200, { scopes: ['mail.send'] }), 'ok', /may send/],
    ['sendgrid', answer(200, { scopes: ['alerts.read'] }), 'fail', /may not send/],
    ['postmark', answer(200, { DeliveryType: 'Live' }), 'ok', /takes the token/],
    ['postmark', answer(200, { DeliveryType: 'Sandbox' }), 'warn', /sandbox/],
    [
      'brevo',
      answer(200, {
        plan: [
          { type: 'sms', creditsType: 'sendLimit', credits: 0 },
          { type: 'free', creditsType: 'sendLimit', credits: 294 },
        ],
      }),
      'ok',
      /294 credits left/,
    ],
    ['brevo', answer(200, { plan: [{ type: 'free', creditsType: 'sendLimit', credits: 0 }] }), 'fail', /no credits/],
    ['brevo', answer(200, {}), 'ok', /takes the key/],
    ['mailgun', answer(200, { domain: { state: 'active' } }), 'ok', /mg\.example\.com is active/],
    ['mailgun', answer(200, { domain: { state: 'unverified' } }), 'warn', /unverified/],
    ['mailgun', answer(200, { domain: { state: 'disabled' } }), 'fail', /disabled/],
    ['mailgun', answer(404), 'fail', /no domain mg\.example\.com .* region us/],
    [
      'mailjet',
      answer(200, {
        Data: [
          { APIKey: 'other', IsActive: false },
          { APIKey: 'mj', IsActive: true, Runlevel: 'Normal' },
        ],
      }),
      'ok',
      /takes the key/,
    ],
    ['mailjet', answer(200, { Data: [{ APIKey: 'mj', IsActive: false }] }), 'fail', /not active/],
    ['mailjet', answer(200, { Data: [{ APIKey: 'mj', IsActive: true, Runlevel: 'Softlock' }] }), 'fail', /Softlock/],
    ['mailjet', answer(403), 'ok', /may not look at itself/],
    [
      'ses',
      answer(200, {
        SendingEnabled: true,
        ProductionAccessEnabled: true,
        SendQuota: { Max24HourSend: 50_000, SentLast24Hours: 10 },
      }),
      'ok',
      /10 of 50000/,
    ],
    [
      'ses',
      answer(200, {
        SendingEnabled: true,
        ProductionAccessEnabled: true,
        SendQuota: { Max24HourSend: 100, SentLast24Hours: 90 },
      }),
      'warn',
      /90 of 100/,
    ],
    [
      'ses',
      answer(200, {
        SendingEnabled: true,
        ProductionAccessEnabled: true,
        SendQuota: { Max24HourSend: 100, SentLast24Hours: 100 },
      }),
      'fail',
      /100 of 100/,
    ],
    ['ses', answer(200, { SendingEnabled: true, ProductionAccessEnabled: false }), 'warn', /sandbox/],
    ['ses', answer(200, { SendingEnabled: false }), 'fail', /turned off/],
    [
      'ses',
      answer(403, {}, 'AccessDeniedException: User is not authorized to perform: ses:GetAccount'),
      'ok',
      /without the right ses:GetAccount/,
    ],
    ['ses', answer(403, {}, 'SignatureDoesNotMatch: the signature'), 'fail', /refuses the key/],
    ['postmark', answer(401), 'fail', /refuses the key/],
    ['postmark', answer(429), 'warn', /429/],
    ['postmark', answer(503), 'warn', /in trouble itself/],
    ['postmark', answer(302), 'warn', /unexpectedly/],
  ])('%s: %j is %s', (name, told, status, says) => {
    const verdict = accountVerdict(settingsOf(ENTRIES[name]), told, 'example.com');
    expect([verdict.status, verdict.summary]).toEqual([status, expect.stringMatching(says)]);
  });
});
