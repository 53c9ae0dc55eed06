import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../core/durations.js';

/** Milliseconds between the attempts of one delivery: twelve attempts in about two and a half days. */
export const SCHEDULE = [
  5 * SECOND_MS,
  30 * SECOND_MS,
  2 * MINUTE_MS,
  10 * MINUTE_MS,
  HOUR_MS,
  3 * HOUR_MS,
  8 * HOUR_MS,
  12 * HOUR_MS,
  12 * HOUR_MS,
  12 * HOUR_MS,
  12 * HOUR_MS,
] as const;
/** What is added at most, as a part of the wait, so that deliveries that failed together do not come back together. */
const SPREAD = 0.1;
/** An endpoint may ask for a pause, but not for ever. */
const LONGEST_PAUSE = 12 * HOUR_MS;

/** Failed attempts in a row after which an endpoint counts as down, and is tried with one delivery at a time. */
export const DOWN_AFTER = 3;
/** An endpoint that is down is tried again after a quarter of the time for which it has been, within these bounds. */
const BACKOFF = { part: 0.25, least: 5 * SECOND_MS, longest: 5 * MINUTE_MS };
/** An endpoint that took nothing for so long is disabled; not for a few failures far apart. */
const GIVE_UP = { after: 5 * DAY_MS, failures: 20 };

/**
 * Milliseconds until the next attempt, never less than what the endpoint asked for; `give_up` when there is none.
 * @param attempt attempts made so far, the failed one included
 * @param askedMs milliseconds the endpoint asks us to wait (Retry-After)
 * @param random uniform in [0, 1)
 */
export function retryDelay({
  attempt,
  askedMs = 0,
  random,
}: {
  attempt: number;
  askedMs?: number;
  random: number;
}): number | 'give_up' {
  const planned = SCHEDULE[attempt - 1];
  if (planned === undefined) return 'give_up';
  return Math.round(Math.max(planned, Math.min(askedMs, LONGEST_PAUSE)) * (1 + random * SPREAD));
}

/**
 * After a failed attempt: milliseconds for which the whole endpoint is left alone; `disable` when it has failed for too
 * long.
 * @param failures failed attempts in a row, the last one included
 * @param failingMs milliseconds since the first of them
 */
export function endpointPause({
  failures,
  failingMs,
  askedMs = 0,
}: {
  failures: number;
  failingMs: number;
  askedMs?: number;
}): number | 'disable' {
  if (failures >= GIVE_UP.failures && failingMs >= GIVE_UP.after) return 'disable';
  const asked = Math.min(askedMs, LONGEST_PAUSE);
  if (failures < DOWN_AFTER) return asked;
  return Math.round(Math.max(asked, Math.min(Math.max(failingMs * BACKOFF.part, BACKOFF.least), BACKOFF.longest)));
}

/** Milliseconds that a Retry-After asks for: seconds or a date (RFC 9110 §10.2.3); undefined when it says neither. */
export function askedPause(retryAfter: string | undefined, now: Date): number | undefined {
  const text = retryAfter?.trim();
  if (!text) return undefined;
  if (/^\d+$/.test(text)) return Number(text) * SECOND_MS;
  // Date.parse takes much for a date; one of HTTP names its weekday and ends in GMT.
  const at = /^[A-Z][a-z]{2,8},? .* GMT$/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, at - now.getTime());
}

/** What one attempt over HTTP came to. */
export type Answer =
  | { kind: 'answered'; statusCode: number; retryAfter?: string | undefined; response: string }
  /** No status came; a stable and short code says why. */
  | { kind: 'unanswered'; errorCode: string };

export interface AttemptFacts {
  /** Attempts on this delivery, this one included. */
  attempt: number;
  /** Of the endpoint, before this attempt: failures in a row, and milliseconds since the first. */
  failures: number;
  failingMs: number;
  now: Date;
  /** Uniform in [0, 1). */
  random: number;
}

/** What follows from an attempt, for the delivery and for its endpoint. */
export interface Judgement {
  status: 'delivered' | 'deferred' | 'failed';
  errorCode?: string;
  /** Milliseconds until a deferred delivery is tried again. */
  delayMs?: number;
  endpoint: { kind: 'worked' } | { kind: 'failed'; pauseMs: number } | { kind: 'disable'; reason: 'gone' | 'failing' };
}

/** 2xx is delivered. 410 ends the endpoint. All else is tried again, a redirect too: it is not followed. */
export function judge(answer: Answer, facts: AttemptFacts): Judgement {
  if (answer.kind === 'answered' && answer.statusCode >= 200 && answer.statusCode < 300) {
    return { status: 'delivered', endpoint: { kind: 'worked' } };
  }
  const errorCode = answer.kind === 'answered' ? codeOf(answer.statusCode) : answer.errorCode;
  if (errorCode === 'gone') return { status: 'failed', errorCode, endpoint: { kind: 'disable', reason: 'gone' } };

  const askedMs = askedOf(answer, facts.now) ?? 0;
  const pause = endpointPause({ failures: facts.failures + 1, failingMs: facts.failingMs, askedMs });
  if (pause === 'disable') return { status: 'failed', errorCode, endpoint: { kind: 'disable', reason: 'failing' } };
  const endpoint = { kind: 'failed', pauseMs: pause } as const;
  const delay = retryDelay({ attempt: facts.attempt, askedMs, random: facts.random });
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
