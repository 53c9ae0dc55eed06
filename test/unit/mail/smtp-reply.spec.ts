import { SMTP_REPLIES } from '../../../src/mail/transport/smtp-reply-table.js';
import {
  classifySmtpFailure,
  conditionOf,
  deservesNewConnection,
  isDeadConnection,
  type SmtpError,
} from '../../../src/mail/transport/smtp-reply.js';
import type { Stage } from '../../../src/mail/transport/stage.js';

/** A refusal as nodemailer reports it. */
function refusal(command: string, response: string): SmtpError {
  const code = command.startsWith('AUTH') ? 'EAUTH' : command === 'DOT' ? 'EMESSAGE' : 'EENVELOPE';
  return { code, command: command === 'DOT' ? 'DATA' : command, responseCode: Number(response.slice(0, 3)), response };
}
const closed: SmtpError = { code: 'ECONNECTION', command: 'CONN' };
const silent: SmtpError = { code: 'ETIMEDOUT', command: 'CONN' };

const later = { kind: 'deferred' };
const uncounted = { kind: 'deferred', uncounted: true };
const away = { ...uncounted, transport: { kind: 'backoff', ms: 1_000, here: true, unreachable: true } };
const busy = { ...uncounted, errorCode: 'smtp_421', transport: { kind: 'backoff', ms: 5_000 } };
const untrusted = { ...uncounted, errorCode: 'smtp_tls', alert: true, transport: { kind: 'backoff', ms: 5_000 } };
const paused = { ...uncounted, errorCode: 'smtp_auth', transport: { kind: 'pause', reason: 'smtp_auth' } };
const gone = { kind: 'failed', suppress: true };
const refused = { kind: 'failed' };
const alerting = { kind: 'deferred', alert: true };
const spent = {
  ...uncounted,
  alert: true,
  errorCode: 'smtp_quota',
  withinMs: 345_600_000,
  transport: { kind: 'backoff', ms: 300_000 },
};
const unwelcome = { ...uncounted, alert: true, errorCode: 'smtp_sender', afterMs: 60_000, withinMs: 345_600_000 };

