import { randomUUID } from 'node:crypto';
import { PrismaService } from '../../../src/database/prisma.service.js';
import { Transactions } from '../../../src/database/unit-of-work.js';
import { type ClaimedEmail, Outbox } from '../../../src/mail/outbox.js';
import { createDatabase, type TestDatabase } from '../../support/postgres.js';

describe('the outbox', () => {
  let database: TestDatabase;
  let prisma: PrismaService;
  let transactions: Transactions;
  let outbox: Outbox;

  beforeAll(async () => {
    database = await createDatabase();
    prisma = new PrismaService({ url: database.url, poolSize: 10 });
    transactions = new Transactions(prisma);
    outbox = new Outbox(prisma);
  });
  beforeEach(() => database.query('TRUNCATE outbound_emails CASCADE'));
  afterAll(async () => {
    await prisma.$disconnect();
    await database.drop();
  });

  async function accept(more: { expiresAt?: Date; supersedeKey?: string } = {}): Promise<string> {
    const id = randomUUID();
    await transactions.run((unit) =>
      outbox.insert(
        {
          id,
          lane: 'critical',
          from: 'no-reply@example.com',
          to: 'ada@example.com',
          template: 'register-code',
          locale: 'en',
          sealedVariables: new Uint8Array([1, 2, 3]),
          sealKeyId: 'test',
          secret: true,
          maxAttempts: 3,
          expiresAt: more.expiresAt ?? null,
          supersedeKey: more.supersedeKey ?? null,
          messageId: `<${id}@example.com>`,
          requestId: null,
        },
        unit,
      ),
    );
    return id;
  }

  async function row(id: string) {
    const [found] = await database.query<{
      status: string;
      attempts: number;
      offered_at: Date | null;
      lease_token: string | null;
      sealed_variables: Buffer | null;
      last_error_code: string | null;
    }>('SELECT * FROM outbound_emails WHERE id = $1', [id]);
    return found!;
  }

  async function timeline(id: string): Promise<string[]> {
    const events = await database.query<{ status: string }>(
      'SELECT status FROM email_events WHERE email_id = $1 ORDER BY id',
      [id],
    );
    return events.map(({ status }) => status);
  }

  async function claimOne(): Promise<ClaimedEmail> {
    const { rows } = await outbox.claim('critical', 1, 'w1');
    return rows[0]!;
  }

  const expireLease = (id: string) =>
    database.query(`UPDATE outbound_emails SET lease_until = now() - interval '1 second' WHERE id = $1`, [id]);

  it('gives each row to one of many claimers', async () => {
    const ids = await Promise.all(Array.from({ length: 60 }, () => accept()));
    const claims = await Promise.all(Array.from({ length: 10 }, (_, n) => outbox.claim('critical', 7, `w${n}`)));
    for (const { rows } of claims) expect(rows.length).toBeLessThanOrEqual(7);
    const rest = await outbox.claim('critical', 100, 'rest');
    const claimed = [...claims.flatMap(({ rows }) => rows), ...rest.rows];
    expect(claimed.map(({ id }) => id).sort()).toEqual([...ids].sort());
    expect(new Set(claimed.map(({ leaseToken }) => leaseToken)).size).toBe(60);
  });

  it('says whether there is more than was asked for', async () => {
    await Promise.all([accept(), accept()]);
    expect((await outbox.claim('critical', 1, 'w')).more).toBe(true);
    expect((await outbox.claim('critical', 2, 'w')).more).toBe(false);
  });

  it('keeps lanes apart and leaves alone what is not due', async () => {
    const later = await accept();
    await database.query(`UPDATE outbound_emails SET next_attempt_at = now() + interval '1 hour' WHERE id = $1`, [later]);
    expect((await outbox.claim('critical', 10, 'w')).rows).toEqual([]);
    await accept();
    expect((await outbox.claim('bulk', 10, 'w')).rows).toEqual([]);
    expect((await outbox.claim('critical', 10, 'w')).rows).toHaveLength(1);
  });

  it('lets an expired row end without being claimed, and erases it', async () => {
    const id = await accept({ expiresAt: new Date(Date.now() - 1_000) });
    expect((await outbox.claim('critical', 10, 'w')).rows).toEqual([]);
    expect(await row(id)).toMatchObject({ status: 'expired', sealed_variables: null, attempts: 0 });
    expect(await timeline(id)).toEqual(['queued', 'expired']);
  });

  it('writes one event a transition', async () => {
    const id = await accept();
    await outbox.finish(await claimOne(), { status: 'deferred', errorCode: 'smtp_450', reply: '450 later', delayMs: 0 }, 'w1');
    await outbox.finish(await claimOne(), { status: 'sent', transport: 'x', reply: '250 taken' }, 'w1');
    expect(await timeline(id)).toEqual(['queued', 'sending', 'deferred', 'sending', 'sent']);
    expect(await row(id)).toMatchObject({ status: 'sent', attempts: 2, sealed_variables: null, lease_token: null });
  });

  it('is finished by the attempt that owns it, and by no other', async () => {
    const id = await accept();
    const first = await claimOne();
    await expireLease(id);
    await outbox.rescue('w2');
    const second = await claimOne();
    expect(second.leaseToken).not.toBe(first.leaseToken);
    expect(await outbox.offer(first)).toBe(false);
    expect(await outbox.finish(first, { status: 'failed', errorCode: 'late' }, 'w1')).toBe(false);
    expect(await row(id)).toMatchObject({ status: 'sending', last_error_code: 'lease_expired' });
    expect(await outbox.offer(second)).toBe(true);
    expect(await outbox.finish(second, { status: 'sent' }, 'w2')).toBe(true);
    expect(await outbox.finish(second, { status: 'sent' }, 'w2')).toBe(false);
    expect(await timeline(id)).toEqual(['queued', 'sending', 'deferred', 'sending', 'sent']);
  });

  it('refuses the offer of a message that expired on its way', async () => {
    const id = await accept({ expiresAt: new Date(Date.now() + 60_000) });
    const email = await claimOne();
    await database.query(`UPDATE outbound_emails SET expires_at = now() WHERE id = $1`, [id]);
    expect(await outbox.offer(email)).toBe(false);
  });

  it('takes back what a dead worker had not offered, and calls unknown what it had', async () => {
    const [safe, offered] = [await accept(), await accept()];
    const { rows } = await outbox.claim('critical', 2, 'dead');
    expect(await outbox.offer(rows.find(({ id }) => id === offered)!)).toBe(true);
    expect(await outbox.rescue('w2')).toBe(0); // the leases still run
    await Promise.all([expireLease(safe), expireLease(offered)]);
    expect(await outbox.rescue('w2')).toBe(2);
    expect((await row(safe)).status).toBe('deferred');
    expect((await row(offered)).status).toBe('unknown');
    expect((await outbox.claim('critical', 10, 'w2')).rows.map(({ id }) => id)).toEqual([safe]);
  });

  it('lets the definite answer of an attempt that was called unknown come late', async () => {
    const id = await accept();
    const email = await claimOne();
    await outbox.offer(email);
    await expireLease(id);
    await outbox.rescue('w2');
    expect(await outbox.finish(email, { status: 'sent', reply: '250 taken' }, 'w1')).toBe(true);
    expect(await timeline(id)).toEqual(['queued', 'sending', 'unknown', 'sent']);
  });

  it('renews the leases of those who still hold them only', async () => {
    const [kept, lost] = [await accept(), await accept()];
    const { rows } = await outbox.claim('critical', 2, 'w1');
    await expireLease(lost);
    await database.query(`UPDATE outbound_emails SET lease_until = now() + interval '1 second' WHERE id = $1`, [kept]);
    await outbox.renew(rows);
    const leases = await database.query<{ id: string; seconds: number }>(
      'SELECT id, extract(epoch FROM lease_until - now())::float8 AS seconds FROM outbound_emails',
    );
    const seconds = (wanted: string) => leases.find(({ id }) => id === wanted)!.seconds;
    expect(seconds(kept)).toBeGreaterThan(15);
    expect(seconds(lost)).toBeLessThan(0);
  });

  it('gives a row back uncounted', async () => {
    const id = await accept();
    await outbox.finish(await claimOne(), { status: 'queued' }, 'w1');
    expect(await row(id)).toMatchObject({ status: 'queued', attempts: 0, lease_token: null });
  });

  it('cancels copies that have not started when a newer one is accepted', async () => {
    const [waiting, underWay] = [await accept({ supersedeKey: 'k' }), await accept({ supersedeKey: 'k' })];
    await database.query(`UPDATE outbound_emails SET next_attempt_at = now() + interval '1 hour' WHERE id = $1`, [waiting]);
    await claimOne();
    await transactions.run((unit) => outbox.supersede('k', unit));
    expect(await row(waiting)).toMatchObject({ status: 'cancelled', last_error_code: 'superseded', sealed_variables: null });
    expect((await row(underWay)).status).toBe('sending');
  });

  it('reads the partial index, so that its cost does not grow with history', async () => {
    await database.query(
      `INSERT INTO outbound_emails (id, lane, status, from_address, to_address, template, locale, seal_key_id, secret, max_attempts, message_id)
       SELECT gen_random_uuid(), 'critical', 'sent', 'a', 'b', 't', 'en', 'k', true, 3, 'm' FROM generate_series(1, 20000)`,
    );
    await database.query('ANALYZE outbound_emails');
    const plan = await database.query<{ 'QUERY PLAN': string }>(
      `EXPLAIN SELECT id FROM outbound_emails
       WHERE lane = 'critical' AND status IN ('queued', 'scheduled', 'deferred') AND next_attempt_at <= now()
       ORDER BY next_attempt_at, id LIMIT 8 FOR UPDATE SKIP LOCKED`,
    );
    expect(plan.map((line) => line['QUERY PLAN']).join('\n')).toContain('outbound_emails_due');
  });
});
