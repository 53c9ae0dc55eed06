import { OperatedService } from '../support/service/cli-mail.js';
import { runCli } from '../support/service/cli.js';
import { OtpostProcess } from '../support/service/otpost-process.js';
import { type Otpost, startOtpost, TEST_SECRET } from '../support/service/otpost.js';
import { eventually } from '../support/signals/wait.js';
import { SmtpSink } from '../support/smtp/smtp-sink.js';

interface LaneFacts {
  lane: string;
  due: number;
  pausedAt: string | null;
  pauseReason: string | null;
  workers: number;
}

/** Somebody who accepts mail and delivers none, the operator of it, and where mail would go. */
interface Operated {
  otpost: Otpost;
  sink: SmtpSink;
  service: OperatedService;
}

describe('otpost queue', () => {
  const cleanUp: (() => Promise<unknown>)[] = [];
  afterAll(async () => {
    for (let end = cleanUp.pop(); end; end = cleanUp.pop()) await end();
  });

  async function sinkOf(...options: Parameters<typeof SmtpSink.start>): Promise<SmtpSink> {
    const sink = await SmtpSink.start(...options);
    cleanUp.push(() => sink.stop());
    return sink;
  }

  async function operated(): Promise<Operated> {
    const [sink, otpost] = await Promise.all([
      sinkOf(),
      startOtpost({ ROLE: 'web', OUTBOX_RESCUE: 'off', MAIL_FROM: 'no-reply@example.com' }),
    ]);
    cleanUp.push(() => otpost.stop());
    return {
      otpost,
      sink,
      service: await OperatedService.of(otpost, {
        APP_SECRET: TEST_SECRET,
        MAIL_TRANSPORTS: sink.url,
        MAIL_FROM: 'no-reply@example.com',
      }),
    };
  }

  async function startProcess(env: Record<string, string>): Promise<void> {
    const started = await OtpostProcess.start(env);
    cleanUp.push(() => started.stop('SIGKILL'));
  }

  const laneOf = async (service: OperatedService, name: string): Promise<LaneFacts | undefined> =>
    (await service.json<LaneFacts[]>('queue', 'stats')).find((one) => one.lane === name);

  let shared: Operated;
  let stoodIn: Operated;
  let worked: Operated;
  // One after the other, and before the tests: two services that start at once in one Jest environment may wait for
  // each other.
  beforeAll(async () => {
    shared = await operated();
    stoodIn = await operated();
    worked = await operated();
  });

  // Two stories wait for the timers of real processes, and so are told beside the others, which take turns on one
  // service.
  let turn: Promise<unknown> = Promise.resolve();
  function inTurn(title: string, tell: (operated: Pick<Operated, 'service' | 'sink'>) => Promise<void>): void {
    it.concurrent(
      title,
      () => {
        const mine = turn.then(async () => {
          await shared.service.reset();
          const sink = await sinkOf();
          await tell({ service: shared.service.with({ MAIL_TRANSPORTS: sink.url }), sink });
        });
        turn = mine.catch(() => undefined); // it fails its own test
        return mine;
      },
      300_000, // those before it take their turn within it
    );
  }

  it.concurrent('a web process that stands in for workers does not deliver a paused lane either, and drain does not', async () => {
    const { service, sink } = stoodIn;
    await service.json('queue', 'pause', 'default', '--yes');
    const held = await service.accept('held@example.com');
    const [{ code, out }] = await Promise.all([
      service.cli('queue', 'drain', '--json'),
      startProcess({ ...service.env, ROLE: 'web', PORT: '0' }),
    ]);
    expect([code, JSON.parse(out)]).toEqual([3, { endings: {}, due: 1, paused: ['default'] }]);
    const free = await service.accept('free@example.com', { lane: 'bulk' });
    await sink.waitForMailTo('free@example.com'); // no worker for 30 s
    await eventually(async () => (await service.statusOf(free)) === 'sent', 'its record');
    expect(await service.statusOf(held)).toBe('queued');
  });

  it.concurrent('pauses a lane for workers, the other lanes going on, and delivers it when it is resumed', async () => {
    const { service, sink, otpost } = worked;
    await startProcess({ ...service.env, ROLE: 'worker' });
    expect((await service.cli('queue', 'pause', 'bulk', '--reason', 'wrong template', '--yes')).err).toBe(
      'Paused bulk. To go on: otpost queue resume bulk\n',
    );
    const held = await service.accept('held@example.com', { lane: 'bulk' });
    await service.accept('free@example.com');
    await sink.waitForMailTo('free@example.com');
    // A drain of every lane begins with each tick of the worker's timer, two seconds apart: three have passed when it
    // has beaten.
    const before = await otpost.database.query<{ at: Date }>(`SELECT heartbeat_at AS at FROM workers`);
    await eventually(
      async () =>
        (
          await otpost.database.query<{ late: boolean }>(
            `SELECT heartbeat_at > $1::timestamptz + interval '4 s' AS late FROM workers`,
            [before[0]!.at],
          )
        )[0]!.late,
      'the worker to have drained on',
    );
    expect(await service.statusOf(held)).toBe('queued');
    expect(await laneOf(service, 'bulk')).toMatchObject({
      due: 1,
      pauseReason: 'wrong template',
      pausedAt: expect.any(String) as string,
      workers: 1,
    });
    expect((await service.cli('queue', 'resume')).err).toBe('Resumed bulk.\n');
    await sink.waitForMailTo('held@example.com');
    expect(await laneOf(service, 'bulk')).toMatchObject({ pausedAt: null });
    const audit = await otpost.database.query(
      `SELECT action, target_id AS lane FROM audit_events WHERE target_kind = 'lane' ORDER BY id`,
    );
    expect(audit).toEqual([
      { action: 'lane.paused', lane: 'bulk' },
      { action: 'lane.resumed', lane: 'bulk' },
    ]);
  });

  inTurn('does not pause unasked, keeps what is known of a pause, and resumes what is paused', async ({ service }) => {
    const [unasked, unaskedTexts, unknown] = await Promise.all([
      service.cli('queue', 'pause', 'critical'),
      service.cli('queue', 'pause', 'bulk', 'sms'),
      service.cli('queue', 'pause', 'slow', '--yes'),
    ]);
    expect(unknown.code).toBe(2);
    expect([unasked.code, unasked.err]).toEqual([2, expect.stringContaining('Nobody can sign in by code meanwhile.')]);
    expect([unaskedTexts.code, unaskedTexts.err]).toEqual([
      2,
      expect.stringContaining('Deliver nothing of bulk, sms until resumed? No code goes by SMS meanwhile.'),
    ]);
    expect(await service.json('queue', 'pause', 'critical', '--reason', 'one', '--yes')).toEqual({
      paused: ['critical'],
    });
    expect(await service.json('queue', 'pause', 'critical', 'bulk', '--reason', 'two', '--yes')).toEqual({
      paused: ['bulk'],
    });
    const lanes = await service.json<LaneFacts[]>('queue', 'stats');
    expect(lanes.map(({ lane, pauseReason }) => [lane, pauseReason])).toEqual([
      ['critical', 'one'],
      ['default', null],
      ['bulk', 'two'],
      ['sms', null],
    ]);
    expect(await service.json('queue', 'resume', 'bulk')).toEqual({ resumed: ['bulk'] });
    expect(await service.json('queue', 'resume')).toEqual({ resumed: ['critical'] });
  });

  inTurn('drains what is due without a worker, and tells how it ended', async ({ service, sink }) => {
    const ids = await Promise.all(
      Array.from({ length: 30 }, (_, n) =>
        service.accept(`number${n}@example.com`, { lane: n % 2 ? 'bulk' : 'default' }),
      ),
    );
    const later = await service.accept('later@example.com', {
      scheduledAt: new Date(Date.now() + 3_600_000).toISOString(),
    });
    const half = await service.cli('queue', 'drain', 'default');
    expect([half.code, half.err]).toEqual([0, expect.stringMatching(/^15 sent\.\n$/m)]); // how far it is stands before, where it takes long
    const { code, out } = await service.cli('queue', 'drain', '--json');
    expect([code, JSON.parse(out)]).toEqual([0, { endings: { sent: 15 }, due: 0, paused: [] }]);
    expect(sink.received).toHaveLength(30);
    expect(new Set(await Promise.all(ids.map((id) => service.statusOf(id))))).toEqual(new Set(['sent']));
    expect(await service.statusOf(later)).toBe('scheduled');
  });

  inTurn('gives up with 3 when nothing moves, and says where to look', async ({ service, sink }) => {
    const rated = service.with({ MAIL_TRANSPORTS: `${sink.url}?rate=1/day` });
    const id = await service.accept('ada@example.com');
    await rated.cli('queue', 'drain');
    const waiting = await service.accept('grace@example.com');
    const { code, err } = await rated.cli('queue', 'drain', '--patience', '1s');
    expect([code, err]).toEqual([
      3,
      'nothing handed over.\n1 still due. A rate is used up, or no transport is open: otpost doctor\n',
    ]);
    expect([await service.statusOf(id), await service.statusOf(waiting)]).toEqual(['sent', 'queued']);
  });

  inTurn('counts what did not get through, which is due no more', async ({ service, sink }) => {
    const id = await service.accept('ada@example.com');
    await sink.stop();
    const { err } = await service.cli('queue', 'drain', '--patience', '1s');
    expect(err).toMatch(/^\d deferred\.\n/m); // again where its next attempt was due before the drain was over
    expect(await service.statusOf(id)).toBe('deferred');
  });

  inTurn('interrupted, it finishes what is under way and gives back the rest', async ({ service }) => {
    const held: (() => void)[] = [];
    const slow = await sinkOf({ onMailFrom: (_address, _session, done) => void held.push(done) });
    await Promise.all(Array.from({ length: 20 }, (_, n) => service.accept(`number${n}@example.com`)));
    const interruption = new AbortController();
    const env = { ...service.env, MAIL_TRANSPORTS: slow.url, WORKER_CONCURRENCY: 'default:4' };
    const draining = runCli(['queue', 'drain', '--json'], env, { interrupt: interruption.signal });
    await eventually(() => held.length > 0, 'the deliveries to be under way');
    interruption.abort();
    const releasing = setInterval(() => held.splice(0).forEach((done) => done()), 20);
    const { code, out } = await draining;
    clearInterval(releasing);
    const { endings, due } = JSON.parse(out) as { endings: { sent: number }; due: number };
    expect([code, endings.sent + due]).toEqual([3, 20]);
    expect(endings.sent).toBeLessThanOrEqual(8);
    expect(await service.json('outbox', 'stats')).toMatchObject({
      imbalance: 0,
      states: { sending: 0, sent: endings.sent },
    });
  });
});
