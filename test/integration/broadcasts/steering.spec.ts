import { Beginnings } from '../../../src/broadcasts/beginnings.js';
import { Expansion } from '../../../src/broadcasts/expansion.js';
import { DatabaseClock } from '../../../src/database/database-clock.js';
import { PrismaService, Transactions } from '../../../src/database/prisma.service.js';
import { BroadcastMessages } from '../../../src/mail/outbox/broadcast-messages.js';
import { Ledger } from '../../../src/mail/outbox/ledger.js';
import { queueOf } from '../../support/database/woken-lanes.js';
import { AudienceClient, estimatedMs } from '../../support/service/audience.js';
import type { ProblemBody } from '../../support/service/api.js';
import { createApiKey } from '../../support/service/api-key.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';
import { eventually } from '../../support/signals/wait.js';
import { wakeWorkers } from '../../support/signals/wake.js';
import { SmtpSink } from '../../support/smtp/smtp-sink.js';

const WORDS = { subject: 'News', text: 'Hello.' };

/** The server takes nothing until the test lets it. */
class Gate {
  private waiting: (() => void)[] = [];
  private open = true;

  close(): void {
    this.open = false;
  }

  release(): void {
    this.open = true;
    for (const go of this.waiting.splice(0)) go();
  }

  get held(): number {
    return this.waiting.length;
  }

  pass(): Promise<void> {
    return this.open ? Promise.resolve() : new Promise((resolve) => void this.waiting.push(resolve));
  }
}

