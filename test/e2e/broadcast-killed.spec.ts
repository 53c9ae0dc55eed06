import { PrismaService } from '../../src/database/prisma.service.js';
import { Ledger } from '../../src/mail/outbox/ledger.js';
import { createDatabase, type TestDatabase } from '../support/database/postgres.js';
import { sized } from '../support/faults/fault-form.js';
import { createApiKey } from '../support/service/api-key.js';
import { AudienceClient } from '../support/service/audience.js';
import { OtpostProcess } from '../support/service/otpost-process.js';
import { TEST_SECRET } from '../support/service/otpost.js';
import { eventually } from '../support/signals/wait.js';
import { SmtpSink } from '../support/smtp/smtp-sink.js';

/** `npm run test:faults -- --long test/e2e/broadcast-killed.spec.ts`: a hundred thousand. */
const PEOPLE = sized(3_000, 100_000);
/** So that both are killed in the middle, whatever the machine can do. */
const RATE = sized('300/s', '2000/s');
const WITHIN = sized(300_000, 1_800_000);

describe('kill -9 of web and worker, twice, in the middle of a broadcast', () => {
  /** How often each address was sent to. */
  const taken = new Map<string, number>();
  let database: TestDatabase;
  let sink: SmtpSink;
  let key: string;
  let env: Record<string, string>;
  const all: OtpostProcess[] = [];

  beforeAll(async () => {
    database = await createDatabase();
    key = await createApiKey(database.url, ['audiences']);
    sink = await SmtpSink.start({
      onData: (stream, session, done) => {
        stream.resume();
        stream.on('end', () => {
          for (const { address } of session.envelope.rcptTo) taken.set(address, (taken.get(address) ?? 0) + 1);
          done(null);
        });
      },
    });
    env = {
      DATABASE_URL: database.url,
      APP_SECRET: TEST_SECRET,
      PORT: '0',
      MAIL_TRANSPORTS: sink.url,
      OUTBOX_RESCUE: 'off',
    };
  });
  afterAll(async () => {
    await Promise.all(all.map((one) => one.stop('SIGKILL')));
    await sink.stop();
    await database.drop();
  });

  async function start(): Promise<{ web: OtpostProcess; worker: OtpostProcess }> {
    const web = new OtpostProcess({ ...env, ROLE: 'web' });
    const worker = new OtpostProcess({ ...env, ROLE: 'worker', WORKER_CONCURRENCY: 'critical:1,default:1,bulk:8' });
    all.push(web, worker);
    await Promise.all([web.ready(), worker.ready()]);
    return { web, worker };
  }

  it('makes one message for each, sends it once, and loses none', async () => {
    let { web, worker } = await start();
    const audience = await AudienceClient.make(await web.api(), key);
    const addresses = Array.from({ length: PEOPLE }, (_, n) => `ada${n}@example.com`);
    const imported = await audience.import(`email,name\n${addresses.map((one, n) => `${one},Ada ${n}`).join('\n')}\n`);
    await eventually(async () => (await audience.look(imported.body.id)).body.status === 'done', 'the import', WITHIN);
    const words = { subject: 'Hello {{ subscriber.name }}', text: 'News.', rate: RATE };
    const { body } = await audience.tell(words, { 'idempotency-key': 'spring' });

    let inTheirHands = 0;
    for (const share of [0.25, 0.6]) {
      await eventually(() => taken.size > share * PEOPLE, `${share * PEOPLE} to be sent`, WITHIN);
      await Promise.all([web.stop('SIGKILL'), worker.stop('SIGKILL')]);
      // The leases of the dead, which others would wait for.
      await database.query(`UPDATE scheduled_tasks SET lease_until = now()`);
      const held = await database.query(
        `UPDATE outbound_emails SET lease_until = now() - interval '1 second' WHERE status = 'sending' RETURNING id`,
      );
      inTheirHands += held.length;
      ({ web, worker } = await start());
      // The back end asks once more, for it does not know.
      const again = await audience.by(await web.api()).tell(words, { 'idempotency-key': 'spring' });
      expect([again.status, again.body.id]).toEqual([202, body.id]);
    }
    const found = await eventually(
      async () => {
        const look = await audience.by(await web.api()).broadcast(body.id);
        return look.status === 'done' && look;
      },
      'the end of the broadcast',
      WITHIN,
    );

    expect(found).toMatchObject({ total: PEOPLE, expanded: PEOPLE });
    const [rows] = await database.query<{ messages: number; people: number }>(
      'SELECT count(*)::int AS messages, count(DISTINCT subscriber_id)::int AS people FROM outbound_emails WHERE broadcast_id = $1',
      [body.id],
    );
    expect(rows).toEqual({ messages: PEOPLE, people: PEOPLE });
    // What was with the server when its worker died is unknown, and is not sent again.
    const unknown = await database.query<{ to: string }>(
      `SELECT to_address AS "to" FROM outbound_emails WHERE status = 'unknown'`,
    );
    expect(unknown.length).toBeLessThanOrEqual(inTheirHands);
    expect(found.counts['sent']).toBe(PEOPLE - unknown.length);
    expect([...taken].filter(([, times]) => times > 1)).toEqual([]);
    const reached = new Set([...taken.keys(), ...unknown.map(({ to }) => to)]);
    expect(addresses.filter((address) => !reached.has(address))).toEqual([]);
    const [counters] = await database.query<{ sum: number; most: number }>(
      'SELECT sum(sent_count)::int AS sum, max(sent_count) AS most FROM subscribers',
    );
    expect(counters).toEqual({ sum: found.counts['sent'], most: 1 });
    const prisma = new PrismaService({ url: database.url, poolSize: 1 });
    expect((await new Ledger(prisma).read()).imbalance).toBe(0);
    await prisma.$disconnect();
  });
});
