import { plainToInstance } from 'class-transformer';
import { validateSync, type ValidationError } from 'class-validator';
import { CreateKeyRequest } from '../../../src/access/api-keys.controller.js';
import { ChangeMeRequest, RegisterRequest } from '../../../src/accounts/api/requests.js';
import { deviceWords } from '../../../src/accounts/notices/notices.js';
import { passwordFault } from '../../../src/accounts/passwords/password-policy.js';
import { bearerOf } from '../../../src/core/credentials.js';
import { parseEmailAddress } from '../../../src/core/email-address.js';
import { escapeHtml } from '../../../src/core/html.js';
import { cut, isMoment, requireStorable, storable } from '../../../src/core/input.js';
import { Keyring } from '../../../src/core/keyring.js';
import { quote } from '../../../src/core/mask.js';
import { dmarcRecordsIn, parseSpf, spfRecordsIn, tagsOf } from '../../../src/doctor/sender-policy.js';
import { tooDeepMember } from '../../../src/core/validation.js';
import { requesterOf } from '../../../src/limits/limit-policy.js';
import { SendRequest } from '../../../src/mail/api/send-request.js';
import { inBothForms } from '../../../src/mail/content/templates.js';
import { readDsn } from '../../../src/mail/events/dsn.js';
import { framed, messagePane } from '../../../src/mail/inbox/message-pane.js';
import { findCode, readListQuery } from '../../../src/mail/inbox/inbox.store.js';
import { enhancedCodeIn, hardBounce, proveBasic } from '../../../src/mail/providers/hook.js';
import { waitAskedFor } from '../../../src/mail/providers/replies.js';
import { providerOf } from '../../../src/mail/providers/providers.js';
import { certificateUrlIn, subscribeUrlIn } from '../../../src/mail/providers/sns.js';
import { classifySmtpFailure } from '../../../src/mail/transport/smtp-reply.js';
import { MailBuilder } from '../../../src/mail/transport/wire-form.js';
import { CreateEndpointRequest } from '../../../src/mail/webhooks/api/shapes.js';
import { askedPause } from '../../../src/mail/webhooks/retry-policy.js';
import { DeviceTokens } from '../../../src/otp/device-token.js';
import { VerificationRequest } from '../../../src/otp/verifications/verification-shapes.js';
import { inTime } from '../../support/signals/in-time.js';
import { message } from '../mail/transport/message.js';

const NOW = new Date();
const KIB = 1_024;
const MIB = 1_024 * KIB;
const BODY = 64 * KIB;
/**
 * Characters: a quarter of the most that comes in one request, and enough to tell: what is quadratic takes minutes for
 * them.
 */
const ENOUGH = 256 * KIB;

type Make = (length: number) => string;

const times =
  (piece: string, before = '', after = ''): Make =>
  (length) =>
    before + piece.repeat(Math.ceil(length / piece.length)) + after;

/** What is slow for naive readers: lines, blanks, openings that never end, separators. */
const HOSTILE: Make[] = [
  times('\n'),
  times('\r\n'),
  times(' '),
  times('\t \t'),
  times('a'),
  times('é'),
  times('😀'),
  times('<a '),
  times('<'),
  times('"'),
  times('\\'),
  times(';'),
  times(','),
  times('.'),
  times('@'),
  times('a@'),
  times('a.', 'a@'),
  times('a-', 'a@', '.'),
  times('='),
  times('0'),
  times('1.'),
  times(':'),
  times('/'),
  times('%'),
  times('{"a":', '', '1'),
  times('['),
  times('ab ', '', '\0'),
  times(' ', 'x', 'x'),
  times('5.1.1 '),
  times('550 5.1.1 '),
  times('in 5 '),
  times('http://a.b/', 'http://a'),
  times(')', 'http://a', 'x'),
  times('<head '),
  times('_', 'de'),
  times('-x', 'de'),
  times('en-'),
  times('2030-01-31T'),
  times('&#'),
  times('=3D'),
  times('=\n'),
];

function validated(type: new () => object, length: number, make: Make): ValidationError[] {
  const text = make(length);
  const fields = [
    'email',
    'to',
    'name',
    'locale',
    'password',
    'subject',
    'text',
    'html',
    'replyTo',
    'scheduledAt',
    'expiresAt',
    'lane',
    'purpose',
    'template',
    'url',
    'description',
  ];
  return validateSync(plainToInstance(type, Object.fromEntries(fields.map((field) => [field, text]))), {
    whitelist: true,
    forbidNonWhitelisted: true,
  });
}

