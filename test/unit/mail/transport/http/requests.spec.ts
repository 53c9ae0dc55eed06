import { simpleParser } from 'mailparser';
import { MailBuilder } from '../../../../../src/mail/transport/build-mail.js';
import { Brevo } from '../../../../../src/mail/transport/http/brevo.js';
import { MAILGUN_REGIONS } from '../../../../../src/mail/transport/http/endpoints.js';
import { Mailgun } from '../../../../../src/mail/transport/http/mailgun.js';
import { Mailjet } from '../../../../../src/mail/transport/http/mailjet.js';
import { Postmark } from '../../../../../src/mail/transport/http/postmark.js';
import type { ProviderRequest } from '../../../../../src/mail/transport/http/provider.js';
import { Resend } from '../../../../../src/mail/transport/http/resend.js';
import { SendGrid } from '../../../../../src/mail/transport/http/sendgrid.js';
import { Ses } from '../../../../../src/mail/transport/ses.js';
import { ID, message } from '../message.js';

const FROM = '"Ada, of \\"Acme\\"" <post@example.com>';
const NAME = 'Ada, of "Acme"';
const TO = 'grace@xn--bcher-kva.example';
const SUBJECT = 'Ihr Code für Bcc: everybody@example.com';
const HEADERS = { 'Auto-Submitted': 'auto-generated', 'List-Unsubscribe': '<https://example.com/u?t=1> X-Evil: 1' };

const bodyOf = ({ body }: ProviderRequest) => JSON.parse(body.toString()) as Record<string, unknown>;

