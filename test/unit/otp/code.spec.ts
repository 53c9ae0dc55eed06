import fc from 'fast-check';
import { Keyring } from '../../../src/core/keyring.js';
import { codeMatches, generateCode, generateReference, hashCode } from '../../../src/otp/code.js';

const keyring = new Keyring('a secret of more than thirty-two characters');
const binding = { challengeId: 'c1', purpose: 'register', destination: 'ada@example.com' };
const codes = fc.integer({ min: 0, max: 999_999 }).map((n) => String(n).padStart(6, '0'));

describe('a code', () => {
  it('is any number of digits, the first and the last one included', () => {
    const seen = new Set(Array.from({ length: 5_000 }, () => generateCode(1)));
    expect([...seen].sort()).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
  });

  it.each([
    [6, 0, '000000'],
    [6, 999_999, '999999'],
    [8, 42, '00000042'],
    [10, 9_999_999_999, '9999999999'],
  ])('of %i digits is %i written whole: %s', (digits, drawn, expected) => {
    expect(generateCode(digits, () => drawn)).toBe(expected);
  });

  it('is drawn from all numbers of its digits, none left out at either end', () => {
    const bounds: number[] = [];
    for (const digits of [6, 7, 8, 9, 10]) generateCode(digits, (bound) => (bounds.push(bound), 0));
    expect(bounds).toEqual([1e6, 1e7, 1e8, 1e9, 1e10]);
  });

  it('comes up evenly', () => {
    const counts = new Array<number>(10).fill(0);
    for (let i = 0; i < 20_000; i++) for (const digit of generateCode()) counts[Number(digit)]!++;
    // χ² with 9 degrees of freedom stays below 39.3 in all but one run of 100,000.
    const chiSquare = counts.reduce((sum, count) => sum + (count - 12_000) ** 2 / 12_000, 0);
    expect(chiSquare).toBeLessThan(39.3);
  });

  it('matches its own hash and no other code does', () => {
    fc.assert(
      fc.property(codes, codes, (code, guess) => {
        const hash = hashCode(keyring, keyring.currentId, binding, code);
        expect(codeMatches(keyring, keyring.currentId, binding, guess, hash)).toBe(guess === code);
      }),
    );
  });

  it('is bound to its challenge, its purpose and its destination', () => {
    const hash = hashCode(keyring, keyring.currentId, binding, '042137');
    for (const other of [{ challengeId: 'c2' }, { purpose: 'login' }, { destination: 'eve@example.com' }]) {
      expect(codeMatches(keyring, keyring.currentId, { ...binding, ...other }, '042137', hash)).toBe(false);
    }
  });
});

describe('a reference', () => {
  it('is four characters that cannot be misread', () => {
    for (let i = 0; i < 500; i++) expect(generateReference()).toMatch(/^[BCDFGHJKLMNPQRSTVWXZ2-9]{4}$/);
  });
});
