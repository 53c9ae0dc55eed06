import { judgeAnswer } from '../../../../../src/mail/providers/http-transport.js';
import type { Provider, ProviderAnswer } from '../../../../../src/mail/providers/provider.js';
import { providerOf, PROVIDERS } from '../../../../../src/mail/providers/providers.js';
import { PROVIDER_REPLIES, rowFor, until, waitAskedFor } from '../../../../../src/mail/providers/replies.js';

const NOW = new Date('2026-11-21T08:00:00Z');
type Name = 'resend' | 'sendgrid' | 'postmark' | 'mailgun' | 'brevo' | 'mailjet' | 'ses';

interface Answer {
  status: number;
  body?: object | string;
  headers?: Record<string, string>;
}

function answerOf({ status, body = '', headers = {} }: Answer): ProviderAnswer {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return {
    status,
    headers: new Headers(headers),
    text,
    json: text.startsWith('{') ? (JSON.parse(text) as unknown) : undefined,
  };
}

function outcomeOf(provider: Provider, answer: Answer): object {
  return judgeAnswer(provider, answerOf(answer), NOW);
}

const told = (name: string, message: string) => ({ statusCode: 0, name, message });
const uncounted = { kind: 'deferred', uncounted: true };
const paused = { ...uncounted, errorCode: 'http_auth', transport: { kind: 'pause', reason: 'http_auth' } };
const quota = (ms = 3_600_000) => ({
  ...uncounted,
  errorCode: 'http_quota',
  alert: true,
  transport: { kind: 'backoff', ms },
});
const fast = (ms: number) => ({ ...uncounted, transport: { kind: 'backoff', ms } });
const sender = {
  kind: 'deferred',
  uncounted: true,
  afterMs: 60_000,
  withinMs: 345_600_000,
  errorCode: 'http_sender',
  alert: true,
};
const failed = { kind: 'failed' };
const mailjetError = (ErrorCode: string, StatusCode: number, ErrorMessage = '') => ({
  Messages: [{ Status: 'error', Errors: [{ ErrorCode, StatusCode, ErrorMessage }] }],
});
const sendgridError = (message: string, field: string | null = null) => ({ errors: [{ message, field, help: null }] });
const awsError = (type: string) => ({ 'x-amzn-errortype': type });