const CASES: [condition: string, stage: Stage, failure: SmtpError, outcome: object][] = [
  ['no answer after the last byte', 'released', closed, { kind: 'unknown', errorCode: 'smtp_closed' }],
  ['no answer after the last byte', 'released', silent, { kind: 'unknown', errorCode: 'smtp_timeout' }],
  [
    'no answer after the last byte',
    'released',
    { code: 'ESOCKET', originalCode: 'ECONNRESET' },
    { kind: 'unknown', errorCode: 'smtp_closed' },
  ],
  [
    '421, at any stage',
    'connecting',
    { code: 'EPROTOCOL', command: 'CONN', responseCode: 421, response: '421 busy' },
    busy,
  ],
  ['421, at any stage', 'connecting', refusal('AUTH PLAIN', '421 4.7.0 busy'), busy],
  [
    '421, at any stage',
    'envelope',
    refusal('MAIL FROM', '421 4.3.2 closing, retry in 30 seconds'),
    { ...uncounted, transport: { kind: 'backoff', ms: 30_000 } },
  ],
  ['421, at any stage', 'transferring', refusal('DOT', '421 4.3.2 closing'), busy],
  ['421, at any stage', 'released', refusal('DOT', '421 4.3.2 closing'), busy],
  [
    'TLS failure',
    'connecting',
    { code: 'ETLS', command: 'STARTTLS', responseCode: 454, response: '454 TLS not available' },
    untrusted,
  ],
  ['TLS failure', 'connecting', { code: 'ETLS', command: 'CONN' }, untrusted],
  ['TLS failure', 'connecting', { code: 'ESOCKET', originalCode: 'ERR_SSL_WRONG_VERSION_NUMBER' }, untrusted],
  ['TLS failure', 'connecting', { code: 'ESOCKET', originalCode: 'DEPTH_ZERO_SELF_SIGNED_CERT' }, untrusted],
  ['TLS failure', 'connecting', { code: 'ETIMEDOUT', timeoutType: 'UPGRADE_TIMEOUT' }, untrusted],
  ['credentials refused or wanted', 'connecting', refusal('AUTH PLAIN', '535 5.7.8 no'), paused],
  ['credentials refused or wanted', 'connecting', refusal('AUTH LOGIN', '534 5.7.9 no'), paused],
  ['credentials refused or wanted', 'envelope', refusal('MAIL FROM', '530 5.7.0 log in first'), paused],
  [
    'login refused for now',
    'connecting',
    refusal('AUTH PLAIN', '454 4.7.0 later'),
    { ...uncounted, errorCode: 'smtp_454', transport: { kind: 'backoff', ms: 15_000 } },
  ],
  ['no way to log in', 'connecting', { code: 'EAUTH', command: 'API' }, paused],
  ['no way to log in', 'connecting', refusal('AUTH PLAIN', '504 5.5.4 no such mechanism'), paused],
  [
    'no token for the login',
    'connecting',
    { code: 'ETOKEN' },
    { ...uncounted, errorCode: 'smtp_token', transport: { kind: 'backoff', ms: 1_000, here: true } },
  ],
  [
    'no name, no connection, no greeting',
    'connecting',
    { code: 'EDNS', originalCode: 'ENOTFOUND' },
    { ...away, errorCode: 'smtp_dns' },
  ],
  [
    'no name, no connection, no greeting',
    'connecting',
    { code: 'ESOCKET', originalCode: 'ECONNREFUSED' },
    { ...away, errorCode: 'smtp_refused' },
  ],
  [
    'no name, no connection, no greeting',
    'connecting',
    { code: 'ESOCKET', originalCode: 'ENETUNREACH' },
    { ...away, errorCode: 'smtp_unreachable' },
  ],
  [
    'no name, no connection, no greeting',
    'connecting',
    { code: 'ETIMEDOUT', timeoutType: 'CONNECT_TIMEOUT' },
    { ...away, errorCode: 'smtp_connect_timeout' },
  ],
  [
    'no name, no connection, no greeting',
    'connecting',
    { code: 'ETIMEDOUT', timeoutType: 'GREETING_TIMEOUT' },
    { ...away, errorCode: 'smtp_greeting_timeout' },
  ],
  [
    'no name, no connection, no greeting',
    'connecting',
    { code: 'ETIMEDOUT', timeoutType: 'SETUP_TIMEOUT' },
    { ...away, errorCode: 'smtp_setup_timeout' },
  ],
  ['no name, no connection, no greeting', 'connecting', closed, { ...away, errorCode: 'smtp_closed' }],
  [
    'turned away before any message',
    'connecting',
    { code: 'EPROTOCOL', command: 'CONN', responseCode: 554, response: '554 5.7.1 no mail from you' },
    { ...uncounted, alert: true, errorCode: 'smtp_554', transport: { kind: 'backoff', ms: 15_000 } },
  ],
  [
    "quota of the sender's account",
    'released',
    refusal('DOT', '550-5.4.5 Daily user sending limit exceeded.\n550 5.4.5 see'),
    spent,
  ],
  [
    "quota of the sender's account",
    'envelope',
    refusal('MAIL FROM', '550 5.4.6 Unusual sending activity, try again in 2 hours'),
    { ...spent, transport: { kind: 'backoff', ms: 7_200_000 } },
  ],
  [
    "quota of the sender's account, in words",
    'released',
    refusal('DOT', '454 Throttling failure: Daily message quota exceeded.'),
    spent,
  ],
  ['sender refused', 'envelope', refusal('MAIL FROM', '550 5.1.1 that is you, not them'), unwelcome],
  ['sender refused', 'envelope', refusal('MAIL FROM', '550 Sender address is not allowed.'), unwelcome],
  ['sender refused', 'envelope', refusal('MAIL FROM', '553 5.1.3 no address'), unwelcome],
  ['sender refused', 'envelope', refusal('MAIL FROM', '501 5.1.7 bad sender'), unwelcome],
  [
    "sender's address or domain",
    'envelope',
    refusal('RCPT TO', '550 5.1.8 domain of sender address does not exist'),
    unwelcome,
  ],
  ["sender's address or domain", 'envelope', refusal('MAIL FROM', '450 4.1.8 domain not found'), unwelcome],
  ["sender's address or domain", 'envelope', refusal('RCPT TO', '451 4.1.7 unverified sender'), unwelcome],
  [
    'sender refused, in words',
    'released',
    refusal('DOT', '554 Message rejected: Email address is not verified.'),
    unwelcome,
  ],
  [
    'sender that is not of the account, in words',
    'envelope',
    refusal('RCPT TO', '553 5.7.1 <post@example.com>: Sender address rejected: not owned by user shop'),
    unwelcome,
  ],
  [
    'host refused for now, in words',
    'envelope',
    refusal('RCPT TO', '450 4.7.1 Client host rejected: cannot find your reverse hostname, [192.0.2.1]'),
    { ...unwelcome, errorCode: 'smtp_450' },
  ],
  [
    'account or host refused, in words',
    'envelope',
    refusal('RCPT TO', '504 5.5.2 <web>: Helo command rejected: need fully-qualified hostname'),
    { ...unwelcome, errorCode: 'smtp_504' },
  ],
  [
    'refuses to relay, in words',
    'envelope',
    refusal('RCPT TO', '454 4.7.1 <ada@example.com>: Relay access denied'),
    { ...alerting, errorCode: 'smtp_454' },
  ],
  [
    'sender or host refused for now',
    'envelope',
    refusal('MAIL FROM', '452 4.3.1 disk'),
    { ...uncounted, errorCode: 'smtp_452', withinMs: 345_600_000, transport: { kind: 'backoff', ms: 5_000 } },
  ],
  [
    'sender or host refused for now',
    'envelope',
    refusal('MAIL FROM', '451 4.7.650 rate limited, wait for 90 seconds'),
    { ...uncounted, withinMs: 345_600_000, transport: { kind: 'backoff', ms: 90_000 } },
  ],
  [
    'too fast, too many connections',
    'envelope',
    refusal('RCPT TO', '432 4.3.2 too many'),
    { ...later, transport: { kind: 'slow' } },
  ],
  [
    'too fast',
    'released',
    refusal('DOT', '454 Throttling failure: Maximum sending rate exceeded.'),
    { ...later, transport: { kind: 'slow' } },
  ],
  [
    'too fast, by policy',
    'released',
    refusal('DOT', '451 4.7.28 rate, try again in 90 seconds'),
    { ...later, afterMs: 90_000, transport: { kind: 'slow' } },
  ],
  ['greylisting', 'envelope', refusal('RCPT TO', '451 4.7.1 Greylisted'), { ...later, sameTransport: true }],
  [
    'greylisting',
    'envelope',
    refusal('RCPT TO', '450 4.7.1 slow down, try again in 90 seconds'),
    { ...later, sameTransport: true, afterMs: 90_000 },
  ],
  ['greylisting', 'envelope', refusal('RCPT TO', '450 4.2.0 greylisted'), { ...later, sameTransport: true }],
  [
    'greylisting',
    'envelope',
    refusal('RCPT TO', '451 greylisted, come back in 5 minutes'),
    { ...later, sameTransport: true, afterMs: 300_000 },
  ],
  ['too many recipients', 'envelope', refusal('RCPT TO', '452 4.5.3 too many'), { ...later, tooMany: true }],
  [
    'too many recipients, in words',
    'envelope',
    refusal('RCPT TO', '452 Too many recipients'),
    { ...later, tooMany: true },
  ],
  [
    'the server cannot, for now',
    'envelope',
    refusal('RCPT TO', '451 4.3.2 not now, retry after 60 seconds'),
    { ...later, afterMs: 60_000 },
  ],
  [
    'mailbox full',
    'envelope',
    refusal('RCPT TO', '452-4.2.2 over\n452 4.2.2 quota'),
    { ...later, withinMs: 86_400_000 },
  ],
  ['mailbox full', 'released', refusal('DOT', '552 5.2.2 full'), { ...later, withinMs: 86_400_000 }],
  [
    'mailbox full, in words',
    'envelope',
    refusal('RCPT TO', '552 mailbox full'),
    { ...later, withinMs: 86_400_000, ofRecipient: true },
  ],
  [
    'mailbox that gets too much for now, in words',
    'envelope',
    refusal('RCPT TO', '550 5.2.1 is receiving mail at a rate that'),
    { ...later, withinMs: 86_400_000, ofRecipient: true },
  ],
  ['message too big', 'envelope', refusal('MAIL FROM', '552 5.3.4 too big'), refused],
  ['message too big', 'released', refusal('DOT', '554 5.3.4 too big'), refused],
  ['policy, blocklist, authentication of the sender', 'envelope', refusal('RCPT TO', '550 5.7.1 blocked'), alerting],
  [
    'policy, blocklist, authentication of the sender',
    'released',
    refusal('DOT', '550 5.7.515 access denied'),
    alerting,
  ],
  [
    'policy, blocklist, authentication of the sender',
    'released',
    refusal('DOT', '554 5.7.26 unauthenticated'),
    alerting,
  ],
  [
    'policy, blocklist, authentication of the sender',
    'envelope',
    refusal('RCPT TO', '551 5.7.1 not for you'),
    alerting,
  ],
  [
    'policy, blocklist, in words',
    'envelope',
    refusal('RCPT TO', '550 JunkMail rejected - host.example is in an RBL'),
    alerting,
  ],
  ['no such mailbox', 'envelope', refusal('RCPT TO', '550 5.1.1 nobody'), gone],
  ['no such mailbox', 'released', refusal('DOT', '550-5.1.1 nobody\n550 5.1.1 here'), gone],
  ['mailbox moved away', 'envelope', refusal('RCPT TO', '551 not local'), gone],
  ['not an address', 'envelope', refusal('RCPT TO', '553 5.1.3 bad'), gone],
  ['our bug', 'envelope', refusal('RCPT TO', '501 5.5.4 syntax'), { ...refused, alert: true }],
  ['our bug', 'envelope', refusal('MAIL FROM', '500 5.5.2 what?'), { ...refused, alert: true }],
  ['our bug', 'envelope', refusal('MAIL FROM', '503 5.5.1 sequence'), { ...refused, alert: true }],
  [
    'envelope that the client itself refuses',
    'envelope',
    { code: 'EENVELOPE', command: 'API' },
    { ...refused, errorCode: 'smtp_envelope' },
  ],
  ['refused for now', 'envelope', refusal('RCPT TO', '452 4.3.1 disk'), { ...later, errorCode: 'smtp_452' }],
  ['refused for good', 'envelope', refusal('RCPT TO', '550 no'), { ...refused, errorCode: 'smtp_550' }],
  ['refused for good', 'released', refusal('DOT', '554 5.6.0 no'), refused],
  ['close or silence before the end of the message', 'envelope', closed, { ...later, errorCode: 'smtp_closed' }],
  ['close or silence before the end of the message', 'envelope', silent, { ...later, errorCode: 'smtp_timeout' }],
  [
    'close or silence before the end of the message',
    'envelope',
    { code: 'EENVELOPE', command: 'DATA', response: 'what?' },
    { ...later, errorCode: 'smtp_eenvelope' },
  ],
  ['close or silence before the end of the message', 'transferring', closed, later],
  [
    'close or silence before the end of the message',
    'transferring',
    { code: 'ESTREAM' },
    { ...later, errorCode: 'smtp_estream' },
  ],
];

