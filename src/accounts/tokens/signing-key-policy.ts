import { DAY_MS } from '../../core/durations.js';

/** Seconds for which /.well-known/jwks.json may be kept (Cache-Control). */
export const JWKS_MAX_AGE_SECONDS = 300;

/** Milliseconds for which a new key is published before it signs: longer than the key set may be kept, twice. */
export const PUBLISHED_BEFORE_MS = 10 * 60_000;

/** Milliseconds after which a key is replaced without being asked: 90 days. */
const ROTATE_AFTER_MS = 90 * DAY_MS;

/** Milliseconds on top of a token's life: clocks differ, and a request may be under way. */
const GRACE_MS = 60_000;

interface KeyTimes {
  id: string;
  /** From when on it signs. */
  activeFrom: Date;
}

/**
 * The key that signs now: of those whose time has come the newest. A very first key does not wait for a slower clock.
 */
export function signerAt<Key extends KeyTimes>(keys: readonly Key[], now: Date): Key | undefined {
  const newestFirst = inOrder(keys);
  return newestFirst.find(({ activeFrom }) => activeFrom <= now) ?? newestFirst.at(-1);
}

/** A key that is published and does not sign yet. */
export function pendingAt<Key extends KeyTimes>(keys: readonly Key[], now: Date): Key | undefined {
  return inOrder(keys).find(({ activeFrom }) => activeFrom > now);
}

/** Whether the newest has signed long enough. */
export function rotationIsDue(keys: readonly KeyTimes[], now: Date): boolean {
  const newest = inOrder(keys)[0];
  return newest !== undefined && newest.activeFrom.getTime() + ROTATE_AFTER_MS <= now.getTime();
}

/** Keys of which no good token can be left: their successor has signed for longer than a token lives. */
export function retiredAt<Key extends KeyTimes>(keys: readonly Key[], now: Date, tokenLifeMs: number): Key[] {
  const newestFirst = inOrder(keys);
  return newestFirst.slice(1).filter((_, index) => retiresAt(newestFirst[index]!, tokenLifeMs) <= now);
}

/** When the key before `successor` is of no use any more. */
export function retiresAt(successor: KeyTimes, tokenLifeMs: number): Date {
  return new Date(successor.activeFrom.getTime() + tokenLifeMs + GRACE_MS);
}

/** The newest first; the id decides between two of one millisecond, the same way in every process. */
export function inOrder<Key extends KeyTimes>(keys: readonly Key[]): Key[] {
  return [...keys].sort(
    (left, right) => right.activeFrom.getTime() - left.activeFrom.getTime() || (left.id < right.id ? 1 : -1),
  );
}
