import { createLogger } from '../../../src/core/logger.js';
import { PrismaService, Transactions } from '../../../src/database/prisma.service.js';
import { TransportRecords } from '../../../src/mail/routing/breaker-records.js';
import { BreakerStates } from '../../../src/mail/routing/breaker.js';
import { TIMEOUTS } from '../../../src/mail/transport/timeouts.js';
import type { Outcome } from '../../../src/mail/transport/transport.js';
import { keepEmail } from '../../support/database/kept-email.js';
import { createDatabase, type TestDatabase } from '../../support/database/postgres.js';

const NAME = 'smtp.example.com:587';
const DEFERRED = { kind: 'deferred', uncounted: true, errorCode: 'smtp_refused' } as const;
const UNREACHABLE: Outcome = { ...DEFERRED, transport: { kind: 'backoff', ms: 1_000, here: true, unreachable: true } };
const BUSY: Outcome = { ...DEFERRED, transport: { kind: 'backoff', ms: 5_000 } };
const REFUSED: Outcome = { ...DEFERRED, transport: { kind: 'pause', reason: 'smtp_auth' } };
const SENT: Outcome = { kind: 'sent', reply: '250 ok' };

describe('the breaker of a transport', () => {
  let database: TestDatabase;
  let prisma: PrismaService;
  let records: TransportRecords;
  let web: BreakerStates;
  let worker: BreakerStates;

  beforeAll(async () => {
    database = await createDatabase();
    prisma = new PrismaService({ url: database.url, poolSize: 4 });
    records = new TransportRecords(prisma);
  });
  beforeEach(async () => {
    await database.query('TRUNCATE transport_states, transport_hosts');
    web = await onHost('web-1');
    worker = await onHost('worker-1');
  });
  afterAll(async () => {
    await prisma.$disconnect();
    await database.drop();
  });

  async function onHost(host: string, settings = 1): Promise<BreakerStates> {
    const fingerprints = new Map([[NAME, new Uint8Array([settings])]]);
    const states = new BreakerStates(
      prisma,
      createLogger('silent', 'test'),
      { ...TIMEOUTS, statesMs: 0 },
      fingerprints,
      host,
    );
    await states.declare();
    return states;
  }

  /** Lets the breaks run out. Before now: a column keeps whole milliseconds, and rounds up. */
  const wait = () =>
    database.query(
      `WITH a AS (UPDATE transport_states SET backoff_until = now() - interval '1 second')
       UPDATE transport_hosts SET backoff_until = now() - interval '1 second'`,
    );
  const kinds = async () => [(await web.look(NAME)).kind, (await worker.look(NAME)).kind];
  const attempt = async (states: BreakerStates, outcome: Outcome) =>
    states.learn(NAME, outcome, await states.pass(NAME));

  it('stays with the host that cannot reach it, which alone pauses it after five tries', async () => {
    const paused: boolean[] = [];
    for (let n = 0; n < 5; n++) {
      paused.push(await attempt(web, UNREACHABLE));
      expect(await kinds()).toEqual(['open', 'closed']);
      await wait();
    }
    expect(paused).toEqual([false, false, false, false, true]);
    expect([await web.failureHere(NAME), await worker.failureHere(NAME)]).toMatchObject([
      { pauseReason: 'unreachable', lastErrorCode: 'smtp_refused' },
      undefined,
    ]);
    expect(await records.list()).toMatchObject([
      { name: NAME, pausedAt: null, unreachableFrom: [{ host: 'web-1', pauseReason: 'unreachable' }] },
    ]);
  });

  it('is tried again by that host after seconds at first, and each minute where the outage is long', async () => {
    const forMs = async (): Promise<number> => {
      await attempt(web, UNREACHABLE);
      const state = await web.look(NAME);
      return state.kind === 'open' ? state.forMs : 0;
    };
    for (let n = 0; n < 4; n++) {
      await attempt(web, UNREACHABLE);
      await wait();
    }
    expect(await forMs()).toBeLessThanOrEqual(TIMEOUTS.reachAgainMs);
    await database.query(
      `UPDATE transport_hosts SET since = now() - interval '1 hour', backoff_until = now() - interval '1 second'`,
    );
    expect(await forMs()).toBeGreaterThan(TIMEOUTS.reachAgainMs);
  });

  it.each([
    ['a break it asked for', BUSY],
    ['a refused login', REFUSED],
  ])('holds for all hosts when the server said it: %s', async (_, said) => {
    await attempt(worker, said);
    expect(await kinds()).toEqual(['open', 'open']);
    await wait();
    expect(await kinds()).toEqual(['half_open', 'half_open']);
    expect([(await web.pass(NAME)).kind, (await worker.pass(NAME)).kind]).toEqual(['half_open', 'open']);
    await web.learn(NAME, SENT, { kind: 'half_open' });
    expect(await kinds()).toEqual(['closed', 'closed']);
  });

  it('a host that gets through again is closed, and forgotten', async () => {
    await attempt(web, UNREACHABLE);
    await wait();
    expect((await web.look(NAME)).kind).toBe('half_open');
    await attempt(web, SENT);
    expect(await kinds()).toEqual(['closed', 'closed']);
    expect((await records.list())[0]!.unreachableFrom).toEqual([]);
  });

  it('a word of the server closes the breaker of the host, and not that of all', async () => {
    await attempt(web, UNREACHABLE);
    await wait();
    await attempt(web, BUSY);
    expect(await kinds()).toEqual(['open', 'open']);
    expect((await records.list())[0]!.unreachableFrom).toEqual([]);
  });

  it('a host that cannot reach it hands the probe on to another, which can', async () => {
    await attempt(worker, BUSY);
    await wait();
    await attempt(web, UNREACHABLE);
    expect(await kinds()).toEqual(['open', 'half_open']);
    await attempt(worker, SENT);
    expect(await kinds()).toEqual(['open', 'closed']);
  });

  it('is probed by one message of a host, though all of them see the break end', async () => {
    await attempt(web, UNREACHABLE);
    await wait();
    const states = await Promise.all(Array.from({ length: 8 }, () => web.pass(NAME)));
    expect(states.filter(({ kind }) => kind === 'half_open')).toHaveLength(1);
  });

  it('outlives a restart as one probe at once, and is forgotten under other settings', async () => {
    for (let n = 0; n < 3; n++) {
      await attempt(web, UNREACHABLE);
      await wait();
    }
    await attempt(web, UNREACHABLE);
    web = await onHost('web-1');
    expect((await web.look(NAME)).kind).toBe('half_open');
    expect((await (await onHost('web-1', 2)).look(NAME)).kind).toBe('closed');
  });

  it('of hosts that tried no more for long is forgotten', async () => {
    await attempt(web, UNREACHABLE);
    expect(await records.forgetSilentHosts(60_000)).toBe(0);
    await database.query(`UPDATE transport_hosts SET backoff_until = now() - interval '2 minutes'`);
    expect(await records.forgetSilentHosts(60_000)).toBe(1);
  });

  it('ends by hand, for all and on every host at once, and what waited for its end waits no longer', async () => {
    await attempt(worker, REFUSED);
    await attempt(web, UNREACHABLE);
    const putOff = await keepEmail(database, { status: 'deferred', errorCode: 'smtp_auth' });
    await keepEmail(database, { status: 'deferred', errorCode: 'smtp_450' }); // by its own server, for an hour
    await database.query(`UPDATE outbound_emails SET next_attempt_at = now() + interval '70 seconds' WHERE id = $1`, [
      putOff,
    ]);
    const transactions = new Transactions(prisma);
    const resume = (name: string) =>
      records.resume(
        name,
        (work) => transactions.run(work),
        () => Promise.resolve(),
      );
    expect(await resume(NAME)).toEqual({ kind: 'resumed', hosts: ['web-1'] });
    expect(await kinds()).toEqual(['closed', 'closed']);
    const due = await database.query('SELECT id FROM outbound_emails WHERE next_attempt_at <= now()');
    expect(due).toEqual([{ id: putOff }]);
    expect(await resume(NAME)).toEqual({ kind: 'not_paused' });
    expect(await resume('other:25')).toEqual({ kind: 'not_found', names: [NAME] });
  });
});
