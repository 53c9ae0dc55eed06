import fc from 'fast-check';
import type { LimitVariable } from '../../../src/config/variables.js';
import { readSettings } from '../../../src/configuration.js';
import { LIMITS_OFF } from '../../support/service/limits.js';
import { type Asking, countersOf, keyCounters, refreshCounters, refusalOf } from '../../../src/limits/limit-policy.js';

const NOW = new Date('2026-01-01T00:00:00Z');
const LIMITS = readSettings({}).settings.limits;
const ASKING: Asking = { ip: '192.0.2.1', destination: 'ada@example.com', withMail: true };

const off = (...names: LimitVariable[]) =>
  readSettings(Object.fromEntries(names.map((name) => [name, 'off']))).settings.limits;
const told = (asking: Asking, limits = LIMITS): string[] =>
  countersOf(asking, limits).map(({ policy, rate }) => `${policy} ${rate.count}/${rate.windowMs / 60_000}`);

const askings: fc.Arbitrary<Asking> = fc.record({
  ip: fc.oneof(fc.ipV4(), fc.ipV6(), fc.string()),
  destination: fc.option(fc.emailAddress(), { nil: undefined }),
  knownDevice: fc.option(fc.uuid(), { nil: undefined }),
  withMail: fc.boolean(),
});

describe('what a call is counted against', () => {
  it('is every limit, with mail to an address', () => {
    expect(told(ASKING)).toEqual([
      'destination 5/15',
      'destination 20/1440',
      'ip 20/10',
      'ip-destinations 30/60',
      'public-mail 600/60',
    ]);
  });

  it('is apart for passwords, so that they do not use up the mail of an address or of the deployment', () => {
    const password = { ...ASKING, withMail: false };
    expect(told(password)).toEqual(['password 5/15', 'password 20/1440', 'ip 20/10', 'ip-destinations 30/60']);
    expect(told({ ...password, knownDevice: 'one' })).toEqual([
      'password 3/15',
      'password 10/1440',
      'ip 20/10',
      'ip-destinations 30/60',
    ]);
    const keysOf = (asking: Asking): string[] =>
      countersOf(asking, LIMITS)
        .slice(0, 2)
        .map(({ key }) => key);
    const all = [ASKING, { ...ASKING, knownDevice: 'one' }, password, { ...password, knownDevice: 'one' }].flatMap(
      keysOf,
    );
    expect(new Set(all).size).toBe(8);
  });

  it('is only the address it came from where it names no destination', () => {
    expect(told({ ip: '192.0.2.1', withMail: false })).toEqual(['ip 20/10']);
  });

  it('is the address alone where a back end asks for somebody', () => {
    expect(told({ destination: 'ada@example.com', withMail: false })).toEqual([
      'destination 5/15',
      'destination 20/1440',
    ]);
  });

  it('is a budget of its own for a known device, and not the mail that strangers share', () => {
    expect(told({ ...ASKING, knownDevice: 'one' })).toEqual([
      'destination 3/15',
      'destination 10/1440',
      'ip 20/10',
      'ip-destinations 30/60',
    ]);
    const keysOf = (knownDevice?: string): string[] =>
      countersOf({ ...ASKING, knownDevice }, LIMITS)
        .slice(0, 2)
        .map(({ key }) => key);
    expect(new Set([...keysOf(), ...keysOf('one'), ...keysOf('two')]).size).toBe(6);
  });

  it('is a small budget apart where an account wants the address, and one of all accounts that do', () => {
    const asking = { ...ASKING, account: { id: 'one', owns: false } };
    expect(told(asking)).toEqual([
      'destination 3/15',
      'destination 5/1440',
      'destination 20/1440',
      'ip 20/10',
      'ip-destinations 30/60',
      'public-mail 600/60',
    ]);
    const keysOf = (one: Asking): string[] =>
      countersOf(one, LIMITS)
        .filter(({ policy }) => policy === 'destination')
        .map(({ key }) => key);
    const other = { ...ASKING, account: { id: 'other', owns: false } };
    expect(new Set([...keysOf(ASKING), ...keysOf(asking)]).size).toBe(5);
    expect(keysOf(asking).filter((key) => keysOf(other).includes(key))).toEqual([keysOf(asking)[2]]);
    expect(told(asking, off('LIMIT_DESTINATION'))).not.toContain('destination 3/15');
  });

  it('is apart for somebody who is signed in, of the size that strangers have for their address', () => {
    const asking = { ...ASKING, account: { id: 'one', owns: true } };
    expect(told(asking)).toEqual(told(ASKING));
    const keysOf = (one: Asking): string[] => countersOf(one, LIMITS).map(({ key }) => key);
    expect(keysOf(asking).filter((key) => !keysOf(ASKING).includes(key)).length).toBe(2);
    const device = { knownDevice: 'one' };
    expect(keysOf({ ...asking, ...device })).toEqual(keysOf({ ...ASKING, ...device }));
  });

  it('leaves out what is off', () => {
    expect(told(ASKING, off('LIMIT_IP', 'LIMIT_PUBLIC_MAIL'))).toEqual([
      'destination 5/15',
      'destination 20/1440',
      'ip-destinations 30/60',
    ]);
    expect(told({ ...ASKING, knownDevice: 'one' }, off('LIMIT_DESTINATION'))).toEqual([
      'ip 20/10',
      'ip-destinations 30/60',
      'public-mail 600/60',
    ]);
    expect(told(ASKING, off(...(Object.keys(LIMITS_OFF) as LimitVariable[])))).toEqual([]);
    expect(keyCounters('key', off('LIMIT_KEY'))).toEqual([]);
  });

  it('is, of a refresh, what comes from its network and what its session asks, and nothing that a sign-in is counted against', () => {
    const rows = (sessionId?: string, limits = LIMITS) =>
      refreshCounters('2001:db8::1', sessionId, limits).map(
        ({ policy, key, rate }) => `${policy} ${key} ${rate.count}/${rate.windowMs / 60_000}`,
      );
    expect(rows()).toEqual(['refresh refresh:2001:db8::/64:600000 600/10']);
    expect(rows('one')).toEqual(['refresh refresh:2001:db8::/64:600000 600/10', 'session session:one:600000 120/10']);
    expect(rows('one', off('LIMIT_IP'))).toEqual([]);
  });

  it('has one row for each, and the one that all callers share is the last in their order', () => {
    fc.assert(
      fc.property(askings, (asking) => {
        const keys = countersOf(asking, LIMITS)
          .map(({ key }) => key)
          .sort();
        expect(new Set(keys).size).toBe(keys.length);
        if (asking.withMail && asking.knownDevice === undefined) expect(keys.at(-1)).toMatch(/^public-mail:/);
      }),
    );
  });

  it('never shows the address in a key', () => {
    fc.assert(
      fc.property(fc.emailAddress(), fc.option(fc.uuid(), { nil: undefined }), (destination, knownDevice) => {
        for (const { key } of countersOf({ ...ASKING, destination, knownDevice }, LIMITS))
          expect(key).not.toContain(destination);
      }),
    );
  });
});

