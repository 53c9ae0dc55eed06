import { type Facts, rowFor } from './smtp-reply-table.js';
import { waitAskedFor, wordsOf } from './smtp-reply-words.js';
import type { Stage } from './stage.js';
import type { Outcome } from './transport.js';

/** Error codes of a TLS that failed; OpenSSL's complaints about certificates have no common prefix. */
export const TLS_CODES =
  /^(ERR_SSL_|ERR_TLS_|CERT_|CRL_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_|HOSTNAME_MISMATCH|EPROTO$)/;

/** The structured fields of an SMTP client's error. */
export interface SmtpError {
  /** The client's own class of error, such as ECONNECTION, ETIMEDOUT, EAUTH, EDNS, ETLS. */
  code?: string | undefined;
  /** The system's code underneath, such as ECONNREFUSED or ERR_SSL_WRONG_VERSION_NUMBER. */
  originalCode?: string | undefined;
  /** The command that was refused, such as `MAIL FROM` or `AUTH PLAIN`. */
  command?: string | undefined;
  /** Which of the client's time-outs it was, such as UPGRADE_TIMEOUT for STARTTLS. */
  timeoutType?: string | undefined;
  /** Three digits of the server's reply (RFC 5321 §4.2), when there was one. */
  responseCode?: number | undefined;
  /** The reply, verbatim. */
  response?: string | undefined;
}

/** What a failed SMTP attempt means, and for whom. Pure; the rows are those of docs/delivery.md. */
export function classifySmtpFailure(failure: SmtpError, stage: Stage): Outcome {
  const facts = factsOf(failure, stage);
  return rowFor(facts).then(facts);
}

/** The name of the row that decides. */
export function conditionOf(failure: SmtpError, stage: Stage): string {
  return rowFor(factsOf(failure, stage)).condition;
}

/**
 * Whether a failure may say more about the connection than about the message, which is provably not taken: limits on
 * messages a connection, idle time-outs, a session out of step. Worth one more try at once on a new one.
 */
export function deservesNewConnection(failure: SmtpError, stage: Stage, reused: boolean): boolean {
  const { code } = factsOf(failure, stage);
  if (code === 503 || isOutOfStep(failure, stage)) return true;
  if (!reused) return false;
  return code === undefined ? isDeadConnection(failure, stage) : code < 500 || code === 502;
}

/** A 2xx or 3xx where a command of the envelope was to be refused: it answers another one. */
function isOutOfStep({ responseCode }: SmtpError, stage: Stage): boolean {
  return stage === 'envelope' && responseCode !== undefined && responseCode < 400;
}

/**
 * Silence, a close, 421 or a time-out of the server's (`451 4.4.2`, such as SES'): the others that were idle fare
 * alike.
 */
export function isDeadConnection(failure: SmtpError, stage: Stage): boolean {
  const { code, enhanced } = factsOf(failure, stage);
  if (code === 421 || enhanced === '4.4.2') return true;
  return (
    code === undefined &&
    stage !== 'connecting' &&
    stage !== 'released' &&
    ['ECONNECTION', 'ESOCKET', 'ETIMEDOUT'].includes(failure.code ?? '')
  );
}

/**
 * Of an SMTP reply (RFC 3463), such as `4.7.1`; empty when it has none. It stands at the beginning of a line, be it not
 * the first one, or is marked as in qmail's `(#5.7.1)`. What stands elsewhere may be a version, or another server's
 * word.
 */
export function enhancedCodeOf(reply: string): string {
  return (
    /^\d{3}[ -][ \t]{0,9}#?([245]\.\d{1,3}\.\d{1,3})(?!\.?\d)/m.exec(reply)?.[1] ??
    /#([245]\.[0-7]\.\d{1,3})(?!\.?\d)/.exec(reply)?.[1] ??
    ''
  );
}

function factsOf(failure: SmtpError, stage: Stage): Facts {
  const { response, responseCode } = failure;
  // A 2xx or 3xx where an error stands is a server out of step, and no refusal.
  const code = responseCode !== undefined && responseCode >= 400 && responseCode < 600 ? responseCode : undefined;
  const errorCode = code === undefined ? unansweredCode(failure, stage) : `smtp_${code}`;
  const words = wordsOf(response ?? '');
  const afterMs = waitAskedFor(words);
  return {
    stage,
    client: failure.code ?? '',
    command: failure.command ?? '',
    tls: isTls(failure),
    answered: response !== undefined,
    code,
    enhanced: enhancedCodeOf(response ?? ''),
    words,
    errorCode,
    hint: afterMs === undefined ? {} : { afterMs },
    told: { errorCode, ...(response === undefined ? {} : { reply: response }) },
  };
}

const TIMEOUT_CODES: Record<string, string> = {
  GREETING_TIMEOUT: 'smtp_greeting_timeout',
  SETUP_TIMEOUT: 'smtp_setup_timeout',
};
const SYSTEM_CODES: Record<string, string> = {
  ECONNREFUSED: 'smtp_refused',
  ENOTFOUND: 'smtp_dns',
  EHOSTUNREACH: 'smtp_unreachable',
  ENETUNREACH: 'smtp_unreachable',
};
const CLIENT_CODES: Record<string, string> = {
  EDNS: 'smtp_dns',
  ECONNECTION: 'smtp_closed',
  ESOCKET: 'smtp_closed',
  ETIMEDOUT: 'smtp_timeout',
};

function unansweredCode({ code = 'error', originalCode = '', timeoutType = '' }: SmtpError, stage: Stage): string {
  if (code === 'ETIMEDOUT' && stage === 'connecting') return TIMEOUT_CODES[timeoutType] ?? 'smtp_connect_timeout';
  return SYSTEM_CODES[originalCode] ?? CLIENT_CODES[code] ?? `smtp_${code.toLowerCase()}`;
}

function isTls({ code, originalCode, timeoutType }: SmtpError): boolean {
  return code === 'ETLS' || timeoutType === 'UPGRADE_TIMEOUT' || TLS_CODES.test(originalCode ?? '');
}
