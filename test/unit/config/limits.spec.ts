import type { LimitVariable } from '../../../src/config/variables.js';
import { readSettings } from '../../../src/configuration.js';
import { DEFAULT_LIMITS } from '../../support/service/limits.js';
import { onlyFault, PRODUCTION_ENV } from './faults.js';

const NAMES = Object.keys(DEFAULT_LIMITS) as LimitVariable[];

describe('limits in the environment', () => {
  it('hold without being set', () => {
    expect(readSettings({}).settings.limits).toEqual({
      destination: [
        { count: 5, windowMs: 900_000 },
        { count: 20, windowMs: 86_400_000 },
      ],
      ip: [{ count: 20, windowMs: 600_000 }],
      ipDestinations: [{ count: 30, windowMs: 3_600_000 }],
      publicMail: [{ count: 600, windowMs: 3_600_000 }],
      key: [{ count: 1_000, windowMs: 60_000 }],
    });
  });

  it('are read each into its own', () => {
    const env = {
      LIMIT_DESTINATION: '1/min',
      LIMIT_IP: '2/min,',
      LIMIT_IP_DESTINATIONS: '3/s, 4/h',
      LIMIT_PUBLIC_MAIL: 'off',
      LIMIT_KEY: 'OFF',
    };
    expect(readSettings(env).settings.limits).toEqual({
      destination: [{ count: 1, windowMs: 60_000 }],
      ip: [{ count: 2, windowMs: 60_000 }],
      ipDestinations: [
        { count: 3, windowMs: 1_000 },
        { count: 4, windowMs: 3_600_000 },
      ],
      publicMail: [],
      key: [],
    });
  });

  it.each(NAMES)('%s refuses what is no rate, with its own example', (name) => {
    for (const text of [
      '5',
      '0/min',
      '5/month',
      '-1/min',
      ',',
      'none',
      '5/min,off',
      '5/min,fast',
      '5/60s,6/min',
      '5 per min',
    ]) {
      const fault = onlyFault({ [name]: text });
      expect(fault.variable).toBe(name);
      expect(fault.remedy).toContain(`such as ${name}=${DEFAULT_LIMITS[name]}`);
    }
  });

  it.each(NAMES)('%s has a default that it accepts itself', (name) => {
    expect(readSettings({ [name]: DEFAULT_LIMITS[name] }).settings.limits).toEqual(readSettings({}).settings.limits);
  });
});

describe('TRUSTED_PROXIES', () => {
  it('is nobody without being set', () => {
    expect(readSettings({}).settings.http.trustedProxies).toBeUndefined();
  });

  it('is a number of proxies', () => {
    for (const hops of [1, 2, 10])
      expect(readSettings({ TRUSTED_PROXIES: String(hops) }).settings.http.trustedProxies).toEqual({
        kind: 'hops',
        hops,
      });
  });

  it('is networks and addresses', () => {
    expect(
      readSettings({ TRUSTED_PROXIES: '10.0.0.0/8, 192.0.2.1,fd00::/8,::1,' }).settings.http.trustedProxies,
    ).toEqual({
      kind: 'networks',
      networks: [
        { address: '10.0.0.0', prefix: 8, family: 'ipv4' },
        { address: '192.0.2.1', prefix: 32, family: 'ipv4' },
        { address: 'fd00::', prefix: 8, family: 'ipv6' },
        { address: '::1', prefix: 128, family: 'ipv6' },
      ],
    });
  });

  it.each([
    '0',
    '11',
    '99',
    '1.5',
    '-1',
    '100',
    '*',
    'true',
    'all',
    'loopback',
    '10.0.0.0/33',
    '0.0.0.0/0',
    '::/0',
    'proxy.internal',
    '10.0.0.0/8;::1',
    '10.0.0.0/8,1',
    'fe80::1%eth0',
    ',',
  ])('refuses %s with an example', (text) => {
    const fault = onlyFault({ TRUSTED_PROXIES: text });
    expect(fault.variable).toBe('TRUSTED_PROXIES');
    expect(fault.remedy).toContain('TRUSTED_PROXIES=1');
  });

  it.each(['RENDER', 'RAILWAY_ENVIRONMENT', 'RAILWAY_ENVIRONMENT_NAME'])(
    'is asked for at start where %s tells of a proxy',
    (marker) => {
      const warningsWith = (env: Record<string, string>): string[] =>
        readSettings({ ...PRODUCTION_ENV, [marker]: 'x', ...env }).warnings;
      expect(warningsWith({})).toEqual([
        expect.stringMatching(/^TRUSTED_PROXIES is not set.*TRUSTED_PROXIES=3 on Render, 2 on Railway/),
      ]);
      expect(warningsWith({ TRUSTED_PROXIES: '1' })).toEqual([]);
      expect(warningsWith({ ROLE: 'worker' })).toEqual([]);
    },
  );

  it('is not asked for elsewhere', () => {
    expect(readSettings(PRODUCTION_ENV).warnings).toEqual([]);
    expect(readSettings({ ...PRODUCTION_ENV, KUBERNETES_SERVICE_HOST: '10.0.0.1' }).warnings).toEqual([]);
  });
});
