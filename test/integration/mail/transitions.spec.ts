import { randomUUID } from 'node:crypto';
import type { Lane } from '../../../src/core/lanes.js';
import type { EmailStatus } from '../../../src/generated/prisma/enums.js';
import { type TransitionResult, Transitions } from '../../../src/mail/outbox/changes.js';
import { MailRetention } from '../../../src/mail/outbox/retention.js';
import { Ledger } from '../../../src/mail/outbox/ledger.js';
import { OutboxBench } from '../../support/database/outbox-bench.js';
import { queueOf } from '../../support/database/woken-lanes.js';

const STATES: EmailStatus[] = [
  'scheduled', 'queued', 'sending', 'deferred', 'sent', 'delivered', 'bounced',
  'complained', 'failed', 'unknown', 'cancelled', 'expired', 'suppressed',
]; // oxfmt-ignore

describe('what people and the calendar may do with a message', () => {
  let bench: OutboxBench;
  let transitions: Transitions;
  const woken: Lane[] = [];

  beforeAll(async () => {
    bench = await OutboxBench.open();
    transitions = new Transitions(bench.prisma, queueOf(woken));
  });
  beforeEach(async () => {
    woken.length = 0;
    await bench.clear();
  });
  afterAll(() => bench.close());

  async function inState(status: EmailStatus, more: Parameters<OutboxBench['accept']>[0] = {}): Promise<string> {
    const id = await bench.accept(more);
    const lease =
      status === 'sending' ? `, lease_token = gen_random_uuid(), lease_until = now() + interval '20 s'` : '';
    await bench.database.query(`UPDATE outbound_emails SET status = '${status}', attempts = 3${lease} WHERE id = $1`, [
      id,
    ]);
    return id;
  }

  async function row(id: string) {
    const [found] = await bench.database.query<{
      status: string;
      max_attempts: number;
      sealed_variables: Buffer | null;
    }>('SELECT * FROM outbound_emails WHERE id = $1', [id]);
    return found!;
  }

  const legal: [string, (id: string) => Promise<TransitionResult>, EmailStatus[], EmailStatus][] = [
    ['cancel', (id) => transitions.cancel(id), ['scheduled', 'queued', 'deferred'], 'cancelled'],
    ['retry', (id) => transitions.retry(id), ['failed', 'deferred'], 'queued'],
    ['resolve as sent', (id) => transitions.resolve(id, 'sent'), ['unknown'], 'sent'],
    ['resolve as failed', (id) => transitions.resolve(id, 'failed'), ['unknown'], 'failed'],
    ['resolve as not sent', (id) => transitions.resolve(id, 'not_sent'), ['unknown'], 'deferred'],
  ];

  describe.each(legal)('%s', (_, act, from, to) => {
    it.each(STATES)('from %s', async (state) => {
      const id = await inState(state);
      const result = await act(id);
      const events = await bench.database.query('SELECT status FROM email_events WHERE email_id = $1 ORDER BY id', [
        id,
      ]);
      if (from.includes(state)) {
        expect(result).toEqual({ kind: 'done', status: to });
        expect((await row(id)).status).toBe(to);
        expect(events).toEqual([{ status: 'queued' }, { status: to }]);
      } else {
        expect(result).toEqual({ kind: 'invalid_state', status: state });
        expect((await row(id)).status).toBe(state);
        expect(events).toHaveLength(1);
      }
      expect((await new Ledger(bench.prisma).read()).imbalance).toBe(0);
    });

    it('of a message that does not exist', async () => {
      expect(await act(randomUUID())).toEqual({ kind: 'not_found' });
    });
  });

  it.each([
    ['retry', 'failed', (id: string) => transitions.retry(id)],
    ['resolve as not sent', 'unknown', (id: string) => transitions.resolve(id, 'not_sent')],
  ] as const)('%s is refused when the content is gone', async (_, state, act) => {
    const id = await inState(state);
    await bench.database.query('UPDATE outbound_emails SET sealed_variables = NULL');
    expect(await act(id)).toEqual({ kind: 'content_erased' });
    expect((await row(id)).status).toBe(state);
  });

  it('a retry has an attempt left, and wakes the lane', async () => {
    const id = await inState('failed', { lane: 'bulk' });
    await transitions.retry(id);
    expect((await row(id)).max_attempts).toBe(4);
    expect(woken).toEqual(['bulk']);
  });

  it.each([
    ['cancelled', 'queued', (id: string) => transitions.cancel(id)],
    ['resolved as sent', 'unknown', (id: string) => transitions.resolve(id, 'sent')],
  ] as const)('a code is erased when its message is %s, other content is not', async (_, state, act) => {
    const [code, letter] = [await inState(state), await inState(state, { secret: false })];
    await act(code);
    await act(letter);
    expect((await row(code)).sealed_variables).toBeNull();
    expect((await row(letter)).sealed_variables).not.toBeNull();
  });

  it('a cancel and a claim at the same moment: one of them has the message', async () => {
    for (let round = 0; round < 30; round++) {
      const id = await bench.accept();
      const [cancelled, claimed] = await Promise.all([transitions.cancel(id), bench.outbox.claim('critical', 10, 'w')]);
      expect([cancelled.kind === 'done', claimed.rows.length === 1]).toContain(true);
      expect(cancelled.kind === 'done' && claimed.rows.length === 1).toBe(false);
    }
  });

  it('copies that have not started are cancelled when a newer one is accepted', async () => {
    const waiting = await bench.accept({ supersedeKey: 'k', scheduledAt: new Date(Date.now() + 3_600_000) });
    const underWay = await bench.accept({ supersedeKey: 'k' });
    const other = await bench.accept({ supersedeKey: 'other', scheduledAt: new Date(Date.now() + 3_600_000) });
    await bench.outbox.claim('critical', 10, 'w');
    await bench.transactions.run((unit) => transitions.supersede('k', unit));
    expect((await row(waiting)).status).toBe('cancelled');
    expect((await row(underWay)).status).toBe('sending');
    expect((await row(other)).status).toBe('scheduled');
  });

  it('the calendar ends what has expired, also where no worker claims', async () => {
    const past = new Date(Date.now() - 1_000);
    const dead = await inState('deferred', { expiresAt: past });
    const [alive, sent] = [await bench.accept(), await inState('sent', { expiresAt: past })];
    expect(await transitions.expireDue()).toBe(1);
    expect(await row(dead)).toMatchObject({ status: 'expired', sealed_variables: null });
    expect((await row(alive)).status).toBe('queued');
    expect((await row(sent)).status).toBe('sent');
  });

  it('the calendar erases codes past their expiry, and after the retention time what nobody told the outcome of', async () => {
    const past = new Date(Date.now() - 1_000);
    const code = await inState('unknown', { expiresAt: past });
    const liveCode = await inState('failed', { expiresAt: new Date(Date.now() + 60_000) });
    const letter = await inState('sent', { secret: false });
    const abandoned = await inState('unknown', { secret: false });
    const waiting = await bench.accept({ secret: false });
    await bench.database.query(
      `UPDATE outbound_emails SET created_at = now() - interval '31 days' WHERE id = ANY($1)`,
      [[abandoned, waiting]],
    );
    const retention = new MailRetention(bench.prisma);
    await bench.database.query(`UPDATE email_events SET at = at - interval '31 days' WHERE email_id = $1`, [abandoned]);
    expect(await retention.eraseCodes(10)).toBe(1);
    expect(await retention.eraseUnresolved(30, 10)).toBe(1);
    for (const id of [code, abandoned]) expect((await row(id)).sealed_variables).toBeNull();
    for (const id of [liveCode, letter, waiting]) expect((await row(id)).sealed_variables).not.toBeNull();
  });
});

