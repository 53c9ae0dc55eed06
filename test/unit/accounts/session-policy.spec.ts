import {
  authTimeOf,
  decideRefresh,
  endOf,
  GRACE_MS,
  IDLE_MS,
  isFormer,
  isRecent,
  isRecentByCode,
  RECENT_MS,
  type RefreshState,
} from '../../../src/accounts/tokens/session-policy.js';

const now = new Date('2026-11-21T12:00:00Z');
const ago = (ms: number): Date => new Date(now.getTime() - ms);
const fresh: RefreshState = {
  now,
  sessionRevoked: false,
  sessionExpiresAt: ago(-1),
  tokenExpiresAt: ago(-1),
  usedAt: null,
};

describe('a refresh token', () => {
  it.each<[string, Partial<RefreshState>, string]>([
    ['that was never used', {}, 'first'],
    ['of a session that was revoked', { sessionRevoked: true }, 'invalid'],
    ['of a session at its absolute end', { sessionExpiresAt: now }, 'invalid'],
    ['at its idle end', { tokenExpiresAt: now }, 'invalid'],
    ['ended, and never used', { tokenExpiresAt: ago(60_000) }, 'invalid'],
    ['used this moment', { usedAt: now }, 'sibling'],
    ['used this moment, by a process whose clock is ahead', { usedAt: ago(-500) }, 'sibling'],
    ['used a moment ago', { usedAt: ago(GRACE_MS) }, 'sibling'],
    ['used longer ago', { usedAt: ago(GRACE_MS + 1) }, 'reuse'],
    ['used longer ago, and ended', { usedAt: ago(GRACE_MS + 1), tokenExpiresAt: now }, 'invalid'],
    ['used longer ago, in an ended session', { usedAt: ago(GRACE_MS + 1), sessionRevoked: true }, 'invalid'],
  ])('%s → %j → %s', (_, change, expected) => {
    expect(decideRefresh({ ...fresh, ...change })).toBe(expected);
  });
});

describe('a proof of who somebody is', () => {
  const began = { createdAt: ago(RECENT_MS * 3), lastUsedAt: now, expiresAt: ago(-1) };
  it.each([
    ['a code a moment ago', { method: 'code', authenticatedAt: ago(1) }, [true, true]],
    ['a code ten minutes ago', { method: 'code', authenticatedAt: ago(RECENT_MS) }, [false, false]],
    ['a link a moment ago', { method: 'link', authenticatedAt: ago(1) }, [true, true]],
    ['a password a moment ago', { method: 'password', authenticatedAt: ago(1), createdAt: ago(1) }, [true, false]],
    ['a password long ago, and a code a moment ago', { method: 'password', authenticatedAt: ago(1) }, [true, true]],
    [
      'a password long ago, and a code ten minutes ago',
      { method: 'password', authenticatedAt: ago(RECENT_MS) },
      [false, false],
    ],
  ])('%s: %j → fresh, by code: %j', (_, proof, expected) => {
    const session = { ...began, ...proof };
    expect([isRecent(session, now), isRecentByCode(session, now)]).toEqual(expected);
  });

  it('leaves the tokens that come of it good, and none from before, down to the second', () => {
    const authenticatedAt = new Date('2026-12-01T06:00:00.700Z');
    const at = authTimeOf({ authenticatedAt });
    expect([at - 1, at, at + 1].map((authTime) => isFormer(authTime, { authenticatedAt }))).toEqual([
      true,
      false,
      false,
    ]);
  });

  it('does not end a session later than its absolute end', () => {
    expect(endOf({ ...began, authenticatedAt: now })).toEqual(ago(-1));
    expect(endOf({ ...began, authenticatedAt: now, expiresAt: ago(-2 * IDLE_MS) })).toEqual(ago(-IDLE_MS));
  });
});
