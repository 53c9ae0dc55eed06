import type { Milestone } from '../../src/core/milestones.js';
import { FaultDeployment, type FaultProcess } from '../support/faults/fault-deployment.js';
import { chance, inTime, LONG, SEED, sized, WITHIN_MS } from '../support/faults/fault-form.js';
import type { FaultPostgres } from '../support/faults/fault-postgres.js';
import type { SinkFault } from '../support/faults/fault-sink.js';
import { type FaultRow, isUnknown } from '../support/faults/fault-verdict.js';
import { REDIS_URL } from '../support/redis/redis.js';
import type { Story } from '../support/signals/side-by-side.js';

/** Where a worker dies, and whether the message that stands there was offered by then. */
const DEATHS: { name: string; point: Milestone | 'after the dot'; offered: boolean }[] = [
  { name: 'worker killed after the claim', point: 'claimed', offered: false },
  { name: 'worker killed after 354', point: 'transferring', offered: false },
  { name: 'worker killed after the offer, before the last byte', point: 'offered', offered: true },
  { name: 'worker killed after the dot, before the 250', point: 'after the dot', offered: true },
  { name: 'worker killed after the 250, before the commit', point: 'answered', offered: true },
];

/** Messages accepted before any of the workers gets past RCPT: enough to fill the slots of all. */
const BACKLOG = 80;
/** Slots of the lane, all of them taken before the first worker dies. */
const SLOTS = 8;

