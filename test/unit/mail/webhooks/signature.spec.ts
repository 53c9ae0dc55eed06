import { newSecret, sign } from '../../../../src/mail/webhooks/payload.js';

describe('the signature of a webhook', () => {
  const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

  it('is the one that the libraries of Standard Webhooks expect', () => {
    // The vector of their own test suites.
    const message = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', timestamp: 1614265330, body: '{"test": 2432232314}' };
    expect(sign(message, [secret])).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
  });

  it('stands once for each secret, the newest first', () => {
    const message = { id: 'a', timestamp: 1, body: '{}' };
    const other = newSecret();
    expect(sign(message, [other, secret])).toBe(`${sign(message, [other])} ${sign(message, [secret])}`);
  });

  it('is made with at least 24 random bytes', () => {
    const [one, two] = [newSecret(), newSecret()];
    expect(one).toMatch(/^whsec_[A-Za-z0-9+/]+=*$/);
    expect(Buffer.from(one.slice('whsec_'.length), 'base64').length).toBeGreaterThanOrEqual(24);
    expect(one).not.toBe(two);
  });
});