const OWN: [name: Name, condition: string, answer: Answer, outcome: object][] = [
  [
    'resend',
    'daily or monthly quota used up',
    { status: 429, body: told('daily_quota_exceeded', 'You have reached your daily email sending quota.') },
    quota(),
  ],
  [
    'resend',
    'daily or monthly quota used up',
    { status: 429, body: told('monthly_quota_exceeded', ''), headers: { 'retry-after': '60' } },
    quota(60_000),
  ],
  [
    'resend',
    'the domain of the sender is not verified',
    { status: 403, body: told('validation_error', 'The example.com domain is not verified.') },
    sender,
  ],
  [
    'resend',
    'key refused, or not allowed to send',
    { status: 403, body: told('invalid_api_key', 'API key is invalid') },
    paused,
  ],
  ['resend', 'key refused, or not allowed to send', { status: 401, body: told('restricted_api_key', '') }, paused],
  [
    'resend',
    'sent before, or being sent',
    { status: 409, body: told('invalid_idempotent_request', '') },
    { kind: 'unknown', errorCode: 'http_duplicate' },
  ],
  [
    'resend',
    'sent before, or being sent',
    { status: 409, body: told('concurrent_idempotent_requests', '') },
    { kind: 'unknown', errorCode: 'http_duplicate' },
  ],
  [
    'resend',
    'too fast',
    { status: 429, body: told('rate_limit_exceeded', ''), headers: { 'ratelimit-reset': '2' } },
    fast(2_000),
  ],
  ['resend', 'the sender is not valid', { status: 422, body: told('invalid_from_address', '') }, sender],
  [
    'resend',
    'the sender is not valid, in words',
    { status: 422, body: told('validation_error', 'Invalid `from` field. The email address needs to follow the') },
    sender,
  ],
  [
    'resend',
    'the message is refused',
    { status: 422, body: told('validation_error', 'Invalid `to` field. The email address needs to follow the') },
    { ...failed, errorCode: 'http_422' },
  ],
  ['sendgrid', 'credits used up', { status: 401, body: sendgridError('Maximum credits exceeded') }, quota()],
  [
    'sendgrid',
    'key refused, or not allowed to send',
    { status: 401, body: sendgridError('The provided authorization grant is invalid, expired, or revoked') },
    paused,
  ],
  [
    'sendgrid',
    'the sender is not valid or not verified',
    { status: 403, body: sendgridError('The from address does not match a verified Sender Identity.', 'from') },
    sender,
  ],
  [
    'sendgrid',
    'the sender is not valid or not verified',
    { status: 400, body: sendgridError('The from email does not contain a valid address.', 'from.email') },
    sender,
  ],
  ['sendgrid', 'key refused, or not allowed to send', { status: 403, body: sendgridError('access forbidden') }, paused],
  [
    'sendgrid',
    'too fast',
    {
      status: 429,
      body: sendgridError('too many requests'),
      headers: { 'x-ratelimit-reset': String(NOW.getTime() / 1_000 + 7) },
    },
    fast(7_000),
  ],
  ['sendgrid', 'message too big', { status: 413, body: sendgridError('Payload too large') }, failed],
  [
    'sendgrid',
    'the message is refused',
    { status: 400, body: sendgridError('Does not contain a valid address.', 'personalizations.0.to.0.email') },
    failed,
  ],
  [
    'postmark',
    'inactive recipient: bounced or complained before',
    {
      status: 422,
      body: { ErrorCode: 406, Message: 'You tried to send to a recipient that has been marked as inactive.' },
    },
    { ...failed, suppress: true },
  ],
  ['postmark', 'out of credits', { status: 422, body: { ErrorCode: 405, Message: 'Not allowed to send.' } }, quota()],
  [
    'postmark',
    'bad or missing token, account that may not send',
    { status: 422, body: { ErrorCode: 413, Message: 'Account may not send' } },
    paused,
  ],
  [
    'postmark',
    'bad or missing token, account that may not send',
    { status: 401, body: { ErrorCode: 10, Message: 'Bad or missing Server API token.' } },
    paused,
  ],
  [
    'postmark',
    'the sender is unknown, not confirmed or pending',
    { status: 422, body: { ErrorCode: 400, Message: 'Sender signature not found' } },
    sender,
  ],
  [
    'postmark',
    'the sender is unknown, not confirmed or pending',
    { status: 422, body: { ErrorCode: 412, Message: 'pending approval' } },
    sender,
  ],
  [
    'postmark',
    'the sender is not valid or not verified',
    {
      status: 422,
      body: { ErrorCode: 300, Message: "Invalid 'From' address: 'x@example.com' is not a verified sender signature." },
    },
    sender,
  ],
  [
    'postmark',
    'the sender is not valid or not verified',
    { status: 422, body: { ErrorCode: 300, Message: "Error parsing 'From': Illegal email address 'x'." } },
    sender,
  ],
  [
    'postmark',
    'invalid message',
    { status: 422, body: { ErrorCode: 300, Message: "Invalid 'To' address: 'x'." } },
    failed,
  ],
  ['postmark', 'key refused, or not allowed to send', { status: 403, body: '<html>403 Forbidden</html>' }, paused],
  [
    'mailgun',
    'the domain has sent as much as it may, for now',
    {
      status: 420,
      body: {
        message:
          'Domain mg.example.com is not allowed to send: recipient limit exceeded, try again after Sat, 21 Nov 2026 08:05:00 UTC',
      },
    },
    fast(300_000),
  ],
  [
    'mailgun',
    'the domain has sent as much as it may, for now',
    {
      status: 429,
      body: { message: 'Too many requests' },
      headers: { 'retry-after': 'Sat, 21 Nov 2026 08:00:30 GMT' },
    },
    fast(30_000),
  ],
  [
    'mailgun',
    'no such domain with this key, or in this region',
    { status: 404, body: { message: 'Domain not found: mg.example.com' } },
    paused,
  ],
  [
    'mailgun',
    'the sender is not valid',
    { status: 400, body: { message: 'from parameter is not a valid address. please check documentation' } },
    sender,
  ],
  ['mailgun', 'key refused, or not allowed to send', { status: 401, body: 'Forbidden' }, paused],
  ['mailgun', 'nothing left to send with', { status: 402, body: { message: 'Account has no plan' } }, quota()],
  [
    'mailgun',
    'the message is refused',
    { status: 400, body: { message: 'to parameter is not a valid address' } },
    failed,
  ],
  [
    'brevo',
    'credits used up',
    { status: 402, body: { code: 'not_enough_credits', message: 'You do not have enough credits' } },
    quota(),
  ],
  ['brevo', 'credits used up', { status: 400, body: { code: 'not_enough_credits', message: '' } }, quota()],
  [
    'brevo',
    'the key was used before',
    { status: 400, body: { code: 'duplicate_parameter', message: '' } },
    { kind: 'unknown', errorCode: 'http_duplicate' },
  ],
  [
    'brevo',
    'key refused, or account under validation',
    { status: 401, body: { code: 'unauthorized', message: 'Key not found' } },
    paused,
  ],
  [
    'brevo',
    'key refused, or account under validation',
    { status: 403, body: { code: 'account_under_validation', message: '' } },
    paused,
  ],
  [
    'brevo',
    'the sender is not valid or not verified',
    { status: 400, body: { code: 'invalid_parameter', message: 'Sender is invalid / inactive' } },
    sender,
  ],
  [
    'brevo',
    'the sender is not valid or not verified',
    { status: 400, body: { code: 'missing_parameter', message: 'sender is missing' } },
    sender,
  ],
  [
    'brevo',
    'too fast',
    { status: 429, body: { code: 'too_many_requests', message: '' }, headers: { 'x-sib-ratelimit-reset': '45' } },
    fast(45_000),
  ],
  [
    'brevo',
    'the message is refused',
    { status: 400, body: { code: 'invalid_parameter', message: 'email is not valid in to' } },
    failed,
  ],
  ['mailjet', 'the sender is not authorized', { status: 403, body: mailjetError('send-0008', 403) }, sender],
  ['mailjet', 'key suspended', { status: 400, body: mailjetError('mj-0001', 401) }, paused],
  [
    'mailjet',
    'key refused, or not allowed to send',
    {
      status: 401,
      body: { ErrorIdentifier: 'x', ErrorMessage: 'API key authentication/authorization failure.', StatusCode: 401 },
    },
    paused,
  ],
  [
    'mailjet',
    'the message is refused',
    { status: 200, body: mailjetError('mj-0013', 400, '"x" is an invalid email address.') },
    { ...failed, errorCode: 'http_400' },
  ],
  [
    'mailjet',
    'the message is refused',
    { status: 200, body: { Messages: [{ Status: 'error' }] } },
    { ...failed, errorCode: 'http_400' },
  ],
  ['mailjet', 'too fast', { status: 429, body: '' }, fast(1_000)],
  [
    'ses',
    'daily quota used up',
    { status: 429, body: { message: 'Daily message quota exceeded.' }, headers: awsError('TooManyRequestsException') },
    quota(600_000),
  ],
  [
    'ses',
    'daily quota used up',
    { status: 400, body: { __type: 'com.amazon#Throttling', message: 'Daily message quota exceeded.' } },
    quota(600_000),
  ],
  [
    'ses',
    'too fast',
    {
      status: 429,
      body: { message: 'Maximum sending rate exceeded.' },
      headers: awsError('TooManyRequestsException:http://internal.amazon.com/'),
    },
    fast(1_000),
  ],
  [
    'ses',
    'too fast',
    { status: 400, body: { message: 'Rate exceeded' }, headers: awsError('ThrottlingException') },
    fast(1_000),
  ],
  [
    'ses',
    'a limit of the account',
    { status: 400, body: { message: 'too many' }, headers: awsError('LimitExceededException') },
    quota(),
  ],
  [
    'ses',
    'the account may not send',
    { status: 400, body: { message: '' }, headers: awsError('SendingPausedException') },
    paused,
  ],
  [
    'ses',
    'the account may not send',
    { status: 400, body: { message: '' }, headers: awsError('AccountSuspendedException') },
    paused,
  ],
  [
    'ses',
    'the account may not send',
    { status: 400, body: { message: '' }, headers: awsError('AccountSendingPausedException') },
    paused,
  ],
  [
    'ses',
    'the account may not send, in words',
    {
      status: 400,
      body: { message: 'Sending paused for this account. For more information, please check the inbox of the' },
      headers: awsError('MessageRejected'),
    },
    paused,
  ],
  [
    'ses',
    'the domain of the sender is not verified',
    { status: 400, body: { message: '' }, headers: awsError('MailFromDomainNotVerifiedException') },
    sender,
  ],
  [
    'ses',
    'an address is not verified',
    {
      status: 400,
      body: { message: 'Email address is not verified. The following identities failed…' },
      headers: awsError('MessageRejected'),
    },
    sender,
  ],
  [
    'ses',
    'the message is refused',
    { status: 400, body: { message: 'Message contains a virus' }, headers: awsError('MessageRejected') },
    failed,
  ],
  [
    'ses',
    'something that the account lacks',
    { status: 404, body: { message: 'Configuration set' }, headers: awsError('NotFoundException') },
    paused,
  ],
  [
    'ses',
    'credentials or signature refused',
    { status: 403, body: { message: '' }, headers: awsError('SignatureDoesNotMatch') },
    paused,
  ],
  [
    'ses',
    'credentials or signature refused',
    { status: 400, body: { message: '' }, headers: awsError('ExpiredTokenException') },
    paused,
  ],
];

