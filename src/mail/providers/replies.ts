import { DAY_MS, MINUTE_MS, SECOND_MS } from '../../core/durations.js';
import { KEPT_MS, type Outcome } from '../transport/transport.js';

/** What the rows are asked. */
export interface ReplyFacts {
  /** HTTP status. */
  status: number;
  /** The provider's own code of an error; empty when there is none. */
  code: string;
  /** The provider's words; empty when there are none. */
  message: string;
  /** Milliseconds that the provider asks us to wait. */
  retryAfterMs: number | undefined;
  /** `errorCode` and `reply`, for the outcome. */
  told: { errorCode: string; reply: string };
}

export interface ReplyRow {
  condition: string;
  when: {
    status?: readonly number[] | '3xx' | '4xx' | '5xx';
    code?: RegExp;
    /** Only where a provider says it in no other way. */
    message?: RegExp;
  };
  then: (facts: ReplyFacts) => Outcome;
}

/** The least that anybody is left alone for who asks for a break: "0 seconds" is no break. */
const SHORTEST_BREAK_MS = 500;
/**
 * Until a used up quota is tried again with one message. Providers renew at midnight of some time zone, a month after
 * somebody paid, or over the last 24 h; and whoever buys more does not want to wait for any of it.
 */
const QUOTA_AGAIN_MS = 60 * MINUTE_MS;

/**
 * Read from the top, after the rows of the provider: the first one that fits decides. Only what is no 2xx comes here.
 */
export const PROVIDER_REPLIES: readonly ReplyRow[] = [
  { condition: 'message too big', when: { status: [413] }, then: refused },
  { condition: 'key refused, or not allowed to send', when: { status: [401, 403, 407] }, then: keyRefused },
  { condition: 'nothing left to send with', when: { status: [402] }, then: quotaUsedUp },
  { condition: 'too fast', when: { status: [429] }, then: tooFast },
  { condition: 'the whole request did not arrive', when: { status: [408, 425] }, then: busy },
  {
    // RFC 9110 §15.6.5: whoever it was passed on to may have taken it. 520 and 524 are Cloudflare's words for the same.
    condition: 'a gateway waited in vain for an answer',
    when: { status: [504, 520, 524] },
    then: ({ told }) => ({ kind: 'unknown', ...told }),
  },
  {
    // An outage or this very message: the break helps with the one, counting with the other, which would never end.
    condition: 'the provider broke',
    when: { status: [500] },
    then: ({ told, retryAfterMs }) => ({
      kind: 'deferred',
      transport: { kind: 'backoff', ms: retryAfterMs ?? 5 * SECOND_MS },
      ...told,
    }),
  },
  { condition: 'the provider cannot, for now', when: { status: '5xx' }, then: busy },
  {
    // Never followed: the key would go along.
    condition: 'a redirect',
    when: { status: '3xx' },
    then: (facts) => ({ ...busy({ ...facts, retryAfterMs: MINUTE_MS }), alert: true }),
  },
  {
    condition: 'no such way to call it',
    when: { status: [404, 405, 406, 410, 411, 415] },
    then: ({ told }) => ({ kind: 'failed', alert: true, ...told }),
  },
  { condition: 'the message is refused', when: { status: '4xx' }, then: refused },
  {
    condition: 'an answer of no kind',
    when: {},
    then: ({ told }) => ({ kind: 'deferred', alert: true, ...told }),
  },
];

/** What a refusal means, and for whom. */
export function classifyReply(rows: readonly ReplyRow[], facts: ReplyFacts): Outcome {
  return rowFor(rows, facts).then(facts);
}

/** The row that decides: the last one fits everything. */
export function rowFor(rows: readonly ReplyRow[], facts: ReplyFacts): ReplyRow {
  return [...rows, ...PROVIDER_REPLIES].find(({ when }) => fits(when, facts))!;
}

export function refused({ told }: ReplyFacts): Outcome {
  return { kind: 'failed', ...told };
}

