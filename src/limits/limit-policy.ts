import { createHash } from 'node:crypto';
import { isIPv4, isIPv6 } from 'node:net';
import type { LimitSettings } from '../config/settings.js';
import { DAY_MS, MINUTE_MS } from '../core/durations.js';
import type { Rate } from '../core/rate.js';

/**
 * What is no address: a proxy that forwards something else. All of it is one requester, and so never without a limit.
 */
const UNKNOWN = 'unknown';

/**
 * Whom limits count: an IPv4 address, or the /64 of an IPv6 address, for that is what one customer gets at least
 * (RFC 6177 §2) and may roam in. An IPv4 address that is written as IPv6 (RFC 4291 §2.5.5.2) counts as what it is.
 */
export function requesterOf(ip: string): string {
  const [address = ''] = ip.trim().split(/[%/]/, 1); // a zone, or the /64 of a requester
  if (isIPv4(address)) return address;
  if (!isIPv6(address)) return UNKNOWN;
  const groups = groupsOf(address);
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return groups
      .slice(6)
      .flatMap((group) => [group >> 8, group & 0xff])
      .join('.');
  }
  return `${normal(
    `${groups
      .slice(0, 4)
      .map((group) => group.toString(16))
      .join(':')}::`,
  )}/64`;
}

/** The shortest form in lower case, as the URL standard writes it (RFC 5952 §4). */
function normal(address: string): string {
  return new URL(`http://[${address}]`).hostname.slice(1, -1);
}

function groupsOf(address: string): number[] {
  const [before = [], after = []] = normal(address)
    .split('::')
    .map((part) => part.split(':').filter((group) => group !== ''));
  const zeros = Array<string>(8 - before.length - after.length).fill('0');
  return [...before, ...zeros, ...after].map((group) => Number.parseInt(group, 16));
}

/** A call that sends mail to a stranger, or presents a stranger's password. */
export interface Asking {
  /** As in RequestSource; none where a back end asks for somebody, whose requests count by its key. */
  ip?: string | undefined;
  /** Canonical address; none where the call names none. */
  destination?: string | undefined;
  /** Id of a device that signed in to this destination before; see otp/device-token.ts. */
  knownDevice?: string | undefined;
  /** Of whoever is signed in, where the mail is for them. */
  account?: AskingAccount | undefined;
  /** Whether it sends mail; with a destination and without mail, a stranger presents a password. */
  withMail: boolean;
}

export interface AskingAccount {
  id: string;
  /** False: the destination is wanted for the account, and may be anybody's. */
  owns: boolean;
}

/** How RateLimit-Policy and RateLimit call a limit. */
type PolicyName = 'destination' | 'password' | 'ip' | 'ip-destinations' | 'public-mail' | 'key' | 'refresh' | 'session';

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
 * Of each device that the owner of an address signed in with, for mail and for passwords: whoever uses up what all
 * others share, the address's budgets or the deployment's mail, does not lock it out.
 */
export const DEVICE_RATES: readonly Rate[] = [
  { count: 3, windowMs: 15 * MINUTE_MS },
  { count: 10, windowMs: DAY_MS },
];

/**
 * Of what one account asks for an address that it wants to have. The mail to somebody who has an account there opens
 * nothing, so it must not use up the codes that do.
 */
export const NEW_ADDRESS_RATES: readonly Rate[] = [
  { count: 3, windowMs: 15 * MINUTE_MS },
  { count: 5, windowMs: DAY_MS },
];

/**
 * Of what all accounts together ask so for one address: as much as strangers may cause it in a day. Four accounts would
 * have to go to their bounds, each day, to keep somebody from an address.
 */
export const NEW_ADDRESS_RATE_OF_ALL: Rate = { count: 20, windowMs: DAY_MS };

/**
 * Of refreshes from one requester: an access token is good for 15 minutes, so some hundred people behind one address,
 * each with a few tabs, stay below it.
 */
const REFRESH_RATE: Rate = { count: 600, windowMs: 10 * MINUTE_MS };
/**
 * Of refreshes of one session, wherever from: pages that refresh each time they are opened stay below it, a loop does
 * not.
 */
const SESSION_RATE: Rate = { count: 120, windowMs: 10 * MINUTE_MS };

/** What a requester is charged whom the owner of an address disowned. */
export const DISOWNED_COST = 5;

/** The counters of one call. A limit that is off has no rates, and so no counters. */
export function countersOf(asking: Asking, limits: LimitSettings): Counter[] {
  const { ip, destination, withMail } = asking;
  const requester = ip === undefined ? undefined : requesterOf(ip);
  return [
    ...(destination === undefined ? [] : destinationCounters({ ...asking, destination }, limits)),
    ...(requester === undefined ? [] : ipCounters(requester, limits)),
    ...(requester === undefined || destination === undefined
      ? []
      : counters('ip-destinations', `ip-destinations:${requester}`, limits.ipDestinations)),
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
 * @param sessionId of the token's session; none where the token is good for none, which then cannot use up a session's
 *   own
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

/** Of Retry-After: never 0, for that would be a moment that is not over. */
export function secondsUntil(at: Date, now: Date): number {
  return Math.max(1, Math.ceil((at.getTime() - now.getTime()) / 1_000));
}

/** @param usedUp not empty, out of these counters. The one that lasts longest tells when to come back. */
export function refusalOf(usedUp: readonly UsedUp[], asked: readonly Counter[], now: Date): Refusal {
  const last = usedUp.reduce((one, other) => (other.endsAt > one.endsAt ? other : one));
  const { policy, rate } = asked.find(({ key }) => key === last.key)!;
  const retryAfter = secondsUntil(last.endsAt, now);
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
 * What back ends ask for is counted apart: strangers cannot use up their share of an address, nor they its owner's. So
 * are passwords, and what each account asks: neither stops the codes by which the owner gets in, nor do strangers stop
 * somebody who is in.
 */
function destinationCounters(
  { ip, destination, knownDevice, account, withMail }: Asking & { destination: string },
  limits: LimitSettings,
): Counter[] {
  if (limits.destination.length === 0) return [];
  const hash = hashOf(destination).toString('base64url');
  if (ip === undefined) return counters('destination', `back-end:${hash}`, limits.destination);
  const policy = withMail ? 'destination' : 'password';
  if (knownDevice !== undefined) return counters(policy, `device:${policy}:${hash}:${knownDevice}`, DEVICE_RATES);
  const ofAccount = `account:${policy}:${hash}:${account?.id}`;
  if (account?.owns === true) return counters(policy, ofAccount, limits.destination);
  if (account !== undefined)
    return [
      ...counters(policy, ofAccount, NEW_ADDRESS_RATES),
      ...counters(policy, `new-address:${hash}`, [NEW_ADDRESS_RATE_OF_ALL]),
    ];
  return counters(policy, `${policy}:${hash}`, limits.destination);
}

function counters(policy: PolicyName, subject: string, rates: readonly Rate[]): Counter[] {
  return rates.map((rate) => ({ policy, key: `${subject}:${rate.windowMs}`, rate }));
}
