import { isPurpose, PURPOSE_NAMES } from '../../../../src/otp/purposes.js';
import {
  givenPurpose,
  PURPOSE,
  storedPurpose,
  verificationStatus,
} from '../../../../src/otp/verifications/verification-policy.js';

const NOW = new Date('2026-11-21T12:00:00Z');
const PENDING = {
  attempts: 0,
  maxAttempts: 5,
  resends: 0,
  resendAfter: NOW,
  expiresAt: new Date(NOW.getTime() + 1),
  consumedAt: null,
  voidedAt: null,
  disownedAt: null,
  leftToMailbox: false,
};

describe("a back end's purpose", () => {
  it('is none of our own, whatever it is called', () => {
    for (const name of [...PURPOSE_NAMES, 'checkout']) {
      expect(PURPOSE.test(name)).toBe(true);
      expect(isPurpose(storedPurpose(name))).toBe(false);
      expect(givenPurpose(storedPurpose(name))).toBe(name);
      expect(givenPurpose(name)).toBeUndefined();
    }
  });

  it.each(['', 'Login', 'a b', 'custom:x', 'é', 'a'.repeat(41), 'x\n'])('is not %j', (name) => {
    expect(PURPOSE.test(name)).toBe(false);
  });
});

describe('a verification', () => {
  it.each([
    ['pending', {}],
    ['approved', { consumedAt: NOW }],
    ['approved', { consumedAt: NOW, expiresAt: NOW }],
    ['void', { voidedAt: NOW }],
    ['disowned', { disownedAt: NOW }],
    ['expired', { expiresAt: NOW }],
    ['locked', { attempts: 5 }],
  ] as const)('is %s with %j', (status, more) => {
    expect(verificationStatus({ ...PENDING, ...more }, NOW)).toBe(status);
  });
});
