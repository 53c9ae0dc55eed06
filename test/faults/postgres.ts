import { FaultDeployment, type FaultProcess } from '../support/faults/fault-deployment.js';
import { inTime, seconds, sized, WITHIN_MS } from '../support/faults/fault-form.js';
import { FaultPostgres } from '../support/faults/fault-postgres.js';
import type { SinkFault, SinkMoment } from '../support/faults/fault-sink.js';
import { REDIS_URL } from '../support/redis/redis.js';
import { inTurn, type Story } from '../support/signals/side-by-side.js';

/** Seconds for which Postgres is away; with the long one all leases run out meanwhile. */
const OUTAGE_S = sized(1, 25);

const slow = (moment: SinkMoment): SinkFault | undefined =>
  moment === 'RCPT' ? { afterMs: 25, then: 'answer' } : undefined;

export function absentPostgres(): Story[] {
  let postgres: FaultPostgres;
  let deployment: FaultDeployment;
  let worker: FaultProcess;

  const story = inTurn(
    'Postgres that goes away',
    async () => {
      postgres = await FaultPostgres.start();
      deployment = await FaultDeployment.start(postgres, { redisUrl: REDIS_URL });
      worker = await deployment.spawn('worker');
    },
    { withinMs: WITHIN_MS },
  );
  afterAll(async () => {
    await deployment?.stop();
    await postgres?.remove();
  });

  async function restarted(mode: 'fast' | 'immediate'): Promise<void> {
    const startedAt = performance.now();
    const { client, sink } = deployment;
    const lines = (text: string): string[] => deployment.linesWith(`"Postgres ${text}`);
    const [away, back] = [new Set(lines('cannot be used at')), lines('is back at').length];
    sink.rewrite(deployment.door, slow);
    let over = false;
    const before = sink.taken;
    const sending = client.send({
      to: [deployment.web],
      prefix: mode,
      until: () => over,
      codes: true,
      pauseMs: sized(20, 5),
    });
    await inTime(() => sink.taken > before + 20, 'mail to flow');
    const refusedBefore = client.refused.get(503) ?? 0;
    await postgres.stop(mode);
    await inTime(() => (client.refused.get(503) ?? 0) > refusedBefore, 'a request to be answered 503');
    await seconds(OUTAGE_S);
    await postgres.start();
    const acceptedThen = client.accepted.size;
    await inTime(() => client.accepted.size > acceptedThen + 20, 'requests to be accepted again');
    over = true;
    const sent = await sending;
    await deployment.settled(sent);
    await deployment.account(`Postgres restarted in mid-send (${mode})`, sent, startedAt);
    // Web and worker each told of it once, in plain words, and once of its end.
    await inTime(() => lines('is back at').length === back + 2, 'both to have told that it is back');
    const told = lines('cannot be used at')
      .filter((line) => !away.has(line))
      .map((line) => (JSON.parse(line) as { reason: string }).reason);
    expect(told).toHaveLength(2);
    for (const reason of told)
      expect(reason).toMatch(
        /^(connection refused \(ECONNREFUSED\)|the connection broke.*|it shuts down.*|it restarts.*|it is starting up.*)$/,
      );
    // Every request was answered, and either with a promise or with the truth.
    const refusals = [...client.refused.values()].reduce((sum, count) => sum + count, 0);
    expect({ statuses: [...client.refused.keys()], failed: deployment.linesWith('a request failed') }).toEqual({
      statuses: [503],
      failed: [],
    });
    expect(refusals).toBe(client.unanswered.size);
  }

  return [
    story('in good order while mail is being sent is answered 503, and costs no message', () => restarted('fast')),

    story('by crashing while mail is being sent is answered 503, and costs no message', () => restarted('immediate')),

    story(
      'between the 354 and the offer releases no message, blames nobody, and sends it once it is back',
      async () => {
        const startedAt = performance.now();
        const { client, sink } = deployment;
        sink.rewrite(deployment.door, (moment) => (moment === 'DATA' ? 'hold' : undefined));
        const sent = await client.send({ to: [deployment.web], prefix: 'no-offer', until: 8 });
        await inTime(() => sink.holding === 8, 'all messages to wait for their 354');
        await postgres.stop('immediate');
        sink.rewrite(deployment.door);
        sink.release();
        await seconds(OUTAGE_S);
        expect(sent.filter((to) => sink.copiesOf(to) > 0)).toEqual([]);
        await postgres.start();
        const rows = await deployment.settled(sent);
        const byWorker = 'queued sending offer_not_recorded/deferred sending sent, 1';
        // An outage that is longer than the lease: whoever writes first when Postgres is back, and both say what is
        // true.
        const byLeaseRecovery = 'queued sending lease_expired/deferred sending sent, 2';
        for (const { story, attempts } of rows)
          expect(sized([byWorker], [byWorker, byLeaseRecovery])).toContain(`${story}, ${attempts}`);
        await deployment.account('Postgres down between the 354 and the offer', sent, startedAt);
      },
    ),

    story(
      'between the 250 and its record doubles nothing: what the server said is kept until it can be written',
      async () => {
        const startedAt = performance.now();
        const { client, sink } = deployment;
        sink.rewrite(deployment.door, (moment) => (moment === 'after the dot' ? 'hold' : undefined));
        const sent = await client.send({ to: [deployment.web], prefix: 'answered', until: 8 });
        await inTime(() => sink.holding === 8, 'all messages to wait for their 250');
        await postgres.stop('immediate');
        sink.release();
        sink.rewrite(deployment.door);
        await inTime(() => worker.says('the outcome could not be recorded yet'), 'the worker to find Postgres gone');
        await seconds(OUTAGE_S);
        await postgres.start();
        const rows = await deployment.settled(sent);
        await inTime(
          async () => (await deployment.rows(sent)).every(({ status }) => status === 'sent'),
          'all of them to be known as sent',
        );
        console.log(`recorded as: ${[...new Set(rows.map(({ story }) => story))].join('; ')}`);
        expect((await deployment.rows(sent)).filter(({ attempts }) => attempts !== 1)).toEqual([]);
        await deployment.account(`Postgres down ${OUTAGE_S} s between the 250 and its record`, sent, startedAt);
      },
    ),
  ];
}