describe('the ledger', () => {
  let bench: OutboxBench;
  let ledger: Ledger;

  beforeAll(async () => {
    bench = await OutboxBench.open();
    ledger = new Ledger(bench.prisma);
  });
  beforeEach(() => bench.clear());
  afterAll(() => bench.close());

  it('counts messages by state, before and after folding', async () => {
    await Promise.all([bench.accept(), bench.accept(), bench.accept()]);
    const { rows } = await bench.outbox.claim('critical', 2, 'w');
    await bench.outbox.finish(rows[0]!, { status: 'sent' }, 'w');
    const before = await ledger.read();
    expect(before).toMatchObject({ accepted: 3, imbalance: 0, states: { queued: 1, sending: 1, sent: 1, failed: 0 } });
    expect(await ledger.fold()).toBeGreaterThan(0);
    expect(await ledger.read()).toEqual(before);
    expect(await ledger.fold()).toBe(0);
  });

  it('tells of a row that vanished, and of one that came from nowhere', async () => {
    const id = await bench.accept();
    await bench.database.query(`UPDATE ledger_deltas SET delta = delta - 1 WHERE status = 'queued'`);
    expect((await ledger.read()).imbalance).toBe(1);
    await bench.clear();
    await bench.database.query(
      `INSERT INTO outbound_emails (id, lane, status, from_address, to_address, to_canonical, locale, seal_key_id, secret, max_attempts, message_id)
       VALUES ($1, 'bulk', 'queued', 'a', 'b', 'b', 'en', 'k', false, 1, 'm')`,
      [id],
    );
    expect((await ledger.read()).imbalance).toBe(-1);
  });

  it('balances in every snapshot while messages are accepted, claimed, finished and folded side by side', async () => {
    let working = true;
    const imbalances: number[] = [];
    const look = async (): Promise<void> => {
      while (working) imbalances.push((await ledger.read()).imbalance);
    };
    const fold = async (): Promise<void> => {
      while (working) await ledger.fold();
    };
    const watching = Promise.all([look(), fold(), fold()]);
    for (let round = 0; round < 15; round++) {
      await Promise.all(Array.from({ length: 8 }, () => bench.accept()));
      const { rows } = await bench.outbox.claim('critical', 8, 'w');
      await Promise.all(
        rows.map((email, n) => bench.outbox.finish(email, { status: n % 3 === 0 ? 'failed' : 'sent' }, 'w')),
      );
    }
    working = false;
    await watching;
    expect(imbalances.length).toBeGreaterThan(5);
    expect(new Set(imbalances)).toEqual(new Set([0]));
    expect((await ledger.read()).accepted).toBe(120);
  });
});
