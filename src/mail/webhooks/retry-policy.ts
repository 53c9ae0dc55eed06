const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Milliseconds between the attempts of one delivery: twelve attempts in about two and a half days. */
export const SCHEDULE = [
  5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, HOUR, 3 * HOUR, 8 * HOUR, 12 * HOUR, 12 * HOUR, 12 * HOUR, 12 * HOUR,
] as const;
/** What is added at most, as a part of the wait, so that deliveries that failed together do not come back together. */
const SPREAD = 0.1;
/** An endpoint may ask for a pause, but not for ever. */
const LONGEST_PAUSE = 12 * HOUR;

/** Failed attempts in a row after which an endpoint counts as down, and is tried with one delivery at a time. */
export const DOWN_AFTER = 3;
/** An endpoint that is down is tried again after a quarter of the time for which it has been, within these bounds. */
const BACKOFF = { part: 0.25, least: 5 * SECOND, longest: 5 * MINUTE };
/** An endpoint that took nothing for so long is disabled; not for a few failures far apart. */
const GIVE_UP = { after: 5 * DAY, failures: 20 };

export interface RetryQuestion {
  /** Attempts made so far, the failed one included. */
  attempt: number;
  /** Milliseconds the endpoint asks us to wait (Retry-After). */
  askedMs?: number | undefined;
  /** Uniform in [0, 1). */
  random: number;
}

/** Milliseconds until the next attempt, never less than what the endpoint asked for; `give_up` when there is none. */
export function retryDelay({ attempt, askedMs = 0, random }: RetryQuestion): number | 'give_up' {
  const planned = SCHEDULE[attempt - 1];
  if (planned === undefined) return 'give_up';
  return Math.round(Math.max(planned, Math.min(askedMs, LONGEST_PAUSE)) * (1 + random * SPREAD));
}

export interface EndpointQuestion {
  /** Failed attempts in a row, the last one included. */
  failures: number;
  /** Milliseconds since the first of them. */
  failingMs: number;
  askedMs?: number | undefined;
}

/** After a failed attempt: milliseconds for which the whole endpoint is left alone; `disable` when it has failed for too long. */
export function endpointPause({ failures, failingMs, askedMs = 0 }: EndpointQuestion): number | 'disable' {
  if (failures >= GIVE_UP.failures && failingMs >= GIVE_UP.after) return 'disable';
  const asked = Math.min(askedMs, LONGEST_PAUSE);
  if (failures < DOWN_AFTER) return asked;
  return Math.round(Math.max(asked, Math.min(Math.max(failingMs * BACKOFF.part, BACKOFF.least), BACKOFF.longest)));
}

/** Milliseconds that a Retry-After asks for: seconds or a date (RFC 9110 §10.2.3); undefined when it says neither. */
export function askedPause(retryAfter: string | undefined, now: Date): number | undefined {
  const text = retryAfter?.trim();
  if (!text) return undefined;
  if (/^\d+$/.test(text)) return Number(text) * SECOND;
  // Date.parse takes much for a date; one of HTTP names its weekday and ends in GMT.
  const at = /^[A-Z][a-z]{2,8},? .* GMT$/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, at - now.getTime());
}
