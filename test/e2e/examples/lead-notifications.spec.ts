import { describeWithRedisServer, RedisServer } from '../../support/redis/redis-server.js';
import { freePort } from '../../support/network/free-port.js';
import { createApiKey } from '../../support/service/api-key.js';
import { Api } from '../../support/service/api.js';
import { AudienceClient, type BroadcastBody, estimatedMs } from '../../support/service/audience.js';
import { compiledExample, ExampleServer } from '../../support/service/example.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';
import { eventually } from '../../support/signals/wait.js';
import { wakeWorkers } from '../../support/signals/wake.js';
import { SmtpSink } from '../../support/smtp/smtp-sink.js';

const BUSY = 'busy@example.com';

interface Taken {
  lead: string;
  thanks: string;
  notification: string;
}

describeWithRedisServer('examples/lead-notifications', () => {
  let sink: SmtpSink;
  let redis: RedisServer;
  let otpost: Otpost;
  let key: string;
  let audience: AudienceClient;
  let example: ExampleServer;
  let dealer: Api;

  beforeAll(async () => {
    sink = await SmtpSink.start({
      onRcptTo: ({ address }, _session, done) => {
        done(address === BUSY ? Object.assign(new Error('4.2.1 mailbox is busy'), { responseCode: 450 }) : null);
      },
    });
    redis = await RedisServer.start();
    otpost = await startOtpost({
      MAIL_TRANSPORTS: sink.url,
      MAIL_FROM: 'Leads <leads@example.com>',
      REDIS_URL: redis.url,
    });
    key = await createApiKey(otpost.database.url, ['emails:send', 'emails:read', 'audiences']);
    audience = await AudienceClient.make(otpost.api, key, 'Agents');
    await audience.add('agent1@example.com');
    await audience.add('agent2@example.com');
    await audience.add('left@example.com');
    await otpost.database.query(`UPDATE subscribers SET status = 'unsubscribed' WHERE address = 'left@example.com'`);
    const port = await freePort();
    dealer = new Api(`http://127.0.0.1:${port}`);
    example = await ExampleServer.start(
      dealer.url,
      [process.execPath, await compiledExample('lead-notifications/server.ts')],
      { OTPOST_URL: otpost.api.url, OTPOST_API_KEY: key, LEADS_AUDIENCE: audience.id, PORT: String(port) },
    );
  });
  afterAll(async () => {
    await example.stop();
    await otpost.stop();
    await Promise.all([redis.kill(), sink.stop()]);
  });

  async function lead(more: object): Promise<Taken> {
    const { status, body } = await dealer.post<Taken>('/leads', {
      name: 'Katherine',
      vehicle: 'VW Golf, 2019',
      ...more,
    });
    expect([status, body]).toEqual([200, expect.objectContaining({ thanks: expect.any(String) as string })]);
    return body;
  }

  const progress = async (id: string): Promise<BroadcastBody> =>
    (await dealer.get<BroadcastBody>(`/notifications/${id}`)).body;

  const done = (id: string): Promise<BroadcastBody> =>
    eventually(async () => {
      const found = await progress(id);
      return found.status === 'done' && found;
    }, 'all to be told');

  const textsTo = async (address: string, count = 1): Promise<string[]> =>
    (await sink.waitForMailTo(address, count)).map(({ mail }) => mail.text ?? '');

  it('thanks the customer, tells each active subscriber what was typed, and counts it at hand-over', async () => {
    const message = 'Does {{ it }} have {% seats %}?';
    const order = { id: 'lead-1', email: 'katherine@example.com', message };
    const [first, again] = [await lead(order), await lead(order)];
    expect(again).toEqual(first);
    expect(await done(first.notification)).toMatchObject({ total: 2, counts: { sent: 2 } });
    const [thanks] = await sink.waitForMailTo('katherine@example.com');
    expect(thanks!.mail.text).toContain('VW Golf, 2019');
    for (const agent of ['agent1@example.com', 'agent2@example.com']) {
      expect((await textsTo(agent))[0]).toContain(message);
      expect(await audience.find(agent)).toMatchObject({ sentCount: 1 });
    }
    expect([sink.received.length, (await audience.find('left@example.com')).sentCount]).toEqual([3, 0]);
  });

  it('tells the subscribers also where the customer’s address is none, and says so', async () => {
    const order = { id: 'lead-2', name: 'Ida', vehicle: 'Fiat 500', email: 'ida@example' };
    const { status, body } = await dealer.post<Taken & { thanksRefused: object }>('/leads', order);
    expect([status, body]).toEqual([
      200,
      expect.objectContaining({
        thanks: null,
        thanksRefused: expect.objectContaining({ error: 'validation_failed' }) as object,
      }),
    ]);
    expect(await done(body.notification)).toMatchObject({ counts: { sent: 2 } });
    expect((await dealer.post<Taken>('/leads', order)).body).toEqual(body);
    expect(await dealer.post('/leads', { ...order, id: 'lead-3', name: 'x'.repeat(10_000) })).toMatchObject({
      status: 422,
    });
  });

  it('does the same while the broker is down', async () => {
    await redis.kill();
    const { notification } = await lead({ email: 'mary@example.com' });
    expect(await done(notification)).toMatchObject({ counts: { sent: 2 } });
    await textsTo('mary@example.com');
    expect(await textsTo('agent1@example.com', 3)).toHaveLength(3);
    await redis.start();
  });

  it('tries a subscriber whose mailbox is busy three times more, and no other is told twice for it', async () => {
    await audience.add(BUSY);
    const { notification } = await lead({ email: 'joan@example.com' });
    for (let tries = 1; tries < 4; tries++) {
      await eventually(async () => (await busyMessage(notification)).attempts === tries, `attempt ${tries}`);
      // The minutes until the next attempt pass.
      await otpost.database.query(
        `UPDATE outbound_emails SET next_attempt_at = now() WHERE status = 'deferred' AND to_address = $1`,
        [BUSY],
      );
      await wakeWorkers(otpost, key, 'bulk');
    }
    expect(await done(notification)).toMatchObject({ counts: { sent: 2, failed: 1 } });
    const tries = await otpost.database.query(
      `SELECT FROM email_events e JOIN outbound_emails m ON m.id = e.email_id
       WHERE m.broadcast_id = $1 AND m.to_address = $2 AND e.status = 'sending'`,
      [notification, BUSY],
    );
    expect([tries.length, (await audience.find(BUSY)).sentCount]).toEqual([4, 0]);
    expect(await textsTo('agent2@example.com', 4)).toHaveLength(4);
  });

  async function busyMessage(broadcast: string): Promise<{ status: string; attempts: number }> {
    const [row] = await otpost.database.query<{ status: string; attempts: number }>(
      `SELECT status, attempts FROM outbound_emails WHERE broadcast_id = $1 AND to_address = $2 AND status IN ('deferred', 'failed')`,
      [broadcast, BUSY],
    );
    return row ?? { status: 'queued', attempts: 0 };
  }

  it('tells a hundred at fifty a minute', async () => {
    const many = Array.from({ length: 100 }, (_, n) => `many${n}@example.com`);
    const { body } = await audience.import(`email\n${many.join('\n')}\n`);
    await eventually(async () => (await audience.look(body.id)).body.status === 'done', 'the import');
    const { notification } = await lead({ email: 'dorothy@example.com' });
    const under = await eventually(async () => {
      const found = await progress(notification);
      return found.estimatedEndAt !== null && found.total === 103 && found;
    }, 'the broadcast to begin');
    // However far it is: 103 at 50 a minute take 123 s, but for the two that may begin at once.
    const { startedAt } = await audience.broadcast(notification);
    expect(estimatedMs({ ...under, startedAt })).toBeGreaterThan(120_000);
    await audience.steer(notification, 'cancel');
  });
});
