import type { Lane } from '../../../src/core/lanes.js';
import type { ClaimedEmail, Ending } from '../../../src/mail/outbox/email-rows.js';
import { Ledger } from '../../../src/mail/outbox/ledger.js';
import type { Outbox } from '../../../src/mail/outbox/outbox.js';
import { type NewSuppression, SuppressionRecords, Suppressions } from '../../../src/mail/suppressions/suppressions.js';
import { OutboxBench } from '../../support/database/outbox-bench.js';
import type { TestDatabase } from '../../support/database/postgres.js';

const ADA = 'ada@example.com';
const BOUNCED: Ending = {
  status: 'failed',
  transport: 'smtp',
  errorCode: 'smtp_550',
  suppress: { reason: 'hard_bounce', source: 'smtp' },
};

describe('the suppression list', () => {
  let bench: OutboxBench;
  let database: TestDatabase;
  let outbox: Outbox;
  let suppressions: Suppressions;
  let records: SuppressionRecords;

  beforeAll(async () => {
    bench = await OutboxBench.open();
    ({ database, outbox } = bench);
    suppressions = new Suppressions(bench.prisma);
    records = new SuppressionRecords(bench.prisma);
  });
  beforeEach(() => bench.clear());
  afterEach(async () => expect((await new Ledger(bench.prisma).read()).imbalance).toBe(0));
  afterAll(() => bench.close());

  const put = (more: Partial<NewSuppression> = {}) =>
    suppressions.add({
      addressCanonical: ADA,
      scope: 'all',
      reason: 'hard_bounce',
      source: 'smtp',
      emailId: null,
      ...more,
    });

  /** As if so many hours had passed since whatever was written. */
  const later = (hours: number) =>
    database.query(
      `UPDATE suppressions SET created_at = created_at - $1 * interval '1 hour', seen_at = seen_at - $1 * interval '1 hour',
         expires_at = expires_at - $1 * interval '1 hour', tried_at = tried_at - $1 * interval '1 hour'`,
      [hours],
    );

  async function row() {
    const [found] = await database.query<{
      reason: string;
      scope: string;
      days: number | null;
      age: number;
      source: string;
      email_id: string | null;
    }>(
      `SELECT reason, scope, source, email_id, round(extract(epoch FROM expires_at - now()) / 86400)::int AS days,
         round(extract(epoch FROM now() - created_at) / 86400)::int AS age FROM suppressions`,
    );
    return found;
  }

  async function message(id: string) {
    const [found] = await database.query<{ status: string; error: string | null; reply: string | null }>(
      'SELECT status, last_error_code AS error, last_reply AS reply FROM outbound_emails WHERE id = $1',
      [id],
    );
    return found!;
  }

  const statusOf = async (id: string): Promise<string> => (await message(id)).status;

  /** What becomes of a message that is accepted now. */
  async function fate(lane: Lane = 'default'): Promise<string> {
    const id = await bench.accept({ lane, secret: lane === 'critical' });
    await outbox.claim(lane, 100, 'w1');
    return statusOf(id);
  }

  async function claimed(id: string, lane: Lane = 'critical'): Promise<ClaimedEmail | undefined> {
    return (await outbox.claim(lane, 100, 'w1')).rows.find((email) => email.id === id);
  }

  it('keeps an address that bounced for 90 days from then, and not a moment longer', async () => {
    const id = await bench.accept();
    await outbox.finish((await claimed(id))!, BOUNCED, 'w1');
    expect(await row()).toMatchObject({ reason: 'hard_bounce', days: 90, email_id: id });
    await later(89 * 24);
    expect([await fate(), (await records.list({}, 10)).length]).toEqual(['suppressed', 1]);
    await later(24);
    expect([await fate(), await records.list({}, 10)]).toEqual(['sending', []]);
  });

  it('begins the 90 days anew with each bounce, and says of which message the last one was', async () => {
    await put({ source: 'postmark' });
    await later(60 * 24);
    const id = await bench.accept();
    await outbox.finish((await claimed(id))!, BOUNCED, 'w1');
    expect(await row()).toMatchObject({ days: 90, age: 60, source: 'smtp', email_id: id });
    await later(91 * 24);
    await put();
    expect(await row()).toMatchObject({ days: 90, age: 0 }); // nothing stood any more
  });

  it.each(['complaint', 'unsubscribe', 'manual'] as const)(
    'keeps a %s for ever, unless somebody gave it an end',
    async (reason) => {
      await put({ reason });
      await later(10 * 365 * 24);
      expect([await fate(), (await row())!.days]).toEqual(['suppressed', null]);
    },
  );

  it.each([
    ['hard_bounce', 'complaint', 'complaint'],
    ['complaint', 'hard_bounce', 'complaint'],
    ['hard_bounce', 'manual', 'manual'],
    ['manual', 'hard_bounce', 'manual'],
    ['manual', 'complaint', 'complaint'],
    ['unsubscribe', 'manual', 'unsubscribe'],
    ['unsubscribe', 'complaint', 'complaint'],
  ] as const)(
    'after a %s and a %s holds the %s, which no end of the other one touches',
    async (first, second, stays) => {
      await put({ reason: first, source: 'first' });
      await put({ reason: second, source: 'second' });
      expect(await row()).toMatchObject({ reason: stays, days: null, source: stays === first ? 'first' : 'second' });
    },
  );

  it('takes the stronger of what one statement says of an address', async () => {
    const ids = await Promise.all([1, 2, 3].map(() => bench.accept()));
    const { rows } = await outbox.claim('critical', 3, 'w1');
    await Promise.all(rows.map((email) => outbox.finish(email, BOUNCED, 'w1')));
    expect(ids).toContain((await row())!.email_id);
  });

  it('is tidied each day: what has expired goes, and bounces that a former build wrote get their end', async () => {
    await put({ addressCanonical: 'gone@example.com' });
    await later(91 * 24);
    await database.query(
      `INSERT INTO suppressions (address_canonical, reason, source) VALUES ($1, 'hard_bounce', 'smtp'), ('eve@example.com', 'complaint', 'dsn')`,
      [ADA],
    );
    expect([
      await suppressions.limitBounces(10),
      await suppressions.limitBounces(10),
      await suppressions.removeExpired(10),
    ]).toEqual([1, 0, 1]);
    const rest = await database.query(
      `SELECT address_canonical AS address, round(extract(epoch FROM expires_at - now()) / 86400)::int AS days FROM suppressions ORDER BY 1`,
    );
    expect(rest).toEqual([
      { address: ADA, days: 90 },
      { address: 'eve@example.com', days: null },
    ]);
  });

  describe('says of a message that it ended why, and since when,', () => {
    it.each(['hard_bounce', 'complaint', 'manual'] as const)('for a %s', async (reason) => {
      await put({ reason });
      const id = await bench.accept();
      await outbox.claim('critical', 10, 'w1');
      const words = new RegExp(
        `^the address is on the suppression list since \\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ${reason === 'hard_bounce' ? ', until .*Z' : ''}$`,
      );
      expect(await message(id)).toEqual({
        status: 'suppressed',
        error: `suppressed_${reason}`,
        reply: expect.stringMatching(words) as string,
      });
      const events = await database.query(
        'SELECT status, error_code, reply FROM email_events WHERE email_id = $1 ORDER BY id',
        [id],
      );
      expect(events).toEqual([
        { status: 'queued', error_code: null, reply: null },
        { status: 'suppressed', error_code: `suppressed_${reason}`, reply: (await message(id)).reply },
      ]);
    });

    it('for one who unsubscribed, of bulk mail alone, and for the stronger of two reasons', async () => {
      await put({ reason: 'unsubscribe', scope: 'bulk' });
      await put({ reason: 'hard_bounce' });
      const [bulk, other] = [await bench.accept({ lane: 'bulk' }), await bench.accept({ lane: 'default' })];
      await Promise.all([outbox.claim('bulk', 10, 'w1'), outbox.claim('default', 10, 'w1')]);
      expect([(await message(bulk)).error, (await message(other)).error]).toEqual([
        'suppressed_unsubscribe',
        'suppressed_hard_bounce',
      ]);
    });

    it('and leaves what a server had said of the others alone', async () => {
      const id = await bench.accept();
      await outbox.finish(
        (await claimed(id))!,
        { status: 'deferred', errorCode: 'smtp_450', reply: '450 later', delayMs: 0 },
        'w1',
      );
      await claimed(id);
      expect(await message(id)).toEqual({ status: 'sending', error: 'smtp_450', reply: '450 later' });
    });
  });

  describe('lets one code a day try an address that bounced,', () => {
    it('the first of them a day after the bounce, and no other mail', async () => {
      await put();
      await later(23);
      expect(await fate('critical')).toBe('suppressed');
      await later(2);
      expect([await fate('default'), await fate('bulk'), await fate('critical'), await fate('critical')]).toEqual([
        'suppressed',
        'suppressed',
        'sending',
        'suppressed',
      ]);
      await later(24);
      expect([await fate('critical'), await fate('critical')]).toEqual(['sending', 'suppressed']);
    });

    it('and no code where somebody complained or an operator wants none', async () => {
      for (const reason of ['complaint', 'manual'] as const) {
        await put({ reason });
        await later(48);
        expect(await fate('critical')).toBe('suppressed');
        await bench.clear();
      }
    });

    it('one of many, however many workers claim them at once', async () => {
      for (let round = 0; round < 5; round++) {
        await bench.clear();
        const addresses = ['a@example.com', 'b@example.com', 'c@example.com'];
        for (const addressCanonical of addresses) await put({ addressCanonical });
        await later(25);
        const ids = await Promise.all(
          addresses.flatMap((to) => Array.from({ length: 10 }, () => bench.accept({ to, toCanonical: to }))),
        );
        const claims = await Promise.all(Array.from({ length: 6 }, (_, n) => outbox.claim('critical', 5, `w${n}`)));
        const rest = await outbox.claim('critical', 100, 'rest');
        const tried = [...claims, rest].flatMap(({ rows }) => rows.map(({ to }) => to)).sort();
        expect(tried).toEqual(addresses);
        expect((await Promise.all(ids.map(statusOf))).filter((status) => status === 'suppressed')).toHaveLength(27);
      }
    });

    it('which it goes on to try as long as it is put off', async () => {
      await put();
      await later(25);
      const id = await bench.accept();
      for (let attempt = 1; attempt <= 2; attempt++) {
        await outbox.finish((await claimed(id))!, { status: 'deferred', errorCode: 'smtp_450', delayMs: 0 }, 'w1');
      }
      expect((await claimed(id))!.attempt).toBe(3);
      expect(await fate('critical')).toBe('suppressed');
    });

    it('and begins the 90 days anew when it bounces again, with no further try that day, by hand neither', async () => {
      await put();
      await later(50 * 24);
      const id = await bench.accept();
      await outbox.finish((await claimed(id))!, BOUNCED, 'w1');
      expect(await row()).toMatchObject({ days: 90, age: 50 });
      await database.query(`UPDATE outbound_emails SET status = 'queued', next_attempt_at = now() WHERE id = $1`, [id]);
      expect([await claimed(id), await statusOf(id)]).toEqual([undefined, 'suppressed']);
      expect(await fate('critical')).toBe('suppressed');
    });

    it('and believes no 250: the address stays on the list, with a try the next day', async () => {
      await put();
      await later(25);
      const id = await bench.accept();
      await outbox.finish((await claimed(id))!, { status: 'sent', reply: '250 taken' }, 'w1');
      expect([await fate('default'), await fate('critical')]).toEqual(['suppressed', 'suppressed']);
      await later(24);
      expect(await fate('critical')).toBe('sending');
    });

    it('and gives the try to none that has expired', async () => {
      await put();
      await later(25);
      const dead = await bench.accept({ expiresAt: new Date(Date.now() - 1_000) });
      await outbox.claim('critical', 10, 'w1');
      expect([await statusOf(dead), await fate('critical')]).toEqual(['expired', 'sending']);
    });
  });
});