const COMMON: [condition: string, answer: Answer, outcome: object][] = [
  ['message too big', { status: 413 }, { ...failed, errorCode: 'http_413' }],
  ['key refused, or not allowed to send', { status: 407 }, paused],
  ['nothing left to send with', { status: 402 }, quota()],
  ['the whole request did not arrive', { status: 408 }, fast(5_000)],
  [
    'a gateway waited in vain for an answer',
    { status: 504, body: '<html>' },
    { kind: 'unknown', errorCode: 'http_504' },
  ],
  ['a gateway waited in vain for an answer', { status: 524 }, { kind: 'unknown', errorCode: 'http_524' }],
  [
    'the provider broke',
    { status: 500 },
    { kind: 'deferred', errorCode: 'http_500', transport: { kind: 'backoff', ms: 5_000 } },
  ],
  [
    'the provider cannot, for now',
    { status: 503, headers: { 'retry-after': '120' } },
    { ...fast(120_000), errorCode: 'http_503' },
  ],
  [
    'the provider cannot, for now',
    { status: 502, body: '<html>bad gateway' },
    { ...fast(5_000), errorCode: 'http_502' },
  ],
  ['a redirect', { status: 307, headers: { location: 'https://evil.example' } }, { ...fast(60_000), alert: true }],
  ['no such way to call it', { status: 405 }, { ...failed, alert: true }],
  ['the message is refused', { status: 418 }, failed],
  ['an answer of no kind', { status: 101 }, { kind: 'deferred', alert: true, errorCode: 'http_101' }],
];