describe('a broadcast under way', () => {
  const gate = new Gate();
  let otpost: Otpost;
  let sink: SmtpSink;
  let key: string;
  let audience: AudienceClient;
  let prisma: PrismaService;
  let expansion: Expansion;
  let beginnings: Beginnings;

  beforeAll(async () => {
    sink = await SmtpSink.start({ onRcptTo: (_address, _session, done) => void gate.pass().then(() => done()) });
    otpost = await startOtpost({ MAIL_TRANSPORTS: sink.url, WORKER_CONCURRENCY: 'critical:2,default:2,bulk:2' });
    key = await createApiKey(otpost.database.url, ['audiences', 'emails:read', 'emails:send']);
    prisma = new PrismaService({ url: otpost.database.url, poolSize: 4 });
    beginnings = new Beginnings(prisma);
    expansion = new Expansion(
      prisma,
      new Transactions(prisma),
      new BroadcastMessages(prisma, await DatabaseClock.read(prisma)),
      queueOf(),
      beginnings,
    );
  });
  beforeEach(async () => {
    gate.release();
    await otpost.database.query('DELETE FROM lane_pauses');
    audience = await AudienceClient.make(otpost.api, key);
    sink.received.length = 0;
  });
  afterEach(async () => expect((await new Ledger(prisma).read()).imbalance).toBe(0));
  afterAll(async () => {
    gate.release();
    await prisma.$disconnect();
    await otpost.stop();
    await sink.stop();
  });

  let people = 0;
  /** Addresses that no case had before. */
  async function subscribed(count: number): Promise<string[]> {
    const addresses = Array.from({ length: count }, () => `person${++people}@example.com`);
    const { body } = await audience.import(`email\n${addresses.join('\n')}\n`);
    await eventually(async () => (await audience.look(body.id)).body.status === 'done', 'the import');
    return addresses;
  }

  /** Nothing of the lane is claimed, so that what happens meanwhile happens before it is. */
  async function heldBroadcast(addresses: readonly string[], words: object = WORDS): Promise<string> {
    await otpost.database.query(`INSERT INTO lane_pauses (lane) VALUES ('bulk')`);
    const { body } = await audience.tell(words);
    await expanded(body.id, addresses.length);
    return body.id;
  }

  async function letGo(): Promise<void> {
    await otpost.database.query('DELETE FROM lane_pauses');
    await wakeWorkers(otpost, key, 'bulk');
  }

  const expanded = (id: string, count: number) =>
    eventually(async () => (await audience.broadcast(id)).expanded >= count, `${count} messages`);

  const over = (id: string) =>
    eventually(async () => {
      const [row] = await otpost.database.query<{ over: boolean }>(
        'SELECT finished_at IS NOT NULL AS over FROM broadcasts WHERE id = $1',
        [id],
      );
      return row!.over && (await audience.broadcast(id));
    }, 'the end of the broadcast');

  const fates = async (id: string) =>
    Object.fromEntries(
      (
        await otpost.database.query<{ to: string; status: string; error: string | null }>(
          'SELECT to_address AS "to", status, last_error_code AS error FROM outbound_emails WHERE broadcast_id = $1',
          [id],
        )
      ).map(({ to, status, error }) => [to, error ?? status]),
    );

  const taken = (): string[] => sink.received.flatMap(({ to }) => to).sort();

  /** Other bulk mail comes through, after which whatever could go out of the broadcast has been claimed. */
  async function otherMailPasses(): Promise<void> {
    const to = `other${++people}@example.com`;
    await audience.post('/v1/emails', { to, lane: 'bulk', subject: 'Hello', text: 'Hello' });
    await sink.waitForMailTo(to);
    sink.received.splice(0, sink.received.length, ...sink.received.filter((one) => !one.to.includes(to)));
  }

  it('that is paused hands over what it has in hand and nothing more, until it goes on', async () => {
    const addresses = await subscribed(40);
    gate.close();
    const { body } = await audience.tell(WORDS);
    await expanded(body.id, 40);
    await eventually(() => gate.held === 2, 'both slots to be taken');
    expect((await audience.steer(body.id, 'pause')).body.status).toBe('paused');
    gate.release();
    await eventually(
      async () => ((await audience.broadcast(body.id)).counts['sent'] ?? 0) === 2,
      'what was in hand to be sent',
    );
    await otherMailPasses();
    const paused = await audience.broadcast(body.id);
    expect(paused).toMatchObject({ status: 'paused', estimatedEndAt: null, counts: { sent: 2, queued: 38 } });
    expect(taken()).toHaveLength(2);
    const waiting = await audience.get<{ items: { id: string }[] }>(
      `/v1/emails?broadcast=${body.id}&status=queued&limit=1`,
    );
    const one = await audience.get<{ nextAttemptAt: string | null; events: unknown[] }>(
      `/v1/emails/${waiting.body.items[0]!.id}`,
    );
    expect(one.body).toMatchObject({ nextAttemptAt: null, events: [{ status: 'queued' }] });

    expect((await audience.steer(body.id, 'resume')).body.status).toBe('sending');
    expect(await over(body.id)).toMatchObject({ status: 'done', counts: { sent: 40 } });
    expect(taken()).toEqual([...addresses].sort());
    expect((await audience.steer(body.id, 'pause')).status).toBe(409);
  });

  it('that is cancelled in the middle ends the rest, and stays so', async () => {
    await subscribed(40);
    gate.close();
    const { body } = await audience.tell(WORDS);
    await expanded(body.id, 40);
    await eventually(() => gate.held === 2, 'both slots to be taken');
    expect((await audience.steer(body.id, 'cancel')).body.status).toBe('cancelled');
    gate.release();
    expect(await over(body.id)).toMatchObject({ status: 'cancelled', counts: { sent: 2, cancelled: 38 } });
    expect(taken()).toHaveLength(2);
    expect(Object.values(await fates(body.id)).filter((code) => code === 'broadcast_cancelled')).toHaveLength(38);
    expect((await audience.steer(body.id, 'cancel')).body.status).toBe('cancelled');
    expect((await audience.steer(body.id, 'resume')).status).toBe(409);
  });

  it('is not heard by whoever leaves, bounces, complains or is removed before it is handed over', async () => {
    const [stays, leaves, bounces, complains, removed, leavesAll] = (await subscribed(6)) as [
      string,
      string,
      string,
      string,
      string,
      string,
    ];
    const id = await heldBroadcast([stays, leaves, bounces, complains, removed, leavesAll]);
    const of = async (email: string) => `/v1/audiences/${audience.id}/subscribers/${(await audience.find(email)).id}`;
    await otpost.api.send(
      'PATCH',
      await of(leaves),
      { ...audience.auth, 'content-type': 'application/json' },
      '{"status":"unsubscribed"}',
    );
    await otpost.api.delete(await of(removed), key);
    await otpost.database.query(
      `INSERT INTO suppressions (address_canonical, scope, reason, source) VALUES ($1, 'all', 'hard_bounce', 'dsn'), ($2, 'bulk', 'complaint', 'postmark'), ($3, 'bulk', 'unsubscribe', 'page')`,
      [bounces, complains, leavesAll],
    );
    expect([
      (await audience.find(bounces)).status,
      (await audience.find(complains)).status,
      (await audience.find(leavesAll)).status,
    ]).toEqual(['bounced', 'complained', 'unsubscribed']);
    await letGo();
    expect(await over(id)).toMatchObject({ counts: { sent: 1, suppressed: 5 } });
    expect(await fates(id)).toEqual({
      [stays]: 'sent',
      [leaves]: 'subscriber_unsubscribed',
      [bounces]: 'suppressed_hard_bounce',
      [complains]: 'suppressed_complaint',
      [removed]: 'subscriber_removed',
      [leavesAll]: 'suppressed_unsubscribe',
    });
    expect(taken()).toEqual([stays]);
    const { body } = await audience.get<{ items: [{ id: string }] }>(
      `/v1/emails?errorCode=subscriber_unsubscribed&broadcast=${id}`,
    );
    const { body: email } = await audience.get<{ events: { status: string; errorCode: string }[] }>(
      `/v1/emails/${body.items[0].id}`,
    );
    expect(email.events.at(-1)).toMatchObject({ status: 'suppressed', errorCode: 'subscriber_unsubscribed' });
  });

  it('tells nobody who joins after it began', async () => {
    const first = await subscribed(3);
    const id = await heldBroadcast(first);
    await subscribed(2);
    await letGo();
    expect(await over(id)).toMatchObject({ total: 3, expanded: 3 });
    expect(taken()).toEqual([...first].sort());
  });

  /** No task of the service expands it: the test does. */
  async function byHand(words: object): Promise<string> {
    await eventually(async () => {
      const held = await otpost.database.query(
        `UPDATE scheduled_tasks SET lease_until = now() + interval '1 hour', leased_by = 'a test'
         WHERE name = 'broadcasts.expansion' AND leased_by IS NULL RETURNING name`,
      );
      return held.length === 1;
    }, 'the task to be idle');
    return (await audience.tell(words)).body.id;
  }

  async function giveBack(): Promise<void> {
    await otpost.database.query(
      `UPDATE scheduled_tasks SET lease_until = NULL, leased_by = NULL, next_run_at = now() WHERE name = 'broadcasts.expansion'`,
    );
  }

  it('begins without those that cannot, and says what keeps these', async () => {
    await subscribed(2);
    await otpost.database.query(`
      CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'it cannot begin'; END $$;
      CREATE TRIGGER refuse BEFORE UPDATE ON broadcasts FOR EACH ROW
        WHEN (NEW.subject = 'Broken' AND NEW.started_at IS NOT NULL AND OLD.started_at IS NULL) EXECUTE FUNCTION refuse()`);
    const { body: broken } = await audience.tell({ ...WORDS, subject: 'Broken' });
    const { body: whole } = await audience.tell(WORDS);
    expect(await over(whole.id)).toMatchObject({ status: 'done', counts: { sent: 2 } });
    await eventually(async () => {
      const [task] = await otpost.database.query<{ error: string | null }>(
        `SELECT last_error AS error FROM scheduled_tasks WHERE name = 'broadcasts.expansion'`,
      );
      return task!.error?.includes('it cannot begin');
    }, 'the schedule to say why');
    await otpost.database.query('DROP TRIGGER refuse ON broadcasts');
    expect(await over(broken.id)).toMatchObject({ status: 'done', counts: { sent: 2 } });
  });

  it('to a large audience counts it a window at a time, and those who join meanwhile', async () => {
    const join = (from: number, to: number) =>
      otpost.database.query(
        `INSERT INTO subscribers (id, audience_id, address, address_canonical, attributes)
         SELECT ('01a00000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, $1, n || '@example.com', n || '@example.com',
           jsonb_build_object('plan', CASE WHEN n % 10000 = 0 THEN 'pro' ELSE 'free' END)
         FROM generate_series($2::int, $3::int) AS n`,
        [audience.id, from, to],
      );
    await join(1, 100_000);
    const id = await byHand({ ...WORDS, filter: { plan: 'pro' } });
    const look = () => audience.broadcast(id);
    expect([await beginnings.due(), await beginnings.go(id), await beginnings.go(id)]).toEqual([[id], 50_000, 50_000]);
    expect(await look()).toMatchObject({ status: 'scheduled', total: null });
    await join(100_001, 120_000);
    expect([await beginnings.go(id), await beginnings.due()]).toEqual([0, []]);
    expect(await look()).toMatchObject({ status: 'sending', total: 12 });
    await join(120_001, 130_000);
    await giveBack();
    expect(await over(id)).toMatchObject({ status: 'done', total: 12, counts: { sent: 12 } });
  });

  it('that two expand at once has one message for each', async () => {
    const addresses = await subscribed(5_000);
    await otpost.database.query(`INSERT INTO lane_pauses (lane) VALUES ('bulk')`);
    const id = await byHand(WORDS);
    expect(await beginnings.go(id)).toBe(0);
    const work = async (): Promise<number> => {
      let made = 0;
      for (let idle = 0; idle < 5;) {
        const { count } = await expansion.expand(id);
        made += count;
        idle = count === 0 ? idle + 1 : 0;
      }
      return made;
    };
    const made = await Promise.all([work(), work(), work()]);
    expect(made.reduce((sum, count) => sum + count, 0)).toBe(addresses.length);
    const [counted] = await otpost.database.query<{ messages: number; people: number; receipts: number }>(
      `SELECT count(DISTINCT m.id)::int AS messages, count(DISTINCT m.to_address)::int AS people, count(e.id)::int AS receipts
       FROM outbound_emails m LEFT JOIN email_events e ON e.email_id = m.id WHERE broadcast_id = $1`,
      [id],
    );
    expect(counted).toEqual({ messages: addresses.length, people: addresses.length, receipts: addresses.length });
    await audience.steer(id, 'cancel');
    await giveBack();
    await over(id);
  });

  it('with a rate begins no more than it allows, and has no burst after a pause of the way out', async () => {
    await subscribed(12);
    await otpost.database.query(`INSERT INTO lane_pauses (lane) VALUES ('bulk')`);
    const id = await byHand({ ...WORDS, rate: '60/h' });
    const later = (minutes: number) =>
      otpost.database.query(`UPDATE broadcasts SET tokens_at = tokens_at - $2 * interval '1 minute' WHERE id = $1`, [
        id,
        minutes,
      ]);
    const expand = async () => (await expansion.expand(id)).count;
    expect(await beginnings.go(id)).toBe(0);
    expect([await expand(), await expand()]).toEqual([1, 0]);
    // An hour passes, and nothing was handed over: nothing more begins.
    await later(60);
    expect(await expand()).toBe(0);
    // The way out is back: one, and what the hour would have allowed is not made up for.
    await otpost.database.query(`UPDATE outbound_emails SET status = 'sent' WHERE broadcast_id = $1`, [id]);
    expect([await expand(), await expand()]).toEqual([1, 0]);
    await otpost.database.query(`UPDATE outbound_emails SET status = 'sent' WHERE broadcast_id = $1`, [id]);
    await later(0.5);
    expect(await expand()).toBe(0);
    await later(0.5);
    expect(await expand()).toBe(1);
    // What waits for another attempt later holds up nobody.
    await otpost.database.query(
      `UPDATE outbound_emails SET status = 'deferred', next_attempt_at = now() + interval '1 hour' WHERE broadcast_id = $1 AND status = 'queued'`,
      [id],
    );
    await later(1);
    expect(await expand()).toBe(1);
    expect(estimatedMs(await audience.broadcast(id))).toBeGreaterThan(9 * 60_000); // ten are left, one a minute
    await audience.steer(id, 'cancel');
    await giveBack();
    await over(id);
  });

  it('with a rate goes on by itself to its end', async () => {
    const addresses = await subscribed(6);
    const { body } = await audience.tell({ ...WORDS, rate: '50/s' });
    expect(await over(body.id)).toMatchObject({ status: 'done', counts: { sent: 6 } });
    expect(taken()).toEqual([...addresses].sort());
  });

  it('is for nobody where nobody is there, and over at once', async () => {
    const { body } = await audience.tell(WORDS);
    expect(await over(body.id)).toMatchObject({ status: 'done', total: 0, expanded: 0, counts: {} });
  });

  it('is not taken for an audience that is deleted at the same moment', async () => {
    const { asked } = await prisma.$transaction(async (db) => {
      // As the call that deletes it does.
      await db.$queryRaw`SELECT FROM audiences WHERE id = ${audience.id}::uuid FOR UPDATE`;
      let isAnswered = false;
      const answer = audience.tell(WORDS).finally(() => (isAnswered = true));
      await eventually(async () => {
        const waiting = await otpost.database.query(
          `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
        );
        return isAnswered || waiting.length > 0;
      }, 'the broadcast to wait for it');
      await db.$executeRaw`UPDATE audiences SET deleted_at = now() WHERE id = ${audience.id}::uuid`;
      return { asked: answer };
    });
    const { status, body } = await asked;
    expect([status, (body as unknown as ProblemBody).errors]).toEqual([
      422,
      [expect.objectContaining({ field: 'audience', code: 'unknown_audience' })],
    ]);
  });

  it('keeps its audience from being deleted until it is over, and then all of it goes', async () => {
    const id = await heldBroadcast(await subscribed(2));
    expect((await otpost.api.delete(`/v1/audiences/${audience.id}`, key)).status).toBe(409);
    await letGo();
    await over(id);
    expect((await otpost.api.delete(`/v1/audiences/${audience.id}`, key)).status).toBe(204);
    expect((await audience.get(`/v1/audiences/${audience.id}`)).status).toBe(404);
    await eventually(async () => {
      const [row] = await otpost.database.query<{ left: number }>(
        'SELECT (SELECT count(*) FROM subscribers WHERE audience_id = $1)::int + (SELECT count(*) FROM audiences WHERE id = $1)::int AS left',
        [audience.id],
      );
      return row!.left === 0;
    }, 'the subscribers to be removed');
  });
});