export function killedWorkers(postgres: () => FaultPostgres): Story[] {
  let deployment: FaultDeployment;
  let setUp: Promise<void> | undefined;
  const random = chance(SEED);

  const ready = (): Promise<void> =>
    (setUp ??= (async () => {
      deployment = await FaultDeployment.start(postgres(), { redisUrl: REDIS_URL, env: { OUTBOX_RESCUE: 'off' } });
    })());

  afterAll(() => deployment?.stop());

  /** Of the default lane, so that bulk mail is left to the other story. */
  async function doomed(
    point: Milestone | 'after the dot',
    rcpt: () => SinkFault,
  ): Promise<{ worker: FaultProcess; stopped: () => boolean }> {
    const nth = 3 + Math.floor(random() * sized(8, 60));
    const env = { WORKER_LANES: 'critical,default', WORKER_CONCURRENCY: `critical:4,default:${SLOTS}` };
    let dots = 0;
    const door = await deployment.sink.door((moment) => {
      if (moment === 'RCPT') return rcpt();
      return point === 'after the dot' && moment === 'after the dot' && ++dots >= nth ? 'hold' : undefined;
    });
    const stopAt = point === 'after the dot' ? {} : { stopAt: { point, nth } };
    const worker = await deployment.spawn('worker', { ...stopAt, env: { ...env, MAIL_TRANSPORTS: door } });
    // Behind the dot all its slots of the lane wait for an answer that never comes.
    return { worker, stopped: () => (point === 'after the dot' ? deployment.sink.holding >= SLOTS : worker.stopped) };
  }

  async function inTheHandsOf(worker: FaultProcess): Promise<FaultRow[]> {
    return (await deployment.rows()).filter((row) => row.status === 'sending' && row.worker === worker.workerName);
  }

  /** How many messages each worker has claimed so far; for looking often, so that it asks for no more than that. */
  async function claims(): Promise<Map<string, number>> {
    const rows = await deployment.query<{ worker: string; n: number }>(
      `SELECT worker, count(*)::int AS n FROM email_events WHERE status = 'sending' GROUP BY worker`,
    );
    return new Map(rows.map(({ worker, n }) => [worker, n]));
  }

  /** Five workers side by side, each at its own point in the middle of a batch, die at once; a sixth takes over. */
  async function manyDeaths(): Promise<void> {
    await ready();
    for (let round = 1; round <= sized(1, 3); round++) await fiveDeaths(round);
  }

  async function fiveDeaths(round: number): Promise<void> {
    const startedAt = performance.now();
    let filling = true;
    const workers = await Promise.all(
      DEATHS.map(({ point }) => doomed(point, () => (filling ? 'hold' : { afterMs: 200, then: 'answer' }))),
    );
    const load = { to: [deployment.web], prefix: `batch${round}`, codes: true };
    const sent = await deployment.client.send({ ...load, until: BACKLOG });
    await inTime(async () => {
      const hands = await claims();
      return workers.every(({ worker }) => worker.stopped || (hands.get(worker.workerName) ?? 0) >= SLOTS);
    }, 'every worker to have its hands full');
    filling = false;
    deployment.sink.release();
    const allStopped = (): boolean => workers.every(({ stopped }) => stopped());
    sent.push(...(await deployment.client.send({ ...load, until: allStopped, pauseMs: 20 })));
    await Promise.all(workers.map(({ worker }) => worker.kill()));
    const killedAt = performance.now();
    await deployment.quiet();
    const caught = await Promise.all(workers.map(({ worker }) => inTheHandsOf(worker)));
    deployment.sink.release();
    const sixth = await deployment.spawn('worker', { env: { WORKER_LANES: 'critical,default' } });
    const sixthReadyAt = performance.now();
    const ended = new Map((await deployment.settled(sent)).map((row) => [row.to, row]));

    expect(caught.flat().length).toBeGreaterThan(2 * DEATHS.length); // in the middle of batches
    for (const [index, { name, offered }] of DEATHS.entries()) {
      const rows = caught[index]!;
      console.log(`${name}: ${rows.length} in flight, ${rows.filter((row) => row.offered).length} of them offered`);
      // Its neighbours may stand elsewhere: each goes by what is on record of itself.
      expect(rows.some((row) => row.offered === offered)).toBe(true);
      for (const { to, offered: wasOffered, story } of rows) {
        const row = ended.get(to)!;
        if (wasOffered) expect([to, isUnknown(row)]).toEqual([to, true]);
        else
          expect([to, row.status, row.attempts, row.story]).toEqual([
            to,
            'sent',
            2,
            `${story} lease_expired/deferred sending sent`,
          ]);
      }
      await deployment.account(
        name,
        rows.map(({ to }) => to),
        startedAt,
      );
    }
    const late = caught.flat().filter((row) => !row.offered);
    const last = Math.max(...late.map(({ to }) => deployment.sink.copies.get(to)![0]!.at));
    const [pickedUp, startTook] = [(last - killedAt) / 1_000, (sixthReadyAt - killedAt) / 1_000];
    // A figure to read: a lease of 20 s, a sweep of 5 s, and what a busy machine adds.
    console.log(
      `what was not offered arrived ${pickedUp.toFixed(1)} s after the kills; the sixth was there after ${startTook.toFixed(1)} s`,
    );
    await deployment.account('five workers killed side by side, a sixth takes over', sent, startedAt);
    await sixth.kill();
  }

  /** In the gate the lease of the dead is ended by hand: how long it lasts is the other story. */
  async function leaseOver(dead: FaultProcess): Promise<void> {
    await dead.kill();
    if (!LONG)
      await deployment.query(
        `UPDATE outbound_emails SET lease_until = now() WHERE lane = 'bulk' AND status = 'sending'`,
      );
  }

  /** Bulk mail, for nobody else works that lane. */
  async function twoDeathsOfOneMessage(): Promise<void> {
    await ready();
    const startedAt = performance.now();
    const env = { WORKER_LANES: 'bulk' };
    const first = await deployment.spawn('worker', { stopAt: { point: 'claimed', nth: 1 }, env });
    const sent = await deployment.client.send({ to: [deployment.web], prefix: 'twice', until: 1, lane: 'bulk' });
    await inTime(() => first.stopped, 'the first worker to claim it');
    await leaseOver(first);
    const second = await deployment.spawn('worker', { stopAt: { point: 'claimed', nth: 1 }, env });
    await inTime(() => second.stopped, 'the second worker to claim it');
    await leaseOver(second);
    await deployment.spawn('worker', { env });
    const [row] = await deployment.settled(sent);
    const again = 'sending lease_expired/deferred';
    expect([row!.attempts, row!.story]).toEqual([3, `queued ${again} ${again} sending sent`]);
    await deployment.account('the worker of one message killed twice, a third delivers', sent, startedAt);
  }

  return [
    () =>
      it.concurrent(
        'a worker that is killed in the middle of a batch leaves its messages to another one, none lost, none doubled',
        manyDeaths,
        WITHIN_MS,
      ),
    () =>
      it.concurrent(
        'a worker that is killed and whose successor is killed too costs its message two attempts and nothing else',
        twoDeathsOfOneMessage,
        WITHIN_MS,
      ),
  ];
}
