import type { KeyCheck } from '../../access/api-keys.js';
import type { Problem, ProblemCode } from '../../core/problems.js';
import { SMTP_BOUNDS } from './bounds-policy.js';

/** Octets of a reply line with its code and line end (RFC 5321 §4.5.3.1.5). */
const LONGEST = 512;

const MOST_HERE = `At most ${SMTP_BOUNDS.recipients} recipients for one message`;

/** What is said to a client: the code of RFC 5321 §4.2, and words that begin with the code of RFC 3463. */
export interface SmtpReply {
  code: number;
  text: string;
}

/** Ends a command, or a message, with that reply. */
export class SmtpRefusal extends Error {
  override readonly name = 'SmtpRefusal';
  /** As the library calls it. */
  readonly responseCode: number;

  constructor(
    readonly reply: SmtpReply,
    options?: ErrorOptions,
  ) {
    super(reply.text, options);
    this.responseCode = reply.code;
  }
}

/** 4yz: the client keeps the message and comes again. 5yz: somebody has to change something first. */
type Codes = readonly [code: number, enhanced: string];

/** Of problems that have another meaning than their HTTP status tells; see {@link replyOf} for the others. */
const BY_PROBLEM: Partial<Record<ProblemCode, Codes>> = {
  sender_not_allowed: [550, '5.7.1'],
  idempotency_in_flight: [451, '4.3.0'],
  idempotency_mismatch: [554, '5.6.0'],
  body_too_large: [552, '5.3.4'],
  busy: [452, '4.3.1'],
};

/** Of the first fault of a message, where it is none of its form. */
const BY_FAULT: Readonly<Record<string, Codes>> = {
  mail_loop: [554, '5.4.6'],
  recipients_in_header: [550, '5.6.0'],
  too_many_recipients: [554, '5.5.3'],
};

/** At AUTH a temporary refusal has a code of its own (RFC 4954 §6). */
type Moment = 'auth' | 'mail';

/** In place of words that speak of HTTP. */
const WORDS: Partial<Record<ProblemCode, string>> = {
  idempotency_mismatch:
    'Another message was accepted with this Message-ID or idempotency key in the last 24 hours; give each message one of its own',
  idempotency_in_flight: 'The same message is being accepted at this moment',
};

/**
 * Nothing of what a {@link Problem} keeps for the log is told, nor whether an address is suppressed: no problem says
 * so.
 */
export function replyOf(problem: Problem, moment: Moment = 'mail'): SmtpReply {
  const { detail, remedy, errors = [] } = problem.toDocument('');
  const fault = problem.code === 'validation_failed' ? errors[0] : undefined;
  const codes = codesOf(problem, fault?.code, moment);
  if (fault) return reply(codes, `${fault.field}: ${fault.message}`);
  const words = sentence(WORDS[problem.code] ?? detail);
  if (codes[0] < 500) return reply(codes, `${words} ${againIn(problem.headers['retry-after'])}`);
  return reply(codes, problem.code in WORDS ? words : `${words} ${remedy}`);
}

function codesOf({ code, status }: Problem, fault: string | undefined, moment: Moment): Codes {
  const own = BY_PROBLEM[code] ?? (fault === undefined ? undefined : BY_FAULT[fault]);
  if (own) return own;
  if (status === 429) return moment === 'auth' ? [454, '4.7.0'] : [451, '4.7.0'];
  if (status >= 500) return moment === 'auth' ? [454, '4.3.0'] : [451, '4.3.0'];
  return [554, '5.6.0'];
}

function sentence(words: string): string {
  return /[.!?]$/.test(words) ? words : `${words}.`;
}

function againIn(seconds: string | undefined): string {
  return seconds === undefined ? 'Try again later.' : `Try again in ${seconds} seconds.`;
}

/** Undefined where the key is good. RFC 4954 §6 has 535 for all that is wrong with credentials, whatever is. */
export function keyReply(check: KeyCheck): SmtpReply | undefined {
  const refused = (why: string): SmtpReply => reply([535, '5.7.8'], why);
  switch (check.kind) {
    case 'good':
      return undefined;
    case 'expired':
      return refused(`The API key is not valid: it expired at ${check.at.toISOString()}`);
    case 'revoked':
      return refused('The API key is not valid: it was revoked');
    case 'unknown':
      return refused(
        'The password is not an API key that is known here; an operator makes one with: otpost keys create',
      );
  }
}

