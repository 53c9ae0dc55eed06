import type { SMTPServerAddress } from 'smtp-server';
import { OutboxBench } from '../../support/database/outbox-bench.js';
import { createApiKey } from '../../support/service/api-key.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';
import { eventually } from '../../support/signals/wait.js';
import { wakeWorkers } from '../../support/signals/wake.js';
import { SmtpSink } from '../../support/smtp/smtp-sink.js';

const SLOTS = 8;
const SHARE = 4;

/** A server that says nothing to recipients at slow.example until the test lets it. */
class SlowDomain {
  readonly held: (() => void)[] = [];
  most = 0;
  private answers = false;
  sink!: SmtpSink;

  static async start(): Promise<SlowDomain> {
    const slow = new SlowDomain();
    slow.sink = await SmtpSink.start({
      onRcptTo: ({ address }: SMTPServerAddress, _session, done) => {
        if (!address.endsWith('@slow.example') || slow.answers) return done();
        slow.held.push(() => done());
        slow.most = Math.max(slow.most, slow.held.length);
      },
    });
    return slow;
  }

  /** The first that waits gets its answer. */
  answerOne(): void {
    this.held.shift()!();
  }

  answer(): void {
    this.answers = true;
    for (const done of this.held.splice(0)) done();
  }

  taken(): number {
    return this.sink.received.filter(({ to }) => to[0]!.endsWith('@slow.example')).length;
  }
}

describe('codes to a domain whose server does not answer', () => {
  let slow: SlowDomain;
  let otpost: Otpost;

  beforeEach(async () => {
    slow = await SlowDomain.start();
    otpost = await startOtpost({ MAIL_TRANSPORTS: slow.sink.url, WORKER_CONCURRENCY: `critical:${SLOTS}` });
  });
  afterEach(async () => {
    slow.answer();
    await otpost.stop();
    await slow.sink.stop();
  });

  const statuses = async (domain: string): Promise<Record<string, number>> => {
    const rows = await otpost.database.query<{ status: string; count: number }>(
      `SELECT status, count(*)::int AS count FROM outbound_emails WHERE to_canonical LIKE '%@' || $1 GROUP BY 1`,
      [domain],
    );
    return Object.fromEntries(rows.map(({ status, count }) => [status, count]));
  };

  it('hold no more than half of the slots: a code to another domain is sent meanwhile, and all of them once the server answers', async () => {
    for (let n = 0; n < 20; n++) await otpost.api.register(`ada${n}@slow.example`);
    await eventually(() => slow.held.length === SHARE, 'the share of the domain to hang');
    await otpost.api.register('grace@quick.example');
    await slow.sink.waitForMailTo('grace@quick.example');
    await eventually(async () => (await statuses('quick.example'))['sent'] === 1, 'the record of it');
    expect([await statuses('slow.example'), slow.taken()]).toEqual([{ sending: SHARE, queued: 20 - SHARE }, 0]);
    slow.answer();
    await eventually(() => slow.taken() === 20, 'all others');
    expect(slow.most).toBe(SHARE);
    await eventually(async () => (await statuses('slow.example'))['sent'] === 20, 'their record');
  });

  it('are overtaken by codes that were accepted after all of them', async () => {
    const key = await createApiKey(otpost.database.url);
    await otpost.database.query(`INSERT INTO lane_pauses (lane) VALUES ('critical')`);
    for (let n = 0; n < 20; n++) await otpost.api.register(`ada${n}@slow.example`);
    for (let n = 0; n < 12; n++) await otpost.api.register(`grace${n}@quick${n % 3}.example`);
    await otpost.database.query('DELETE FROM lane_pauses');
    await wakeWorkers(otpost, key);
    await eventually(() => slow.sink.received.length === 12, 'all codes to the other domains');
    expect([slow.held.length, slow.taken()]).toEqual([SHARE, 0]);
  });

  it('go on with each answer, though nothing else happens', async () => {
    for (let n = 0; n < 10; n++) await otpost.api.register(`ada${n}@slow.example`);
    for (let answered = 1; answered <= 6; answered++) {
      await eventually(() => slow.held.length === SHARE, `the share of the domain after ${answered - 1} answers`);
      slow.answerOne();
      await eventually(() => slow.taken() === answered, `${answered} to be taken`);
    }
    expect(slow.most).toBe(SHARE);
  });
});

