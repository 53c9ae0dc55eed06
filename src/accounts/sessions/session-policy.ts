/** Seconds an access token is good for. */
export const ACCESS_TOKEN_SECONDS = 15 * 60;
const DAY_MS = 24 * 60 * 60_000;
/** Milliseconds after which a session ends however often it was refreshed (ASVS 5.0, 7.3.2). */
export const ABSOLUTE_MS = 90 * DAY_MS;
/** Milliseconds without a refresh after which a session ends (ASVS 7.3.1). */
export const IDLE_MS = 30 * DAY_MS;
/** Milliseconds for which a proof of who somebody is counts as fresh (ASVS 7.5.1). */
export const RECENT_MS = 10 * 60_000;
/** Milliseconds between two notes that a browser session is in use. */
export const TOUCH_EVERY_MS = 60_000;
/** Milliseconds during which a client that never saw the answer may refresh with the same token again. */
export const HONEST_RETRY_MS = 10_000;

export interface RefreshState {
  now: Date;
  sessionRevoked: boolean;
  sessionExpiresAt: Date;
  tokenExpiresAt: Date;
  /** When the token was used, if it was. */
  usedAt: Date | null;
  /** Replaced by an honest retry before it was used. */
  voided: boolean;
  /** Its successor was used, so both parties hold one: theft. */
  successorUsed: boolean;
}

/** rotate: first use. replace: honest retry, the unused successor is voided. reuse: the session ends. invalid: it has ended already. */
export type RefreshDecision = 'rotate' | 'replace' | 'reuse' | 'invalid';

export function decideRefresh(state: RefreshState): RefreshDecision {
  const { now, usedAt } = state;
  if (state.sessionRevoked || state.sessionExpiresAt <= now || state.tokenExpiresAt <= now) return 'invalid';
  if (state.voided) return 'reuse';
  if (usedAt === null) return 'rotate';
  const soon = now.getTime() - usedAt.getTime() <= HONEST_RETRY_MS;
  return soon && !state.successorUsed ? 'replace' : 'reuse';
}

export interface SessionTimes {
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

export function isRecent({ authenticatedAt }: SessionTimes, now: Date): boolean {
  return now.getTime() - authenticatedAt.getTime() < RECENT_MS;
}

/** A code or a link proves the mailbox; a sign-in by password proves only what may be stolen, until a code came back since. */
export function isRecentByCode(session: SessionTimes & { method: string }, now: Date): boolean {
  return isRecent(session, now) && (session.method !== 'password' || session.authenticatedAt > session.createdAt);
}
