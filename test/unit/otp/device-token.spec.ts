import { Keyring } from '../../../src/core/keyring.js';
import { DeviceTokens } from '../../../src/otp/device-token.js';

const secret = 'a secret of more than thirty-two characters';
const tokens = new DeviceTokens(new Keyring(secret));

describe('a device token', () => {
  it('is known for the address it was issued for, always as the same device', () => {
    const token = tokens.issue('ada@example.com');
    const id = tokens.read(token, 'ada@example.com');
    expect(id).toMatch(/^[\w-]{22}$/);
    expect(tokens.read(token, 'ada@example.com')).toBe(id);
  });

  it('says nothing for another address', () => {
    expect(tokens.read(tokens.issue('ada@example.com'), 'eve@example.com')).toBeUndefined();
  });

  it('cannot be made up or changed', () => {
    const token = tokens.issue('ada@example.com');
    const [, keyId, id] = token.split(/_(?=[0-9a-f]{8}_)|_(?=[\w-]{22}_)/);
    for (const forged of [
      '',
      'otd_',
      `otd_${keyId}_${id}_${'A'.repeat(43)}`,
      `${token}A`,
      token.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')),
    ]) {
      expect(tokens.read(forged, 'ada@example.com')).toBeUndefined();
    }
  });

  it('outlives a new APP_SECRET while the former is kept, and is forgotten with it', () => {
    const token = tokens.issue('ada@example.com');
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
