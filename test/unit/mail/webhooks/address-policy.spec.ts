import type { PrivateTargets } from '../../../../src/config/networks.js';
import { readSettings } from '../../../../src/configuration.js';
import { AddressPolicy } from '../../../../src/mail/webhooks/target-guard.js';

const NONE: PrivateTargets = { networks: [], hosts: [] };
const HOST = 'hooks.example.com';

function allowing(text: string): PrivateTargets {
  return readSettings({ WEBHOOK_ALLOW_PRIVATE: text }).settings.webhookAllowPrivate;
}

describe('an address to which webhooks go', () => {
  const strict = new AddressPolicy({ allowPrivate: NONE, production: true });

  it.each([
    ['1.1.1.1'],
    ['8.8.8.8'],
    ['100.63.255.255'],
    ['100.128.0.0'],
    ['172.15.255.255'],
    ['172.32.0.1'],
    ['169.253.255.255'],
    ['192.167.255.255'],
    ['198.17.255.255'],
    ['198.20.0.0'],
    ['223.255.255.255'],
    ['2606:4700:4700::1111'],
    ['2a00:1450:4001:82f::200e'],
    ['2001:200::1'],
    ['2400::'],
    // What leads to a public IPv4 address in the end.
    ['::ffff:8.8.8.8'],
    ['::ffff:808:808'],
    ['64:ff9b::8.8.8.8'],
    ['2002:808:808::1'],
  ])('may be the public %s', (address) => {
    expect(strict.judge(address, HOST, true)).toBeUndefined();
  });

  it.each([
    ['this host', '0.0.0.0'],
    ['this network', '0.1.2.3'],
    ['private', '10.0.0.1'],
    ['private', '10.255.255.255'],
    ['carrier-grade NAT', '100.64.0.1'],
    ['carrier-grade NAT', '100.127.255.255'],
    ['loopback', '127.0.0.1'],
    ['loopback', '127.255.255.254'],
    ['link-local', '169.254.1.1'],
    ['the metadata service', '169.254.169.254'],
    ['private', '172.16.0.1'],
    ['private', '172.31.255.255'],
    ['protocol assignments', '192.0.0.8'],
    ['documentation', '192.0.2.1'],
    ['6to4 relays', '192.88.99.1'],
    ['private', '192.168.0.1'],
    ['benchmarks', '198.18.0.1'],
    ['benchmarks', '198.19.255.255'],
    ['documentation', '198.51.100.1'],
    ['documentation', '203.0.113.1'],
    ['multicast', '224.0.0.1'],
    ['multicast', '239.255.255.255'],
    ['reserved', '240.0.0.1'],
    ['broadcast', '255.255.255.255'],
    ['unspecified', '::'],
    ['loopback', '::1'],
    ['loopback in full', '0:0:0:0:0:0:0:1'],
    ['IPv4-compatible', '::127.0.0.1'],
    ['IPv4-compatible', '::8.8.8.8'],
    ['a relay of AMT', '192.52.193.1'],
    ['mapped loopback', '::ffff:127.0.0.1'],
    ['mapped loopback, in hexadecimal', '::ffff:7f00:1'],
    ['mapped loopback, in full', '0:0:0:0:0:ffff:7f00:0001'],
    ['mapped metadata', '::ffff:169.254.169.254'],
    ['translated', '::ffff:0:10.0.0.1'],
    ['NAT64 of private', '64:ff9b::10.0.0.1'],
    ['NAT64 of loopback', '64:ff9b::7f00:1'],
    ['local NAT64', '64:ff9b:1::a00:1'],
    ['6to4 of private', '2002:a00:1::1'],
    ['6to4 of loopback', '2002:7f00:1::'],
    ['Teredo', '2001:0:4136:e378:8000:63bf:3fff:fdd2'],
    ['ORCHID', '2001:10::1'],
    ['documentation', '2001:db8::1'],
    ['documentation', '3fff::1'],
    ['discard', '100::1'],
    ['unique local', 'fc00::1'],
    ['unique local', 'fd12:3456:789a::1'],
    ['link-local', 'fe80::1'],
    ['one interface', 'fe80::1%eth0'],
    ['site-local', 'fec0::1'],
    ['multicast', 'ff02::1'],
    ['unassigned', '4000::1'],
    ['no address', 'localhost'],
    ['nothing', ''],
    ['octal, which no resolver gives', '0177.0.0.1'],
  ])('is not one for %s: %s', (_, address) => {
    expect(strict.judge(address, HOST, true)).toBe('private_address');
  });

  it.each([
    ['http://2130706433/'],
    ['http://0x7f000001/'],
    ['http://0x7f.1/'],
    ['http://0177.0.0.1/'],
    ['http://127.1/'],
    ['http://127.0.0.1./'],
    ['http://%31%32%37.0.0.1/'],
    ['http://１２７.0.0.1/'],
    ['http://127。0。0。1/'],
    ['http://[::ffff:127.0.0.1]/'],
    ['http://[0:0:0:0:0:0:0:1]/'],
    ['http://0/'],
  ])('is seen through any notation: %s', (text) => {
    const host = new URL(text).hostname.replace(/^\[|\]$/g, '');
    expect(strict.judge(host, host, true)).toBe('private_address');
  });

  it('may be private where its network is allowed, by whatever way it is written', () => {
    const policy = new AddressPolicy({ allowPrivate: allowing('10.0.0.0/8, 127.0.0.1, fd00::/8'), production: true });
    for (const address of ['10.1.2.3', '127.0.0.1', '::ffff:10.1.2.3', '64:ff9b::10.1.2.3', 'fd00::5']) {
      expect([address, policy.judge(address, HOST, false)]).toEqual([address, undefined]);
    }
    for (const address of ['127.0.0.2', '192.168.0.1', 'fc00::1', '::1', '11.0.0.1']) {
      expect([address, policy.judge(address, HOST, false)]).toEqual([
        address,
        address === '11.0.0.1' ? 'https_required' : 'private_address',
      ]);
    }
  });

  it('may be private where its name is allowed, but not link-local', () => {
    const policy = new AddressPolicy({ allowPrivate: allowing('Hooks.Internal.'), production: true });
    expect(policy.judge('10.0.0.1', 'hooks.internal', false)).toBeUndefined();
    expect(policy.judge('10.0.0.1', 'hooks.internal.', false)).toBeUndefined();
    expect(policy.judge('10.0.0.1', 'other.internal', false)).toBe('private_address');
    expect(policy.judge('169.254.169.254', 'hooks.internal', true)).toBe('private_address');
    expect(policy.judge('fe80::1', 'hooks.internal', true)).toBe('private_address');
  });

  it('is reached over https in production, over http too in development', () => {
    expect(strict.judge('8.8.8.8', HOST, false)).toBe('https_required');
    const development = new AddressPolicy({
      allowPrivate: readSettings({}).settings.webhookAllowPrivate,
      production: false,
    });
    expect(development.judge('8.8.8.8', HOST, false)).toBeUndefined();
    expect(development.judge('127.0.0.1', 'localhost', false)).toBeUndefined();
    expect(development.judge('::1', 'localhost', false)).toBeUndefined();
    expect(development.judge('10.0.0.1', HOST, true)).toBe('private_address');
  });
});

describe('WEBHOOK_ALLOW_PRIVATE', () => {
  it('reads networks, addresses and names', () => {
    expect(allowing('10.0.0.0/8, ::1 ,Hooks.Internal,')).toEqual({
      networks: [
        { address: '10.0.0.0', prefix: 8, family: 'ipv4' },
        { address: '::1', prefix: 128, family: 'ipv6' },
      ],
      hosts: ['hooks.internal'],
    });
  });

  it('may be none', () => {
    expect(allowing('none')).toEqual(NONE);
  });

  it.each([
    ['10.0.0.0/33'],
    ['::/129'],
    ['10.0.0.0/'],
    ['10.0.0.0/8/8'],
    ['127.1'],
    ['2130706433'],
    ['a b'],
    ['http://a.example'],
    ['fe80::1%eth0'],
    [','],
  ])('refuses %j with an example', (text) => {
    expect(() => allowing(text)).toThrow('WEBHOOK_ALLOW_PRIVATE=10.0.0.0/8');
  });
});
