import { Keyring } from '../../../src/core/keyring.js';
import { DeviceTokens, newGeneration } from '../../../src/otp/device-token.js';

const secret = 'a secret of more than thirty-two characters';
const tokens = new DeviceTokens(new Keyring(secret));

describe('a device token', () => {
  it('is known for the address it was issued for, always as the same device', () => {
    const token = tokens.issue('ada@example.com', 7);
    const id = tokens.read(token, 'ada@example.com');
    expect(id).toMatch(/^[\w-]{22}$/);
    expect(tokens.read(token, 'ada@example.com')).toBe(id);
  });

  it('says nothing for another address', () => {
    expect(tokens.read(tokens.issue('ada@example.com', 7), 'eve@example.com')).toBeUndefined();
  });

  it('cannot be made up or changed', () => {
    const token = tokens.issue('ada@example.com', 7);
    const [, keyId, id] = /^otd_([0-9a-f]{8})_7_([\w-]{22})_/.exec(token)!;
    for (const forged of [
      '',
      'otd_',
      `otd_${keyId}_${id}_${'A'.repeat(43)}`,
      `otd_${keyId}_7_${id}_${'A'.repeat(43)}`,
      token.replace('_7_', '_8_'),
      token.replace('_7_', '_'),
      `${token}A`,
      token.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')),
    ]) {
      expect(tokens.read(forged, 'ada@example.com')).toBeUndefined();
    }
  });

  it('is known in its own generation alone, and where nobody has the address in none', () => {
    const token = tokens.issue('ada@example.com', 7);
    const known = (generation: number | undefined) => tokens.known(token, 'ada@example.com', generation);
    expect([known(7), known(8), known(0), known(undefined)]).toEqual([
      tokens.read(token, 'ada@example.com'),
      undefined,
      undefined,
      undefined,
    ]);
    expect(tokens.keepOrIssue(token, 'ada@example.com', 7)).toBe(token);
    const renewed = tokens.keepOrIssue(token, 'ada@example.com', 8);
    expect(tokens.known(renewed, 'ada@example.com', 8)).toMatch(/^[\w-]{22}$/);
  });

  it('from before there were generations is known until the first one begins', () => {
    const keyring = new Keyring(secret);
    const id = 'A'.repeat(22);
    const mac = Buffer.from(keyring.hash(keyring.currentId, ['device', id, 'ada@example.com'])).toString('base64url');
    const former = `otd_${keyring.currentId}_${id}_${mac}`;
    expect([0, newGeneration()].map((one) => tokens.known(former, 'ada@example.com', one))).toEqual([id, undefined]);
  });

  it('outlives a new APP_SECRET while the former is kept, and is forgotten with it', () => {
    const token = tokens.issue('ada@example.com', 7);
    expect(
      new DeviceTokens(new Keyring('another secret of thirty-two characters!', [secret])).read(
        token,
        'ada@example.com',
      ),
    ).toBeDefined();
    expect(
      new DeviceTokens(new Keyring('another secret of thirty-two characters!')).read(token, 'ada@example.com'),
    ).toBeUndefined();
  });
});