/** A configuration fault: nothing more goes this way until it is mended. */
export function keyRefused({ told }: ReplyFacts): Outcome {
  return {
    kind: 'deferred',
    uncounted: true,
    transport: { kind: 'pause', reason: 'http_auth' },
    ...told,
    errorCode: 'http_auth',
  };
}

export function quotaUsedUp({ told, retryAfterMs }: ReplyFacts): Outcome {
  const ms = Math.min(retryAfterMs ?? QUOTA_AGAIN_MS, QUOTA_AGAIN_MS);
  return {
    kind: 'deferred',
    uncounted: true,
    alert: true,
    transport: { kind: 'backoff', ms },
    ...told,
    errorCode: 'http_quota',
  };
}

export function tooFast({ told, retryAfterMs }: ReplyFacts): Outcome {
  return { kind: 'deferred', uncounted: true, transport: { kind: 'backoff', ms: retryAfterMs ?? SECOND_MS }, ...told };
}

/**
 * Of this sender the provider takes nothing; of others it may. The mail goes another way, or is kept until somebody
 * mends it.
 */
export function senderRefused({ told }: ReplyFacts): Outcome {
  return {
    kind: 'deferred',
    uncounted: true,
    afterMs: MINUTE_MS,
    withinMs: KEPT_MS,
    alert: true,
    ...told,
    errorCode: 'http_sender',
  };
}

/** A key of idempotency was used before: what it was used for may or may not have been taken. */
export function takenBefore({ told }: ReplyFacts): Outcome {
  return { kind: 'unknown', ...told, errorCode: 'http_duplicate' };
}

function busy({ told, retryAfterMs }: ReplyFacts): Outcome & { kind: 'deferred' } {
  return {
    kind: 'deferred',
    uncounted: true,
    transport: { kind: 'backoff', ms: retryAfterMs ?? 5 * SECOND_MS },
    ...told,
  };
}

/**
 * Milliseconds that the headers ask us to wait: Retry-After (RFC 9110 §10.2.3: seconds or a date), else the reset of a
 * rate limit: seconds in the IETF's draft (Resend) and in Brevo's x-sib-ratelimit-reset, a Unix time in SendGrid's
 * x-ratelimit-reset. At most a day.
 */
export function waitAskedFor(headers: Pick<Headers, 'get'>, now: Date): number | undefined {
  const asked = headers.get('retry-after');
  if (asked !== null) return seconds(asked) ?? until(asked, now);
  const reset = headers.get('ratelimit-reset') ?? headers.get('x-sib-ratelimit-reset');
  if (reset !== null) return seconds(reset);
  const at = /^\d{9,11}$/.exec(headers.get('x-ratelimit-reset') ?? '')?.[0];
  return at === undefined ? undefined : bounded(Number(at) * SECOND_MS - now.getTime());
}

/** Milliseconds until a date as HTTP writes it; undefined when it is none. */
export function until(date: string, now: Date): number | undefined {
  const at = Date.parse(date);
  return Number.isNaN(at) ? undefined : bounded(at - now.getTime());
}

function seconds(text: string): number | undefined {
  return /^\s*\d{1,9}(\.\d+)?\s*$/.test(text) ? bounded(Number(text) * SECOND_MS) : undefined;
}

function bounded(ms: number): number {
  return Math.min(Math.max(Math.ceil(ms), SHORTEST_BREAK_MS), DAY_MS);
}

function fits(when: ReplyRow['when'], { status, code, message }: ReplyFacts): boolean {
  return (
    (when.status === undefined || fitsStatus(when.status, status)) &&
    (when.code === undefined || when.code.test(code)) &&
    (when.message === undefined || when.message.test(message))
  );
}

function fitsStatus(wanted: NonNullable<ReplyRow['when']['status']>, status: number): boolean {
  return typeof wanted === 'string' ? Math.floor(status / 100) === Number(wanted[0]) : wanted.includes(status);
}
