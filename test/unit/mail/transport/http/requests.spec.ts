import { simpleParser } from 'mailparser';
import type { HttpSettings } from '../../../../../src/config/settings.js';
import { readSettings } from '../../../../../src/configuration.js';
import type { ProviderRequest } from '../../../../../src/mail/providers/provider.js';
import { providerOf } from '../../../../../src/mail/providers/providers.js';
import { ID, message } from '../message.js';

const FROM = '"Ada, of \\"Acme\\"" <post@example.com>';
const NAME = 'Ada, of "Acme"';
const TO = 'grace@xn--bcher-kva.example';
const SUBJECT = 'Ihr Code für Bcc: everybody@example.com';
const HEADERS = { 'Auto-Submitted': 'auto-generated', 'List-Unsubscribe': '<https://example.com/u?t=1> X-Evil: 1' };

const AWS = { AWS_ACCESS_KEY_ID: 'AKIA', AWS_SECRET_ACCESS_KEY: 'secret', AWS_SESSION_TOKEN: 'token' };

/** The request with which an entry of MAIL_TRANSPORTS hands over the message. */
async function requestTo(entry: string, told = message()): Promise<ProviderRequest> {
  const { provider, account } = readSettings({ MAIL_TRANSPORTS: entry, ...AWS }).settings.mail
    .transports[0] as HttpSettings;
  const to = providerOf(provider);
  return to.request(told, { account, endpoint: to.endpoint(account), now: new Date('2026-11-21T08:00:00Z') });
}

const bodyOf = ({ body }: ProviderRequest) => JSON.parse(body.toString()) as Record<string, unknown>;

