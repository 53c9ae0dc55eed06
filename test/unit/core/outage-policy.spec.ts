import { createLogger } from '../../../src/core/logger.js';
import { type Dependency, tellOutage, withoutOutages } from '../../../src/core/outage-log.js';
import { lasted, OutagePolicy, placeOf } from '../../../src/core/outage-policy.js';

const MINUTE = 60_000;

describe('Of something that is away, the log', () => {
  it('tells when it begins, then each minute and not each time, and once when it is over', () => {
    const policy = new OutagePolicy();
    expect(policy.worked(0)).toBeUndefined();
    expect(policy.failed(1_000, 'refused')).toEqual({ kind: 'began', reason: 'refused' });
    for (let at = 1_100; at < 1_000 + MINUTE; at += 100) {
      policy.leaveOut();
      expect(policy.failed(at, 'refused')).toBeUndefined();
    }
    expect(policy.failed(1_000 + MINUTE, 'no such host')).toEqual({
      kind: 'goes_on',
      reason: 'no such host',
      forMs: MINUTE,
      leftOut: 599,
    });
    expect(policy.failed(1_001 + MINUTE, 'refused')).toBeUndefined();
    expect(policy.failed(1_000 + 2 * MINUTE, 'refused')).toMatchObject({ kind: 'goes_on', forMs: 2 * MINUTE });
    expect(policy.worked(6_000 + 2 * MINUTE)).toEqual({ kind: 'over', forMs: 5_000 + 2 * MINUTE, leftOut: 599 });
    expect(policy.worked(7_000 + 2 * MINUTE)).toBeUndefined();
    expect(policy.failed(8_000 + 2 * MINUTE, 'refused')).toEqual({ kind: 'began', reason: 'refused' });
  });

  it('takes what comes and goes for one outage, where it has to settle, and counts until it worked', () => {
    const policy = new OutagePolicy(3_000);
    policy.failed(0, 'broken');
    expect(policy.worked(1_000)).toBeUndefined();
    expect(policy.failed(2_000, 'broken')).toBeUndefined();
    expect(policy.worked(10_000)).toBeUndefined();
    expect(policy.away).toBe(true);
    expect(policy.worked(13_000)).toEqual({ kind: 'over', forMs: 10_000, leftOut: 0 });
    expect(policy.away).toBe(false);
  });

  it.each([
    [0, '1 second'],
    [1_400, '1 second'],
    [35_000, '35 seconds'],
    [120_000, '2 minutes'],
    [6_000_000, '2 hours'],
  ])('tells %i ms in words: %s', (ms, words) => {
    expect(lasted(ms)).toBe(words);
  });

  const lines: { level: string; msg: string; err?: unknown }[] = [];
  const log = createLogger('debug', 'test', {
    write: (line) => void lines.push(JSON.parse(line) as (typeof lines)[number]),
  });
  beforeEach(() => lines.splice(0));

  it('names it, its place, the reason and what that means, and when it is back for how long it was away', () => {
    const redis: Dependency = { name: 'Redis', place: 'redis:6379', meanwhile: 'Accepting goes on.', level: 'warn' };
    tellOutage(log, redis, undefined);
    tellOutage(log, redis, { kind: 'began', reason: 'connection refused (ECONNREFUSED)' });
    tellOutage(log, redis, { kind: 'goes_on', reason: 'connection refused (ECONNREFUSED)', forMs: 60_000, leftOut: 9 });
    tellOutage(log, redis, { kind: 'over', forMs: 75_000, leftOut: 0 });
    expect(lines).toMatchObject([
      {
        level: 'warn',
        msg: 'Redis cannot be used at redis:6379: connection refused (ECONNREFUSED). Accepting goes on.',
      },
      {
        level: 'warn',
        msg: 'Redis still cannot be used at redis:6379, for 60 seconds now: connection refused (ECONNREFUSED). Accepting goes on.',
        linesLeftOut: 9,
      },
      { level: 'info', msg: 'Redis is back at redis:6379: it was away for 75 seconds', awaySeconds: 75 },
    ]);
  });

  it('is kept from saying it again at every try, and tells other errors as ever', () => {
    const sieved = withoutOutages(log, (error) => (error as Error).message === 'away');
    sieved.error({ err: new Error('away'), lane: 'bulk' }, 'the outbox could not be read');
    sieved.warn({ err: new Error('a bug') }, 'something else');
    sieved.error('in words');
    sieved.info({ err: new Error('away') }, 'of no matter');
    expect(lines.map(({ level, msg, err }) => [level, msg, err === undefined])).toEqual([
      ['debug', 'the outbox could not be read', true],
      ['warn', 'something else', false],
      ['error', 'in words', true],
      ['info', 'of no matter', false],
    ]);
  });

  it.each([
    ['postgresql://ada:secret@db.example.com/otpost', 'db.example.com:5432'],
    ['postgresql://ada:secret@[2001:db8::1]:6000/otpost', '[2001:db8::1]:6000'],
    ['postgresql:///otpost?host=/run/postgresql', '/run/postgresql'],
    ['no URL with a secret', 'its address'],
  ])('tells of %s no more than its place', (url, place) => expect(placeOf(url, 5432)).toBe(place));
});
