import { DAY_MS } from '../../core/durations.js';

/** Seconds an access token is good for. */
export const ACCESS_TOKEN_SECONDS = 15 * 60;
/** Milliseconds after which a session ends however often it was refreshed (ASVS 5.0, 7.3.2). */
export const ABSOLUTE_MS = 90 * DAY_MS;
/** Milliseconds without a refresh after which a session ends (ASVS 7.3.1). */
export const IDLE_MS = 30 * DAY_MS;
/** Milliseconds for which a proof of who somebody is counts as fresh (ASVS 7.5.1). */
export const RECENT_MS = 10 * 60_000;
/** Milliseconds between two notes that a browser session is in use. */
export const TOUCH_EVERY_MS = 60_000;
/**
 * Milliseconds after its use in which a token gets further tokens: for another tab, or for a client that lost the
 * answer.
 */
export const GRACE_MS = 10_000;
/** Unused refresh tokens of one session that are good at one time: as many tabs go on each by itself. */
export const MAX_UNUSED = 4;

export interface RefreshState {
  now: Date;
  sessionRevoked: boolean;
  sessionExpiresAt: Date;
  tokenExpiresAt: Date;
  /** When the token was used first, if it was. */
  usedAt: Date | null;
}

/**
 * first: its first use. sibling: used a moment ago, so whoever comes now gets tokens beside those of the first use.
 * reuse: used long ago, so two parties hold it, and the session ends. invalid: the token or its session has ended
 * already.
 *
 * What became of the tokens of the first use does not count: tabs of one browser use theirs at any time, and a token
 * that its client never received is never used. A thief who comes within the grace goes on as a tab would; one who
 * comes later ends the session.
 */
type RefreshDecision = 'first' | 'sibling' | 'reuse' | 'invalid';

export function decideRefresh({
  now,
  sessionRevoked,
  sessionExpiresAt,
  tokenExpiresAt,
  usedAt,
}: RefreshState): RefreshDecision {
  if (sessionRevoked || sessionExpiresAt <= now || tokenExpiresAt <= now) return 'invalid';
  if (usedAt === null) return 'first';
  return now.getTime() - usedAt.getTime() <= GRACE_MS ? 'sibling' : 'reuse';
}

interface SessionTimes {
  authenticatedAt: Date;
  createdAt: Date;
  lastUsedAt: Date;
  expiresAt: Date;
}

/** Used before then, a session has been idle for too long. Refresh tokens end at the same moment. */
export function idleSince(now: Date): Date {
  return new Date(now.getTime() - IDLE_MS);
}

/** When a session ends if it is not used any more. */
export function endOf({ lastUsedAt, expiresAt }: SessionTimes): Date {
  return new Date(Math.min(expiresAt.getTime(), lastUsedAt.getTime() + IDLE_MS));
}

/** Seconds of Unix time, as an access token tells it. */
export function authTimeOf({ authenticatedAt }: Pick<SessionTimes, 'authenticatedAt'>): number {
  return Math.floor(authenticatedAt.getTime() / 1_000);
}

/**
 * Whether an access token was issued before its holder proved again who they are: it is good for nothing (ASVS 7.2.4),
 * for who holds it need not be who gave the proof.
 * @param authTime of the token
 */
export function isFormer(authTime: number, session: Pick<SessionTimes, 'authenticatedAt'>): boolean {
  return authTime < authTimeOf(session);
}

export function isRecent({ authenticatedAt }: SessionTimes, now: Date): boolean {
  return now.getTime() - authenticatedAt.getTime() < RECENT_MS;
}

/**
 * A code or a link proves the mailbox; a sign-in by password proves only what may be stolen, until a code came back
 * since.
 */
export function isRecentByCode(session: SessionTimes & { method: string }, now: Date): boolean {
  return isRecent(session, now) && (session.method !== 'password' || session.authenticatedAt > session.createdAt);
}
