import { once } from 'node:events';
import { createLogger } from '../../../src/core/logger.js';
import { PrismaService, Transactions } from '../../../src/database/prisma.service.js';
import { type ScheduledTask, ScheduledTasks } from '../../../src/database/scheduled-tasks.js';
import { createDatabase, type TestDatabase } from '../../support/database/postgres.js';
import { eventually } from '../../support/signals/wait.js';

/** Milliseconds. No machine is so busy that a lease runs out which is renewed. */
const TIMING = { lookEvery: 20, lease: 120_000, renewEvery: 50 };
const HOUR = 3_600_000;

interface Row {
  leased_by: string | null;
  lease_until: Date | null;
  last_run_at: Date | null;
  last_took_ms: number | null;
  last_result: string | null;
  last_error: string | null;
  wait_seconds: number;
}

describe('scheduled tasks', () => {
  let database: TestDatabase;
  let prisma: PrismaService;
  const runners: ScheduledTasks[] = [];
  /** What they complained of. */
  const lines: string[] = [];
  const log = createLogger('error', 'test', { write: (line) => void lines.push(line) });

  beforeAll(async () => {
    database = await createDatabase();
    prisma = new PrismaService({ url: database.url, poolSize: 10 });
  });
  beforeEach(() => database.query('TRUNCATE scheduled_tasks'));
  afterEach(() => Promise.all(runners.splice(0).map((runner) => runner.stop())));
  afterAll(async () => {
    await prisma.$disconnect();
    await database.drop();
  });

  function start(holder: string, ...tasks: ScheduledTask[]): ScheduledTasks {
    const runner = new ScheduledTasks(prisma, log, holder, TIMING);
    runners.push(runner);
    runner.register(...tasks);
    runner.onApplicationBootstrap();
    return runner;
  }

  async function row(name: string): Promise<Row | undefined> {
    const [found] = await database.query<Row>(
      `SELECT *, extract(epoch FROM next_run_at - now())::float8 AS wait_seconds FROM scheduled_tasks WHERE name = $1`,
      [name],
    );
    return found;
  }

  const finished = (name: string): Promise<Row> =>
    eventually(async () => {
      const found = await row(name);
      return found?.last_run_at && !found.leased_by ? found : undefined;
    }, `${name} to have run`);

  it('run once for all processes, and the row says when, how long and with what result', async () => {
    let runs = 0;
    const task: ScheduledTask = { name: 'sweep', everyMs: HOUR, run: async () => `${++runs} swept` };
    for (let n = 0; n < 8; n++) start(`w${n}`, task);
    const done = await finished('sweep');
    expect(done).toMatchObject({ last_result: '1 swept', last_error: null, lease_until: null });
    expect(done.last_took_ms).toBeGreaterThanOrEqual(0);
    expect(done.wait_seconds).toBeGreaterThan(3_000);
    await database.query(`UPDATE scheduled_tasks SET next_run_at = now()`);
    await eventually(async () => (await row('sweep'))?.last_result === '2 swept', 'the second run');
    expect(runs).toBe(2);
  });

  /** Work of one process alone, which it finds at each look: whoever finds it has looked for all else, too. */
  class Looks {
    count = 0;
    readonly task: ScheduledTask;

    constructor(holder: string) {
      this.task = { name: `looks of ${holder}`, everyMs: 0, run: async () => `${++this.count}` };
    }
  }

  it('run again when they are due again, and never twice at a time', async () => {
    let [now, most, runs] = [0, 0, 0];
    const looks = Array.from({ length: 4 }, (_, n) => new Looks(`w${n}`));
    const run = async (signal: AbortSignal): Promise<string> => {
      most = Math.max(most, ++now);
      const before = looks.map(({ count }) => count);
      await eventually(
        () => signal.aborted || looks.every(({ count }, n) => count >= before[n]! + 2),
        'all to look meanwhile',
      );
      now--;
      return `run ${++runs}`;
    };
    for (const [n, { task }] of looks.entries()) start(`w${n}`, { name: 'often', everyMs: 30, run }, task);
    await eventually(() => runs >= 5, 'five runs');
    expect(most).toBe(1);
  });

  it('record an error, and come again', async () => {
    let runs = 0;
    const run = async (): Promise<string> => {
      if (++runs === 1) throw new Error('the table is gone\0');
      return 'found it';
    };
    start('w', { name: 'fragile', everyMs: HOUR, run });
    const failed = await finished('fragile');
    expect(failed).toMatchObject({ last_error: 'the table is gone ', last_result: null });
    expect(failed.wait_seconds).toBeLessThan(61);
    await database.query(`UPDATE scheduled_tasks SET next_run_at = now()`);
    await eventually(async () => (await row('fragile'))?.last_result === 'found it', 'the second run');
    expect((await row('fragile'))!.last_error).toBeNull();
  });

  it('one that hangs or fails does not hold up another', async () => {
    let release = (): void => undefined;
    const hung = new Promise<string>((resolve) => (release = () => resolve('late')));
    start(
      'w',
      { name: 'hangs', everyMs: HOUR, run: () => hung },
      { name: 'fails', everyMs: HOUR, run: () => Promise.reject(new Error('no')) },
      { name: 'works', everyMs: HOUR, run: async () => 'done' },
    );
    await finished('works');
    await finished('fails');
    expect((await row('hangs'))!.leased_by).toBe('w');
    release();
    await finished('hangs');
  });

  it('are taken over when the lease of a dead holder runs out, not sooner', async () => {
    await database.query(
      `INSERT INTO scheduled_tasks (name, leased_by, lease_until) VALUES ('orphan', 'dead', now() + interval '1 hour')`,
    );
    const looks = new Looks('heir');
    start('heir', { name: 'orphan', everyMs: HOUR, run: async () => 'taken over' }, looks.task);
    await eventually(() => looks.count >= 3, 'the heir to look');
    expect(await row('orphan')).toMatchObject({ leased_by: 'dead', last_run_at: null });
    await database.query(`UPDATE scheduled_tasks SET lease_until = now() WHERE name = 'orphan'`);
    expect((await finished('orphan')).last_result).toBe('taken over');
  });

  it('are due again at once where somebody asked while they ran, and once only', async () => {
    const endings: (() => void)[] = [];
    const run = (): Promise<string> => new Promise((resolve) => endings.push(() => resolve(`run ${endings.length}`)));
    const runner = start('w', { name: 'asked', everyMs: HOUR, run });
    await eventually(() => endings.length === 1, 'the run');
    const ask = (): Promise<void> => new Transactions(prisma).run((unit) => runner.makeDue('asked', unit));
    await ask();
    await ask();
    expect((await row('asked'))!.leased_by).toBe('w');
    endings[0]!();
    await eventually(() => endings.length === 2, 'a second run');
    endings[1]!();
    const done = await finished('asked');
    expect([done.last_result, done.wait_seconds > 3_000]).toEqual(['run 2', true]);
    // What nobody is at is due from the commit on, whenever it would have been.
    await ask();
    await eventually(() => endings.length === 3, 'a third run');
    endings[2]!();
  });

  it('are due again where somebody asked in the very millisecond for which they were taken', async () => {
    await database.query(
      `INSERT INTO scheduled_tasks (name, next_run_at) VALUES ('twice', now() + interval '1 second')`,
    );
    const endings: (() => void)[] = [];
    const run = (): Promise<string> => new Promise((resolve) => endings.push(() => resolve('done')));
    const runner = start('w', { name: 'twice', everyMs: HOUR, run });
    const transactions = new Transactions(prisma);
    await transactions.run(async (unit) => {
      await unit.db.$executeRaw`SELECT 1`; // it begins, and asks a run later
      await database.query(
        `UPDATE scheduled_tasks SET next_run_at = (SELECT xact_start FROM pg_stat_activity WHERE application_name = 'otpost' AND state = 'idle in transaction' AND datname = current_database())`,
      );
      await eventually(() => endings.length === 1, 'the run');
      await runner.makeDue('twice', unit);
    });
    endings[0]!();
    await eventually(() => endings.length === 2, 'the second run');
    endings[1]!();
  });

  it('keep the lease for as long as they run', async () => {
    let release = (): void => undefined;
    let runs = 0;
    const run = (): Promise<string> =>
      new Promise((resolve) => {
        runs++;
        release = () => resolve('done');
      });
    for (const holder of ['a', 'b']) start(holder, { name: 'slow', everyMs: HOUR, run });
    await eventually(() => runs === 1, 'the run');
    for (let renewals = 0; renewals < 3; renewals++) {
      const { lease_until: until } = (await row('slow'))!;
      await eventually(async () => (await row('slow'))!.lease_until! > until!, 'the lease to be renewed');
    }
    expect(runs).toBe(1);
    release();
    await finished('slow');
  });

  it('do not record over the run of another process', async () => {
    let release = (): void => undefined;
    const runner = start('slept', {
      name: 'fenced',
      everyMs: HOUR,
      run: () => new Promise((resolve) => (release = () => resolve('too late'))),
    });
    await eventually(async () => (await row('fenced'))?.leased_by === 'slept', 'the lease');
    await database.query(`UPDATE scheduled_tasks SET leased_by = 'other', lease_until = now() + interval '1 hour'`);
    release();
    await runner.stop();
    expect(await row('fenced')).toMatchObject({ leased_by: 'other', last_result: null });
  });

  it('are waited for at shutdown, told of it, and left to others when they broke off', async () => {
    let breakOff: (() => void) | undefined;
    const run = async (signal: AbortSignal): Promise<string> => {
      await once(signal, 'abort');
      await new Promise<void>((resolve) => (breakOff = resolve));
      return 'half of it';
    };
    const runner = start('w', { name: 'long', everyMs: HOUR, run });
    await eventually(async () => (await row('long'))?.leased_by === 'w', 'the lease');
    let stopped = false;
    const stop = runner.stop().then(() => (stopped = true));
    await eventually(() => breakOff !== undefined, 'the work to be told');
    expect([await row('long'), stopped]).toEqual([expect.objectContaining({ leased_by: 'w' }), false]);
    breakOff!();
    await stop;
    const left = await row('long');
    expect(left).toMatchObject({ leased_by: null, last_result: 'half of it' });
    expect(left!.wait_seconds).toBeLessThanOrEqual(0);
  });

  it('survive a database that is away for a moment', async () => {
    let runs = 0;
    start('w', { name: 'steady', everyMs: HOUR, run: async () => `${++runs}` });
    await finished('steady');
    lines.length = 0;
    await database.query('ALTER TABLE scheduled_tasks RENAME TO away');
    await eventually(() => lines.some((line) => line.includes('could not be looked up')), 'a look to fail');
    await database.query('ALTER TABLE away RENAME TO scheduled_tasks');
    await database.query('UPDATE scheduled_tasks SET next_run_at = now()');
    await eventually(() => runs === 2, 'the next run');
  });

  it('have names of their own', () => {
    const runner = new ScheduledTasks(prisma, createLogger('silent', 'test'));
    const task: ScheduledTask = { name: 'twin', everyMs: 1, run: async () => '' };
    runner.register(task);
    expect(() => runner.register(task)).toThrow('twin');
  });
});
