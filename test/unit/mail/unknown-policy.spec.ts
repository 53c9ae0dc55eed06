import { unknownPolicy } from '../../../src/mail/outbox/retry-policy.js';

const now = new Date('2026-11-21T12:00:00Z');
const ordinary = {
  lane: 'default',
  secret: false,
  possibleDuplicate: false,
  attempt: 1,
  maxAttempts: 5,
  expiresAt: null,
} as const;

describe('a message whose last byte was never answered', () => {
  it.each(['default', 'critical'] as const)('goes out once more when it is ordinary mail in the %s lane', (lane) => {
    expect(unknownPolicy({ ...ordinary, lane }, now)).toEqual({ retryAfterMs: 900_000 });
  });

  it.each([
    ['a code', { lane: 'critical', secret: true }],
    ['bulk mail', { lane: 'bulk' }],
    ['already sent once more', { possibleDuplicate: true }],
    ['out of attempts', { attempt: 5 }],
    ['expired by then', { expiresAt: new Date(now.getTime() + 900_000) }],
  ] as const)('stays unknown when it is %s', (_, more) => {
    expect(unknownPolicy({ ...ordinary, ...more }, now)).toBe('stay');
  });
});
