import { askedPause, endpointPause, retryDelay } from './retry-policy.js';

/** What one attempt over HTTP came to. */
export type Answer =
  | { kind: 'answered'; statusCode: number; retryAfter?: string | undefined; response: string }
  /** No status came; a stable and short code says why. */
  | { kind: 'unanswered'; errorCode: string };

export interface VerdictQuestion {
  /** Attempts on this delivery, this one included. */
  attempt: number;
  /** Of the endpoint, before this attempt: failures in a row, and milliseconds since the first. */
  failures: number;
  failingMs: number;
  now: Date;
  /** Uniform in [0, 1). */
  random: number;
}

export interface Verdict {
  status: 'delivered' | 'deferred' | 'failed';
  errorCode?: string;
  /** Milliseconds until a deferred delivery is tried again. */
  delayMs?: number;
  endpoint: { kind: 'worked' } | { kind: 'failed'; pauseMs: number } | { kind: 'disable'; reason: 'gone' | 'failing' };
}

/** 2xx is delivered. 410 ends the endpoint. All else is tried again, a redirect too: it is not followed. */
export function judge(answer: Answer, question: VerdictQuestion): Verdict {
  if (answer.kind === 'answered' && answer.statusCode >= 200 && answer.statusCode < 300) {
    return { status: 'delivered', endpoint: { kind: 'worked' } };
  }
  const errorCode = answer.kind === 'answered' ? codeOf(answer.statusCode) : answer.errorCode;
  if (errorCode === 'gone') return { status: 'failed', errorCode, endpoint: { kind: 'disable', reason: 'gone' } };

  const askedMs = askedOf(answer, question.now);
  const pause = endpointPause({ failures: question.failures + 1, failingMs: question.failingMs, askedMs });
  if (pause === 'disable') return { status: 'failed', errorCode, endpoint: { kind: 'disable', reason: 'failing' } };
  const endpoint = { kind: 'failed', pauseMs: pause } as const;
  const delay = retryDelay({ attempt: question.attempt, askedMs, random: question.random });
  if (delay === 'give_up') return { status: 'failed', errorCode, endpoint };
  return { status: 'deferred', errorCode, delayMs: delay, endpoint };
}

function codeOf(statusCode: number): string {
  if (statusCode === 410) return 'gone';
  if (statusCode === 429) return 'rate_limited';
  return statusCode >= 300 && statusCode < 400 ? 'redirect' : 'http_status';
}

/** Only these two speak of the whole endpoint. */
function askedOf(answer: Answer, now: Date): number | undefined {
  const speaks = answer.kind === 'answered' && (answer.statusCode === 429 || answer.statusCode === 503);
  return speaks ? askedPause(answer.retryAfter, now) : undefined;
}
