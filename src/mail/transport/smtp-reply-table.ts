import { DAY_MS, MINUTE_MS, SECOND_MS } from '../../core/durations.js';
import {
  isMailboxBusy,
  isMailboxFull,
  isNoLoop,
  isOfAccount,
  isOfHost,
  isOfOurSender,
  isOfPolicy,
  isOfQuota,
  isOfSender,
  isTooManyRecipients,
  refusesToRelay,
} from './smtp-reply-words.js';
import type { Stage } from './stage.js';
import { KEPT_MS, type Outcome } from './transport.js';

/** What the rows are asked. */
export interface Facts {
  stage: Stage;
  /** The client's class of error. */
  client: string;
  /** The command without its arguments; empty when none was answered. */
  command: string;
  tls: boolean;
  /** Whether the server said anything, sense or not. */
  answered: boolean;
  /** 400 to 599; undefined when there was no definite refusal. */
  code: number | undefined;
  /** RFC 3463, such as `4.7.1`; empty when the reply has none. */
  enhanced: string;
  /** What the server said, without codes and addresses; empty when it said nothing. */
  words: string;
  errorCode: string;
  /** Milliseconds that the server asked us to wait, in words. */
  hint: { afterMs?: number };
  /** `errorCode` and `reply`, for the outcome. */
  told: { errorCode: string; reply?: string };
}

type Consequence = (facts: Facts) => Outcome;

export interface Row {
  condition: string;
  when: {
    stage?: Stage;
    client?: readonly string[];
    command?: RegExp;
    notCommand?: RegExp;
    tls?: true;
    answered?: false;
    /** `none`: there was no definite refusal; `any`: there was one. */
    code?: readonly number[] | 'none' | 'any' | '4xx' | '5xx';
    notCode?: readonly number[];
    /** One of them. */
    enhanced?: RegExp | readonly RegExp[];
    words?: (words: string) => boolean;
  };
  then: Consequence;
}

type Deferred = Extract<Outcome, { kind: 'deferred' }>;
type Failed = Extract<Outcome, { kind: 'failed' }>;

const deferred =
  (more: Partial<Deferred> = {}): Consequence =>
  ({ told }) => ({ kind: 'deferred', ...told, ...more });
const failed =
  (more: Partial<Failed> = {}): Consequence =>
  ({ told }) => ({ kind: 'failed', ...told, ...more });
/** The attempt does not count, and the transport has a break: as long as it asked for, else so many milliseconds. */
const breakFor =
  (ms: number, more: Partial<Deferred> = {}): Consequence =>
  ({ told, hint }) => ({
    kind: 'deferred',
    uncounted: true,
    transport: { kind: 'backoff', ms: hint.afterMs ?? ms },
    ...told,
    ...more,
  });
/** The message waits as long as the server asked for. */
const waits =
  (more: Partial<Deferred>): Consequence =>
  ({ told, hint }) => ({ kind: 'deferred', ...hint, ...told, ...more });

/** Only this host feels it. */
const HERE = { kind: 'backoff', ms: SECOND_MS, here: true } as const;
const REFUSED_LOGIN = deferred({
  uncounted: true,
  transport: { kind: 'pause', reason: 'smtp_auth' },
  errorCode: 'smtp_auth',
});
/** Enhanced codes that blame nobody, and none: words are read then. */
const UNTOLD = /^$|^[45]\.[0-6]\.0$|^[45]\.5\./;
const QUOTA_USED_UP = breakFor(5 * MINUTE_MS, { withinMs: KEPT_MS, alert: true, errorCode: 'smtp_quota' });
const KEPT = { uncounted: true, afterMs: MINUTE_MS, withinMs: KEPT_MS, alert: true } as const;
/** Another sender may be welcome there, so the breaker of the transport stays closed for now. */
const SENDER_REFUSED = deferred({ ...KEPT, errorCode: 'smtp_sender' });
const ACCOUNT_REFUSED = deferred(KEPT);
const TOO_FAST = waits({ transport: { kind: 'slow' } });
const TOO_MANY = deferred({ tooMany: true });
const MAILBOX_FULL = deferred({ withinMs: DAY_MS, ofRecipient: true });
const POLICY = deferred({ alert: true });
const BAD_ADDRESS = failed({ suppress: true, ofRecipient: true });

/**
 * Read from the top, the first row that fits decides: stage, then command, reply code and enhanced code. What a server
 * says in words is looked at for how long to wait, and where it gives no enhanced code or one that misleads.
 */
