import { TIMEOUTS } from '../../../src/mail/transport/timeouts.js';
import { HeldTimers } from '../../support/signals/held-timers.js';
import { putBackAfterwards } from '../../support/signals/put-back.js';
import { CLOSE, GARBAGE, HANG, type MisbehavingSmtp, type Script } from '../../support/smtp/misbehaving-smtp.js';
import { FORGETFUL, SmtpTrials, untilSilence } from '../../support/smtp/smtp-trials.js';

putBackAfterwards(TIMEOUTS);

const WITH_LOGIN = ['AUTH PLAIN'];
const WITH_TLS = ['STARTTLS'];

const WAYS = {
  plain: (it: MisbehavingSmtp) => it.url,
  login: (it: MisbehavingSmtp) => `smtp://post:wrong@127.0.0.1:${it.port}`,
  startTls: (it: MisbehavingSmtp) => `smtp://127.0.0.1:${it.port}?tls=on`,
  implicitTls: (it: MisbehavingSmtp) => `smtps://127.0.0.1:${it.port}`,
  'no name': () => 'smtp://nowhere.invalid:2525?tls=off',
  'nobody there': () => 'smtp://127.0.0.1:1',
};

interface Case {
  script: Script;
  extensions?: string[];
  /** `plain`, if not another one. */
  way?: keyof typeof WAYS;
  status: 'deferred' | 'failed' | 'unknown' | 'sent';
  error: string | null;
  /** Whether the attempt counts against the message. */
  counted: boolean;
  suppressed?: boolean;
  /** What the server said holds for all workers, what was merely felt for this host. */
  transport?: 'closed for all' | 'closed here' | 'paused';
  /** Ends of messages that arrived at the server; either: its refusal and our last byte may cross. */
  ended?: number | 'either';
}

const away = { status: 'deferred', counted: false, transport: 'closed for all' } as const;
const outOfReach = { ...away, transport: 'closed here' } as const;
const untrusted = { ...outOfReach, error: 'smtp_tls' } as const;
const paused = { status: 'deferred', counted: false, transport: 'paused', error: 'smtp_auth' } as const;
const again = { status: 'deferred', counted: true } as const;
const refused = { status: 'failed', counted: true } as const;
const ofSender = { status: 'deferred', counted: false, error: 'smtp_sender' } as const;
const ofAccount = { ...away, error: 'smtp_quota' } as const;