describe('an SMTP failure', () => {
  it.each(CASES)('%s: at %s, %j', (_, stage, failure, expected) => {
    const outcome = classifySmtpFailure(failure, stage);
    expect(outcome).toMatchObject(expected);
    // What is not expected is not there: suppression, alerts and free attempts are granted by name.
    for (const field of ['suppress', 'uncounted', 'sameTransport', 'withinMs', 'afterMs', 'transport'] as const) {
      if (!(field in expected)) expect(outcome).not.toHaveProperty(field);
    }
    expect('reply' in outcome ? outcome.reply : undefined).toBe(failure.response);
  });

  it('is tried here in every row of the table', () => {
    expect(new Set(CASES.map(([condition]) => condition))).toEqual(
      new Set(SMTP_REPLIES.map(({ condition }) => condition)),
    );
  });

  it.each(CASES)('is decided by the row it is named after: %s: at %s, %j', (condition, stage, failure) => {
    expect(conditionOf(failure, stage)).toBe(condition);
  });

  it('of three digits that are no refusal decides nothing', () => {
    const odd = { code: 'EPROTOCOL', responseCode: 250, response: '250 what was the question?' };
    expect(classifySmtpFailure(odd, 'envelope')).toMatchObject({ kind: 'deferred', errorCode: 'smtp_eprotocol' });
    expect(classifySmtpFailure(odd, 'released')).toMatchObject({ kind: 'unknown' });
  });

  it('never pauses or suppresses by words', () => {
    const wordy = refusal('RCPT TO', '550 5.2.1 user unknown, 5.1.1, authentication required');
    expect(classifySmtpFailure(wordy, 'envelope')).toEqual({
      kind: 'failed',
      errorCode: 'smtp_550',
      reply: wordy.response,
    });
  });
});

