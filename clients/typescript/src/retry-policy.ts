/** What became of one try. `sent` is false where the request certainly never left. */
export type Failure =
  | { kind: 'answer'; status: number; code: string | undefined; retryAfter: number | undefined }
  | { kind: 'no_answer'; sent: boolean };

export interface RetryRules {
  /** How many times a call is tried again. */
  retries: number;
  /** Longest wait in milliseconds; where the service asks for more, the call fails and tells how much. */
  maxWaitMs: number;
}

/** They say that nothing was done. */
const REFUSED: readonly number[] = [429, 503];
/** A proxy gave up waiting, or nobody knows. */
const LOST: readonly number[] = [408, 502, 504];
/** A 429 that waiting for does not undo: the person has to do something else, or to wait for themselves. */
const FOR_PEOPLE: readonly string[] = [
  'otp_locked',
  'too_many_failures',
  'too_many_streams',
  'resend_too_soon',
  'resend_exhausted',
];

/**
 * How long to wait before the next try, in milliseconds; undefined: there is none.
 * Full jitter over 250 ms, doubled each time, and never less than Retry-After.
 * @param repeatable whether the request may be carried out twice without harm: it reads, or has an Idempotency-Key
 * @param tried how many tries there were, 1 or more
 * @param chance in [0, 1)
 */
export function waitBeforeNext(
  failure: Failure,
  { retries, maxWaitMs }: RetryRules,
  repeatable: boolean,
  tried: number,
  chance: number,
): number | undefined {
  if (tried > retries || !mayBeTriedAgain(failure, repeatable)) return undefined;
  const backOff = Math.min(250 * 2 ** (tried - 1), maxWaitMs) * chance;
  const asked = failure.kind === 'answer' ? (failure.retryAfter ?? 0) * 1_000 : 0;
  return asked > maxWaitMs ? undefined : Math.max(backOff, asked);
}

function mayBeTriedAgain(failure: Failure, repeatable: boolean): boolean {
  if (failure.kind === 'no_answer') return repeatable || !failure.sent;
  const { status, code } = failure;
  if (REFUSED.includes(status)) return code === undefined || !FOR_PEOPLE.includes(code);
  return repeatable && (LOST.includes(status) || code === 'idempotency_in_flight');
}

/** Seconds of a Retry-After (RFC 9110 §10.2.3): a number, or a date. @param now milliseconds since 1970 */
export function secondsOf(retryAfter: string | null, now: number): number | undefined {
  if (retryAfter === null) return undefined;
  if (/^\d{1,9}$/.test(retryAfter)) return Number(retryAfter);
  const at = Date.parse(retryAfter);
  return Number.isNaN(at) ? undefined : Math.max(0, Math.ceil((at - now) / 1_000));
}
