import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { changeNext } from '../../../src/mail/outbox/batch-changes.js';
import { CANCEL } from '../../../src/mail/outbox/changes.js';
import type { ClaimedEmail } from '../../../src/mail/outbox/email-rows.js';
import { OutboxSearch } from '../../../src/mail/outbox/search.js';
import { OutboxBench } from '../../support/database/outbox-bench.js';
import { queueOf } from '../../support/database/woken-lanes.js';
import { eventually } from '../../support/signals/wait.js';

describe('statements that wait for several messages lock them in the order of their ids', () => {
  let bench: OutboxBench;
  const holders: pg.Client[] = [];

  beforeAll(async () => {
    bench = await OutboxBench.open();
  });
  beforeEach(() => bench.clear());
  afterEach(async () => {
    for (const holder of holders.splice(0)) await holder.end();
  });
  afterAll(() => bench.close());

  /** Somebody who locks a message until they let it go. */
  async function holding(id: string): Promise<{ letGo: () => Promise<void> }> {
    const holder = new pg.Client({ connectionString: bench.database.url });
    holders.push(holder);
    await holder.connect();
    await holder.query('BEGIN');
    await holder.query('SELECT FROM outbound_emails WHERE id = $1 FOR UPDATE', [id]);
    return { letGo: async () => void (await holder.query('COMMIT')) };
  }

  /** Ids in their order, of rows that lie in the opposite one. */
  async function accepted(count: number): Promise<string[]> {
    const ids = Array.from({ length: count }, () => randomUUID())
      .sort()
      .reverse();
    for (const id of ids) await bench.accept({ id, lane: 'default', secret: false });
    return ids.reverse();
  }

  const free = async (): Promise<string[]> => {
    const rows = await bench.database.query<{ id: string }>(
      'SELECT id FROM outbound_emails ORDER BY id FOR UPDATE SKIP LOCKED',
    );
    return rows.map(({ id }) => id);
  };
  const waiting = (count: number): Promise<boolean> =>
    eventually(async () => {
      const rows = await bench.database.query(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      return rows.length === count;
    }, `${count} statements to wait`);

  async function claimed(ids: readonly string[]): Promise<ClaimedEmail[]> {
    const { rows } = await bench.outbox.claim('default', 10, 'worker:1');
    expect(rows.map(({ id }) => id).sort()).toEqual(ids);
    return rows.sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  it('so that of offers and a batch of an operator, which had found them waiting, neither waits for the other', async () => {
    const [first, second, third, fourth] = (await accepted(4)) as [string, string, string, string];
    const [atFirst, atThird] = [await holding(first), await holding(third)];
    const parts = { search: new OutboxSearch(bench.prisma), queue: queueOf() };
    const bounds = { after: undefined, lastId: fourth };
    const cancelled = bench.transactions.run((unit) =>
      changeNext(parts, { statuses: ['queued'] }, CANCEL, bounds, unit),
    );
    await waiting(1);
    const [earlier, later] = (await claimed([second, fourth])) as [ClaimedEmail, ClaimedEmail];
    await atFirst.letGo();
    await eventually(async () => !(await free()).includes(second), 'the batch to come to the second');
    const offered = Promise.all([bench.outbox.offer(later), bench.outbox.offer(earlier)]);
    await waiting(2);
    expect(await free()).toEqual([fourth]);
    await atThird.letGo();
    expect(await cancelled).toMatchObject({ changed: 2 });
    expect(await offered).toEqual([true, true]);
  });

  it('offered or ended, in one statement', async () => {
    const [first, second] = (await accepted(2)) as [string, string];
    const [earlier, later] = (await claimed([first, second])) as [ClaimedEmail, ClaimedEmail];
    const atFirst = await holding(first);
    const ended = bench.outbox.finish(earlier, { status: 'sent', transport: 'smtp', reply: '250' }, 'worker:1');
    const offered = bench.outbox.offer(later);
    await waiting(1);
    expect(await free()).toEqual([second]);
    await atFirst.letGo();
    expect(await Promise.all([offered, ended])).toEqual([true, true]);
  });
});
