import { randomUUID } from 'node:crypto';
import type { Apart, ClaimedEmail, Ending } from '../../../src/mail/outbox/email-rows.js';
import { Ledger } from '../../../src/mail/outbox/ledger.js';
import { DEADLY_CLAIMS } from '../../../src/mail/outbox/retry-policy.js';
import { LEASE_SECONDS, type Outbox } from '../../../src/mail/outbox/outbox.js';
import { OutboxBench } from '../../support/database/outbox-bench.js';
import type { TestDatabase } from '../../support/database/postgres.js';

describe('the outbox', () => {
  let bench: OutboxBench;
  let database: TestDatabase;
  let outbox: Outbox;

  beforeAll(async () => {
    bench = await OutboxBench.open();
    ({ database, outbox } = bench);
  });
  beforeEach(() => bench.clear());
  afterEach(async () => expect((await new Ledger(bench.prisma).read()).imbalance).toBe(0));
  afterAll(() => bench.close());

  const accept = (more: Parameters<OutboxBench['accept']>[0] = {}) => bench.accept(more);

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

  it('records a refusal that comes while the offer is being written, and both of two offers of one attempt', async () => {
    // A server may refuse in mid-message, and the next transport offer the message at once.
    const [refused, second] = await Promise.all([accept(), accept()]);
    const { rows } = await outbox.claim('critical', 2, 'w1');
    const [one, other] = [refused, second].map((id) => rows.find((row) => row.id === id)!);
    const busy = outbox.offer(other!); // under way, while the next ones gather
    await new Promise(setImmediate);
    const gathered = [
      outbox.offer(one!),
      outbox.finish(one!, { status: 'failed', transport: 'smtp', errorCode: 'smtp_554' }, 'w1'),
      outbox.offer(other!),
      outbox.offer(other!),
    ];
    expect(await Promise.all([busy, ...gathered])).toEqual([true, true, true, true, true]);
    expect(await row(refused)).toMatchObject({ status: 'failed', last_error_code: 'smtp_554', lease_token: null });
    expect(await timeline(refused)).toEqual(['queued', 'sending', 'failed']);
  });

  it('gives each row to one of many claimers', async () => {
    const ids = await Promise.all(Array.from({ length: 60 }, () => accept()));
    const claims = await Promise.all(Array.from({ length: 10 }, (_, n) => outbox.claim('critical', 7, `w${n}`)));
    for (const { rows } of claims) expect(rows.length).toBeLessThanOrEqual(7);
    const rest = await outbox.claim('critical', 100, 'rest');
    const claimed = [...claims.flatMap(({ rows }) => rows), ...rest.rows];
    expect(claimed.map(({ id }) => id).sort()).toEqual([...ids].sort());
    expect(new Set(claimed.map(({ leaseToken }) => leaseToken)).size).toBe(60);
  });

  it('wakes the lane of what is split off and due at once, and of nothing else', async () => {
    const recipients = ['ada@example.com', 'grace@example.com'].map((address) => ({
      ...{ kind: 'to' as const, name: '', address, canonical: address },
    }));
    const sending = async (): Promise<ClaimedEmail> => {
      await bench.clear(); // what was split off before is due too
      await accept({ toCanonical: '', recipients });
      return claimOne();
    };
    const woken = async (act: (email: ClaimedEmail) => Promise<boolean>): Promise<[boolean, ...string[]]> => {
      bench.woken.length = 0;
      return [await act(await sending()), ...bench.woken];
    };
    const [, grace] = recipients;
    const apart = (ending: Apart['ending']): Apart[] => [{ recipient: grace!, ending }];
    const later = { status: 'deferred', delayMs: 60_000 } as const;
    const atOnce = { status: 'deferred', delayMs: 0 } as const;
    const failed = { status: 'failed' } as const;
    const set = (ending: Apart['ending']) => (email: ClaimedEmail) => outbox.setApart(email, apart(ending), 'w1');
    const finish = (ending: Ending) => (email: ClaimedEmail) => outbox.finish(email, ending, 'w1');
    expect(await woken(set({ status: 'queued' }))).toEqual([true, 'critical']);
    expect(await woken(finish({ ...failed, apart: apart(atOnce) }))).toEqual([true, 'critical']);
    expect(await woken(finish({ ...atOnce, apart: apart(failed) }))).toEqual([true, 'critical']);
    expect(await woken(finish({ ...later, apart: apart(later) }))).toEqual([true]);
    expect(await woken(set({ status: 'suppressed' }))).toEqual([true]);
    const lost = (email: ClaimedEmail) => set({ status: 'queued' })({ ...email, leaseToken: randomUUID() });
    expect(await woken(lost)).toEqual([false]);
  });

  it('says whether there is more than was asked for', async () => {
    await Promise.all([accept(), accept()]);
    expect((await outbox.claim('critical', 1, 'w')).more).toBe(true);
    expect((await outbox.claim('critical', 2, 'w')).more).toBe(false);
  });

  it('keeps lanes apart and leaves alone what is not due', async () => {
    const later = await accept();
    await database.query(`UPDATE outbound_emails SET next_attempt_at = now() + interval '1 hour' WHERE id = $1`, [
      later,
    ]);
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
    await outbox.finish(
      await claimOne(),
      { status: 'deferred', errorCode: 'smtp_450', reply: '450 later', delayMs: 0 },
      'w1',
    );
    await outbox.finish(await claimOne(), { status: 'sent', transport: 'x', reply: '250 taken' }, 'w1');
    expect(await timeline(id)).toEqual(['queued', 'sending', 'deferred', 'sending', 'sent']);
    expect(await row(id)).toMatchObject({ status: 'sent', attempts: 2, sealed_variables: null, lease_token: null });
  });

  it('is finished by the attempt that owns it, and by no other', async () => {
    const id = await accept();
    const first = await claimOne();
    await expireLease(id);
    await outbox.takeBackExpired('w2');
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
    expect(await outbox.takeBackExpired('w2')).toBe(0); // the leases still run
    await Promise.all([expireLease(safe), expireLease(offered)]);
    expect(await outbox.takeBackExpired('w2')).toBe(2);
    expect((await row(safe)).status).toBe('deferred');
    expect((await row(offered)).status).toBe('unknown');
    expect((await outbox.claim('critical', 10, 'w2')).rows.map(({ id }) => id)).toEqual([safe]);
  });

  it.each([1, 20])(
    'gives up a message whose workers died each time before they offered it: it may be what kills them (%i attempts)',
    async (maxAttempts) => {
      const id = await bench.accept({ maxAttempts });
      for (let death = 1; death <= DEADLY_CLAIMS; death++) {
        expect((await row(id)).status).not.toBe('failed'); // one death, or two, loses no message
        await claimOne();
        await expireLease(id);
        await outbox.takeBackExpired('sweep');
      }
      expect(await row(id)).toMatchObject({ status: 'failed', last_error_code: 'lease_expired' });
    },
  );

  it('counts the deaths in a row, and no attempts that a server answered', async () => {
    const id = await bench.accept({ maxAttempts: DEADLY_CLAIMS });
    for (let death = 1; death < DEADLY_CLAIMS; death++) {
      await claimOne();
      await expireLease(id);
      await outbox.takeBackExpired('sweep');
    }
    await outbox.finish(await claimOne(), { status: 'deferred', errorCode: 'smtp_451', delayMs: 0 }, 'w1');
    await claimOne();
    await expireLease(id);
    await outbox.takeBackExpired('sweep');
    expect((await row(id)).status).toBe('deferred');
  });

  it('judges each attempt by its own offer, not by one of an earlier attempt', async () => {
    const id = await accept();
    const first = await claimOne();
    await outbox.offer(first);
    await outbox.finish(first, { status: 'deferred', errorCode: 'smtp_451', delayMs: 0 }, 'w1');
    await claimOne();
    await expireLease(id);
    await outbox.takeBackExpired('w2');
    expect((await row(id)).status).toBe('deferred');
  });

  it('lets the definite answer of an attempt that was called unknown come late', async () => {
    const id = await accept();
    const email = await claimOne();
    await outbox.offer(email);
    await expireLease(id);
    await outbox.takeBackExpired('w2');
    expect(await outbox.finish(email, { status: 'sent', reply: '250 taken' }, 'w1')).toBe(true);
    expect(await timeline(id)).toEqual(['queued', 'sending', 'unknown', 'sent']);
  });

  describe('plans one more attempt, flagged, for ordinary mail of unknown outcome,', () => {
    const letter = () => accept({ lane: 'default', secret: false });

    async function offered(): Promise<ClaimedEmail> {
      const { rows } = await outbox.claim('default', 1, 'dead');
      expect(await outbox.offer(rows[0]!)).toBe(true);
      return rows[0]!;
    }

    async function planned(id: string): Promise<void> {
      expect(await timeline(id)).toEqual(['queued', 'sending', 'unknown', 'deferred']);
      const [found] = await database.query(
        `SELECT status, attempts, possible_duplicate, last_error_code, round(extract(epoch FROM next_attempt_at - now()) / 60)::int AS minutes
         FROM outbound_emails WHERE id = $1`,
        [id],
      );
      expect(found).toEqual({
        status: 'deferred',
        attempts: 1,
        possible_duplicate: true,
        last_error_code: 'retry_after_unknown',
        minutes: 15,
      });
      const events = await database.query(
        'SELECT attempt, error_code, worker FROM email_events WHERE email_id = $1 ORDER BY id DESC LIMIT 1',
        [id],
      );
      expect(events).toEqual([{ attempt: 1, error_code: 'retry_after_unknown', worker: 'w2' }]);
    }

    it('also when its worker was killed after the offer', async () => {
      const id = await letter();
      await offered();
      await expireLease(id);
      expect(await outbox.takeBackExpired('w2')).toBe(1);
      await planned(id);
    });

    it('also when its worker called it unknown and died before it decided', async () => {
      const id = await letter();
      await outbox.finish(await offered(), { status: 'unknown', errorCode: 'smtp_closed' }, 'dead');
      expect(await outbox.takeBackExpired('w2')).toBe(0); // the worker may be about to
      await expireLease(id);
      expect(await outbox.takeBackExpired('w2')).toBe(1);
      await planned(id);
      expect(await outbox.takeBackExpired('w2')).toBe(0);
    });

    it('and not for codes, bulk mail, the last attempt, a second time, or beyond the expiry', async () => {
      const ids = [
        await accept({ lane: 'default' }),
        await accept({ lane: 'bulk', secret: false }),
        await accept({ lane: 'default', secret: false, maxAttempts: 1 }),
        await accept({ lane: 'default', secret: false, expiresAt: new Date(Date.now() + 600_000) }),
        await letter(),
      ];
      await database.query('UPDATE outbound_emails SET possible_duplicate = true WHERE id = $1', [ids.at(-1)]);
      for (const lane of ['default', 'bulk'] as const) {
        for (const email of (await outbox.claim(lane, 10, 'dead')).rows) await outbox.offer(email);
      }
      for (const id of ids) await expireLease(id);
      expect(await outbox.takeBackExpired('w2')).toBe(5);
      for (const id of ids) expect(await timeline(id)).toEqual(['queued', 'sending', 'unknown']);
      expect(await outbox.takeBackExpired('w2')).toBe(0);
    });

    it.each(['sent', 'failed'] as const)('and calls it off when the late answer is %s', async (status) => {
      const id = await letter();
      const email = await offered();
      await expireLease(id);
      await outbox.takeBackExpired('w2');
      expect(await outbox.finish(email, { status, reply: '250 taken' }, 'dead')).toBe(true);
      expect(await timeline(id)).toEqual(['queued', 'sending', 'unknown', 'deferred', status]);
      const [found] = await database.query(
        'SELECT possible_duplicate, lease_token FROM outbound_emails WHERE id = $1',
        [id],
      );
      expect(found).toEqual({ possible_duplicate: false, lease_token: null });
      await database.query('UPDATE outbound_emails SET next_attempt_at = now()');
      expect((await outbox.claim('default', 1, 'w2')).rows).toEqual([]);
    });

    it('and lets the late answer go once the retry is under way', async () => {
      const id = await letter();
      const email = await offered();
      await outbox.finish(email, { status: 'unknown', errorCode: 'smtp_closed' }, 'w1');
      await outbox.finish(
        email,
        { status: 'deferred', errorCode: 'retry_after_unknown', delayMs: 0, possibleDuplicate: true },
        'w1',
      );
      const { rows } = await outbox.claim('default', 1, 'w2');
      expect(rows).toMatchObject([{ id, possibleDuplicate: true, attempt: 2 }]);
      expect(await outbox.finish(email, { status: 'sent' }, 'w1')).toBe(false);
      expect(await outbox.finish(rows[0]!, { status: 'sent' }, 'w2')).toBe(true);
      expect((await row(id)).status).toBe('sent');
    });

    it('and a late answer never ends a retry of another kind', async () => {
      const id = await letter();
      const email = await offered();
      await outbox.finish(email, { status: 'deferred', errorCode: 'smtp_451', delayMs: 60_000 }, 'w1');
      expect(await outbox.finish(email, { status: 'sent' }, 'w1')).toBe(false);
      expect((await row(id)).status).toBe('deferred');
    });
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
    expect(seconds(kept)).toBeGreaterThan(seconds(lost) + LEASE_SECONDS);
    expect(seconds(lost)).toBeLessThan(0);
  });

  it('gives a row back uncounted', async () => {
    const id = await accept();
    await outbox.finish(await claimOne(), { status: 'queued' }, 'w1');
    expect(await row(id)).toMatchObject({ status: 'queued', attempts: 0, lease_token: null });
  });

  it('does not count an attempt whose fault was not the message', async () => {
    const id = await accept();
    await outbox.finish(
      await claimOne(),
      { status: 'deferred', errorCode: 'smtp_dns', uncounted: true, delayMs: 0 },
      'w1',
    );
    expect(await row(id)).toMatchObject({ status: 'deferred', attempts: 0 });
  });

  it('suppresses an address with the failure that calls for it, and sends it nothing more', async () => {
    const id = await accept();
    const suppress = { reason: 'hard_bounce', source: 'smtp' };
    await outbox.finish(await claimOne(), { status: 'failed', errorCode: 'smtp_550', suppress }, 'w1');
    expect(await database.query('SELECT address_canonical, reason, source, email_id FROM suppressions')).toEqual([
      { address_canonical: 'ada@example.com', reason: 'hard_bounce', source: 'smtp', email_id: id },
    ]);
    const next = await accept();
    expect((await outbox.claim('critical', 10, 'w')).rows).toEqual([]);
    expect(await row(next)).toMatchObject({ status: 'suppressed', sealed_variables: null, attempts: 0 });
    expect(await timeline(next)).toEqual(['queued', 'suppressed']);
  });

  it('records many outcomes of one moment each for itself', async () => {
    const ids = await Promise.all(Array.from({ length: 30 }, () => accept()));
    const { rows } = await outbox.claim('critical', 30, 'w1');
    const lost = rows[7]!;
    await expireLease(lost.id);
    await outbox.takeBackExpired('w2');
    const offered = await Promise.all(rows.map((email) => outbox.offer(email)));
    expect(offered.filter((yes) => !yes)).toHaveLength(1);
    const recorded = await Promise.all(
      rows.map((email, n) =>
        outbox.finish(
          email,
          n % 2 === 0 ? { status: 'sent', reply: `250 ${n}` } : { status: 'failed', reply: `550 ${n} \0` },
          'w1',
        ),
      ),
    );
    expect(recorded).toEqual(rows.map((email) => email.id !== lost.id));
    const replies = await database.query<{ id: string; status: string; last_reply: string }>(
      'SELECT id, status, last_reply FROM outbound_emails WHERE last_reply IS NOT NULL',
    );
    for (const { id, status, last_reply } of replies) {
      const n = rows.findIndex((email) => email.id === id);
      expect([status, last_reply.trim()]).toEqual(n % 2 === 0 ? ['sent', `250 ${n}`] : ['failed', `550 ${n}`]);
    }
    expect(replies).toHaveLength(ids.length - 1);
  });

  it('reads the partial index, so that its cost does not grow with history', async () => {
    await database.query(
      `INSERT INTO outbound_emails (id, lane, status, from_address, to_address, to_canonical, template, locale, seal_key_id, secret, max_attempts, message_id)
       SELECT gen_random_uuid(), 'critical', 'sent', 'a', 'b', 'b', 't', 'en', 'k', true, 3, 'm' FROM generate_series(1, 20000)`,
    );
    await database.query(`INSERT INTO ledger_deltas (status, delta) VALUES ('accepted', 20000)`);
    await database.query('ANALYZE outbound_emails');
    const plan = await database.query<{ 'QUERY PLAN': string }>(
      `EXPLAIN SELECT id FROM outbound_emails
       WHERE lane = 'critical' AND status IN ('queued', 'scheduled', 'deferred') AND next_attempt_at <= now()
       ORDER BY next_attempt_at, id LIMIT 8 FOR UPDATE SKIP LOCKED`,
    );
    expect(plan.map((line) => line['QUERY PLAN']).join('\n')).toContain('outbound_emails_due');
  });
});
