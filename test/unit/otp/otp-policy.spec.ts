import { type ChallengeState, linkUnusable, resendRefusal, unusable } from '../../../src/otp/otp-policy.js';
import { linkOf } from '../../../src/otp/purposes.js';

const now = new Date('2026-11-21T12:00:00Z');
const at = (seconds: number): Date => new Date(now.getTime() + seconds * 1_000);
const fresh: ChallengeState = {
  attempts: 0,
  maxAttempts: 5,
  resends: 0,
  resendAfter: at(-1),
  expiresAt: at(600),
  consumedAt: null,
  voidedAt: null,
  disownedAt: null,
  leftToMailbox: false,
};

describe('a challenge', () => {
  it.each([
    ['fresh', {}, undefined],
    ['with its last try left', { attempts: 4 }, undefined],
    ['with no try left', { attempts: 5 }, 'locked'],
    ['in its last millisecond', { expiresAt: new Date(now.getTime() + 1) }, undefined],
    ['at its expiry', { expiresAt: now }, 'expired'],
    ['used', { consumedAt: at(-1) }, 'consumed'],
    ['disowned', { disownedAt: at(-1) }, 'disowned'],
    ['that its starter disowned', { disownedAt: at(-1), leftToMailbox: true }, 'disowned'],
    ['whose sibling was used', { voidedAt: at(-1) }, 'consumed'],
    ['used and expired', { consumedAt: at(-1), expiresAt: at(-1) }, 'consumed'],
  ])('%s: %j → %s', (_, change, expected) => {
    expect(unusable({ ...fresh, ...change }, now)).toBe(expected);
  });

  it.each([
    ['fresh', {}, undefined],
    ['exactly when its cooldown ends', { resendAfter: now }, undefined],
    ['within its cooldown', { resendAfter: at(1) }, 'too_soon'],
    ['sent three times again', { resends: 3 }, 'exhausted'],
    ['sent three times again and within its cooldown', { resends: 3, resendAfter: at(1) }, 'exhausted'],
    ['expired and within its cooldown', { expiresAt: now, resendAfter: at(1) }, 'expired'],
  ])('%s is sent again unless: %j → %s', (_, change, expected) => {
    expect(resendRefusal({ ...fresh, ...change }, now)).toBe(expected);
  });
});

describe('a mailed link', () => {
  it.each([
    ['fresh', {}, undefined],
    ['whose code is locked by wrong tries', { attempts: 5 }, undefined],
    ['expired and locked', { attempts: 5, expiresAt: now }, 'expired'],
    ['used', { consumedAt: at(-1) }, 'consumed'],
    ['disowned', { disownedAt: at(-1) }, 'disowned'],
    ['that its starter disowned', { disownedAt: at(-1), leftToMailbox: true }, undefined],
    ['that its starter disowned, expired', { disownedAt: at(-1), leftToMailbox: true, expiresAt: now }, 'expired'],
    ['that its starter disowned, used', { disownedAt: at(-1), leftToMailbox: true, consumedAt: now }, 'consumed'],
  ])('of a challenge %s: %j → %s', (_, change, expected) => {
    expect(linkUnusable({ ...fresh, ...change }, now)).toBe(expected);
  });

  it.each([
    ['register', false, true],
    ['login', false, true],
    ['reset_password', false, true],
    ['verify_email', false, true],
    ['change_email', false, false],
    ['reauthenticate', false, false],
    ['custom:login', false, false],
    ['login', true, false],
  ])('of %s, decoy %s, opens: %s', (purpose, decoy, opens) => {
    expect(linkOf({ purpose, decoy }) !== null).toBe(opens);
  });
});