const hook = (body: object | string) => ({
  headers: { authorization: 'x' },
  body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
  now: NOW,
});
const fields = (text: string, ...names: string[]): Record<string, string> =>
  Object.fromEntries(names.map((name) => [name, text]));
const keyring = new Keyring('a secret of more than thirty-two characters', []);

/**
 * Who reads what strangers write, how much of it at most where that is little, and how. Patterns have a test of their
 * own.
 */
const READERS: Record<string, { longest?: number; read: (text: string) => unknown }> = {
  'an address': { read: parseEmailAddress },
  'a moment': { read: isMoment },
  'a bearer': { read: bearerOf },
  'a device token': { read: (text) => new DeviceTokens(keyring).read(text, 'ada@example.com') },
  'a user agent': { read: deviceWords },
  'a requester': { longest: 16 * KIB, read: requesterOf },
  'a new password': {
    longest: 1_024,
    read: (password) =>
      passwordFault(
        password,
        { email: 'a.b-c.d@example.com', name: password.slice(0, 100), product: 'Acme', host: 'example.com' },
        new Set(['x']),
      ),
  },
  'the query of the inbox': {
    longest: 16 * KIB,
    read: (text) => refused(() => readListQuery({ to: text, limit: text, cursor: text })),
  },
  'the depth of a body': { read: (text) => tooDeepMember(parsed(text)) },
  'what is storable': { read: (text) => refused(() => requireStorable(parsed(text), { text }, { [text]: text })) },
  'what is made storable': { read: (text) => cut(storable(text), 1_000) },
  'what stands in a page': { read: escapeHtml },
  'a registration': { longest: BODY, read: (text) => validated(RegisterRequest, text.length, () => text) },
  'a change of an account': { longest: BODY, read: (text) => validated(ChangeMeRequest, text.length, () => text) },
  'a verification': { longest: BODY, read: (text) => validated(VerificationRequest, text.length, () => text) },
  'a key': { longest: BODY, read: (text) => validated(CreateKeyRequest, text.length, () => text) },
  'an endpoint': { longest: BODY, read: (text) => validated(CreateEndpointRequest, text.length, () => text) },
  'a mail': { read: (text) => validated(SendRequest, text.length, () => text) },
  'HTML without a text': { read: (html) => inBothForms({ subject: 's', html }) },
  'text without HTML': { read: (text) => inBothForms({ subject: 's', text }) },
  'a captured message': {
    read: (text) => String(paneOf(text, 'text')) + String(paneOf(text, 'html')) + framed(text) + findCode(text),
  },
  'a bounce': {
    read: (text) =>
      [
        text,
        bounceOf(text),
        bounceOf(`--b\nContent-Type: message/delivery-status\n\n${text}`),
        bounceOf(text, text),
      ].map((source) => readDsn(Buffer.from(source))),
  },
  'the words of a bounce': { read: (text) => [enhancedCodeIn(text), hardBounce(text, text)] },
  'the answer of an SMTP server': {
    read: (response) => classifySmtpFailure({ responseCode: 450, response, command: response }, 'envelope'),
  },
  'the headers of a provider': {
    longest: 16 * KIB,
    read: (text) => [waitAskedFor({ get: () => text }, NOW), askedPause(text, NOW)],
  },
  'the words of a server in doctor': { read: (text) => quote(text, ['secret']) },
  'a TXT record': {
    longest: 64 * KIB,
    read: (text) => [parseSpf(`v=spf1 ${text}`), spfRecordsIn([text]), dmarcRecordsIn([text]), tagsOf(text)],
  },
  'a proof': {
    longest: 16 * KIB,
    read: (text) =>
      proveBasic({ ...hook('{}'), headers: { authorization: `Basic ${text}` } }, { user: 'u', password: 'p' }),
  },
  'an SNS message': {
    read: (text) => [
      certificateUrlIn({ SigningCertURL: text }, 'arn:aws:sns:eu-west-1:1:x'),
      refused(() =>
        subscribeUrlIn({ SubscribeURL: `https://sns.eu-west-1.amazonaws.com/?${text}` }, 'arn:aws:sns:eu-west-1:1:x'),
      ),
    ],
  },
  'events of SES': {
    read: (text) =>
      providerOf('ses').hook.read(
        hook({
          Type: 'Notification',
          Message: JSON.stringify({
            eventType: 'Bounce',
            mail: { messageId: text },
            bounce: {
              bounceType: 'Permanent',
              bouncedRecipients: [{ emailAddress: `<${text}`, diagnosticCode: text, status: text }],
            },
          }),
        }),
      ),
  },
  'events of SendGrid': {
    read: (text) =>
      providerOf('sendgrid').hook.read(
        hook([
          {
            event: 'bounce',
            ...fields(
              text,
              'email',
              'reason',
              'response',
              'status',
              'sg_event_id',
              'sg_message_id',
              'smtp-id',
              'otpost_id',
            ),
          },
        ]),
      ),
  },
  'events of Mailgun': {
    read: (text) =>
      providerOf('mailgun').hook.read(
        hook({
          signature: { token: text },
          'event-data': {
            event: 'failed',
            severity: 'permanent',
            reason: 'bounce',
            recipient: text,
            'delivery-status': { message: text, 'enhanced-code': text },
            message: { headers: { 'message-id': text } },
          },
        }),
      ),
  },
  'events of Mailjet': {
    read: (text) => [
      providerOf('mailjet').hook.read(
        hook([
          {
            event: 'bounce',
            hard_bounce: true,
            ...fields(text, 'email', 'comment', 'error', 'smtp_reply', 'CustomID'),
          },
        ]),
      ),
      refused(() => providerOf('mailjet').hook.read(hook(`"MessageID"${text}`))),
    ],
  },
  'events of Brevo': {
    read: (text) =>
      providerOf('brevo').hook.read(
        hook([{ event: 'hard_bounce', ...fields(text, 'email', 'reason', 'message-id', 'X-Mailin-custom') }]),
      ),
  },
  'events of Postmark': {
    read: (text) =>
      providerOf('postmark').hook.read(
        hook({
          RecordType: 'Bounce',
          Type: 'HardBounce',
          ...fields(text, 'Email', 'Details', 'Description', 'MessageID', 'BouncedAt'),
        }),
      ),
  },
  'events of Resend': {
    read: (text) =>
      providerOf('resend').hook.read(
        hook({
          type: 'email.bounced',
          created_at: text,
          data: {
            email_id: text,
            message_id: text,
            to: [text],
            bounce: { type: 'Permanent', diagnosticCode: [text], message: text },
          },
        }),
      ),
  },
};

