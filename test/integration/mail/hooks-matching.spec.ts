import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { uuidv7 } from '../../../src/core/ids.js';
import { Transactions } from '../../../src/database/prisma.service.js';
import type { Recipient } from '../../../src/mail/outbox/email-rows.js';
import { lockBearing } from '../../../src/mail/outbox/reported.js';
import { ProviderEvents } from '../../../src/mail/events/provider-events.js';
import type { ProviderEvent } from '../../../src/mail/providers/hook.js';
import { createDatabase, type TestDatabase } from '../../support/database/postgres.js';
import { eventually } from '../../support/signals/wait.js';
import { CarriedMail } from '../../support/smtp/carried-mail.js';

const NEW_FOR = 600;

describe('events and their messages', () => {
  let database: TestDatabase;
  let mail: CarriedMail;
  let events: ProviderEvents;

  beforeAll(async () => {
    database = await createDatabase();
    mail = new CarriedMail(database);
    events = new ProviderEvents(mail.prisma, new Transactions(mail.prisma));
  });
  beforeEach(() => mail.clear());
  afterEach(async () => {
    expect(await mail.imbalance()).toBe(0);
  });
  afterAll(async () => {
    await mail.close();
    await database.drop();
  });

  function told(kind: ProviderEvent['kind'], more: Partial<ProviderEvent> = {}): ProviderEvent {
    return { kind, dedupeKey: randomUUID(), recipient: 'Ada@Example.com', occurredAt: new Date(), ...more };
  }

  async function tell(...all: ProviderEvent[]) {
    const { ids } = await events.record('sendgrid', all);
    return events.settle(ids);
  }

  async function sweep(which: 'newer' | 'older' = 'newer') {
    return events.settle(await events.due(NEW_FOR, which, 100));
  }

  const hardBounce = { reason: 'bounced', detail: '550 5.1.1 no such user' } as const;

  it('a bounce that comes before we know that the message was sent waits for it', async () => {
    const claimed = await mail.sending();
    expect(await tell(told('bounced', { emailId: claimed.id, ...hardBounce }))).toMatchObject({
      waiting: 1,
      changed: [],
    });
    expect(await mail.suppressions()).toEqual([]);
    expect(await events.due(NEW_FOR, 'newer', 100)).toEqual([]);
    await mail.outbox.finish(claimed, { status: 'sent', transport: 'sendgrid', reply: '202' }, 'worker:1');
    expect((await sweep()).changed).toEqual([{ emailId: claimed.id, source: 'sendgrid', status: 'bounced' }]);
    expect(await mail.states(claimed.id)).toEqual(['queued', 'sending', 'sent', 'bounced']);
    expect(await mail.suppressions()).toMatchObject([
      { address: 'ada@example.com', scope: 'all', reason: 'hard_bounce' },
    ]);
    expect((await sweep()).changed).toEqual([]);
  });

  describe('that a message was delivered', () => {
    const bouncedBefore = (seconds: number) =>
      database.query(
        `INSERT INTO suppressions (address_canonical, reason, source, seen_at, tried_at, expires_at)
         VALUES ('ada@example.com', 'hard_bounce', 'smtp', now() - $1 * interval '1 second', now() - interval '2 days', now() + interval '50 days')`,
        [seconds],
      );

    it('lifts the bounce of its address from before, and names the message', async () => {
      await bouncedBefore(2 * 86_400);
      const id = await mail.sent('sendgrid', 'ada@example.com', { lane: 'critical' });
      expect(await tell(told('delivered', { emailId: id }))).toMatchObject({ lifted: [id] });
      expect(await mail.suppressions()).toEqual([]);
      const next = await mail.accept();
      await mail.outbox.claim('default', 10, 'worker:1');
      expect((await mail.look(next)).status).toBe('sending');
    });

    it('lifts no bounce that came after it was sent, however late it is told', async () => {
      const id = await mail.sent('sendgrid');
      await bouncedBefore(-1);
      expect(await tell(told('delivered', { emailId: id }))).toMatchObject({ lifted: [] });
      expect(await mail.suppressions()).toHaveLength(1);
    });

    it('lifts nothing when it bounced in the end', async () => {
      await bouncedBefore(2 * 86_400);
      const id = await mail.sent('sendgrid', 'ada@example.com', { lane: 'critical' });
      await tell(told('delivered', { emailId: id }), told('bounced', { emailId: id, ...hardBounce }));
      expect(await mail.suppressions()).toMatchObject([{ reason: 'hard_bounce', email_id: id }]);
      expect((await mail.look(id)).status).toBe('bounced');
    });

    it('takes addresses in their order, whatever becomes of each: of two settlements none waits for the other', async () => {
      const [ada, bob, zoe] = [
        await mail.sent('sendgrid'),
        await mail.sent('sendgrid', 'bob@example.com'),
        await mail.sent('sendgrid', 'zoe@example.com'),
      ];
      await database.query(
        `INSERT INTO suppressions (address_canonical, reason, source, seen_at, expires_at)
         SELECT name || '@example.com', 'hard_bounce', 'smtp', now() - interval '2 days', now() + interval '50 days'
         FROM unnest('{ada,bob,zoe}'::text[]) AS name`,
      );
      const all = [
        told('delivered', { emailId: zoe, recipient: 'zoe@example.com' }),
        told('bounced', { emailId: bob, recipient: 'bob@example.com', ...hardBounce }),
        told('delivered', { emailId: ada }),
      ];
      const other = new pg.Client({ connectionString: database.url });
      await other.connect();
      await other.query('BEGIN');
      await other.query(`SELECT FROM suppressions WHERE address_canonical = 'bob@example.com' FOR UPDATE`);
      const settled = tell(...all);
      await eventually(
        async () =>
          (
            await database.query(
              `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
            )
          ).length > 0,
        'the settlement to wait for bob',
      );
      const { rows } = await other.query<{ address: string }>(
        'SELECT address_canonical AS address FROM suppressions ORDER BY 1 FOR UPDATE SKIP LOCKED',
      );
      expect(rows.map(({ address }) => address)).toEqual(['bob@example.com', 'zoe@example.com']);
      await other.query('COMMIT');
      await other.end();
      expect(await settled).toMatchObject({ lifted: [ada, zoe], suppressed: 1 });
      expect(await mail.suppressions()).toMatchObject([{ address: 'bob@example.com', email_id: bob }]);
    });

    it('lifts no complaint, and nothing when a mere mail tells it', async () => {
      const id = await mail.sent('sendgrid');
      await bouncedBefore(60);
      const { ids } = await events.record('dsn', [told('delivered', { emailId: id })]);
      expect(await events.settle(ids)).toMatchObject({ lifted: [] });
      await database.query(`UPDATE suppressions SET reason = 'complaint'`);
      expect(await tell(told('delivered', { emailId: id }))).toMatchObject({ lifted: [] });
      expect(await mail.suppressions()).toHaveLength(1);
    });
  });

  it('an unknown outcome is known when the provider tells it, and a code is erased then', async () => {
    for (const [kind, status] of [
      ['delivered', 'delivered'],
      ['bounced', 'bounced'],
      ['complained', 'complained'],
    ] as const) {
      const id = await mail.ended(
        { status: 'unknown', transport: 'sendgrid', errorCode: 'http_timeout' },
        { secret: true },
      );
      expect(await mail.look(id)).toMatchObject({ status: 'unknown', sealed: true });
      await tell(told(kind, { emailId: id, reason: 'blocked' }));
      expect(await mail.look(id)).toMatchObject({ status, sealed: false });
      const [row] = await database.query<{ free: boolean; sent: boolean }>(
        'SELECT lease_token IS NULL AND lease_until IS NULL AS free, sent_at IS NOT NULL AS sent FROM outbound_emails WHERE id = $1', [id]); // oxfmt-ignore
      expect(row).toEqual({ free: true, sent: true });
    }
  });

  it('a second copy that was planned after an unknown outcome is called off', async () => {
    const claimed = await mail.sending();
    await mail.outbox.finish(claimed, { status: 'unknown', transport: 'sendgrid' }, 'worker:1');
    await mail.outbox.finish(
      claimed,
      { status: 'deferred', transport: 'sendgrid', delayMs: 0, possibleDuplicate: true },
      'worker:1',
    );
    expect((await mail.look(claimed.id)).status).toBe('deferred');
    await tell(told('delivered', { emailId: claimed.id }));
    expect((await mail.look(claimed.id)).status).toBe('delivered');
    expect((await mail.outbox.claim('default', 10, 'worker:2')).rows).toEqual([]);
    // The attempt itself speaks at last, and too late.
    expect(await mail.outbox.finish(claimed, { status: 'sent', transport: 'sendgrid' }, 'worker:1')).toBe(false);
  });

  it('a copy that is claimed already goes out, and then the first one’s delivery counts', async () => {
    const claimed = await mail.sending();
    await mail.outbox.finish(claimed, { status: 'unknown', transport: 'sendgrid' }, 'worker:1');
    await mail.outbox.finish(
      claimed,
      { status: 'deferred', transport: 'sendgrid', delayMs: 0, possibleDuplicate: true },
      'worker:1',
    );
    const [again] = (await mail.outbox.claim('default', 10, 'worker:2')).rows;
    expect((await tell(told('delivered', { emailId: claimed.id }))).waiting).toBe(1);
    await mail.outbox.finish(again!, { status: 'sent', transport: 'mailgun:example.com' }, 'worker:2');
    await sweep();
    expect((await mail.look(claimed.id)).status).toBe('delivered');
  });

  it('a message that is tried again keeps its events waiting until it has settled', async () => {
    const claimed = await mail.sending();
    await mail.outbox.finish(claimed, { status: 'deferred', transport: 'sendgrid', delayMs: 0 }, 'worker:1');
    expect((await tell(told('delivered', { emailId: claimed.id }))).waiting).toBe(1);
    expect((await mail.look(claimed.id)).status).toBe('deferred');
  });

  it('a late word on a delay changes nothing but the timeline', async () => {
    const id = await mail.sent('sendgrid');
    await tell(told('delivered', { emailId: id, detail: '250 ok' }));
    await tell(told('deferred', { emailId: id, detail: '451 try later', reason: 'other' }));
    expect(await mail.look(id)).toMatchObject({ status: 'delivered', lastReply: '250 ok', lastErrorCode: null });
    expect((await mail.look(id)).events.at(-1)).toEqual({
      status: 'delivered',
      transport: 'sendgrid',
      reply: '451 try later',
      errorCode: 'provider_deferred',
    });
  });

  it('a complaint shuts the newsletter where it was about one, and everything where not', async () => {
    const bulk = await mail.sent('sendgrid', 'bulk@example.com', { lane: 'bulk' });
    const plain = await mail.sent('sendgrid', 'plain@example.com');
    await tell(
      told('complained', { emailId: bulk, recipient: 'bulk@example.com' }),
      told('complained', { emailId: plain, recipient: 'plain@example.com' }),
    );
    expect((await mail.suppressions()).map(({ address, scope, reason }) => [address, scope, reason])).toEqual([
      ['bulk@example.com', 'bulk', 'complaint'],
      ['plain@example.com', 'all', 'complaint'],
    ]);
    const next = [];
    for (const to of ['bulk@example.com', 'plain@example.com']) next.push(await mail.accept({ to, toCanonical: to }));
    await mail.outbox.claim('default', 10, 'worker:1');
    expect(await Promise.all(next.map(async (id) => (await mail.look(id)).status))).toEqual(['sending', 'suppressed']);
  });

  it('who unsubscribes at the provider still gets codes', async () => {
    const id = await mail.sent('sendgrid');
    await tell(told('unsubscribed', { emailId: id, reason: 'unsubscribed' }));
    expect(await mail.look(id)).toMatchObject({ status: 'sent' });
    expect(await mail.suppressions()).toMatchObject([{ scope: 'bulk', reason: 'unsubscribe' }]);
  });

  it('is matched by the Message-ID where nothing else is there', async () => {
    const id = await mail.sent('smtp.sendgrid.net:587');
    await tell(told('delivered', { messageId: `<${id}@example.com>` }));
    expect((await mail.look(id)).status).toBe('delivered');
  });

  describe('of a message whose Message-ID its sender gave it', () => {
    const SMTP = 'smtp.sendgrid.net:587';
    const toldOf = (messageId: string, recipient = 'ada@example.com') =>
      told('delivered', { messageId, recipient, providerMessageId: 'sg-1' });

    it.each(['<order-1@shop.example>', '<01920000-0000-4000-8000-000000000000@laptop.example>'])(
      'are matched by it: %s',
      async (messageId) => {
        const id = await mail.sent(SMTP, 'ada@example.com', { messageId });
        expect(await tell(toldOf(messageId.slice(1, -1)))).toMatchObject({ changed: [{ emailId: id }], waiting: 0 });
      },
    );

    it('find whichever row their recipient is in', async () => {
      const messageId = '<order-2@shop.example>';
      const ids = [];
      for (const name of ['ada', 'grace']) ids.push(await mail.sent(SMTP, `${name}@example.com`, { messageId }));
      expect(await tell(toldOf(messageId, 'grace@example.com'))).toMatchObject({ changed: [{ emailId: ids[1] }] });
      expect(await tell(toldOf(messageId))).toMatchObject({ changed: [{ emailId: ids[0] }] });
      expect(await tell(toldOf(messageId, 'bob@example.com'))).toMatchObject({ foreign: 1, changed: [] });
    });

    it('find the copy that was sent last', async () => {
      const messageId = '<order-3@shop.example>';
      const ids = [];
      for (const at of [1_000, 2_000]) {
        const id = uuidv7(new Date(at));
        ids.push(await mail.sent(SMTP, 'ada@example.com', { id, messageId }));
      }
      expect(await tell(toldOf(messageId))).toMatchObject({ changed: [{ emailId: ids[1] }] });
    });

    it('wait until it was handed over', async () => {
      const messageId = '<order-4@shop.example>';
      const claimed = await mail.sending({ messageId });
      expect(await tell(toldOf(messageId))).toMatchObject({ waiting: 1, changed: [] });
      expect(await events.due(NEW_FOR, 'newer', 100)).toEqual([]);
      await mail.outbox.finish(claimed, { status: 'sent', transport: SMTP, reply: '250' }, 'worker:1');
      expect((await sweep()).changed).toMatchObject([{ emailId: claimed.id, status: 'delivered' }]);
    });

    it('of a provider that did not carry it change nothing', async () => {
      const messageId = '<order-5@shop.example>';
      const id = await mail.sent('smtp.mailgun.org:587', 'ada@example.com', { messageId });
      expect(await tell(toldOf(messageId))).toMatchObject({ foreign: 1, changed: [] });
      expect((await mail.look(id)).status).toBe('sent');
    });
  });

  it('of somebody else’s message is looked at once, changes nothing, and is gone after a day', async () => {
    const id = await mail.sent('sendgrid', 'bob@example.com');
    expect(await tell(told('bounced', { emailId: id, ...hardBounce }))).toMatchObject({ foreign: 1, changed: [] });
    expect((await mail.look(id)).status).toBe('sent');
    expect(await events.due(NEW_FOR, 'newer', 100)).toEqual([]);
    await database.query(`UPDATE provider_events SET received_at = now() - interval '25 h'`);
    expect(await events.removeUnmatched(100)).toBe(1);
  });

  it('of no message at all waits a day, the first minutes under the eyes of the sweep', async () => {
    const early = told('delivered', { providerMessageId: 'later' });
    expect(await tell(early)).toMatchObject({ waiting: 1 });
    await database.query(`UPDATE provider_events SET received_at = now() - interval '23 h'`);
    const id = await mail.sent('sendgrid', 'ada@example.com', {}, 'later');
    expect((await sweep('newer')).changed).toEqual([]);
    expect(await events.removeUnmatched(100)).toBe(0);
    expect((await sweep('older')).changed).toMatchObject([{ emailId: id, status: 'delivered' }]);
    await tell(told('delivered', { providerMessageId: 'never' }));
    await database.query(`UPDATE provider_events SET received_at = now() - interval '25 h'`);
    expect(await events.removeUnmatched(100)).toBe(1);
    expect(await events.removeOld(1, 100)).toBe(1);
  });

  it('looked at by several processes at once is applied once', async () => {
    const id = await mail.sent('sendgrid');
    const { ids } = await events.record('sendgrid', [
      told('delivered', { emailId: id }),
      told('deferred', { emailId: id }),
    ]);
    await Promise.all(Array.from({ length: 3 }, () => events.settle(ids)));
    await sweep();
    expect(await mail.states(id)).toEqual(['queued', 'sending', 'sent', 'delivered', 'delivered']);
  });

  it('passes over a message that somebody holds at that moment, and finds it again', async () => {
    const id = await mail.sent('sendgrid');
    const { ids } = await events.record('sendgrid', [told('delivered', { emailId: id })]);
    await new Transactions(mail.prisma).run(async ({ db }) => {
      await db.$executeRaw`SELECT FROM outbound_emails WHERE id = ${id}::uuid FOR UPDATE`;
      expect(await events.settle(ids)).toMatchObject({ waiting: 1 });
    });
    expect((await sweep()).changed).toHaveLength(1);
  });

  describe('about one recipient of several', () => {
    const [ada, grace] = ['ada', 'grace'].map((name): Recipient => {
      const address = `${name}@example.com`;
      return { kind: 'to', address, name: '', canonical: address };
    }) as [Recipient, Recipient];
    const toBoth = { to: ada.address, toCanonical: '', recipients: [ada, grace] };

    /** A message to both, of whom the second was taken by a later attempt of her own. */
    async function splitMail(
      first: 'sent' | 'deferred',
      more: { messageId?: string } = {},
    ): Promise<{ id: string; apart: string }> {
      const claimed = await mail.sending({ ...toBoth, ...more });
      const later = { recipient: grace, ending: { status: 'deferred', transport: 'sendgrid', delayMs: 0 } as const };
      const ending = { status: first, transport: 'sendgrid', delayMs: 3_600_000, apart: [later] };
      expect(await mail.outbox.finish(claimed, ending, 'worker:1')).toBe(true);
      const [own] = (await mail.outbox.claim('default', 1, 'worker:1')).rows;
      await mail.outbox.finish(own!, { status: 'sent', transport: 'sendgrid' }, 'worker:1');
      return { id: claimed.id, apart: own!.id };
    }

    it.each(['sent', 'deferred'] as const)(
      'waits while somebody holds their own row, with the others %s',
      async (first) => {
        const { id, apart } = await splitMail(first);
        const { ids } = await events.record('sendgrid', [
          told('bounced', { emailId: id, recipient: grace.address, ...hardBounce }),
        ]);
        await new Transactions(mail.prisma).run(async ({ db }) => {
          await db.$executeRaw`SELECT FROM outbound_emails WHERE id = ${apart}::uuid FOR UPDATE`;
          expect(await events.settle(ids)).toMatchObject({ waiting: 1, foreign: 0 });
        });
        expect((await sweep()).changed).toEqual([{ emailId: apart, source: 'sendgrid', status: 'bounced' }]);
        expect(await mail.suppressions()).toMatchObject([{ address: grace.address, email_id: apart }]);
      },
    );

    it('finds them by the Message-ID of their sender, and looks at nobody else who was split off', async () => {
      const messageId = '<order-6@shop.example>';
      const { id, apart } = await splitMail('sent', { messageId });
      const found = (recipient?: string) =>
        mail.prisma.$transaction(async (db) =>
          (await lockBearing([messageId], recipient === undefined ? undefined : [recipient], db)).map((row) => row.id),
        );
      expect(await found(ada.address)).toEqual([id]);
      expect((await found(grace.address)).sort()).toEqual([id, apart].sort());
      expect((await found()).sort()).toEqual([id, apart].sort());
      expect(await tell(told('delivered', { messageId, recipient: grace.address }))).toMatchObject({
        changed: [{ emailId: apart }],
      });
      expect(await tell(told('delivered', { messageId, recipient: ada.address }))).toMatchObject({
        changed: [{ emailId: id }],
      });
    });

    it('waits for nobody who holds the row of the others', async () => {
      const { id, apart } = await splitMail('sent');
      await new Transactions(mail.prisma).run(async ({ db }) => {
        await db.$executeRaw`SELECT FROM outbound_emails WHERE id = ${id}::uuid FOR UPDATE`;
        expect(await tell(told('delivered', { emailId: id, recipient: grace.address }))).toMatchObject({
          changed: [{ emailId: apart, status: 'delivered' }],
        });
      });
    });

    it('without a name is noted, however few are left in each row', async () => {
      const { id, apart } = await splitMail('sent');
      const { ids } = await events.record('sendgrid', [{ ...told('bounced', { emailId: id }), recipient: undefined }]);
      expect(await events.settle(ids)).toMatchObject({ noted: 1, changed: [] });
      expect([(await mail.look(id)).status, (await mail.look(apart)).status]).toEqual(['sent', 'sent']);
      expect(await mail.suppressions()).toEqual([]);
    });

    it('is lost to no attempt that ends at the same moment', async () => {
      const later = { recipient: grace, ending: { status: 'sent', transport: 'sendgrid' } as const };
      const ending = { status: 'sent', transport: 'sendgrid', apart: [later] } as const;
      for (let n = 0; n < 100; n++) {
        const claimed = await mail.sending(toBoth);
        const { ids } = await events.record('sendgrid', [
          told('delivered', { emailId: claimed.id, recipient: [ada, grace][n % 2]!.address }),
        ]);
        const finished = mail.outbox.finish(claimed, ending, 'worker:1');
        let waits = true;
        while (waits) {
          const settled = await events.settle(ids);
          expect(settled.foreign).toBe(0);
          waits = settled.changed.length === 0;
        }
        await finished;
      }
    });
  });

  it('with text that Postgres cannot hold is kept all the same', async () => {
    const id = await mail.sent('sendgrid');
    const { ids } = await events.record('sendgrid', [
      told('bounced', { emailId: id, reason: 'other', detail: `\0${'x'.repeat(998)}😀`, dedupeKey: 'a\0b' }),
    ]);
    await events.settle(ids);
    expect((await mail.look(id)).lastReply).toMatch(/^ x{998}$/);
  });

  it('in thousands are settled in time', async () => {
    const made: string[] = [];
    for (let n = 0; n < 300; n++)
      made.push(await mail.accept({ to: `u${n}@example.com`, toCanonical: `u${n}@example.com` }));
    const { rows } = await mail.outbox.claim('default', 300, 'worker:1');
    await Promise.all(
      rows.map((row) => mail.outbox.finish(row, { status: 'sent', transport: 'sendgrid' }, 'worker:1')),
    );
    const all = made.flatMap((emailId, n) =>
      ['delivered', 'deferred', 'bounced'].map((kind) =>
        told(kind as 'delivered', { emailId, recipient: `u${n}@example.com`, ...hardBounce }),
      ),
    );
    const settled = await tell(...all);
    expect(settled).toMatchObject({ noted: 300, suppressed: 300, waiting: 0 });
    expect(settled.changed).toHaveLength(600);
  });
});
