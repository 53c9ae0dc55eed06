import { endOfDay, prefixOf, RULES, type Traffic, verdictOn } from '../../../src/otp/sms/guard-policy.js';

const DAILY = { daily: 1_000 };
const counted = (kind: Traffic['kind'], codes: number, verified: number, messages = codes): Traffic => ({
  kind,
  codes,
  verified,
  messages,
});

describe('the guard of codes by SMS', () => {
  it.each(Object.entries(RULES))(
    'judges a %s only once it had so many codes as come before anybody gives one back',
    (kind, { free }) => {
      expect(verdictOn([counted(kind as Traffic['kind'], free, 0)], DAILY)).toEqual({ kind: 'open' });
      expect(verdictOn([counted(kind as Traffic['kind'], free + 1, 0)], DAILY)).toEqual({ kind: 'closed', by: kind });
    },
  );

  it.each(Object.entries(RULES))('lets a %s go on while enough are given back', (kind, { share }) => {
    const codes = 1_001;
    const enough = Math.ceil(share * (codes - 1));
    expect(verdictOn([counted(kind as Traffic['kind'], codes, enough)], DAILY)).toEqual({ kind: 'open' });
    expect(verdictOn([counted(kind as Traffic['kind'], codes, enough - 1)], DAILY)).toEqual({
      kind: 'closed',
      by: kind,
    });
  });

  it('counts messages of a day, copies included, and lets the last one through', () => {
    expect(verdictOn([counted('all', 1, 0, 1_000)], DAILY)).toEqual({ kind: 'open' });
    expect(verdictOn([counted('all', 1, 0, 1_001)], DAILY)).toEqual({ kind: 'closed', by: 'all' });
  });

  it('names the widest rule that is broken', () => {
    const broken = [counted('number', 500, 0), counted('country', 500, 0), counted('all', 500, 0)];
    expect(verdictOn(broken, DAILY)).toEqual({ kind: 'closed', by: 'country' });
  });

  it('takes ten thousand numbers side by side for one block', () => {
    expect(prefixOf('+639171234567')).toBe('+63917123');
  });

  it('begins anew with the UTC day', () => {
    expect(endOfDay(new Date('2026-12-31T23:59:59.999Z'))).toEqual(new Date('2027-01-01T00:00:00Z'));
    expect(endOfDay(new Date('2027-01-01T00:00:00Z'))).toEqual(new Date('2027-01-02T00:00:00Z'));
  });
});