function bounceOf(body: string, header = 'x: y'): string {
  return `Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n${header}\n\n${body}`;
}

function paneOf(text: string, view: 'html' | 'text'): unknown {
  const shown = {
    id: 'x',
    to: text.slice(0, 254),
    from: 'f',
    subject: text.slice(0, 500),
    createdAt: NOW,
    size: 1,
    preview: '',
    code: null,
    text,
    html: text,
  };
  const rest = { parts: { headers: [], files: [], links: [] }, receipt: [], phone: false, ways: [], released: '' };
  const looked = { message: shown, channel: 'email', source: Buffer.from(text) } as const;
  return messagePane({ ...looked, view, ...rest }, { back: '/', inView: () => '/' });
}

function refused(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    if (error instanceof RangeError) throw error;
    return error;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

describe('whoever reads what strangers write', () => {
  it.each(Object.entries(READERS))(
    'ends, with %s of any kind',
    (_, { longest = ENOUGH, read }) => {
      for (const make of HOSTILE) {
        const text = make(longest);
        try {
          inTime(() => read(text));
        } catch (error) {
          throw new Error(`${JSON.stringify(text.slice(0, 20))}…`, { cause: error });
        }
      }
    },
    600_000,
  );

  it.each([
    ['blank lines', times('\n')],
    ['blank lines as of SMTP', times('\r\n')],
    ['blanks', times(' ')],
    ['parts', times('--b\n')],
    ['parts that are none', times('\n--')],
    ['reports', times('a:b\n\n')],
  ])(
    'ends, with a bounce as large as it may be, of %s',
    (_, make) => {
      const text = make(10 * MIB);
      for (const source of [text, bounceOf(text), bounceOf(`--b\nContent-Type: message/delivery-status\n\n${text}`)]) {
        expect(inTime(() => readDsn(Buffer.from(source)))).toBeUndefined();
      }
    },
    600_000,
  );

  it('builds a mail of any kind', async () => {
    const builder = new MailBuilder(undefined);
    for (const make of HOSTILE) {
      const [short, long] = [make(500), make(ENOUGH)];
      const { bytes } = await builder.build(
        message({ subject: short, text: long, html: long, headers: { 'X-Tag': short } }),
      );
      expect(bytes.length).toBeGreaterThan(1);
    }
  }, 600_000);
});