describe('a message is told to', () => {
  it('Resend with our id as key and tag', () => {
    const request = new Resend('re_1').request(message());
    expect(request).toMatchObject({
      url: 'https://api.resend.com/emails',
      headers: { authorization: 'Bearer re_1', 'idempotency-key': ID, 'content-type': 'application/json' },
    });
    expect(bodyOf(request)).toEqual({
      from: FROM, to: [TO], reply_to: '"Help" <help@example.com>', subject: SUBJECT, text: 'Hello ✓', html: '<p>Hello ✓</p>',
      headers: HEADERS, tags: [{ name: 'otpost_id', value: ID }],
    });
  });

  it('SendGrid, text first, with our Message-ID and our id in custom_args', () => {
    const request = new SendGrid('SG.1').request(message());
    expect(request).toMatchObject({ url: 'https://api.sendgrid.com/v3/mail/send', headers: { authorization: 'Bearer SG.1' } });
    expect(bodyOf(request)).toEqual({
      personalizations: [{ to: [{ email: TO }] }],
      from: { email: 'post@example.com', name: NAME }, reply_to: { email: 'help@example.com', name: 'Help' }, subject: SUBJECT,
      content: [{ type: 'text/plain', value: 'Hello ✓' }, { type: 'text/html', value: '<p>Hello ✓</p>' }],
      headers: { 'Message-ID': `<${ID}@example.com>`, ...HEADERS }, custom_args: { otpost_id: ID },
    });
  });

  it('Postmark, which is to keep our Message-ID, with our id in Metadata', () => {
    const request = new Postmark('token').request(message());
    expect(request).toMatchObject({ url: 'https://api.postmarkapp.com/email', headers: { 'x-postmark-server-token': 'token', accept: 'application/json' } });
    expect(bodyOf(request)).toEqual({
      From: FROM, To: TO, ReplyTo: '"Help" <help@example.com>', Subject: SUBJECT, TextBody: 'Hello ✓', HtmlBody: '<p>Hello ✓</p>',
      Headers: [
        { Name: 'Message-ID', Value: `<${ID}@example.com>` }, { Name: 'X-PM-KeepID', Value: 'true' },
        ...Object.entries(HEADERS).map(([Name, Value]) => ({ Name, Value })),
      ],
      Metadata: { otpost_id: ID },
    });
  });

  it('Mailgun as a form, with our headers and our id as a variable', () => {
    const { url, headers, body } = new Mailgun('mg.example.com', 'key-1', MAILGUN_REGIONS.eu).request(message());
    expect(url).toBe('https://api.eu.mailgun.net/v3/mg.example.com/messages');
    expect(headers).toMatchObject({ authorization: `Basic ${Buffer.from('api:key-1').toString('base64')}`, 'content-type': 'application/x-www-form-urlencoded' });
    expect(Object.fromEntries(new URLSearchParams(body.toString()))).toEqual({
      from: FROM, to: TO, subject: SUBJECT, text: 'Hello ✓', html: '<p>Hello ✓</p>',
      'h:Message-Id': `<${ID}@example.com>`, 'h:Reply-To': '"Help" <help@example.com>',
      'h:Auto-Submitted': 'auto-generated', 'h:List-Unsubscribe': HEADERS['List-Unsubscribe'], 'v:otpost_id': ID,
    });
  });

  it('Brevo with a key that is another one for each attempt', () => {
    const brevo = new Brevo('xkeysib-1');
    const [one, other] = [brevo.request(message()), brevo.request(message())];
    expect(one).toMatchObject({ url: 'https://api.brevo.com/v3/smtp/email', headers: { 'api-key': 'xkeysib-1' } });
    expect(bodyOf(one)).toEqual({
      sender: { email: 'post@example.com', name: NAME }, to: [{ email: TO }], replyTo: { email: 'help@example.com', name: 'Help' },
      subject: SUBJECT, textContent: 'Hello ✓', htmlContent: '<p>Hello ✓</p>',
      headers: { ...HEADERS, 'X-Mailin-custom': `{"otpost_id":"${ID}"}`, idempotencyKey: expect.stringMatching(/^[0-9a-f-]{36}$/) as string },
    });
    expect(bodyOf(one)['headers']).not.toEqual(bodyOf(other)['headers']);
  });

  it('Mailjet without a Message-ID, which it refuses, and with our id as CustomID', () => {
    const request = new Mailjet('key', 'secret').request(message());
    expect(request).toMatchObject({ url: 'https://api.mailjet.com/v3.1/send', headers: { authorization: `Basic ${Buffer.from('key:secret').toString('base64')}` } });
    expect(bodyOf(request)).toEqual({
      Messages: [{
        From: { Email: 'post@example.com', Name: NAME }, To: [{ Email: TO }], ReplyTo: { Email: 'help@example.com', Name: 'Help' },
        Subject: SUBJECT, TextPart: 'Hello ✓', HTMLPart: '<p>Hello ✓</p>', Headers: HEADERS, CustomID: ID,
      }],
    });
  });

  it('SES as the whole message, signed, with our id as a tag', async () => {
    const ses = new Ses('eu-west-1', { accessKeyId: 'AKIA', secretAccessKey: 'secret', sessionToken: 'token' }, new MailBuilder(undefined));
    const request = await ses.request(message(), new Date('2026-11-21T08:00:00Z'));
    expect(request.url).toBe('https://email.eu-west-1.amazonaws.com/v2/email/outbound-emails');
    expect(request.headers).toMatchObject({
      'x-amz-date': '20261121T080000Z',
      'x-amz-security-token': 'token',
      authorization: expect.stringContaining('Credential=AKIA/20261121/eu-west-1/ses/aws4_request, SignedHeaders=accept;content-type;host;x-amz-date;x-amz-security-token') as string,
    });
    const { Content, ...rest } = bodyOf(request) as { Content: { Raw: { Data: string } } };
    expect(rest).toEqual({ FromEmailAddress: FROM, Destination: { ToAddresses: [TO] }, EmailTags: [{ Name: 'otpost_id', Value: ID }] });
    const mail = await simpleParser(Buffer.from(Content.Raw.Data, 'base64'));
    expect(mail.headers.get('auto-submitted')).toBe('auto-generated');
    expect(mail.headers.has('x-evil')).toBe(false);
    expect([mail.text?.trim(), mail.replyTo?.text]).toEqual(['Hello ✓', '"Help" <help@example.com>']);
  });

  it('none of them under another name: credentials stay out of it', () => {
    const names = [new Resend('k'), new SendGrid('k'), new Postmark('k'), new Brevo('k'), new Mailgun('mg.example.com', 'k'), new Mailjet('k', 's')].map(({ name }) => name);
    expect(names).toEqual(['resend', 'sendgrid', 'postmark', 'brevo', 'mailgun:mg.example.com', 'mailjet']);
  });
});