describe('a message is told to', () => {
  it('Resend with our id as key and tag', async () => {
    const request = await requestTo('resend:re_1');
    expect(request).toMatchObject({
      url: 'https://api.resend.com/emails',
      headers: { authorization: 'Bearer re_1', 'idempotency-key': ID, 'content-type': 'application/json' },
    });
    expect(bodyOf(request)).toEqual({
      from: FROM,
      to: [TO],
      reply_to: '"Help" <help@example.com>',
      subject: SUBJECT,
      text: 'Hello ✓',
      html: '<p>Hello ✓</p>',
      headers: HEADERS,
      tags: [{ name: 'otpost_id', value: ID }],
    });
  });

  it('SendGrid, text first, with our Message-ID and our id in custom_args', async () => {
    const request = await requestTo('sendgrid:SG.1');
    expect(request).toMatchObject({
      url: 'https://api.sendgrid.com/v3/mail/send',
      headers: { authorization: 'Bearer SG.1' },
    });
    expect(bodyOf(request)).toEqual({
      personalizations: [{ to: [{ email: TO }] }],
      from: { email: 'post@example.com', name: NAME },
      reply_to: { email: 'help@example.com', name: 'Help' },
      subject: SUBJECT,
      content: [
        { type: 'text/plain', value: 'Hello ✓' },
        { type: 'text/html', value: '<p>Hello ✓</p>' },
      ],
      headers: { 'Message-ID': `<${ID}@example.com>`, ...HEADERS },
      custom_args: { otpost_id: ID },
    });
  });

  it('Postmark, which is to keep our Message-ID, with our id in Metadata', async () => {
    const request = await requestTo('postmark:token');
    expect(request).toMatchObject({
      url: 'https://api.postmarkapp.com/email',
      headers: { 'x-postmark-server-token': 'token', accept: 'application/json' },
    });
    expect(bodyOf(request)).toEqual({
      From: FROM,
      To: TO,
      ReplyTo: '"Help" <help@example.com>',
      Subject: SUBJECT,
      TextBody: 'Hello ✓',
      HtmlBody: '<p>Hello ✓</p>',
      Headers: [
        { Name: 'Message-ID', Value: `<${ID}@example.com>` },
        { Name: 'X-PM-KeepID', Value: 'true' },
        ...Object.entries(HEADERS).map(([Name, Value]) => ({ Name, Value })),
      ],
      Metadata: { otpost_id: ID },
    });
  });

  it('Mailgun as a form, with our headers and our id as a variable', async () => {
    const { url, headers, body } = await requestTo('mailgun:key-1@mg.example.com?region=eu');
    expect(url).toBe('https://api.eu.mailgun.net/v3/mg.example.com/messages');
    expect(headers).toMatchObject({
      authorization: `Basic ${Buffer.from('api:key-1').toString('base64')}`,
      'content-type': 'application/x-www-form-urlencoded',
    });
    expect(Object.fromEntries(new URLSearchParams(body.toString()))).toEqual({
      from: FROM,
      to: TO,
      subject: SUBJECT,
      text: 'Hello ✓',
      html: '<p>Hello ✓</p>',
      'h:Message-Id': `<${ID}@example.com>`,
      'h:Reply-To': '"Help" <help@example.com>',
      'h:Auto-Submitted': 'auto-generated',
      'h:List-Unsubscribe': HEADERS['List-Unsubscribe'],
      'v:otpost_id': ID,
    });
  });

  it('Brevo with a key that is another one for each attempt', async () => {
    const [one, other] = [await requestTo('brevo:xkeysib-1'), await requestTo('brevo:xkeysib-1')];
    expect(one).toMatchObject({ url: 'https://api.brevo.com/v3/smtp/email', headers: { 'api-key': 'xkeysib-1' } });
    expect(bodyOf(one)).toEqual({
      sender: { email: 'post@example.com', name: NAME },
      to: [{ email: TO }],
      replyTo: { email: 'help@example.com', name: 'Help' },
      subject: SUBJECT,
      textContent: 'Hello ✓',
      htmlContent: '<p>Hello ✓</p>',
      headers: {
        ...HEADERS,
        'X-Mailin-custom': `{"otpost_id":"${ID}"}`,
        idempotencyKey: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      },
    });
    expect(bodyOf(one)['headers']).not.toEqual(bodyOf(other)['headers']);
  });

  it('Mailjet without a Message-ID, which it refuses, and with our id as CustomID', async () => {
    const request = await requestTo('mailjet:key:secret');
    expect(request).toMatchObject({
      url: 'https://api.mailjet.com/v3.1/send',
      headers: { authorization: `Basic ${Buffer.from('key:secret').toString('base64')}` },
    });
    expect(bodyOf(request)).toEqual({
      Messages: [
        {
          From: { Email: 'post@example.com', Name: NAME },
          To: [{ Email: TO }],
          ReplyTo: { Email: 'help@example.com', Name: 'Help' },
          Subject: SUBJECT,
          TextPart: 'Hello ✓',
          HTMLPart: '<p>Hello ✓</p>',
          Headers: HEADERS,
          CustomID: ID,
        },
      ],
    });
  });

  it('SES as the whole message, signed, with our id as a tag', async () => {
    const request = await requestTo('ses:eu-west-1');
    expect(request.url).toBe('https://email.eu-west-1.amazonaws.com/v2/email/outbound-emails');
    expect(request.headers).toMatchObject({
      'x-amz-date': '20261121T080000Z',
      'x-amz-security-token': 'token',
      authorization: expect.stringContaining(
        'Credential=AKIA/20261121/eu-west-1/ses/aws4_request, SignedHeaders=accept;content-type;host;x-amz-date;x-amz-security-token',
      ) as string,
    });
    const { Content, ...rest } = bodyOf(request) as { Content: { Raw: { Data: string } } };
    expect(rest).toEqual({
      FromEmailAddress: FROM,
      Destination: { ToAddresses: [TO] },
      EmailTags: [{ Name: 'otpost_id', Value: ID }],
    });
    const mail = await simpleParser(Buffer.from(Content.Raw.Data, 'base64'));
    expect(mail.headers.get('auto-submitted')).toBe('auto-generated');
    expect(mail.headers.has('x-evil')).toBe(false);
    expect([mail.text?.trim(), mail.replyTo?.text]).toEqual(['Hello ✓', '"Help" <help@example.com>']);
  });

  it('none of them under another name: credentials stay out of it', () => {
    const entries =
      'resend:k,sendgrid:k,postmark:k,brevo:k,mailgun:k@mg.example.com,mailjet:k:s,ses:eu-west-1,file:out';
    const { transports } = readSettings({ MAIL_TRANSPORTS: entries, ...AWS }).settings.mail;
    expect(transports.map(({ name }) => name)).toEqual([
      'resend',
      'sendgrid',
      'postmark',
      'brevo',
      'mailgun:mg.example.com',
      'mailjet',
      'ses:eu-west-1',
      'file:out',
    ]);
  });
});