export const SMTP_REPLIES: readonly Row[] = [
  {
    condition: 'no answer after the last byte',
    when: { stage: 'released', code: 'none' },
    then: ({ told }) => ({ kind: 'unknown', ...told }),
  },
  // RFC 5321 §3.8: the server closes whatever we do.
  { condition: '421, at any stage', when: { code: [421] }, then: breakFor(5 * SECOND_MS) },
  {
    condition: 'TLS failure', // the next transport; plain text never
    when: { stage: 'connecting', tls: true },
    then: ({ told, answered }) => ({
      kind: 'deferred',
      uncounted: true,
      transport: { kind: 'backoff', ms: 5 * SECOND_MS, ...(answered ? {} : { here: true }) },
      alert: true,
      ...told,
      errorCode: 'smtp_tls',
    }),
  },
  { condition: 'credentials refused or wanted', when: { code: [530, 534, 535] }, then: REFUSED_LOGIN },
  // RFC 4954 §6: 454 4.7.0
  { condition: 'login refused for now', when: { command: /^AUTH/, code: '4xx' }, then: breakFor(15 * SECOND_MS) },
  { condition: 'no way to log in', when: { client: ['EAUTH', 'ENOAUTH'] }, then: REFUSED_LOGIN },
  {
    condition: 'no token for the login', // whoever gives them is away, and not the mail server
    when: { stage: 'connecting', client: ['ETOKEN'] },
    then: deferred({ uncounted: true, transport: HERE, errorCode: 'smtp_token' }),
  },
  {
    condition: 'no name, no connection, no greeting',
    when: { stage: 'connecting', code: 'none' },
    then: deferred({ uncounted: true, transport: { ...HERE, unreachable: true } }),
  },
  {
    condition: 'turned away before any message',
    when: { stage: 'connecting' },
    then: deferred({ uncounted: true, transport: { kind: 'backoff', ms: 15 * SECOND_MS }, alert: true }),
  },
  { condition: 'message too big', when: { code: [552, 554], enhanced: /^5\.3\.4$/ }, then: failed() },
  // Google: 5.4.5 (support.google.com/a/answer/3726730); Zoho: 5.4.6; Exchange Online: 5.1.90, 5.7.232 and 5.7.233
  // (learn.microsoft.com/exchange/troubleshoot/email-delivery/ndr/non-delivery-reports-in-exchange-online).
  // They last for hours or a day.
  {
    condition: "quota of the sender's account",
    when: { code: '5xx', enhanced: /^5\.(?:1\.90|4\.[56]|7\.23[23])$/, words: isNoLoop },
    then: QUOTA_USED_UP,
  },
  {
    // Amazon SES: "454 Throttling failure: Daily message quota exceeded." Exchange Online: "5.2.2 Submission quota
    // exceeded". GMX: "450 Mail send limit exceeded."
    // 452 is of one transfer, or of a mailbox.
    condition: "quota of the sender's account, in words",
    when: { code: 'any', notCode: [452], enhanced: [UNTOLD, /^5\.2\.2$|^[45]\.7\./], words: isOfQuota },
    then: QUOTA_USED_UP,
  },
  {
    condition: 'sender refused', // never about the recipient, whom the server has not heard of yet
    when: { command: /^MAIL/, code: '5xx', notCode: [500, 502, 503, 504] },
    then: SENDER_REFUSED,
  },
  {
    // RFC 3463 §3.2: x.1.7 and x.1.8. Exchange Online: "554 5.2.252 SendAsDenied".
    condition: "sender's address or domain",
    when: { enhanced: /^[45]\.1\.[78]$|^5\.2\.252$/ },
    then: SENDER_REFUSED,
  },
  {
    condition: 'sender refused, in words',
    when: { code: '5xx', enhanced: UNTOLD, words: isOfSender },
    then: SENDER_REFUSED,
  },
  {
    condition: 'sender that is not of the account, in words', // Postfix: "553 5.7.1 Sender address rejected: not owned"
    when: { code: '5xx', enhanced: /^5\.7\./, words: isOfOurSender },
    then: SENDER_REFUSED,
  },
  {
    condition: 'account or host refused, in words',
    when: { code: '5xx', enhanced: UNTOLD, words: isOfAccount },
    then: ACCOUNT_REFUSED,
  },
  {
    condition: 'sender or host refused for now',
    when: { command: /^MAIL/, code: '4xx' },
    then: breakFor(5 * SECOND_MS, { withinMs: KEPT_MS }),
  },
  {
    condition: 'host refused for now, in words', // which waiting mends for no recipient
    when: { code: [450, 451], enhanced: [UNTOLD, /^4\.7\./], words: isOfHost },
    then: ACCOUNT_REFUSED,
  },
  { condition: 'too fast, too many connections', when: { code: [432] }, then: TOO_FAST },
  {
    // Postfix: "454 4.7.1 <ada@example.com>: Relay access denied", by defer_unauth_destination.
    condition: 'refuses to relay, in words',
    when: { code: 'any', enhanced: [UNTOLD, /^[45]\.(?:4\.1$|7\.)/], words: refusesToRelay },
    then: POLICY,
  },
  // Amazon SES: "454 Throttling failure: Maximum sending rate exceeded."
  { condition: 'too fast', when: { code: [454] }, then: TOO_FAST },
  {
    condition: 'too fast, by policy',
    when: { code: [450, 451], enhanced: /^4\.7\./, notCommand: /^RCPT/ },
    then: TOO_FAST,
  },
  // RFC 3463 §3.6: x.5.3. The rest goes at once where some were taken: see fates-policy.ts.
  { condition: 'too many recipients', when: { enhanced: /^[45]\.5\.3$/ }, then: TOO_MANY },
  {
    condition: 'too many recipients, in words',
    when: { command: /^RCPT/, code: [452, 552], enhanced: UNTOLD, words: isTooManyRecipients },
    then: TOO_MANY,
  },
  { condition: 'mailbox full', when: { enhanced: /^[45]\.2\.2$/ }, then: MAILBOX_FULL },
  {
    condition: 'mailbox full, in words',
    when: { code: [450, 451, 452, 550, 552, 554], enhanced: [UNTOLD, /^[45]\.(?:1\.1$|2\.)/], words: isMailboxFull },
    then: MAILBOX_FULL,
  },
  {
    condition: 'mailbox that gets too much for now, in words',
    when: { code: '5xx', enhanced: [UNTOLD, /^5\.2\.1$/], words: isMailboxBusy },
    then: MAILBOX_FULL,
  },
  {
    // RFC 3463 §3.4 and §3.5: its host and its network. Of no recipient, and another transport may take it.
    condition: 'the server cannot, for now',
    when: { code: [450, 451], enhanced: /^4\.[34]\./ },
    then: waits({}),
  },
  {
    condition: 'greylisting', // also as 451 4.7.1 to RCPT: one recipient's word, and never the transport's
    when: { code: [450, 451] },
    then: waits({ sameTransport: true, ofRecipient: true }),
  },
  {
    // With a 5.7.x the address itself may be fine, whatever the reply code.
    condition: 'policy, blocklist, authentication of the sender',
    when: { code: '5xx', enhanced: /^5\.7\./ },
    then: POLICY,
  },
  {
    condition: 'policy, blocklist, in words', // also as "550 5.2.1 Mailbox unavailable. Your IP address … is blacklisted"
    when: { code: '5xx', enhanced: [UNTOLD, /^5\.2\.1$/], words: isOfPolicy },
    then: POLICY,
  },
  {
    condition: 'no such mailbox',
    when: { code: [550], enhanced: /^5\.1\.1$/, notCommand: /^MAIL/ },
    then: BAD_ADDRESS,
  },
  { condition: 'mailbox moved away', when: { code: [551], notCommand: /^MAIL/ }, then: BAD_ADDRESS },
  {
    condition: 'not an address',
    when: { code: [553], enhanced: /^5\.1\.3$/, notCommand: /^MAIL/ },
    then: BAD_ADDRESS,
  },
  // 503 had its second chance on a new connection: see deservesNewConnection.
  { condition: 'our bug', when: { code: [500, 501, 502, 503, 504] }, then: failed({ alert: true }) },
  {
    condition: 'envelope that the client itself refuses',
    when: { client: ['EENVELOPE'], answered: false },
    then: failed({ alert: true, errorCode: 'smtp_envelope' }),
  },
  { condition: 'refused for now', when: { code: '4xx' }, then: waits({}) },
  { condition: 'refused for good', when: { code: '5xx' }, then: failed() },
  { condition: 'close or silence before the end of the message', when: {}, then: deferred() },
];