describe('a refusal', () => {
  const asked = countersOf(ASKING, LIMITS);
  const usedUp = (index: number, seconds: number) => ({
    key: asked[index]!.key,
    endsAt: new Date(NOW.getTime() + seconds * 1_000),
  });

  it('names the limit, its quota and when it begins again', () => {
    expect(refusalOf([usedUp(2, 90)], asked, NOW)).toEqual({
      policy: 'ip',
      retryAfter: 90,
      detail: 'Too many requests came from your network.',
      headers: { 'retry-after': '90', 'ratelimit-policy': '"ip";q=20;w=600', ratelimit: '"ip";r=0;t=90' },
    });
  });

  it('tells of the one that lasts longest, so that coming back then is not in vain', () => {
    expect(refusalOf([usedUp(0, 60), usedUp(1, 7_000), usedUp(2, 500)], asked, NOW).headers).toEqual({
      'retry-after': '7000',
      'ratelimit-policy': '"destination";q=20;w=86400',
      ratelimit: '"destination";r=0;t=7000',
    });
  });

  it('never says come back at once', () => {
    fc.assert(
      fc.property(fc.integer({ min: -5_000, max: 86_400_000 }), (ms) => {
        const { retryAfter } = refusalOf([{ key: asked[0]!.key, endsAt: new Date(NOW.getTime() + ms) }], asked, NOW);
        expect(retryAfter).toBeGreaterThanOrEqual(1);
        expect(retryAfter * 1_000).toBeGreaterThanOrEqual(ms);
        expect(Number.isInteger(retryAfter)).toBe(true);
      }),
    );
  });

  it('has fields that are structured as the draft wants them', () => {
    for (const { key } of asked) {
      const { headers } = refusalOf([{ key, endsAt: NOW }], asked, NOW);
      expect(headers['ratelimit-policy']).toMatch(/^"[a-z-]+";q=\d+;w=\d+$/);
      expect(headers['ratelimit']).toMatch(/^"[a-z-]+";r=0;t=\d+$/);
    }
  });
});