const CASES: Record<string, Case> = {
  'a name that does not resolve': { script: {}, way: 'no name', ...outOfReach, error: 'smtp_dns' },
  'a refused connection': { script: {}, way: 'nobody there', ...outOfReach, error: 'smtp_refused' },
  'silence instead of a greeting': { script: { greeting: HANG }, ...outOfReach, error: 'smtp_greeting_timeout' },
  'a close instead of a greeting': { script: { greeting: CLOSE }, ...outOfReach, error: 'smtp_closed' },
  'a greeting that turns us away': { script: { greeting: '554 5.7.1 not you' }, ...away, error: 'smtp_554' },
  'garbage for a greeting': { script: { greeting: GARBAGE }, ...outOfReach, error: 'smtp_eprotocol' },
  'silence at EHLO': { script: { EHLO: HANG }, ...outOfReach, error: 'smtp_setup_timeout' },
  'a close at EHLO': { script: { EHLO: CLOSE }, ...outOfReach, error: 'smtp_closed' },

  'TLS that is not offered': {
    script: { STARTTLS: '502 5.5.1 no' },
    way: 'startTls',
    ...untrusted,
    transport: 'closed for all',
  },
  'TLS that is not available now': {
    script: { STARTTLS: '454 4.7.0 not now' },
    extensions: WITH_TLS,
    way: 'startTls',
    ...untrusted,
    transport: 'closed for all',
  },
  'a broken handshake': { script: { handshake: GARBAGE }, extensions: WITH_TLS, way: 'startTls', ...untrusted },
  'a close in the handshake': {
    script: { handshake: CLOSE },
    extensions: WITH_TLS,
    way: 'startTls',
    ...outOfReach,
    error: 'smtp_closed',
  },
  'silence in the handshake': { script: { handshake: HANG }, extensions: WITH_TLS, way: 'startTls', ...untrusted },
  'plain text where TLS was agreed': { script: {}, way: 'implicitTls', ...untrusted },

  'a refused login': { script: { AUTH: '535 5.7.8 bad credentials' }, extensions: WITH_LOGIN, way: 'login', ...paused },
  'a login that wants another mechanism': {
    script: { AUTH: '534 5.7.9 too weak' },
    extensions: WITH_LOGIN,
    way: 'login',
    ...paused,
  },
  'a login that is not understood': {
    script: { AUTH: '504 5.5.4 no' },
    extensions: WITH_LOGIN,
    way: 'login',
    ...paused,
  },
  'a login that is wanted at MAIL': { script: { MAIL: '530 5.7.0 log in' }, ...paused },
  'a login refused for now': {
    script: { AUTH: '454 4.7.0 later' },
    extensions: WITH_LOGIN,
    way: 'login',
    ...away,
    error: 'smtp_454',
  },
  'silence at the login': {
    script: { AUTH: HANG },
    extensions: WITH_LOGIN,
    way: 'login',
    ...outOfReach,
    error: 'smtp_setup_timeout',
  },

  '421 for a greeting': { script: { greeting: '421 4.3.2 busy' }, ...away, error: 'smtp_421' },
  '421 at EHLO': { script: { EHLO: '421 4.3.2 busy' }, ...away, error: 'smtp_421' },
  '421 at the login': {
    script: { AUTH: '421 4.7.0 busy' },
    extensions: WITH_LOGIN,
    way: 'login',
    ...away,
    error: 'smtp_421',
  },
  '421 at MAIL': { script: { MAIL: '421 4.3.2 busy' }, ...away, error: 'smtp_421' },
  '421 at RCPT': { script: { RCPT: '421 4.3.2 busy' }, ...away, error: 'smtp_421' },
  '421 at RCPT to a client that runs ahead': {
    script: { RCPT: '421 4.3.2 busy' },
    extensions: ['PIPELINING'],
    ...away,
    error: 'smtp_421',
  },
  '421 at DATA': { script: { DATA: '421 4.3.2 busy' }, ...away, error: 'smtp_421' },
  '421 in the message': { script: { 'in the message': '421 4.3.2 busy' }, ...away, error: 'smtp_421', ended: 'either' },
  '421 after the dot': { script: { 'after the dot': '421 4.3.2 busy' }, ...away, error: 'smtp_421', ended: 1 },

  '432': { script: { RCPT: '432 4.3.2 too many' }, ...again, error: 'smtp_432' },
  '450 4.7.1': { script: { RCPT: '450 4.7.1 too fast' }, ...again, error: 'smtp_450' },
  'greylisting with 450': { script: { RCPT: '450 4.2.0 greylisted' }, ...again, error: 'smtp_450' },
  'greylisting with 451': { script: { RCPT: '451 come back' }, ...again, error: 'smtp_451' },
  'a server that cannot now': { script: { RCPT: '451 4.3.0 come back' }, ...again, error: 'smtp_451' },
  '450 4.1.8 about the sender': {
    script: { RCPT: '450 4.1.8 Sender address rejected: Domain not found' },
    ...ofSender,
  },
  '454 4.7.1 by a server that does not relay': {
    script: { RCPT: '454 4.7.1 <ada@example.com>: Relay access denied' },
    ...again,
    error: 'smtp_454',
  },
  '452 4.5.3': { script: { RCPT: '452 4.5.3 too many recipients' }, ...again, error: 'smtp_452' },
  '452 4.2.2': { script: { RCPT: '452 4.2.2 mailbox full' }, ...again, error: 'smtp_452' },
  '550 5.2.2': { script: { RCPT: '550 5.2.2 mailbox full' }, ...again, error: 'smtp_550' },
  '552 without an enhanced code': { script: { RCPT: '552 mailbox full' }, ...again, error: 'smtp_552' },
  '552 5.2.2': { script: { RCPT: '552 5.2.2 mailbox full' }, ...again, error: 'smtp_552' },
  '552 5.3.4': { script: { MAIL: '552 5.3.4 too big' }, ...refused, error: 'smtp_552' },
  '554 5.3.4 after the dot': {
    script: { 'after the dot': '554 5.3.4 too big' },
    ...refused,
    error: 'smtp_554',
    ended: 1,
  },

  '550 5.1.1': { script: { RCPT: '550 5.1.1 nobody' }, ...refused, error: 'smtp_550', suppressed: true },
  '550 5.1.1 to a client that runs ahead': {
    script: { RCPT: '550 5.1.1 nobody', DATA: '503 5.5.1 no recipients' },
    extensions: ['PIPELINING'],
    ...refused,
    error: 'smtp_550',
    suppressed: true,
  },
  '550 5.1.1 to a client that runs ahead, and 354 all the same': {
    script: { RCPT: '550 5.1.1 nobody', 'after the dot': '554 5.5.1 nobody to take it' },
    extensions: ['PIPELINING'],
    ...refused,
    error: 'smtp_550',
    suppressed: true,
    ended: 1,
  },
  '550 at MAIL to a client that runs ahead, and 354 all the same': {
    script: { MAIL: '550 5.7.1 not you' },
    extensions: ['PIPELINING'],
    ...ofSender,
  },
  '550 5.1.1 after the dot': {
    script: { 'after the dot': '550 5.1.1 nobody' },
    ...refused,
    error: 'smtp_550',
    suppressed: true,
    ended: 1,
  },
  '551': { script: { RCPT: '551 5.1.6 moved' }, ...refused, error: 'smtp_551', suppressed: true },
  '553 5.1.3': { script: { RCPT: '553 5.1.3 no address' }, ...refused, error: 'smtp_553', suppressed: true },
  '550 without an enhanced code': { script: { RCPT: '550 no' }, ...refused, error: 'smtp_550' },
  '550 5.1.1 about the sender': { script: { MAIL: '550 5.1.1 who?' }, ...ofSender },
  '550 about the sender without an enhanced code': {
    script: { MAIL: '550 "envelope sender not allowed"' },
    ...ofSender,
  },
  '553 about the sender': { script: { MAIL: '553 5.7.1 Sender address rejected: not owned by user' }, ...ofSender },
  'an address that SES has not verified': {
    script: {
      'after the dot':
        '554 Message rejected: Email address is not verified. The following identities failed the check in region EU-WEST-1: post@example.com',
    },
    ...ofSender,
    ended: 1,
  },
  'a sender that Postfix refuses at RCPT': {
    script: { RCPT: '550 5.1.0 Sender address rejected: unknown' },
    ...ofSender,
  },
  'an account that may not send': {
    script: { 'after the dot': '554 Sending paused for this account.' },
    status: 'deferred',
    counted: false,
    error: 'smtp_554',
    ended: 1,
  },
  'a quota that lasts a day': {
    script: {
      'after the dot':
        '550-5.4.5 Daily user sending limit exceeded. For more information on Gmail\r\n550 5.4.5 sending limits go to https://support.google.com/a/answer/166852',
    },
    ...ofAccount,
    ended: 1,
  },
  'unusual activity of the account': {
    script: { 'after the dot': '550 5.4.6 Unusual sending activity detected.' },
    ...ofAccount,
    ended: 1,
  },
  'a quota in words alone': {
    script: { 'after the dot': '454 Throttling failure: Daily message quota exceeded.' },
    ...ofAccount,
    ended: 1,
  },
  'a rate in words alone': {
    script: { 'after the dot': '454 Throttling failure: Maximum sending rate exceeded.' },
    ...again,
    error: 'smtp_454',
    ended: 1,
  },
  '452 at MAIL': { script: { MAIL: '452 4.3.1 Insufficient system storage' }, ...away, error: 'smtp_452' },
  '451 at MAIL': { script: { MAIL: '451 4.7.650 temporarily rate limited' }, ...away, error: 'smtp_451' },
  '550 5.7.1': { script: { RCPT: '550 5.7.1 blocked' }, ...again, error: 'smtp_550' },
  '550 5.7.515 after the dot': {
    script: { 'after the dot': '550 5.7.515 unauthenticated' },
    ...again,
    error: 'smtp_550',
    ended: 1,
  },
  '554 5.7.1': { script: { RCPT: '554 5.7.1 listed' }, ...again, error: 'smtp_554' },
  '501': { script: { RCPT: '501 5.5.4 syntax' }, ...refused, error: 'smtp_501' },
  '503, and again on a new connection': { script: { MAIL: '503 5.5.1 sequence' }, ...refused, error: 'smtp_503' },
  '451 after the dot': { script: { 'after the dot': '451 4.3.0 later' }, ...again, error: 'smtp_451', ended: 1 },
  '554 after the dot': { script: { 'after the dot': '554 5.6.0 no' }, ...refused, error: 'smtp_554', ended: 1 },
  '554 in the message': {
    script: { 'in the message': '554 5.6.0 no' },
    ...refused,
    error: 'smtp_554',
    ended: 'either',
  },

  'a close at MAIL': { script: { MAIL: CLOSE }, ...again, error: 'smtp_closed' },
  'silence at MAIL': { script: { MAIL: HANG }, ...again, error: 'smtp_timeout' },
  'a close at RCPT': { script: { RCPT: CLOSE }, ...again, error: 'smtp_closed' },
  'silence at RCPT': { script: { RCPT: HANG }, ...again, error: 'smtp_timeout' },
  'a close at DATA': { script: { DATA: CLOSE }, ...again, error: 'smtp_closed' },
  'silence at DATA': { script: { DATA: HANG }, ...again, error: 'smtp_timeout' },
  'garbage at DATA': { script: { DATA: GARBAGE }, ...again, error: 'smtp_eenvelope' },
  'a close after the dot': {
    script: { 'after the dot': CLOSE },
    status: 'unknown',
    counted: true,
    error: 'smtp_closed',
    ended: 1,
  },
  'silence after the dot': {
    script: { 'after the dot': HANG },
    status: 'unknown',
    counted: true,
    error: 'smtp_timeout',
    ended: 1,
  },
  'garbage after the dot': {
    script: { 'after the dot': GARBAGE },
    status: 'unknown',
    counted: true,
    error: 'smtp_emessage',
    ended: 1,
  },
};

