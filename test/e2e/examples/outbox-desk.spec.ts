import { createDatabase, type TestDatabase } from '../../support/database/postgres.js';
import { describeWithRedisServer, RedisServer } from '../../support/redis/redis-server.js';
import { createApiKey } from '../../support/service/api-key.js';
import { type Ended, exampleFile, PYTHON, runExample } from '../../support/service/example.js';
import { OtpostInProcess } from '../../support/service/otpost-in-process.js';
import { OtpostProcess } from '../../support/service/otpost-process.js';
import { TEST_SECRET } from '../../support/service/otpost.js';
import { twoAtATime } from '../../support/signals/side-by-side.js';
import { eventually } from '../../support/signals/wait.js';
import { SmtpSink } from '../../support/smtp/smtp-sink.js';

describeWithRedisServer('examples/outbox-desk: workers on other hosts than the web process, and a desk', () => {
  let sink: SmtpSink;
  let redis: RedisServer;
  let database: TestDatabase;
  let web: OtpostInProcess;
  let key: string;
  let workers: OtpostProcess[] = [];
  /** Whom the far server refuses for now. */
  const refused = new Set<string>();
  /** Answers to whom the far server holds back. */
  const held: (() => void)[] = [];
  let holding = false;

  beforeAll(async () => {
    sink = await SmtpSink.start({
      onRcptTo: ({ address }, _session, done) => {
        if (refused.has(address)) return done(Object.assign(new Error('5.6.0 no news, please'), { responseCode: 554 }));
        if (holding && address.startsWith('bulk')) return void held.push(() => done());
        return done();
      },
    });
    [redis, database] = [await RedisServer.start(), await createDatabase()];
    web = await OtpostInProcess.start({ ...env(), ROLE: 'web', OUTBOX_RESCUE: 'off' });
    key = await createApiKey(database.url);
    await startWorkers();
  });
  afterAll(async () => {
    await Promise.all(workers.map((worker) => worker.stop('SIGKILL')));
    await web.stop();
    await Promise.all([redis.kill(), sink.stop(), database.drop()]);
  });

  const env = (): Record<string, string> => ({
    DATABASE_URL: database.url,
    DATABASE_POOL: '4',
    APP_SECRET: TEST_SECRET,
    // A database of the broker's own, as the cache has another.
    REDIS_URL: `${redis.url}/1`,
    MAIL_TRANSPORTS: sink.url,
    MAIL_FROM: 'Desk <desk@example.com>',
  });

  async function startWorkers(): Promise<void> {
    workers = await Promise.all(
      ['critical', 'default,bulk'].map((lanes) =>
        twoAtATime(() =>
          OtpostProcess.start({
            ...env(),
            ROLE: 'worker',
            WORKER_LANES: lanes,
            WORKER_CONCURRENCY: 'default:2,bulk:2',
          }),
        ),
      ),
    );
  }

  /** As its README shows it. */
  const desk = (...words: string[]): Promise<Ended> =>
    runExample([PYTHON, exampleFile('outbox-desk/outbox.py'), ...words], {
      OTPOST_URL: web.url,
      OTPOST_API_KEY: key,
    });

  async function said(...words: string[]): Promise<string> {
    const { code, out, err } = await desk(...words);
    expect([words[0], code, err]).toEqual([words[0], 0, '']);
    return out.trim();
  }

  const followed = (id: string, status: string): Promise<string> =>
    eventually(async () => {
      const text = await said('show', id);
      return text.split('\n')[0]!.includes(`  ${status}  `) && text;
    }, `${id} to be ${status}`);

  it('gives a message away once, and shows every step of it with the words of the server', async () => {
    const words = ['send', 'ada@example.com', 'Your order', 'It is on its way.', '--once', 'order-4711'];
    const [id, again] = [await said(...words), await said(...words)];
    expect(again).toBe(id);
    const steps = (await followed(id, 'sent')).split('\n').map((line) => line.trim().split(/ {2,}/).slice(1));
    expect(steps).toEqual([['sent', 'Your order'], ['queued'], ['sending'], ['sent', expect.stringMatching(/taken$/)]]);
    expect((await sink.waitForMailTo('ada@example.com')).map(({ mail }) => mail.text?.trim())).toEqual([
      'It is on its way.',
    ]);
  });

  it('lists what failed and why, and sends it again by hand: one, and all of a kind', async () => {
    const addresses = ['one@example.com', 'two@example.com'];
    const ids: string[] = [];
    for (const address of addresses) {
      refused.add(address);
      ids.push(await said('send', address, 'Hello', 'Hello.'));
      expect(await followed(ids.at(-1)!, 'failed')).toContain('no news, please');
      // Others are let in: what all are refused is no fault of theirs, and is not called failed.
      await followed(await said('send', `beside-${address}`, 'Hello', 'Hello.'), 'sent');
    }
    const failures = (await said('failures')).split('\n');
    expect(failures.sort()).toEqual(ids.map((id, n) => `${id}  ${addresses[n]}  smtp_554`).sort());
    expect(sink.received.filter(({ to }) => addresses.includes(to[0]!))).toEqual([]);

    refused.clear();
    expect(await said('retry', ids[0]!)).toMatch(/queued|sending|sent/);
    await sink.waitForMailTo('one@example.com');
    await said('retry-all', 'smtp_554', 'they let us in now');
    for (const address of addresses) expect(await sink.waitForMailTo(address)).toHaveLength(1);
    await followed(ids[1]!, 'sent');
    expect(await said('counts')).toMatch(/^failed +0$/m);
    // What went out is not sent again, and the desk says why.
    expect(await desk('retry', ids[0]!)).toMatchObject({
      code: 1,
      err: expect.stringContaining('invalid_state') as string,
    });
  });

  it('lets what is urgent pass what is held up', async () => {
    holding = true;
    for (const n of [1, 2, 3]) await said('send', `bulk${n}@example.com`, 'News', 'News.', '--lane', 'bulk');
    await eventually(() => held.length === 2, 'both slots of bulk to be taken');
    await said('send', 'urgent@example.com', 'Your code', 'It is urgent.', '--lane', 'critical');
    await sink.waitForMailTo('urgent@example.com');
    expect(sink.received.filter(({ to }) => to[0]!.startsWith('bulk'))).toEqual([]);
    holding = false;
    for (const answer of held.splice(0)) answer();
    for (const n of [1, 2, 3]) await sink.waitForMailTo(`bulk${n}@example.com`);
  });

  it('sends what was accepted while no worker ran and the broker lost everything', async () => {
    await Promise.all(workers.map((worker) => worker.stop('SIGKILL')));
    const ids = [await said('send', 'first@example.com', 'Hello', 'Hello.')];
    await redis.kill();
    ids.push(await said('send', 'second@example.com', 'Hello', 'Hello.'));
    await redis.start(); // empty
    await startWorkers();
    for (const id of ids) await followed(id, 'sent');
    for (const name of ['first', 'second']) expect(await sink.waitForMailTo(`${name}@example.com`)).toHaveLength(1);
  });
});
