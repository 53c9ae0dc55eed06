import { FaultDeployment } from '../support/faults/fault-deployment.js';
import { inTime, sized, WITHIN_MS } from '../support/faults/fault-form.js';
import type { FaultPostgres } from '../support/faults/fault-postgres.js';
import type { SinkFault, SinkMoment } from '../support/faults/fault-sink.js';
import { type FaultRow, isUnknown } from '../support/faults/fault-verdict.js';
import { REDIS_URL } from '../support/redis/redis.js';
import type { Story } from '../support/signals/side-by-side.js';

/** Slow enough for a stop to fall into the middle of many messages. */
const slow = (moment: SinkMoment): SinkFault | undefined =>
  moment === 'RCPT' ? { afterMs: 25, then: 'answer' } : undefined;
const slowToAnswer = (moment: SinkMoment): SinkFault | undefined =>
  moment === 'after the dot' ? { afterMs: 1_000, then: 'answer' } : undefined;

/** The kill fell where it hurts: somebody had messages in hand. */
function expectRescued(rows: readonly FaultRow[]): void {
  expect(rows.filter(({ story }) => story.includes('lease_expired')).length).toBeGreaterThan(0);
}

export function endedContainers(postgres: () => FaultPostgres): Story[] {
  const deployments: FaultDeployment[] = [];

  async function deploy(role: 'web' | 'all'): Promise<FaultDeployment> {
    const deployment = await FaultDeployment.start(postgres(), { redisUrl: REDIS_URL, role });
    deployments.push(deployment);
    return deployment;
  }

  afterAll(() => Promise.all(deployments.map((deployment) => deployment.stop())));

  async function websAndWorkers(): Promise<void> {
    const deployment = await deploy('web');
    const { account } = await noGrace(deployment);
    // While the leases of the dead worker run out.
    await killedWebs(deployment);
    await account();
    await grace(deployment);
  }

  /** As on Railway by default: SIGTERM, and SIGKILL in the same moment. Leaves the accounting for later. */
  async function noGrace(deployment: FaultDeployment): Promise<{ account: () => Promise<void> }> {
    deployment.sink.rewrite(deployment.door, slow);
    const worker = await deployment.spawn('worker');
    const startedAt = performance.now();
    const sending = deployment.client.send({
      to: [deployment.web],
      prefix: 'no-grace',
      until: sized(80, 3_000),
      codes: true,
    });
    await inTime(() => deployment.sink.taken > 20, 'some messages to be handed over');
    worker.child.kill('SIGTERM');
    await worker.kill();
    const sent = await sending;
    const account = async (): Promise<void> => {
      expectRescued(await deployment.settled(sent));
      await deployment.account('SIGTERM with no grace, in the middle of many messages', sent, startedAt);
    };
    return { account };
  }

  /** Two web processes die: one with the commit just made, one just before it tells the broker. */
  async function killedWebs(deployment: FaultDeployment): Promise<void> {
    const nth = sized(10, 500);
    const [, ...webs] = await Promise.all([
      deployment.spawn('worker'),
      deployment.spawn('web', { stopAt: { point: 'accepted', nth } }),
      deployment.spawn('web', { stopAt: { point: 'waking', nth: Math.ceil(nth / 2) } }),
    ]);
    for (const [index, name] of ['after the commit', 'before it wakes a worker'].entries()) {
      const startedAt = performance.now();
      const web = webs[index]!;
      let dead = false;
      const sending = deployment.client.send({
        to: [await web.api()],
        prefix: `web${index}`,
        until: () => dead,
        codes: true,
      });
      await inTime(() => web.stopped, 'the web process to stand at its point');
      dead = true;
      await web.kill();
      const sent = await sending;
      const rows = await deployment.settled(sent);
      // What stood right behind its commit was promised to nobody, and goes out all the same.
      const untold = rows.filter(({ to }) => deployment.client.unanswered.has(to)).length;
      if (web === webs[0]) expect(untold).toBeGreaterThan(0);
      expect(rows.map(({ status }) => status)).toEqual(rows.map(() => 'sent'));
      await deployment.account(`web process killed ${name}`, sent, startedAt);
    }
  }

  async function grace(deployment: FaultDeployment): Promise<void> {
    const startedAt = performance.now();
    deployment.sink.rewrite(deployment.door, slowToAnswer);
    const worker = deployment.workers.at(-1)!;
    const before = deployment.sink.taken;
    const sent = await deployment.client.send({ to: [deployment.web], prefix: 'grace', until: 40, codes: true });
    await inTime(() => deployment.sink.taken >= before + 8, 'all slots to wait for their answers');
    const stoppedAt = performance.now();
    worker.child.kill('SIGTERM');
    expect(await worker.exit()).toBe(0);
    const rows = await deployment.rows(sent);
    const waiting = rows.filter(({ status }) => status === 'queued');
    const done = rows.filter(({ status }) => status === 'sent');
    console.log(
      `it ended after ${((performance.now() - stoppedAt) / 1_000).toFixed(1)} s: ${done.length} handed over, ${waiting.length} left, ` +
        `${waiting.filter(({ story }) => story !== 'queued').length} of them given back`,
    );
    // Nothing is left half done, and what was given back was not counted.
    expect(done.length + waiting.length).toBe(sent.length);
    expect(waiting.length).toBeGreaterThan(0);
    expect(waiting.filter(({ attempts }) => attempts > 0)).toEqual([]);
    deployment.sink.rewrite(deployment.door);
    await deployment.spawn('worker');
    const bootedAt = performance.now();
    const ended = await deployment.settled(sent);
    console.log(
      `its successor had delivered the rest ${((performance.now() - bootedAt) / 1_000).toFixed(1)} s after its start`,
    );
    expect(ended.filter(isUnknown)).toEqual([]);
    expect(ended.filter(({ attempts }) => attempts !== 1)).toEqual([]);
    await deployment.account('SIGTERM with grace, in the middle of many messages', sent, startedAt);
  }

  /** Two whole containers sweep one backlog; one of them dies. */
  async function twoContainers(): Promise<void> {
    const deployment = await deploy('all');
    const second = await deployment.spawn('all');
    const startedAt = performance.now();
    deployment.sink.rewrite(deployment.door, slow);
    const alive = [deployment.web, await second.api()];
    const sending = deployment.client.send({
      to: alive,
      prefix: 'two',
      until: sized(120, 5_000),
      codes: true,
      sideBySide: 16,
    });
    const halfway = sized(40, 1_000);
    await inTime(() => deployment.sink.taken > halfway, 'both to be at it');
    await second.kill();
    alive.pop();
    const sent = await sending;
    const rows = await deployment.settled(sent);
    expect(new Set(rows.map(({ worker }) => worker)).size).toBe(2);
    expectRescued(rows);
    await deployment.account('two containers sweep one backlog, one is killed', sent, startedAt);
  }

  return [
    () =>
      it.concurrent(
        'a web process or worker that is stopped or killed loses no message and doubles none, with grace or without',
        websAndWorkers,
        WITHIN_MS,
      ),
    () =>
      it.concurrent(
        'a container that is killed leaves its part of the backlog to the container beside it',
        twoContainers,
        WITHIN_MS,
      ),
  ];
}
