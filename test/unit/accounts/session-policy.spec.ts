import { decideRefresh, endOf, HONEST_RETRY_MS, IDLE_MS, isRecent, isRecentByCode, RECENT_MS, type RefreshState } from '../../../src/accounts/sessions/session-policy.js';

const now = new Date('2026-11-21T12:00:00Z');
const ago = (ms: number): Date => new Date(now.getTime() - ms);
const fresh: RefreshState = {
  now,
  sessionRevoked: false,
  sessionExpiresAt: ago(-1),
  tokenExpiresAt: ago(-1),
  usedAt: null,
  voided: false,
  successorUsed: false,
};

describe('a refresh token', () => {
  it.each<[string, Partial<RefreshState>, string]>([
    ['that was never used', {}, 'rotate'],
    ['of a session that was revoked', { sessionRevoked: true }, 'invalid'],
    ['of a session at its absolute end', { sessionExpiresAt: now }, 'invalid'],
    ['at its idle end', { tokenExpiresAt: now }, 'invalid'],
    ['used a moment ago, its answer lost', { usedAt: ago(HONEST_RETRY_MS) }, 'replace'],
    ['used longer ago', { usedAt: ago(HONEST_RETRY_MS + 1) }, 'reuse'],
    ['used a moment ago, but its successor too', { usedAt: ago(1), successorUsed: true }, 'reuse'],
    ['that was voided by an honest retry', { voided: true }, 'reuse'],
    ['that was voided, in an ended session', { voided: true, sessionRevoked: true }, 'invalid'],
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
    ['a password long ago, and a code ten minutes ago', { method: 'password', authenticatedAt: ago(RECENT_MS) }, [false, false]],
  ])('%s: %j → fresh, by code: %j', (_, proof, expected) => {
    const session = { ...began, ...proof };
    expect([isRecent(session, now), isRecentByCode(session, now)]).toEqual(expected);
  });

  it('does not end a session later than its absolute end', () => {
    expect(endOf({ ...began, authenticatedAt: now })).toEqual(ago(-1));
    expect(endOf({ ...began, authenticatedAt: now, expiresAt: ago(-2 * IDLE_MS) })).toEqual(ago(-IDLE_MS));
  });
});
