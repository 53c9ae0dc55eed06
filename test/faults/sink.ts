import { FaultDeployment } from '../support/faults/fault-deployment.js';
import { chance, SEED, sized, WITHIN_MS } from '../support/faults/fault-form.js';
import type { FaultPostgres } from '../support/faults/fault-postgres.js';
import type { SinkFault, SinkMoment, SinkScript } from '../support/faults/fault-sink.js';
import { isUnknown } from '../support/faults/fault-verdict.js';
import { REDIS_URL } from '../support/redis/redis.js';
import { inTurn, type Story } from '../support/signals/side-by-side.js';

const MOMENTS: SinkMoment[] = ['greeting', 'EHLO', 'MAIL', 'RCPT', 'DATA', 'in the message', 'after the dot'];
/** Silence, and the connection ends: what a time-out of ours looks like as well, without waiting a minute for it. */
const STALL_AND_CLOSE: SinkFault = { afterMs: sized(1_000, 20_000), then: 'close' };
const LATER: SinkFault = '451 4.3.0 later';
const NEVER: SinkFault = '554 5.0.0 never';

/** Every fault at every stage, one after the other with good answers in between; then the server is well. */
function everyFaultOnce(): SinkScript {
  const times = new Map<SinkMoment, number>();
  const beforeAnyMessage: (SinkFault | undefined)[] = [
    undefined,
    'close',
    undefined,
    STALL_AND_CLOSE,
    undefined,
    sized(undefined, LATER),
  ];
  const ofAMessage: (SinkFault | undefined)[] = [
    undefined,
    'close',
    undefined,
    STALL_AND_CLOSE,
    undefined,
    LATER,
    undefined,
    NEVER,
  ];
  return (moment) => {
    // After the last one comes nothing but undefined: it is well.
    const time = times.get(moment) ?? 0;
    times.set(moment, time + 1);
    if (moment === 'EHLO') return time === 9 ? 'close' : undefined;
    if (moment === 'greeting') return time === 6 ? 'stall' : beforeAnyMessage[time];
    if (moment === 'RCPT' && time === 40) return '421 4.3.2 going down';
    return ofAMessage[time];
  };
}

/** Faults at every stage by chance, for ever; the first message is certainly taken without a word. */
function unreliable(random: () => number, rate: number): SinkScript {
  const faults: SinkFault[] = ['close', { afterMs: 300, then: 'close' }, '452 4.3.1 full', NEVER];
  let first = true;
  return (moment) => {
    if (moment === 'after the dot' && first) {
      first = false;
      return 'close';
    }
    return random() < rate ? faults[Math.floor(random() * faults.length)] : undefined;
  };
}

export function failingMailServer(postgres: () => FaultPostgres): Story[] {
  let deployment: FaultDeployment;

  const story = inTurn(
    'a mail server that fails',
    async () => {
      deployment = await FaultDeployment.start(postgres(), { redisUrl: REDIS_URL });
      const { sink } = deployment;
      // Two ways out for ordinary mail: what the first one does not take goes out by the second, if it was provably not
      // taken.
      const ways = [await sink.door(unreliable(chance(SEED), 0.08)), await sink.door()];
      const env = { WORKER_LANES: 'default', MAIL_TRANSPORTS: ways.join(',') };
      sink.rewrite(deployment.door, everyFaultOnce());
      await Promise.all([
        deployment.spawn('worker', { env: { WORKER_LANES: 'critical' } }),
        deployment.spawn('worker', { env }),
      ]);
    },
    { withinMs: WITHIN_MS },
  );
  afterAll(() => deployment?.stop());

  return [
    story(
      'at every stage loses no message: each ends as its reply says, and what it may have taken is unknown',
      async () => {
        const startedAt = performance.now();
        const sent = await deployment.client.send({
          to: [deployment.web],
          prefix: 'stage',
          until: sized(70, 2_000),
          lane: 'critical',
        });
        const ordinary = deployment.client.send({ to: [deployment.web], prefix: 'other-way', until: sized(70, 3_000) });
        const rows = await deployment.settled(sent);

        const faults = deployment.sink.faults.filter(({ door }) => door === deployment.door);
        const stages = new Set(faults.map(({ moment }) => moment));
        console.log(
          `faults met: ${MOMENTS.map((moment) => `${faults.filter((fault) => fault.moment === moment).length} at ${moment}`).join(', ')}`,
        );
        expect(MOMENTS.filter((moment) => !stages.has(moment))).toEqual([]);
        const silent = (fault: SinkFault): boolean => fault === 'close' || typeof fault === 'object';
        for (const row of rows) {
          const its = faults.filter(({ to }) => to === row.to);
          const met = (moment: SinkMoment): boolean => its.some((one) => one.moment === moment && silent(one.fault));
          const refused = its.some(({ fault }) => fault === NEVER) || row.story.endsWith('smtp_554/failed'); // also before RCPT
          // A connection that ends in mid-message: whether the last byte was out by then is a matter of milliseconds.
          const open = met('in the message') && isUnknown(row);
          const end = refused ? 'failed' : met('after the dot') || open ? 'unknown' : 'sent';
          expect([row.to, row.story, isUnknown(row) ? 'unknown' : row.status]).toEqual([row.to, row.story, end]);
        }
        const others = await ordinary; // the ledger is asked when nothing more is accepted
        await deployment.account('sink stalls, closes, says 4xx and 5xx at every stage', sent, startedAt);

        await deployment.settled(others);
        const { unknown } = await deployment.account(
          'sink fails at every stage by chance, a second one is well',
          others,
          startedAt,
        );
        expect(unknown).toBeGreaterThan(0);
      },
    ),
  ];
}
