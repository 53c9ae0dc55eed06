import { decideRefresh, HONEST_RETRY_MS, type RefreshState } from '../../../src/accounts/session-policy.js';

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