const PIXEL = Buffer.from('R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==', 'base64');
const GIF = PIXEL.toString('base64');
const NAMED = 'Rechnung für März.pdf';
const PDF = Buffer.from('%PDF-1.7').toString('base64');

/** Each in the form that the provider documents. */
describe('a file and a picture that the HTML shows are told to', () => {
  const told = (entry: string): Promise<ProviderRequest> =>
    requestTo(
      entry,
      message({
        html: '<img src="cid:logo">',
        attachments: [
          { filename: NAMED, contentType: 'application/pdf', inline: false, bytes: Buffer.from('%PDF-1.7') },
          { filename: 'logo.gif', contentType: 'image/gif', inline: true, contentId: 'logo', bytes: PIXEL },
        ],
      }),
    );

  // https://resend.com/docs/api-reference/emails/send-email,
  // https://resend.com/docs/dashboard/emails/embed-inline-images
  it('Resend', async () => {
    expect(bodyOf(await told('resend:re_1'))['attachments']).toEqual([
      { filename: NAMED, content: PDF, content_type: 'application/pdf' },
      { filename: 'logo.gif', content: GIF, content_type: 'image/gif', content_id: 'logo' },
    ]);
  });

  // https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send
  it('SendGrid', async () => {
    expect(bodyOf(await told('sendgrid:SG.1'))['attachments']).toEqual([
      { filename: NAMED, content: PDF, type: 'application/pdf', disposition: 'attachment' },
      { filename: 'logo.gif', content: GIF, type: 'image/gif', disposition: 'inline', content_id: 'logo' },
    ]);
  });

  // https://postmarkapp.com/developer/user-guide/send-email-with-api#attachments: the id of a picture begins with cid:
  it('Postmark', async () => {
    expect(bodyOf(await told('postmark:token'))['Attachments']).toEqual([
      { Name: NAMED, Content: PDF, ContentType: 'application/pdf' },
      { Name: 'logo.gif', Content: GIF, ContentType: 'image/gif', ContentID: 'cid:logo' },
    ]);
  });

  // https://documentation.mailgun.com/docs/mailgun/user-manual/sending-messages/send-attachments: shown by its file
  // name
  it('Mailgun', async () => {
    const { headers, body } = await told('mailgun:key-1@mg.example.com');
    const form = await new Response(body, { headers }).formData();
    const [file, picture] = [form.get('attachment') as File, form.get('inline') as File];
    expect([file.name, file.type, await file.text()]).toEqual([NAMED, 'application/pdf', '%PDF-1.7']);
    expect([picture.name, picture.type, Buffer.from(await picture.arrayBuffer())]).toEqual([
      'logo',
      'image/gif',
      PIXEL,
    ]);
    expect([form.get('to'), form.get('v:otpost_id')]).toEqual([TO, ID]);
  });

  // https://developers.brevo.com/reference/sendtransacemail: a name and the content, the type by the name
  it('Brevo, which knows no id of a picture', async () => {
    expect(bodyOf(await told('brevo:xkeysib-1'))['attachment']).toEqual([
      { name: NAMED, content: PDF },
      { name: 'logo.gif', content: GIF },
    ]);
  });

  // https://dev.mailjet.com/email/guides/send-api-v31/#send-with-attached-files
  it('Mailjet, in two lists', async () => {
    const [sent] = bodyOf(await told('mailjet:key:secret'))['Messages'] as Record<string, unknown>[];
    expect(sent!['Attachments']).toEqual([{ Filename: NAMED, ContentType: 'application/pdf', Base64Content: PDF }]);
    expect(sent!['InlinedAttachments']).toEqual([
      { Filename: 'logo.gif', ContentType: 'image/gif', Base64Content: GIF, ContentID: 'logo' },
    ]);
  });

  // https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_RawMessage.html
  it('SES, in the message itself', async () => {
    const { Content } = bodyOf(await told('ses:eu-west-1')) as { Content: { Raw: { Data: string } } };
    const { attachments } = await simpleParser(Buffer.from(Content.Raw.Data, 'base64'));
    expect(
      attachments.map(({ filename, contentType, cid, related }) => [filename, contentType, cid, related ?? false]),
    ).toEqual(
      expect.arrayContaining([
        [NAMED, 'application/pdf', undefined, false],
        ['logo.gif', 'image/gif', 'logo', true],
      ]),
    );
  });
});