/** The row that decides: the last one fits everything. */
export function rowFor(facts: Facts): Row {
  return SMTP_REPLIES.find(({ when }) => fits(when, facts))!;
}

function fits(when: Row['when'], { stage, client, command, tls, answered, code, enhanced, words }: Facts): boolean {
  return (
    (when.stage === undefined || when.stage === stage) &&
    (when.tls === undefined || tls) &&
    (when.answered === undefined || when.answered === answered) &&
    (when.client === undefined || when.client.includes(client)) &&
    (when.command === undefined || when.command.test(command)) &&
    (when.notCommand === undefined || !when.notCommand.test(command)) &&
    (when.code === undefined || fitsCode(when.code, code)) &&
    (when.notCode === undefined || code === undefined || !when.notCode.includes(code)) &&
    (when.enhanced === undefined || [when.enhanced].flat().some((one) => one.test(enhanced))) &&
    (when.words === undefined || when.words(words))
  );
}

function fitsCode(wanted: NonNullable<Row['when']['code']>, code: number | undefined): boolean {
  if (wanted === 'none') return code === undefined;
  if (wanted === 'any') return code !== undefined;
  if (wanted === '4xx') return code !== undefined && code < 500;
  if (wanted === '5xx') return code !== undefined && code >= 500;
  return code !== undefined && wanted.includes(code);
}