/**
 * At AUTH, for there programs say so to whoever sets them up: at MAIL it would be one failed message after the other.
 */
export function scopeReply(scope: string): SmtpReply {
  return reply([535, '5.7.8'], `The API key lacks the scope ${scope}; use one that has it`);
}

/** Of a key that was good when the client logged in. 535 is no answer to MAIL (RFC 4954 §6). */
export function overReply(at: SmtpReply): SmtpReply {
  return reply([550, '5.7.1'], at.text.slice(at.text.indexOf(' ') + 1));
}

/**
 * At DATA, after a recipient too many: most programs take a message that was accepted for some of its recipients for
 * one that was sent.
 */
export const TOO_MANY_RECIPIENTS = reply([554, '5.5.3'], `${MOST_HERE}; nothing was accepted, so send it in several`);
export const BAD_RECIPIENT = reply([553, '5.1.3'], 'The recipient is not an e-mail address such as ada@example.com');
export const TOO_MANY_PASSWORDS = reply([421, '4.7.0'], 'Too many wrong passwords on this connection');
export const SHUTTING_DOWN = reply([421, '4.3.2'], 'Shutting down; connect again in a moment');
export const TOO_SLOW = reply([421, '4.4.2'], 'It took too long');
export const TOO_MANY_CONNECTIONS = reply([421, '4.7.0'], 'Too many connections; close some, or try again in a moment');
export const NO_TLS_HERE = reply(
  [421, '4.7.11'],
  'Without TLS only loopback and private networks get in: an operator sets SMTP_TLS_CERT, or ?tls=off in SMTP_LISTEN',
);

/** @param id of the message; many clients look for it after "queued as" */
export function queued(id: string): string {
  return `2.0.0 Ok: queued as ${id}`;
}

/** A parameter of MAIL or RCPT that would be promised and not kept (RFC 5321 §4.1.1.11). */
export function unknownParameter(name: string): SmtpReply {
  return reply([555, '5.5.4'], `The parameter ${name} is not known here`);
}

/**
 * What the library says by itself, in our words and with the code that RFC 3463 has for it; undefined: as it is.
 * @param context as the library names it: the command, or the reason
 */
export function rephrased(
  code: number,
  context: string | undefined,
  { withTls }: { withTls: boolean },
): SmtpReply | undefined {
  switch (code) {
    case 214:
      return reply(
        [214, '2.0.0'],
        'EHLO, STARTTLS, AUTH (the password is an API key), MAIL, RCPT, DATA, RSET, NOOP, QUIT',
      );
    case 252:
      return reply([252, '2.1.5'], 'Whether there is such a mailbox is known to its own server; send to it');
    case 500:
      return context === 'EXPN' ? reply([502, '5.5.1'], 'There are no lists here') : undefined;
    case 530:
      return withTls
        ? reply([530, '5.7.0'], 'Send STARTTLS first, then AUTH with an API key as the password')
        : reply([530, '5.7.0'], 'Send AUTH first; the password is an API key with the scope emails:send');
    case 538:
      return reply([538, '5.7.11'], 'Send STARTTLS first: passwords are not taken in plain text');
    case 452:
      return reply([452, '4.5.3'], `${MOST_HERE}; none of them gets this message`);
    case 552:
      return TOO_LARGE;
    default:
      return undefined;
  }
}

const TOO_LARGE = reply([552, '5.3.4'], 'The message is larger than 25 MB');

/** Not every client reads UTF-8 in replies (RFC 6531 §3.7.4.2), and a line end would be another reply. */
function reply([code, enhanced]: Codes, words: string): SmtpReply {
  const line = `${enhanced} ${words.trim()}`.replaceAll(/[^\x20-\x7e]/g, '?');
  const most = LONGEST - `${code} \r\n`.length;
  return { code, text: line.length > most ? `${line.slice(0, most - 4)} ...` : line };
}