describe('the answer of', () => {
  it.each(OWN)('%s is judged: %s: %j', (name, condition, answer, outcome) => {
    const provider = providerOf(name);
    const { code = '', message = '', status = answer.status } = provider.read(answerOf(answer), NOW);
    const facts = { status, code, message, retryAfterMs: undefined, told: { errorCode: '', reply: '' } };
    expect(rowFor(provider.rows, facts).condition).toBe(condition);
    expect(outcomeOf(provider, answer)).toMatchObject(outcome);
  });

  it.each(COMMON)('any of them is judged: %s: %j', (condition, answer, outcome) => {
    for (const provider of PROVIDERS) {
      const facts = {
        status: answer.status,
        code: '',
        message: '',
        retryAfterMs: undefined,
        told: { errorCode: '', reply: '' },
      };
      expect([provider.kind, rowFor(provider.rows, facts).condition]).toEqual([provider.kind, condition]);
      expect(outcomeOf(provider, answer)).toMatchObject(outcome);
    }
  });

  it('any of them has a row of its own in this test for every row of the tables', () => {
    const own = PROVIDERS.flatMap(({ kind, rows }) => rows.map(({ condition }) => `${kind}: ${condition}`));
    const tested = OWN.map(([name, condition]) => `${name}: ${condition}`);
    expect(own.filter((row) => !tested.includes(row))).toEqual([]);
    const common = [...OWN.map(([, condition]) => condition), ...COMMON.map(([condition]) => condition)];
    expect(PROVIDER_REPLIES.map(({ condition }) => condition).filter((row) => !common.includes(row))).toEqual([]);
  });

  it.each([
    [
      'resend',
      { status: 200, body: { id: '49a3999c-0ce1-4ea6-ab68-afcd6dc2e794' } },
      '49a3999c-0ce1-4ea6-ab68-afcd6dc2e794',
    ],
    ['sendgrid', { status: 202, headers: { 'X-Message-Id': 'abc' } }, 'abc'],
    ['postmark', { status: 200, body: { ErrorCode: 0, Message: 'OK', MessageID: 'b7bc2f4a' } }, 'b7bc2f4a'],
    [
      'mailgun',
      { status: 200, body: { id: '<1@mg.example.com>', message: 'Queued. Thank you.' } },
      '<1@mg.example.com>',
    ],
    ['brevo', { status: 201, body: { messageId: '<2@relay>' } }, '<2@relay>'],
    ['mailjet', { status: 200, body: { Messages: [{ Status: 'success', To: [{ MessageID: 456 }] }] } }, '456'],
    [
      'mailjet',
      { status: 200, body: '{"Messages":[{"Status":"success","To":[{"MessageID":1152921512345678901}]}]}' },
      '1152921512345678901',
    ],
    ['ses', { status: 200, body: { MessageId: '0100' } }, '0100'],
  ] as [Name, Answer, string][])('%s to a message that it takes has its id', (name, answer, providerMessageId) => {
    expect(outcomeOf(providerOf(name), answer)).toEqual({
      kind: 'sent',
      reply: expect.stringMatching(/^20\d/) as string,
      providerMessageId,
    });
  });

  it.each([
    [undefined, ''],
    [null, 'null'],
    ['text', '"text"'],
    [42, '42'],
    [[], '[]'],
    [{ Messages: null }, '{"Messages":null}'],
    [{ errors: 'no', Messages: [null], id: {}, name: [], code: {}, ErrorCode: null }, '{}'],
  ])('any of them may have a body of any shape: %j', (json, text) => {
    for (const provider of PROVIDERS) {
      const judged = [200, 400, 401, 500].map(
        (status) => judgeAnswer(provider, { status, headers: new Headers(), text, json }, NOW).kind,
      );
      expect([provider.kind, ...judged]).toEqual([provider.kind, 'sent', 'failed', 'deferred', 'deferred']);
    }
  });
});

describe('the wait that an answer asks for', () => {
  const wait = (headers: Record<string, string>) => waitAskedFor(new Headers(headers), NOW);

  it.each([
    [{ 'retry-after': '30' }, 30_000],
    [{ 'retry-after': 'Sat, 21 Nov 2026 08:00:10 GMT' }, 10_000],
    [{ 'retry-after': 'Sat, 21 Nov 2026 07:00:00 GMT' }, 500],
    [{ 'retry-after': '0' }, 500],
    [{ 'retry-after': '99999999' }, 86_400_000],
    [{ 'retry-after': 'soon' }, undefined],
    [{ 'ratelimit-reset': '1' }, 1_000],
    [{ 'x-ratelimit-reset': 'x' }, undefined],
    [{}, undefined],
  ])('%j is %s ms', (headers, ms) => {
    expect(wait(headers as Record<string, string>)).toBe(ms);
  });

  it('is read from words where there is a date in them', () => {
    expect([until('Sat, 21 Nov 2026 08:00:02 UTC', NOW), until('tomorrow', NOW)]).toEqual([2_000, undefined]);
  });
});
