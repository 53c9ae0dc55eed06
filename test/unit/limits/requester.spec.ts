import { isIPv4 } from 'node:net';
import fc from 'fast-check';
import { requesterOf } from '../../../src/limits/limit-policy.js';

const group = fc.integer({ min: 0, max: 0xffff });
const ipv6 = fc.array(group, { minLength: 8, maxLength: 8 });
const written = (groups: number[]): string => groups.map((one) => one.toString(16)).join(':');
const isMapped = (groups: number[]): boolean => groups.slice(0, 5).every((one) => one === 0) && groups[5] === 0xffff;

describe('requesterOf', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:201', '192.0.2.1'],
    ['0:0:0:0:0:ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::1', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8::/64'],
    ['fe80::1%eth0', 'fe80::/64'],
    ['::1', '::/64'],
    ['::', '::/64'],
    [' 192.0.2.1 ', '192.0.2.1'],
  ])('counts %s as %s', (ip, requester) => {
    expect(requesterOf(ip)).toBe(requester);
  });

  it.each(['', 'unknown', '_hidden', '192.0.2.1:4711', '192.0.2.256', '[::1]:4711', "' OR 1=1", 'x'.repeat(10_000)])(
    'counts %j together with all else that is no address',
    (text) => {
      expect(requesterOf(text)).toBe('unknown');
    },
  );

  it('takes an IPv4 address for itself, however it is written', () => {
    fc.assert(
      fc.property(fc.ipV4(), (ip) => {
        expect(requesterOf(ip)).toBe(ip);
        expect(requesterOf(`::ffff:${ip}`)).toBe(ip);
      }),
    );
  });

  it('takes all addresses of a /64 for one, and those of another /64 for another', () => {
    fc.assert(
      fc.property(ipv6, fc.array(group, { minLength: 4, maxLength: 4 }), group, fc.nat(3), (one, tail, change, at) => {
        const neighbour = [...one.slice(0, 4), ...tail];
        const stranger = one.map((value, index) => (index === at ? value ^ (change || 1) : value));
        fc.pre(![one, neighbour, stranger].some(isMapped));
        expect(requesterOf(written(neighbour))).toBe(requesterOf(written(one)));
        expect(requesterOf(written(stranger))).not.toBe(requesterOf(written(one)));
      }),
    );
  });

  it('leaves a requester as it is', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string()), (ip) => {
        const requester = requesterOf(ip);
        expect(requesterOf(requester)).toBe(requester);
      }),
    );
  });

  it('names nothing but an address, a /64 or unknown, whatever it is given', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string()), (ip) => {
        const requester = requesterOf(ip);
        expect(requester === 'unknown' || isIPv4(requester) || /^[0-9a-f:]+\/64$/.test(requester)).toBe(true);
      }),
    );
  });
});
