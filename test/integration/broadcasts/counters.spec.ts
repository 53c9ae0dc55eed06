import { randomUUID } from 'node:crypto';
import { Transitions } from '../../../src/mail/outbox/changes.js';
import type { ClaimedEmail, Ending } from '../../../src/mail/outbox/email-rows.js';
import { ProviderEvents } from '../../../src/mail/events/provider-events.js';
import { OutboxBench } from '../../support/database/outbox-bench.js';
import { queueOf } from '../../support/database/woken-lanes.js';

const SENT: Ending = { status: 'sent', transport: 'ses', reply: '250 taken' };
const UNKNOWN: Ending = { status: 'unknown', transport: 'ses', errorCode: 'timeout' };
const DEFERRED: Ending = { status: 'deferred', transport: 'smtp', errorCode: 'smtp_451', delayMs: 0 };

describe('what was handed over to a subscriber', () => {
  let bench: OutboxBench;
  let transitions: Transitions;
  let subscriber: string;
  const audience = randomUUID();

  beforeAll(async () => {
    bench = await OutboxBench.open();
    transitions = new Transitions(bench.prisma, queueOf());
    await bench.database.query(`INSERT INTO audiences (id, name) VALUES ($1, 'Drivers')`, [audience]);
  });
  beforeEach(async () => {
    await bench.clear();
    subscriber = randomUUID();
    await bench.database.query(
      `INSERT INTO subscribers (id, audience_id, address, address_canonical) VALUES ($1, $2, $3, $3)`,
      [subscriber, audience, `${subscriber}@example.com`],
    );
  });
  afterAll(() => bench.close());

  async function claimed(): Promise<ClaimedEmail> {
    const address = `${subscriber}@example.com`;
    const id = await bench.accept({ lane: 'bulk', template: null, secret: false, to: address, toCanonical: address });
    await bench.database.query('UPDATE outbound_emails SET subscriber_id = $2, broadcast_id = $3 WHERE id = $1', [
      id,
      subscriber,
      randomUUID(),
    ]);
    return claim(id);
  }

  async function claim(id: string): Promise<ClaimedEmail> {
    await bench.database.query('UPDATE outbound_emails SET next_attempt_at = now() WHERE id = $1', [id]);
    const { rows } = await bench.outbox.claim('bulk', 100, 'worker:1');
    const row = rows.find((one) => one.id === id)!;
    await bench.outbox.offer(row);
    return row;
  }

  const finish = (email: ClaimedEmail, ending: Ending) => bench.outbox.finish(email, ending, 'worker:1');

  async function count(): Promise<number> {
    const [row] = await bench.database.query<{ count: number; at: Date | null }>(
      'SELECT sent_count AS count, last_sent_at AS at FROM subscribers WHERE id = $1',
      [subscriber],
    );
    expect([row!.count, row!.at !== null]).toEqual([row!.count, row!.count > 0]);
    return row!.count;
  }

  async function told(email: ClaimedEmail, kind: 'delivered' | 'bounced'): Promise<void> {
    const events = new ProviderEvents(bench.prisma, bench.transactions);
    const event = { dedupeKey: randomUUID(), kind, emailId: email.id, occurredAt: new Date() };
    const { ids } = await events.record('ses', [event]);
    expect((await events.settle(ids)).changed).toHaveLength(1);
  }

  it('counts once, when the server took it and not before', async () => {
    const email = await claimed();
    expect(await count()).toBe(0);
    await finish(email, DEFERRED);
    expect(await count()).toBe(0);
    const again = await claim(email.id);
    expect([await finish(again, SENT), await finish(again, SENT)]).toEqual([true, false]);
    expect(await count()).toBe(1);
    await told(email, 'delivered');
    expect(await count()).toBe(1);
  });

  it('counts once where the answer comes late', async () => {
    const email = await claimed();
    await finish(email, UNKNOWN);
    expect(await count()).toBe(0);
    await finish(email, SENT);
    await finish(email, SENT);
    expect(await count()).toBe(1);
  });

  it('counts where a person or a provider knows of it, once', async () => {
    const [resolved, delivered, neither] = [await claimed(), await claimed(), await claimed()];
    for (const email of [resolved, delivered, neither]) await finish(email, UNKNOWN);
    await transitions.resolve(resolved.id, 'sent');
    expect(await count()).toBe(1);
    await told(resolved, 'delivered');
    expect(await count()).toBe(1);
    await told(delivered, 'delivered');
    expect(await count()).toBe(2);
    await transitions.resolve(neither.id, 'failed');
    expect(await count()).toBe(2);
  });

  it('counts as often as messages of several broadcasts end in one statement', async () => {
    const emails = [await claimed(), await claimed(), await claimed()];
    await Promise.all(emails.map((email) => finish(email, SENT)));
    expect(await count()).toBe(3);
  });
});
