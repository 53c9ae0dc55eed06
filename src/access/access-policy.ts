import { DAY_MS, HOUR_MS } from '../core/durations.js';

/** Hours for which a key that was rotated goes on working, unless somebody says otherwise. */
export const DEFAULT_OVERLAP_HOURS = 24;
/** Hours; a week is enough to roll out a key, and longer is two keys. */
export const MAX_OVERLAP_HOURS = 168;
/** Days a key may be made for; who wants it for longer makes one that does not expire. */
const MAX_LIFETIME_DAYS = 3_650;
export const MAX_NAME_LENGTH = 100;
/** Addresses and domains that one key may send from. */
export const MAX_SENDERS = 50;

interface Lifetime {
  createdAt: Date;
  /** Null: it does not expire. */
  expiresAt: Date | null;
}

/** The end of a key that takes over now: as long a life as the former was made for. */
export function successorExpiry({ createdAt, expiresAt }: Lifetime, now: Date): Date | null {
  return expiresAt && new Date(now.getTime() + expiresAt.getTime() - createdAt.getTime());
}

/** The end of a key that is replaced now: when the overlap is over, and never later than it would have ended anyway. */
export function overlapEnd({ expiresAt }: Lifetime, overlapHours: number, now: Date): Date {
  const end = new Date(now.getTime() + overlapHours * HOUR_MS);
  return expiresAt && expiresAt < end ? expiresAt : end;
}

/** `90d` or `12h`; undefined where it is neither, or more than {@link MAX_LIFETIME_DAYS}. Milliseconds. */
export function readDuration(text: string): number | undefined {
  const [, digits, unit] = /^(\d{1,5})(h|d)$/.exec(text) ?? [];
  const duration = Number(digits) * (unit === 'd' ? DAY_MS : HOUR_MS);
  return duration > 0 && duration <= MAX_LIFETIME_DAYS * DAY_MS ? duration : undefined;
}

/** What is wrong with the end of a key that is made now; undefined when nothing is. */
export function lifetimeFault(expiresAt: Date, now: Date): { code: string; message: string } | undefined {
  if (expiresAt <= now) return { code: 'in_the_past', message: 'must be in the future' };
  if (expiresAt.getTime() > now.getTime() + MAX_LIFETIME_DAYS * DAY_MS)
    return { code: 'too_far_ahead', message: 'must be at most ten years ahead' };
  return undefined;
}

/** What an API key may do. */
export const SCOPES = [
  'emails:send',
  'emails:read',
  'emails:read:own',
  'suppressions:read',
  'suppressions:write',
  'verifications',
  'audiences',
  'webhooks',
  'admin',
] as const;
export type Scope = (typeof SCOPES)[number];

/** `admin` includes every other scope, those that are yet to come too. */
export function allows(held: readonly string[], needed: Scope): boolean {
  return held.includes(needed) || held.includes('admin');
}

/** What a person may do, the least first; each may do what those before it may. */
export const ACCOUNT_ROLES = ['user', 'viewer', 'operator', 'admin'] as const;
export type AccountRole = (typeof ACCOUNT_ROLES)[number];

/**
 * Viewers see what the page of operators shows and change nothing; operators retry and cancel mail, test templates and
 * keep the suppression list; admins do everything. A user's rights end at their own account.
 */
export type StaffRole = Exclude<AccountRole, 'user'>;

export function reaches(held: AccountRole, needed: StaffRole): boolean {
  return ACCOUNT_ROLES.indexOf(held) >= ACCOUNT_ROLES.indexOf(needed);
}