describe('a code that meets', () => {
  const { greetingMs } = TIMEOUTS;
  let trials: SmtpTrials<keyof typeof WAYS>;
  let timeToReply: HeldTimers;

  beforeAll(async () => {
    timeToReply = HeldTimers.hold();
    Object.assign(TIMEOUTS, FORGETFUL, untilSilence(timeToReply));
    trials = await SmtpTrials.start(WAYS);
    trials.runOutAtSilence(timeToReply);
  });
  afterAll(async () => {
    await trials.stop();
    timeToReply.letGo();
  });

  it.each(Object.entries(CASES))(
    '%s',
    async (
      _,
      { script, extensions, way = 'plain', status, error, counted, suppressed = false, transport, ended = 0 },
    ) => {
      // These two run out by themselves.
      TIMEOUTS.greetingMs = script.greeting === HANG || script.handshake === HANG ? 500 : greetingMs;
      const server = await trials.begin([way], script, extensions);
      const address = await trials.register();
      const [first] = await trials.endings(address);
      const name = trials.names[way];
      expect(first).toMatchObject({ status, error_code: error, attempt: counted ? 1 : 0, transport: name });
      expect(await trials.stateOf(way)).toMatchObject({
        paused: transport === 'paused',
        pause_reason: transport === 'paused' ? 'smtp_auth' : null,
        failures: transport === 'paused' || transport === 'closed for all' ? 1 : 0,
        closed: transport === 'paused' || transport === 'closed for all',
      });
      expect(await trials.feltHere()).toMatchObject(
        transport === 'closed here' ? [{ name, paused: false, failures: 1, closed: true }] : [],
      );
      expect(await trials.suppressions()).toEqual(
        suppressed ? [{ address_canonical: address, reason: 'hard_bounce', source: name }] : [],
      );
      if (ended !== 'either') {
        expect(server.ended).toEqual(Array.from({ length: ended }, () => address));
        expect(server.taken).toEqual(status === 'sent' ? [address] : []);
      }
      // Never in plain text where TLS was asked for: not even a MAIL.
      if (way === 'startTls' || way === 'implicitTls') expect(server.count('MAIL') + server.count('AUTH')).toBe(0);
    },
  );
});
