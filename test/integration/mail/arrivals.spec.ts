import { randomUUID } from 'node:crypto';
import { isDatabaseAway } from '../../../src/database/database-errors.js';
import type { KeptAnswer } from '../../../src/mail/outbox/insert-statement.js';
import { Ledger } from '../../../src/mail/outbox/ledger.js';
import { OutboxBench } from '../../support/database/outbox-bench.js';
import { eventually } from '../../support/signals/wait.js';
import { newEmail } from '../../support/text/new-email.js';

describe('messages that arrive at the same moment', () => {
  let bench: OutboxBench;
  beforeAll(async () => {
    bench = await OutboxBench.open();
  });
  beforeEach(() => bench.clear());
  afterAll(() => bench.close());

  const arrive = (messages = 1) =>
    bench.arrivals.arrive({ emails: Array.from({ length: messages }, () => newEmail()) });
  const accepted = async (): Promise<string[]> =>
    (await bench.database.query<{ id: string }>('SELECT id FROM outbound_emails ORDER BY id')).map(({ id }) => id);
  const kept = (caller: string, key: string, more: Partial<KeptAnswer> = {}): KeptAnswer => {
    const now = new Date();
    const until = new Date(now.getTime() + 3_600_000);
    return { caller, key, fingerprint: Buffer.from('same'), status: 202, answer: { key }, now, until, ...more };
  };

  it('are committed together, each once, and the ledger balances', async () => {
    const transactions = async (): Promise<number> => {
      const [row] = await bench.database.query<{ n: string }>(
        `SELECT count(DISTINCT xmin::text) AS n FROM outbound_emails`,
      );
      return Number(row!.n);
    };
    const fates = await Promise.all(Array.from({ length: 300 }, (_, n) => arrive(1 + (n % 3))));
    expect(new Set(fates)).toEqual(new Set(['accepted']));
    expect(await accepted()).toHaveLength(600);
    expect(await transactions()).toBeLessThan(20);
    expect(await new Ledger(bench.prisma).read()).toMatchObject({ accepted: 600, imbalance: 0 });
  });

  it('fail each for itself', async () => {
    const twice = newEmail();
    await bench.arrivals.arrive({ emails: [twice] });
    const results = await Promise.allSettled([
      arrive(),
      bench.arrivals.arrive({ emails: [newEmail(), twice] }),
      arrive(),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await accepted()).toHaveLength(3);
  });

  it('do not wait for a thousand, which have a statement of their own', async () => {
    const thousand = Array.from({ length: 1_000 }, () => newEmail());
    let thousandFate: Promise<unknown> | undefined;
    await bench.transactions
      .run(async (unit) => {
        await bench.arrivals.insert(thousand.slice(-1), unit); // for which the statement of the thousand waits
        thousandFate = bench.arrivals.arrive({ emails: thousand });
        await eventually(async () => {
          const waiting = await bench.database.query(
            `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`,
          );
          return waiting.length > 0;
        }, 'the thousand to wait');
        expect(await arrive()).toBe('accepted');
        throw new Error('taken back');
      })
      .catch((error: Error) => expect(error.message).toBe('taken back'));
    expect(await thousandFate).toBe('accepted');
    expect(await accepted()).toHaveLength(1_001);
  });

  it('are not repeated when the connection breaks while they are committed, for they may have been', async () => {
    await bench.database.query(`
      CREATE SEQUENCE tries;
      CREATE FUNCTION wait_long() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN PERFORM nextval('tries'), pg_sleep(600); RETURN NULL; END $$;
      CREATE TRIGGER wait_long AFTER INSERT ON email_events EXECUTE FUNCTION wait_long()`);
    try {
      const results = Promise.allSettled([arrive(), arrive(), arrive()]);
      await eventually(async () => {
        const [row] = await bench.database.query<{ ended: boolean }>(
          `SELECT pg_terminate_backend(pid) AS ended FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()`,
        );
        return row?.ended;
      }, 'the statement to be under way');
      for (const one of await results) expect(one.status === 'rejected' && isDatabaseAway(one.reason)).toBe(true);
      expect(await accepted()).toEqual([]);
      expect(await bench.database.query('SELECT last_value AS tries FROM tries')).toEqual([{ tries: '1' }]);
    } finally {
      await bench.database.query(
        'DROP TRIGGER wait_long ON email_events; DROP FUNCTION wait_long; DROP SEQUENCE tries',
      );
    }
    expect(await arrive()).toBe('accepted');
  });

  it('with one key of one caller are one: the others are under way, or are answered', async () => {
    const answers = (caller: string, key: string) =>
      bench.arrivals.arrive({
        emails: [newEmail()],
        kept: kept(caller, key),
        companions: [
          { table: 'audit_events', row: { at: new Date(), action: key, result: 'done', actor_kind: 'operator' } },
        ],
      });
    const [ada, grace] = [randomUUID(), randomUUID()];
    expect(
      await Promise.all([answers(ada, 'k'), answers(ada, 'k'), answers(grace, 'k'), answers(ada, 'other')]),
    ).toEqual(['accepted', 'in_flight', 'accepted', 'accepted']);
    expect(await answers(ada, 'k')).toBe('answered');
    expect(await accepted()).toHaveLength(3);
    const events = await bench.database.query<{ action: string }>('SELECT action FROM audit_events ORDER BY action');
    expect(events.map(({ action }) => action)).toEqual(['k', 'k', 'other']);
  });

  it('are all of them or none, where they are too many bytes for one statement', async () => {
    const heavy = () => newEmail({ sealedVariables: new Uint8Array(3 * 1024 * 1024) });
    const caller = randomUUID();
    const arriving = { emails: [heavy(), heavy(), heavy()], kept: kept(caller, 'heavy') };
    expect(await bench.arrivals.arrive(arriving)).toBe('accepted');
    expect(await bench.arrivals.arrive({ ...arriving, emails: [heavy(), heavy()] })).toBe('answered');
    expect(await accepted()).toHaveLength(3);
    const twice = heavy();
    await expect(bench.arrivals.arrive({ emails: [twice, heavy(), twice] })).rejects.toThrow();
    expect(await accepted()).toHaveLength(3);
  });
});
