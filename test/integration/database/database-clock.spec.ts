import type { Logger } from '../../../src/core/logger.js';
import { DatabaseClock } from '../../../src/database/database-clock.js';
import { MovableClock } from '../../support/signals/movable-clock.js';
import { eventually } from '../../support/signals/wait.js';

const HOUR_MS = 3_600_000;
const realNow = Date.now;

describe('the clock of Postgres, as a process knows it', () => {
  let postgres: MovableClock;
  let clock: DatabaseClock;
  const warnings: { hostAheadMs: number }[] = [];
  const log = {
    warn: (facts: { hostAheadMs: number }) => void warnings.push(facts),
    debug: () => undefined,
  } as unknown as Logger;

  /** The host's own clock is so far ahead. */
  const setHost = (aheadMs: number) => void (Date.now = () => realNow() + aheadMs);
  /** In hours, against a host whose clock is right. */
  const hoursAhead = () => Math.round((clock.now().getTime() - realNow()) / HOUR_MS) || 0; // not -0

  beforeEach(async () => {
    postgres = await MovableClock.start();
    warnings.length = 0;
  });
  afterEach(async () => {
    Date.now = realNow;
    clock.onModuleDestroy();
    await postgres.stop();
  });

  it('is not that of the host, and says once that the two differ', async () => {
    setHost(-3 * HOUR_MS);
    await postgres.move('2 hours');
    clock = await DatabaseClock.open(postgres.prisma, log);
    expect(hoursAhead()).toBe(2);
    expect(warnings.map(({ hostAheadMs }) => Math.round(hostAheadMs / HOUR_MS))).toEqual([-5]);
  });

  it('says nothing of a host that agrees', async () => {
    clock = await DatabaseClock.open(postgres.prisma, log);
    expect([hoursAhead(), warnings]).toEqual([0, []]);
  });

  it('does not follow a host whose clock is set', async () => {
    clock = await DatabaseClock.open(postgres.prisma, log);
    for (const ahead of [-30 * HOUR_MS, 30 * HOUR_MS]) {
      setHost(ahead);
      expect(hoursAhead()).toBe(0);
    }
  });

  it('looks again when the machine has slept, and its monotonic clock with it', async () => {
    clock = await DatabaseClock.open(postgres.prisma, log);
    await postgres.move('8 hours');
    setHost(8 * HOUR_MS);
    await eventually(() => hoursAhead() === 8, 'the time after the sleep');
    expect(warnings).toEqual([]);
  });

  it('goes on while Postgres is away, and looks again later', async () => {
    clock = await DatabaseClock.open(postgres.prisma, log);
    const letGo = await postgres.hold();
    setHost(4 * HOUR_MS);
    const before = clock.now();
    await eventually(() => clock.now().getTime() - before.getTime() > 2_500, 'more than one look that fails');
    expect(hoursAhead()).toBe(0);
    await letGo();
    await postgres.move('4 hours');
    await eventually(() => hoursAhead() === 4, 'a look that succeeds');
  });
});
