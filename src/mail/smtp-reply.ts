import type { Outcome } from './outcome.js';
import type { Stage } from './transport/stage.js';

/** The structured fields of an SMTP client's error; its prose is never looked at. */
export interface SmtpFailure {
  /** The client's own class of error, such as ECONNECTION, ETIMEDOUT, EAUTH, EDNS, ETLS. */
  code?: string;
  /** Three digits of the server's reply (RFC 5321 §4.2), when there was one. */
  responseCode?: number;
  /** The reply, verbatim. */
  response?: string;
}

/** Definite answers come first, whatever the stage; without one, only the stage tells whether the message may be out. */
export function classifySmtpFailure(failure: SmtpFailure, stage: Stage): Outcome {
  const { responseCode, response } = failure;
  const reply = response === undefined ? {} : { reply: response };
  // A login that is refused is the operator's to mend; the mail waits.
  if (failure.code === 'EAUTH') return { kind: 'deferred', errorCode: 'smtp_auth', ...reply };
  if (responseCode !== undefined && responseCode >= 500) return { kind: 'failed', errorCode: `smtp_${responseCode}`, ...reply };
  if (responseCode !== undefined && responseCode >= 400) return { kind: 'deferred', errorCode: `smtp_${responseCode}`, ...reply };
  const errorCode = `smtp_${(failure.code ?? 'error').toLowerCase()}`;
  return stage === 'released' ? { kind: 'unknown', errorCode, ...reply } : { kind: 'deferred', errorCode, ...reply };
}
