import { createHash } from 'node:crypto';
import type { LimitSettings } from '../config/limits.js';
import type { Rate } from '../core/rate.js';
import { requesterOf } from './requester.js';

/** A call that sends mail to a stranger, or presents a stranger's password. */
export interface Asking {
  /** As in RequestSource; none where a back end asks for somebody, whose requests count by its key. */
  ip?: string | undefined;
  /** Canonical address; none where the call names none. */
  destination?: string | undefined;
  /** Id of a device that signed in to this destination before; see otp/device-token.ts. */
  knownDevice?: string | undefined;
  /** Whether it sends mail; with a destination and without mail, a stranger presents a password. */
  withMail: boolean;
}

/** How RateLimit-Policy and RateLimit call a limit. */
export type PolicyName = 'destination' | 'password' | 'ip' | 'ip-destinations' | 'public-mail' | 'key' | 'refresh' | 'session';

/** One row of `request_limits`: what it counts, and how many of it are let through until it begins again. */
export interface Counter {
  policy: PolicyName;
  key: string;
  rate: Rate;
}

/** A counter that lets nothing more through. */
export interface UsedUp {
  key: string;
  endsAt: Date;
}

export interface Refusal {
  policy: PolicyName;
  /** Seconds. */
  retryAfter: number;
  detail: string;
  headers: Record<string, string>;
}

/**
 * Of each device that the owner of an address signed in with, for mail and for passwords: whoever uses up what all others
 * share, the address's budgets or the deployment's mail, does not lock it out.
 */
export const DEVICE_RATES: readonly Rate[] = [
  { count: 3, windowMs: 15 * 60_000 },
  { count: 10, windowMs: 24 * 60 * 60_000 },
];

/**
 * Of refreshes from one requester: an access token is good for 15 minutes, so some hundred people behind one address, each
 * with a few tabs, stay below it.
 */
export const REFRESH_RATE: Rate = { count: 600, windowMs: 10 * 60_000 };
/** Of refreshes of one session, wherever from: pages that refresh each time they are opened stay below it, a loop does not. */
export const SESSION_RATE: Rate = { count: 120, windowMs: 10 * 60_000 };

/** What a requester is charged whom the owner of an address disowned. */
export const DISOWNED_COST = 5;

/** The counters of one call. A limit that is off has no rates, and so no counters. */
export function countersOf(asking: Asking, limits: LimitSettings): Counter[] {
  const { ip, destination, withMail } = asking;
  const requester = ip === undefined ? undefined : requesterOf(ip);
  return [
    ...(destination === undefined ? [] : destinationCounters({ ...asking, destination }, limits)),
    ...(requester === undefined ? [] : ipCounters(requester, limits)),
    ...(requester === undefined || destination === undefined ? [] : counters('ip-destinations', `ip-destinations:${requester}`, limits.ipDestinations)),
    ...(withMail && !hasOwnLimits(asking, limits) ? counters('public-mail', 'public-mail', limits.publicMail) : []),
  ];
}

export function ipCounters(requester: string, limits: LimitSettings): Counter[] {
  return counters('ip', `ip:${requester}`, limits.ip);
}

export function keyCounters(apiKeyId: string, limits: LimitSettings): Counter[] {
  return counters('key', `key:${apiKeyId}`, limits.key);
}

/**
 * Of a refresh. Where the limit of requesters is off, so are these.
 * @param sessionId of the token's session; none where the token is good for none, which then cannot use up a session's own
 */
export function refreshCounters(ip: string, sessionId: string | undefined, limits: LimitSettings): Counter[] {
  if (limits.ip.length === 0) return [];
  return [
    ...counters('refresh', `refresh:${requesterOf(ip)}`, [REFRESH_RATE]),
    ...(sessionId === undefined ? [] : counters('session', `session:${sessionId}`, [SESSION_RATE])),
  ];
}

/** Only the hash of an address is kept: whoever reads the table learns no list of addresses from it. */
export function hashOf(destination: string): Buffer {
  return createHash('sha256').update(destination).digest();
}

/** @param usedUp not empty, out of these counters. The one that lasts longest tells when to come back. */
export function refusalOf(usedUp: readonly UsedUp[], asked: readonly Counter[], now: Date): Refusal {
  const last = usedUp.reduce((one, other) => (other.endsAt > one.endsAt ? other : one));
  const { policy, rate } = asked.find(({ key }) => key === last.key)!;
  const retryAfter = Math.max(1, Math.ceil((last.endsAt.getTime() - now.getTime()) / 1_000));
  return {
    policy,
    retryAfter,
    detail: DETAILS[policy],
    headers: {
      'retry-after': String(retryAfter),
      // draft-ietf-httpapi-ratelimit-headers-10 §3 and §4: q a quota in w seconds; r remaining, for t seconds.
      'ratelimit-policy': `"${policy}";q=${rate.count};w=${Math.ceil(rate.windowMs / 1_000)}`,
      ratelimit: `"${policy}";r=0;t=${retryAfter}`,
    },
  };
}

/** The same for addresses with and without an account: what is counted is what was asked, not what it met. */
const DETAILS: Record<PolicyName, string> = {
  destination: 'Too much was asked for this address.',
  password: 'Too many passwords were tried for this address.',
  ip: 'Too many requests came from your network.',
  'ip-destinations': 'Your network asked for too many different addresses.',
  'public-mail': 'The service sends no more mail to strangers for now.',
  key: 'This API key made too many requests.',
  refresh: 'Too many refreshes came from your network.',
  session: 'This session was refreshed too often.',
};

/** Where the limit of addresses is off, a device has none of its own either, and its mail is strangers' mail. */
function hasOwnLimits({ knownDevice }: Asking, limits: LimitSettings): boolean {
  return knownDevice !== undefined && limits.destination.length > 0;
}

/**
 * What back ends ask for is counted apart: strangers cannot use up their share of an address, nor they its owner's. So are
 * passwords: whoever tries some does not stop the codes by which the owner gets in.
 */
function destinationCounters({ ip, destination, knownDevice, withMail }: Asking & { destination: string }, limits: LimitSettings): Counter[] {
  if (limits.destination.length === 0) return [];
  const hash = hashOf(destination).toString('base64url');
  if (ip === undefined) return counters('destination', `back-end:${hash}`, limits.destination);
  const policy = withMail ? 'destination' : 'password';
  return knownDevice === undefined
    ? counters(policy, `${policy}:${hash}`, limits.destination)
    : counters(policy, `device:${policy}:${hash}:${knownDevice}`, DEVICE_RATES);
}

function counters(policy: PolicyName, subject: string, rates: readonly Rate[]): Counter[] {
  return rates.map((rate) => ({ policy, key: `${subject}:${rate.windowMs}`, rate }));
}
