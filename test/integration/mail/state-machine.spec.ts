import fc from 'fast-check';
import type { EmailStatus } from '../../../src/generated/prisma/enums.js';
import { Transitions } from '../../../src/mail/outbox/changes.js';
import type { ClaimedEmail } from '../../../src/mail/outbox/email-rows.js';
import { Ledger } from '../../../src/mail/outbox/ledger.js';
import { OutboxBench } from '../../support/database/outbox-bench.js';
import { queueOf } from '../../support/database/woken-lanes.js';
import { sized } from '../../support/faults/fault-form.js';

/** Every change of state there is; all others are a bug. */
const LEGAL: Partial<Record<EmailStatus, EmailStatus[]>> = {
  queued: ['sending', 'cancelled', 'expired', 'suppressed'],
  sending: ['sent', 'deferred', 'failed', 'unknown', 'queued'],
  deferred: ['sending', 'queued', 'cancelled', 'expired', 'suppressed'],
  // sent and failed: the late answer of the attempt in whose place a retry was planned. Checked apart below.
  unknown: ['sent', 'failed', 'deferred'],
  failed: ['queued'],
};

const ACTS = [
  'work',
  'work',
  'work',
  'die',
  'unknown',
  'crash',
  'refuse',
  'reject',
  'giveBack',
  'late',
  'late',
  'recovery',
  'recovery',
  'wait',
  'cancel',
  'retry',
  'resolve',
] as const;
type Act = (typeof ACTS)[number];

/** The server at the other end: what it has completely taken, by message. */
class Sink {
  readonly taken = new Map<string, number>();

  take(id: string): void {
    this.taken.set(id, (this.taken.get(id) ?? 0) + 1);
  }
}

describe('the state machine, under random interleavings of two workers, late answers, a lease recovery, a cancel, a retry and a resolve', () => {
  let bench: OutboxBench;
  let transitions: Transitions;

  beforeAll(async () => {
    bench = await OutboxBench.open();
    transitions = new Transitions(bench.prisma, queueOf());
  });
  afterAll(() => bench.close());

  const outlive = () =>
    bench.database.query(
      `UPDATE outbound_emails SET lease_until = now() - interval '1 s' WHERE lease_until IS NOT NULL`,
    );
  const planned = (path: EmailStatus[]) =>
    path.filter((status, n) => status === 'deferred' && path[n - 1] === 'unknown').length;

  async function act(
    what: Act,
    ids: string[],
    pick: number,
    sink: Sink,
    late: ClaimedEmail[],
    resentByHand: Set<string>,
    proven: Set<string>,
  ): Promise<void> {
    const id = ids[pick % ids.length]!;
    const { outbox } = bench;
    switch (what) {
      case 'recovery':
        if (pick % 3 === 0) await outlive();
        await outbox.takeBackExpired('sweep');
        return;
      case 'wait':
        await bench.database.query(`UPDATE outbound_emails SET next_attempt_at = now() WHERE status = 'deferred'`);
        return;
      case 'cancel':
        await transitions.cancel(id);
        return;
      case 'retry':
        await transitions.retry(id);
        return;
      case 'resolve': {
        const resolved = await transitions.resolve(id, pick % 2 === 0 ? 'not_sent' : 'sent');
        if (resolved.kind === 'done' && resolved.status === 'deferred') resentByHand.add(id);
        return;
      }
      case 'late': {
        const email = late.pop();
        if (email && (await outbox.finish(email, { status: 'sent', reply: '250 late' }, 'late'))) proven.add(email.id);
        return;
      }
    }
    const { rows } = await outbox.claim('critical', 1 + (pick % 2), `w${pick % 2}`);
    for (const email of rows) {
      if (what === 'crash') continue; // killed before the offer
      if (what === 'giveBack') await outbox.finish(email, { status: 'queued' }, 'w');
      else if (what === 'refuse')
        await outbox.finish(email, { status: 'deferred', errorCode: 'smtp_451', delayMs: 0 }, 'w');
      else if (what === 'reject') await outbox.finish(email, { status: 'failed', errorCode: 'smtp_554' }, 'w');
      else if (await outbox.offer(email)) {
        sink.take(email.id);
        if (what === 'work') await outbox.finish(email, { status: 'sent', reply: '250 taken' }, 'w');
        else late.push(email); // killed after the dot, or its answer is on its way
        if (what === 'unknown') await outbox.finish(email, { status: 'unknown', errorCode: 'smtp_closed' }, 'w'); // and killed before it decided
      }
    }
  }

  it('loses nothing, doubles nothing but what a person sent again, and takes no step that is not drawn', async () => {
    const actor = fc.array(fc.tuple(fc.constantFrom(...ACTS), fc.nat(1_000)), { minLength: 4, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(fc.array(actor, { minLength: 2, maxLength: 4 }), async (actors) => {
        await bench.clear();
        const sink = new Sink();
        const resentByHand = new Set<string>();
        const late: ClaimedEmail[] = [];
        const proven = new Set<string>();
        const ids = await Promise.all(
          Array.from({ length: 3 }, () => bench.accept({ secret: false, maxAttempts: 50 })),
        );
        await Promise.all(
          actors.map(async (acts) => {
            for (const [what, pick] of acts) await act(what, ids, pick, sink, late, resentByHand, proven);
          }),
        );

        const ledger = await new Ledger(bench.prisma).read();
        expect([ledger.accepted, ledger.imbalance]).toEqual([3, 0]);
        for (const id of ids) {
          const events = await bench.database.query<{ status: EmailStatus }>(
            'SELECT status FROM email_events WHERE email_id = $1 ORDER BY id',
            [id],
          );
          const path = events.map(({ status }) => status);
          const steps = path.slice(1).map((to, n) => [path[n]!, to] as const);
          for (const [n, [from, to]] of steps.entries()) {
            const answeredLate = from === 'deferred' && to === 'sent' && path[n - 1] === 'unknown';
            expect([from, answeredLate || LEGAL[from]?.includes(to) ? to : `${to}, which is illegal`]).toEqual([
              from,
              to,
            ]);
          }
          const [row] = await bench.database.query<{ status: EmailStatus; possible_duplicate: boolean }>(
            'SELECT status, possible_duplicate FROM outbound_emails WHERE id = $1',
            [id],
          );
          expect(path.at(-1)).toBe(row!.status); // the receipt and the record agree
          const taken = sink.taken.get(id) ?? 0;
          expect(path.filter((status) => status === 'unknown').length).toBeLessThanOrEqual(taken); // never without an offer
          // Twice only where that was said: flagged, once by policy, or by a person.
          expect(planned(path) - (resentByHand.has(id) ? path.length : 0)).toBeLessThanOrEqual(1);
          if (!resentByHand.has(id)) expect(taken).toBeLessThanOrEqual(1 + planned(path));
          if (taken > 1 && !resentByHand.has(id)) expect(row!.possible_duplicate).toBe(true);
          if (proven.has(id) && !resentByHand.has(id)) expect(row!.status).toBe('sent'); // a proven hand-over is the end
          if (row!.status === 'sent' && !path.includes('unknown')) expect(taken).toBe(1);
          const mayGoOn = resentByHand.has(id) || planned(path) > 0;
          if (taken > 0) expect(['sent', 'unknown', 'sending', ...(mayGoOn ? path : [])]).toContain(row!.status);
        }
      }),
      { numRuns: sized(60, 1_000) },
    );
  });
});
