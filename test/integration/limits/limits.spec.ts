import { Registry } from 'prom-client';
import type { LimitVariable } from '../../../src/config/variables.js';
import { readSettings } from '../../../src/configuration.js';
import type { Logger } from '../../../src/core/logger.js';
import { RequestMetrics } from '../../../src/core/metrics.js';
import { Problem } from '../../../src/core/problems.js';
import { PrismaService } from '../../../src/database/prisma.service.js';
import type { Asking } from '../../../src/limits/limit-policy.js';
import { Limits } from '../../../src/limits/limits.js';
import { createDatabase, type TestDatabase } from '../../support/database/postgres.js';
import { LIMITS_OFF } from '../../support/service/limits.js';
import { HeldClock } from '../../support/service/otpost.js';

const ADA = 'ada@example.com';

describe('limits on Postgres', () => {
  let database: TestDatabase;
  let prisma: PrismaService;
  let clock: HeldClock;
  let warnings: string[];

  beforeEach(async () => {
    database = await createDatabase();
    prisma = new PrismaService({ url: database.url, poolSize: 10 });
    clock = new HeldClock(new Date('2026-01-01T00:00:00Z'));
    warnings = [];
  });
  afterEach(async () => {
    await prisma.$disconnect();
    await database.drop();
  });

  function limitsOf(given: Partial<Record<LimitVariable, string>>, through = prisma): Limits {
    const { settings } = readSettings({ ...LIMITS_OFF, ...given });
    const log = { warn: (text: string) => void warnings.push(text) } as unknown as Logger;
    return new Limits(through, settings, clock, log, new RequestMetrics(new Registry()));
  }

  const asking = (more: Partial<Asking> = {}): Asking => ({
    ip: '192.0.2.1',
    destination: ADA,
    withMail: true,
    ...more,
  });

  /** `let`, or the limit that refused and the seconds to wait. */
  async function outcome(call: Promise<void>): Promise<string> {
    try {
      await call;
      return 'let';
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      expect(error).toMatchObject({ code: 'rate_limited', status: 429 });
      return `${/^"([a-z-]+)"/.exec(error.headers['ratelimit']!)![1]} ${error.headers['retry-after']}`;
    }
  }

  async function outcomes(calls: Promise<void>[]): Promise<Record<string, number>> {
    const counted: Record<string, number> = {};
    for (const one of await Promise.all(calls.map(outcome))) counted[one] = (counted[one] ?? 0) + 1;
    return counted;
  }

  const counts = async (): Promise<Record<string, number>> => {
    const rows = await database.query<{ key: string; count: number }>('SELECT key, count FROM request_limits');
    return Object.fromEntries(rows.map(({ key, count }) => [key.replace(/:[\w-]{43}:/, ':…:'), count]));
  };

  it('lets as many through as it says, then begins again when the window that began with the first is over', async () => {
    const limits = limitsOf({ LIMIT_DESTINATION: '2/15min' });
    expect(await outcome(limits.take(asking()))).toBe('let');
    clock.advance(600);
    expect(await outcome(limits.take(asking()))).toBe('let');
    expect(await outcome(limits.take(asking()))).toBe('destination 300');
    clock.advance(299);
    expect(await outcome(limits.take(asking()))).toBe('destination 1');
    clock.advance(1);
    for (const expected of ['let', 'let', 'destination 900'])
      expect(await outcome(limits.take(asking()))).toBe(expected);
  });

  it('holds all rates of a limit, and tells of the one that lasts longest', async () => {
    const limits = limitsOf({ LIMIT_DESTINATION: '2/15min,3/day' });
    for (const expected of ['let', 'let', 'destination 900'])
      expect(await outcome(limits.take(asking()))).toBe(expected);
    clock.advance(900);
    for (const expected of ['let', 'destination 85500']) expect(await outcome(limits.take(asking()))).toBe(expected);
  });

  it('lets exactly as many through when sixty come at once, through two processes', async () => {
    const other = new PrismaService({ url: database.url, poolSize: 10 });
    try {
      const one = limitsOf({ LIMIT_IP: '20/10min', LIMIT_PUBLIC_MAIL: '600/h' });
      const two = limitsOf({ LIMIT_IP: '20/10min', LIMIT_PUBLIC_MAIL: '600/h' }, other);
      const calls = Array.from({ length: 60 }, (_, index) =>
        (index % 2 ? one : two).take(asking({ destination: `a${index}@example.com` })),
      );
      expect(await outcomes(calls)).toEqual({ let: 20, 'ip 600': 40 });
    } finally {
      await other.$disconnect();
    }
  });

  it('lets exactly as many through of those that meet in several limits, and none waits for another in a circle', async () => {
    const limits = limitsOf({
      LIMIT_DESTINATION: '7/15min',
      LIMIT_IP: '1000/min',
      LIMIT_IP_DESTINATIONS: '1000/h',
      LIMIT_PUBLIC_MAIL: '10/h',
    });
    const calls = Array.from({ length: 150 }, (_, index) =>
      limits.take(asking({ ip: `192.0.2.${index % 3}`, destination: `a${index % 2}@example.com` })),
    );
    const { let: passed = 0, ...refused } = await outcomes(calls);
    expect(passed).toBeLessThanOrEqual(10);
    expect(Object.keys(refused).every((one) => /^(public-mail|destination) /.test(one))).toBe(true);
    // Whoever was first met nobody that had used anything up.
    expect(passed).toBeGreaterThan(0);
  });

  it('counts nothing of a call that one limit refuses: who has used up the own one does not use up the address', async () => {
    const limits = limitsOf({
      LIMIT_DESTINATION: '5/15min',
      LIMIT_IP: '1/10min',
      LIMIT_IP_DESTINATIONS: '30/h',
      LIMIT_PUBLIC_MAIL: '600/h',
    });
    await limits.take(asking({ destination: 'first@example.com' }));
    const before = await counts();
    for (let index = 0; index < 10; index++) expect(await outcome(limits.take(asking()))).toBe('ip 600');
    expect(await counts()).toEqual(before);
    expect(await outcome(limits.take(asking({ ip: '198.51.100.1' })))).toBe('let');
  });

  it('counts different addresses once each, for as long as the window lasts', async () => {
    const limits = limitsOf({ LIMIT_IP_DESTINATIONS: '2/h' });
    const ask = (destination: string) => outcome(limits.take(asking({ destination })));
    expect([await ask('a@example.com'), await ask('a@example.com'), await ask('b@example.com')]).toEqual([
      'let',
      'let',
      'let',
    ]);
    clock.advance(1_800);
    expect([await ask('c@example.com'), await ask('a@example.com'), await ask('b@example.com')]).toEqual([
      'ip-destinations 1800',
      'let',
      'let',
    ]);
    clock.advance(1_800);
    expect([await ask('c@example.com'), await ask('a@example.com'), await ask('b@example.com')]).toEqual([
      'let',
      'let',
      'ip-destinations 3600',
    ]);
  });

  it('lets exactly as many different addresses through at once, and those it refused do not count as known later', async () => {
    const limits = limitsOf({ LIMIT_IP_DESTINATIONS: '30/h' });
    const all = Array.from({ length: 120 }, (_, index) => `a${index}@example.com`);
    const again = () => outcomes(all.map((destination) => limits.take(asking({ destination }))));
    expect(await again()).toEqual({ let: 30, 'ip-destinations 3600': 90 });
    expect(await again()).toEqual({ let: 30, 'ip-destinations 3600': 90 });
  });

  it('keeps a known device out of what others do to the address, with a budget of its own', async () => {
    const limits = limitsOf({ LIMIT_DESTINATION: '1/15min' });
    for (const expected of ['let', 'destination 900']) expect(await outcome(limits.take(asking()))).toBe(expected);
    const device = (knownDevice: string) => outcome(limits.take(asking({ knownDevice })));
    for (const expected of ['let', 'let', 'let', 'destination 900']) expect(await device('one')).toBe(expected);
    expect(await device('two')).toBe('let');
    expect(await outcome(limits.take(asking({ destination: 'bob@example.com' })))).toBe('let');
  });

  it('counts the mail of strangers only where there is some, and warns of its end once a minute', async () => {
    const limits = limitsOf({ LIMIT_PUBLIC_MAIL: '1/h' });
    const ask = (withMail: boolean) => outcome(limits.take(asking({ withMail })));
    expect([await ask(false), await ask(true), await ask(false), await ask(true), await ask(true)]).toEqual([
      'let',
      'let',
      'let',
      'public-mail 3600',
      'public-mail 3600',
    ]);
    expect(warnings).toEqual([expect.stringContaining('LIMIT_PUBLIC_MAIL is reached')]);
    clock.advance(60);
    await ask(true);
    expect(warnings).toHaveLength(2);
  });

  it('counts passwords apart from mail: whoever tries some does not stop the codes of an address', async () => {
    const limits = limitsOf({ LIMIT_DESTINATION: '2/15min' });
    const ask = (withMail: boolean, more: Partial<Asking> = {}) => outcome(limits.take(asking({ withMail, ...more })));
    for (const expected of ['let', 'let', 'password 900']) expect(await ask(false)).toBe(expected);
    for (const expected of ['let', 'let', 'destination 900']) expect(await ask(true)).toBe(expected);
    const knownDevice = 'one';
    for (const expected of ['let', 'let', 'let', 'password 900'])
      expect(await ask(false, { knownDevice })).toBe(expected);
    for (const expected of ['let', 'let', 'let', 'destination 900'])
      expect(await ask(true, { knownDevice })).toBe(expected);
  });

  it('lets known devices have mail when strangers have used up theirs, and charges them nothing', async () => {
    const limits = limitsOf({ LIMIT_DESTINATION: '100/min', LIMIT_PUBLIC_MAIL: '1/h' });
    const knownDevice = 'one';
    expect(await outcome(limits.take(asking({ knownDevice })))).toBe('let');
    for (const expected of ['let', 'public-mail 3600']) expect(await outcome(limits.take(asking()))).toBe(expected);
    expect(await outcome(limits.take(asking({ knownDevice })))).toBe('let');
    // Without limits of its own it is a stranger here.
    expect(await outcome(limitsOf({ LIMIT_PUBLIC_MAIL: '1/h' }).take(asking({ knownDevice })))).toBe(
      'public-mail 3600',
    );
  });

  it('takes a /64 for one requester', async () => {
    const limits = limitsOf({ LIMIT_IP: '1/10min' });
    expect(await outcome(limits.take(asking({ ip: '2001:db8:1:2::1' })))).toBe('let');
    expect(await outcome(limits.take(asking({ ip: '2001:db8:1:2:ffff::9' })))).toBe('ip 600');
    expect(await outcome(limits.take(asking({ ip: '2001:db8:1:3::1' })))).toBe('let');
  });

  it('counts keys apart', async () => {
    const limits = limitsOf({ LIMIT_KEY: '2/min' });
    expect(await outcomes(Array.from({ length: 100 }, () => limits.takeKey('one')))).toEqual({ let: 2, 'key 60': 98 });
    expect(await outcome(limits.takeKey('two'))).toBe('let');
  });

  it('lets of a key as many at once as its fullest counter lets, on all processes together, and counts no others', async () => {
    const LIMIT_KEY = '3/min,5/day';
    const [one, other] = [limitsOf({ LIMIT_KEY }), limitsOf({ LIMIT_KEY })];
    const crowd = (): Promise<void>[] =>
      [one, other].flatMap((limits) => Array.from({ length: 40 }, () => limits.takeKey('k')));
    const counts = (): Promise<{ count: number }[]> =>
      database.query('SELECT count FROM request_limits ORDER BY ends_at');
    await one.takeKey('k');
    expect(await outcomes(crowd())).toEqual({ let: 2, 'key 60': 78 });
    expect(await counts()).toEqual([{ count: 3 }, { count: 3 }]);
    clock.advance(60);
    expect(await outcomes(crowd())).toEqual({ let: 2, 'key 86340': 78 });
    expect(await counts()).toEqual([{ count: 2 }, { count: 5 }]);
    clock.advance(86_340);
    expect(await outcome(other.takeKey('k'))).toBe('let');
  });

  it('charges who was disowned five requests, in a window under way or a new one', async () => {
    const limits = limitsOf({ LIMIT_IP: '6/10min' });
    await limits.slowDown('192.0.2.1');
    for (const expected of ['let', 'ip 600']) expect(await outcome(limits.take(asking()))).toBe(expected);
    clock.advance(600);
    expect(await outcome(limits.take(asking()))).toBe('let');
    clock.advance(60);
    await limits.slowDown('192.0.2.1');
    expect(await outcome(limits.take(asking()))).toBe('ip 540');
    expect(await outcome(limits.take(asking({ ip: '192.0.2.2' })))).toBe('let');
  });

  it('asks Postgres nothing when all are off, and lets nothing through when it cannot ask', async () => {
    const off = limitsOf({});
    const on = limitsOf({ LIMIT_IP: '20/10min' });
    await database.query('DROP TABLE request_limits');
    await off.take(asking());
    await off.takeKey('one');
    await off.slowDown('192.0.2.1');
    await expect(on.take(asking())).rejects.toThrow(/request_limits/);
  });

  it('is the only statement that does not wait for the disk', async () => {
    const single = new PrismaService({ url: database.url, poolSize: 1 });
    try {
      const limits = limitsOf({ LIMIT_IP: '1/10min' }, single);
      for (const expected of ['let', 'ip 600']) {
        expect(await outcome(limits.take(asking()))).toBe(expected);
        expect(await single.$queryRaw`SHOW synchronous_commit`).toEqual([{ synchronous_commit: 'on' }]);
      }
    } finally {
      await single.$disconnect();
    }
  });

  it('keeps no address', async () => {
    await limitsOf({ LIMIT_DESTINATION: '5/15min', LIMIT_IP_DESTINATIONS: '30/h' }).take(asking());
    const rows = await database.query(
      "SELECT key, '' AS hash FROM request_limits UNION ALL SELECT key, encode(destination, 'escape') FROM requested_destinations",
    );
    expect(rows).toHaveLength(3);
    expect(JSON.stringify(rows)).not.toMatch(/ada|example/);
  });
});