describe('a claim with places', () => {
  let bench: OutboxBench;

  beforeAll(async () => {
    bench = await OutboxBench.open();
  });
  beforeEach(() => bench.clear());
  afterAll(() => bench.close());

  const accept = (domain: string, count: number) =>
    Promise.all(
      Array.from({ length: count }, (_, n) => bench.accept({ to: `a${n}@${domain}`, toCanonical: `a${n}@${domain}` })),
    );
  const claim = (limit: number, used: Record<string, number> = {}) =>
    bench.outbox.claim('critical', limit, 'w', { used: new Map(Object.entries(used)), most: 3 });
  const domainsOf = (rows: readonly { domain: string }[]): string[] => rows.map(({ domain }) => domain).sort();

  it('takes of each domain what it has places for, and says of which it left some', async () => {
    await accept('a.example', 5);
    await accept('b.example', 2);
    const { rows, more, left } = await claim(10, { 'a.example': 1 });
    expect([domainsOf(rows), more, left]).toEqual([
      ['a.example', 'a.example', 'b.example', 'b.example'],
      false,
      ['a.example'],
    ]);
    expect(
      await bench.database.query(`SELECT status, count(*)::int AS count FROM outbound_emails GROUP BY 1 ORDER BY 1`),
    ).toEqual([
      { status: 'queued', count: 3 },
      { status: 'sending', count: 4 },
    ]);
  });

  it('looks past those of a domain without a place', async () => {
    await accept('a.example', 20);
    await accept('b.example', 2);
    const first = await claim(8);
    expect([domainsOf(first.rows), first.more, first.left]).toEqual([Array(3).fill('a.example'), true, ['a.example']]);
    const second = await claim(8, { 'a.example': 3 });
    expect([domainsOf(second.rows), second.more, second.left]).toEqual([['b.example', 'b.example'], false, []]);
  });

  it('needs no place for what ends', async () => {
    await bench.accept({ to: 'a@a.example', toCanonical: 'a@a.example', expiresAt: new Date(Date.now() - 1_000) });
    await accept('a.example', 3);
    const { rows, left } = await claim(10);
    expect([rows.length, left]).toEqual([3, []]);
  });

  it('reads the list of what is due, and not the history', async () => {
    await bench.database.query(`
      INSERT INTO outbound_emails (id, lane, status, from_address, to_address, to_canonical, locale, seal_key_id, secret, max_attempts, message_id)
      SELECT gen_random_uuid(), 'critical', 'sent', 'a@b.example', n || '@d.example', n || '@d.example', 'en', 'x', true, 1, n::text FROM generate_series(1, 100000) AS n`);
    await bench.database.query(
      `INSERT INTO suppressions (address_canonical, reason, source) SELECT n || '@d.example', 'hard_bounce', 'smtp' FROM generate_series(1, 100000) AS n`,
    );
    await bench.database.query('ANALYZE outbound_emails, suppressions');
    await accept('a.example', 40);
    const plans = await bench.plansOf({
      lane: 'critical',
      limit: 8,
      worker: 'w',
      leaseSeconds: 20,
      places: { used: new Map([['full.example', 3]]), most: 3 },
    });
    expect(plans.scansOf('outbound_emails')).toEqual(expect.arrayContaining(['Index Scan using outbound_emails_due']));
    expect(
      [...plans.scansOf('outbound_emails'), ...plans.scansOf('suppressions')].filter((scan) =>
        scan.startsWith('Seq Scan'),
      ),
    ).toEqual([]);
  });
});