describe('a dead connection, whose idle neighbours are dead too', () => {
  it.each([
    ['is one that says nothing', silent, 'envelope', true],
    ['is one that was closed', closed, 'transferring', true],
    ['says 421', refusal('MAIL FROM', '421 4.4.2 idle'), 'envelope', true],
    ['speaks of a time-out', refusal('MAIL FROM', '451 4.4.2 Timeout waiting for data from client.'), 'envelope', true],
    ['is not one that refuses a recipient', refusal('RCPT TO', '451 4.7.1 greylisted'), 'envelope', false],
    ['is not one that may have taken the message', silent, 'released', false],
  ] as const)('%s', (_, failure, stage, expected) => {
    expect(isDeadConnection(failure, stage)).toBe(expected);
  });
});

describe('a second try at once on a new connection', () => {
  it.each([
    ['a kept connection that was lost before the message', closed, 'envelope', true, true],
    [
      'a kept connection that says 421 before the message',
      refusal('MAIL FROM', '421 4.4.2 idle'),
      'envelope',
      true,
      true,
    ],
    ['a new connection that is lost', closed, 'envelope', false, false],
    ['a kept connection that was lost in mid-message', closed, 'transferring', true, true],
    ['a kept connection that was lost after the last byte', closed, 'released', true, false],
    ['a kept connection that falls silent', silent, 'envelope', true, true],
    ['a new connection that falls silent', silent, 'envelope', false, false],
    ['silence after the last byte', silent, 'released', true, false],
    [
      'a kept connection that bears no further message',
      refusal('DATA', '452 4.4.5 too many messages on this connection'),
      'envelope',
      true,
      true,
    ],
    [
      'a kept connection that bears no further sender',
      refusal('MAIL FROM', '451 4.3.0 no more'),
      'envelope',
      true,
      true,
    ],
    ['a kept connection that refuses for now after the dot', refusal('DOT', '451 4.3.0 later'), 'released', true, true],
    [
      'a kept connection that does not know the command any more',
      refusal('MAIL FROM', '502 5.5.1 no'),
      'envelope',
      true,
      true,
    ],
    ['a new connection that refuses for now', refusal('RCPT TO', '451 4.7.1 greylisted'), 'envelope', false, false],
    ['a session out of step', refusal('MAIL FROM', '503 5.5.1 sequence'), 'envelope', false, true],
    ['a refusal', refusal('RCPT TO', '550 5.1.1 nobody'), 'envelope', true, false],
  ] as const)('%s', (_, failure, stage, reused, expected) => {
    expect(deservesNewConnection(failure, stage, reused)).toBe(expected);
  });
});
