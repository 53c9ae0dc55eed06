import fc from 'fast-check';
import { Keyring, UnsealError } from '../../../src/core/keyring.js';

const SECRET = 'a secret of more than thirty-two characters';
const OTHER = 'another secret, also more than thirty-two characters';

describe('sealed values', () => {
  const keyring = new Keyring(SECRET);

  it('open to what was sealed', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (plain, context) => {
        expect(keyring.open(keyring.seal(plain, context), context)).toBe(plain);
      }),
    );
  });

  it('open to the same bytes where they are no text, and are no longer than these but for what proves them', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (plain) => {
        const sealed = keyring.sealBytes(plain, 'file:a');
        expect([...keyring.openBytes(sealed, 'file:a')]).toEqual([...plain]);
        expect(sealed.bytes).toHaveLength(plain.length + 28);
        expect(() => keyring.openBytes(sealed, 'file:b')).toThrow(UnsealError);
      }),
    );
  });

  it('do not open in another place', () => {
    expect(() => keyring.open(keyring.seal('042137', 'otp:a'), 'otp:b')).toThrow(UnsealError);
  });

  it('do not open when a single bit was changed', () => {
    const sealed = keyring.seal('042137', 'otp:a');
    for (let index = 0; index < sealed.bytes.length; index++) {
      const changed = Uint8Array.from(sealed.bytes);
      changed[index]! ^= 1;
      expect(() => keyring.open({ keyId: sealed.keyId, bytes: changed }, 'otp:a')).toThrow(UnsealError);
    }
  });

  it('never look the same twice', () => {
    expect(keyring.seal('042137', 'x').bytes).not.toEqual(keyring.seal('042137', 'x').bytes);
  });

  it('open with a previous secret after a rotation, and new ones are sealed with the new secret', () => {
    const rotated = new Keyring(OTHER, [SECRET]);
    const old = keyring.seal('kept', 'x');
    expect(rotated.open(old, 'x')).toBe('kept');
    expect(rotated.seal('new', 'x').keyId).not.toBe(old.keyId);
  });

  it('say which secret is missing, by its id', () => {
    const sealed = keyring.seal('kept', 'x');
    expect(() => new Keyring(OTHER).open(sealed, 'x')).toThrow(sealed.keyId);
  });
});

describe('keyed hashes', () => {
  it('differ when the parts are cut elsewhere', () => {
    const keyring = new Keyring(SECRET);
    expect(keyring.hash(keyring.currentId, ['ab', 'c'])).not.toEqual(keyring.hash(keyring.currentId, ['a', 'bc']));
  });

  it('differ between secrets', () => {
    const [one, two] = [new Keyring(SECRET), new Keyring(OTHER)];
    expect(one.hash(one.currentId, ['a'])).not.toEqual(two.hash(two.currentId, ['a']));
  });
});
