import { randomUUID } from 'node:crypto';
import { keepEmail, type KeptEmail } from '../support/database/kept-email.js';
import { OperatedService } from '../support/service/cli-mail.js';
import { runCli } from '../support/service/cli.js';
import { type Otpost, startOtpost, TEST_SECRET } from '../support/service/otpost.js';

interface Listed {
  id: string;
  to: string;
  status: string;
  lane: string;
}

describe('otpost outbox', () => {
  let otpost: Otpost;
  let service: OperatedService;

  beforeAll(async () => {
    // Nobody delivers, and nothing old is removed: what is accepted stays as it is.
    otpost = await startOtpost({
      ROLE: 'web',
      OUTBOX_RESCUE: 'off',
      RETENTION_DAYS: '365',
      MAIL_FROM: 'no-reply@example.com',
    });
    service = await OperatedService.of(otpost, { APP_SECRET: TEST_SECRET });
  });
  afterEach(() => service.reset());
  afterAll(() => otpost.stop());

  const fail = (...ids: string[]) =>
    otpost.database.query(`UPDATE outbound_emails SET status = 'failed', attempts = max_attempts WHERE id = ANY($1)`, [
      ids,
    ]);

  /** At a terminal, where somebody answers the question with these keys. */
  async function atTerminal(keys: string, ...args: string[]): Promise<{ code: number; said: string }> {
    const { code, out, err } = await runCli(args, service.env, { tty: true, input: keys });
    return { code, said: out + err };
  }

  it('counts by state and lane, and says how long the oldest due message has waited', async () => {
    await service.accept('ada@example.com', { lane: 'bulk' });
    await service.accept('grace@example.com', { scheduledAt: new Date(Date.now() + 3_600_000).toISOString() });
    await otpost.database.query(
      `UPDATE outbound_emails SET next_attempt_at = now() - interval '90 s' WHERE lane = 'bulk'`,
    );
    const [{ code, out }, table] = await Promise.all([
      service.cli('outbox', 'stats', '--json'),
      service.cli('outbox', 'stats'),
    ]);
    expect([code, JSON.parse(out)]).toMatchObject([
      0,
      {
        accepted: 2,
        imbalance: 0,
        states: { queued: 1, scheduled: 1, sent: 0 },
        lanes: [
          { lane: 'critical', due: 0 },
          { lane: 'default', due: 0, later: 1, oldestDueSeconds: 0 },
          { lane: 'bulk', due: 1, later: 0, sending: 0, pausedAt: null, workers: 0 },
          { lane: 'sms', due: 0 },
        ],
      },
    ]);
    const { lanes } = JSON.parse(out) as { lanes: { oldestDueSeconds: number }[] };
    expect(lanes[2]!.oldestDueSeconds).toBeGreaterThanOrEqual(90);
    expect(table.out).toMatch(/^queued +1$[^]*^bulk +1 +\d+ s/m);
  });

  it('fails where the ledger does not add up', async () => {
    await service.accept('ada@example.com');
    await otpost.database.query(`INSERT INTO ledger_deltas (status, delta) VALUES ('accepted', 1)`);
    const { code, err } = await service.cli('outbox', 'stats');
    expect([code, err]).toEqual([1, expect.stringContaining('off by 1')]);
  });

  it('lists what is asked for, newest first, with the recipients masked unless they are asked for', async () => {
    const ada = await service.accept('ada.lovelace@example.com');
    const grace = await service.accept('grace@example.com', { lane: 'bulk' });
    const listed = (...args: string[]) => service.json<Listed[]>('outbox', 'list', ...args);
    const [all, { out }, shown, none, one] = await Promise.all([
      listed(),
      service.cli('outbox', 'list', '--lane', 'default', '--status', 'queued'),
      listed('--to', 'Ada.Lovelace@EXAMPLE.com', '--show-addresses'),
      listed('--since', new Date(Date.now() + 60_000).toISOString()),
      listed('--limit', '1'),
    ]);
    expect(all.map(({ id, to }) => [id, to])).toEqual([
      [grace, 'g***@example.com'],
      [ada, 'a***@example.com'],
    ]);
    expect([out.includes(ada), out.includes(grace), out.includes('lovelace')]).toEqual([true, false, false]);
    expect(shown).toMatchObject([
      { id: ada, to: 'ada.lovelace@example.com', recipients: ['ada.lovelace@example.com'], channel: 'email' },
    ]);
    expect(JSON.stringify(all)).not.toContain('lovelace');
    expect(none).toEqual([]);
    expect(one).toHaveLength(1);
  });

  it('lists by what messages are', async () => {
    const keep = (email: KeptEmail) => keepEmail(otpost.database, email);
    const meant: KeptEmail = {
      ...{ tags: ['spring'], template: 'receipt', from: 'shop@example.com', apiKeyId: randomUUID(), transport: 'ses' },
      ...{ errorCode: 'smtp_550', reply: '550 Mailbox unknown', status: 'failed', subject: 'Your invoice' },
    };
    await keep({ status: 'failed' });
    const text = await keep({ lane: 'sms', to: '+639171234567' });
    const id = await keep(meant);
    const later = new Date(Date.now() + 60_000).toISOString();
    const filters = [
      ['--tag', 'spring'],
      ['--template', 'receipt'],
      ['--from', 'Shop@example.com'],
      ['--transport', 'ses', '--until', later],
      ['--error-code', 'smtp_550', '--status', 'failed'],
      ['--q', 'INVOICE'],
      ['--q', 'mailbox'],
    ];
    const found = await Promise.all(filters.map((filter) => service.json<Listed[]>('outbox', 'list', ...filter)));
    expect(found.map((list) => list.map((email) => email.id))).toEqual(filters.map(() => [id]));
    expect(await service.json('outbox', 'list', '--until', '2020-01-01T00:00:00Z')).toEqual([]);
    expect(await service.json('outbox', 'list', '--to', '+63 917 123 4567')).toMatchObject([
      { id: text, channel: 'sms', to: '+63********67', recipients: ['+63********67'] },
    ]);
    expect(await service.cli('outbox', 'list', '--to', '09171234567')).toMatchObject({
      code: 2,
      err: expect.stringContaining('or a number such as +639171234567') as string,
    });
  });

  it('shows what became of a message, its recipients and what was split off it', async () => {
    const id = await keepEmail(otpost.database, {
      status: 'failed',
      reply: '550 no mailbox ada@example.com',
      recipients: [
        { kind: 'to', address: 'ada@example.com', name: null, canonical: 'ada@example.com' },
        { kind: 'cc', address: 'grace@example.com', name: null, canonical: 'grace@example.com' },
      ],
    });
    const part = await keepEmail(otpost.database, { status: 'deferred', to: 'eve@example.com', splitFrom: id });
    await service.cli('outbox', 'retry', id);
    const [words, document, plain, gone] = await Promise.all([
      service.cli('outbox', 'show', id),
      service.json<Record<string, unknown>>('outbox', 'show', id),
      service.json<Record<string, unknown>>('outbox', 'show', id, '--show-addresses'),
      service.cli('outbox', 'show', randomUUID()),
    ]);
    expect([words.code, words.out]).toEqual([
      0,
      expect.stringMatching(
        /^ID +[\da-f-]+\nSTATUS +queued[^]*\nto +a\*\*\*@example\.com +queued +-\ncc +g\*\*\*@example\.com +queued +-\nto +e\*\*\*@example\.com +deferred +[\da-f-]+\n[^]*retried_by_hand/,
      ),
    ]);
    expect(words.out).not.toMatch(/ada@|grace@|eve@/);
    expect(document).toMatchObject({
      ...{ id, status: 'queued', splitFrom: null },
      recipients: [
        { kind: 'to', address: 'a***@example.com', status: 'queued', emailId: id },
        { kind: 'cc', address: 'g***@example.com', status: 'queued', emailId: id },
        { kind: 'to', address: 'e***@example.com', status: 'deferred', emailId: part },
      ],
      events: [{ status: 'queued', errorCode: 'retried_by_hand' }],
    });
    expect(JSON.stringify(document)).not.toContain('ada@');
    expect(plain).toMatchObject({
      lastReply: '550 no mailbox ada@example.com',
      recipients: [{ address: 'ada@example.com' }, { address: 'grace@example.com' }, { address: 'eve@example.com' }],
    });
    expect([gone.code, gone.err]).toEqual([1, expect.stringContaining('There is no such message.')]);
  });

  it('resolves what is unknown by id, and says of each what came of it', async () => {
    const [unknown, lost, sent] = [
      await keepEmail(otpost.database, { status: 'unknown' }),
      await keepEmail(otpost.database, { status: 'unknown' }),
      await keepEmail(otpost.database, { status: 'sent' }),
    ];
    const resolved = await service.cli('outbox', 'resolve', unknown, sent, '--as', 'sent');
    expect([resolved.code, resolved.err]).toEqual([
      1,
      `${unknown}: resolved, it is sent now\n${sent}: it is sent, which cannot be resolved\n`,
    ]);
    expect(await service.json('outbox', 'resolve', lost, '--as', 'not_sent')).toEqual([{ id: lost, result: 'done' }]);
    expect([await service.statusOf(unknown), await service.statusOf(lost)]).toEqual(['sent', 'deferred']);
    const [audit] = await otpost.database.query(
      `SELECT action, actor_kind AS by, details FROM audit_events WHERE target_id = $1`,
      [unknown],
    );
    expect(audit).toEqual({ action: 'email.resolved', by: 'operator', details: { as: 'sent' } });
  });

  it('retries and cancels by id, says of each what came of it, and fails when one could not be', async () => {
    const [failed, waiting] = [await service.accept('ada@example.com'), await service.accept('grace@example.com')];
    await fail(failed);
    const retried = await service.cli('outbox', 'retry', failed, waiting);
    expect([retried.code, retried.err]).toEqual([
      1,
      `${failed}: queued again\n${waiting}: it is queued, which cannot be retried\n`,
    ]);
    const [cancelled] = await service.json<{ id: string; result: string }[]>('outbox', 'cancel', waiting);
    expect([cancelled, await service.statusOf(failed), await service.statusOf(waiting)]).toEqual([
      { id: waiting, result: 'done' },
      'queued',
      'cancelled',
    ]);
    const audit = await otpost.database.query(
      `SELECT action, actor_kind AS by, target_id AS target FROM audit_events WHERE target_id = ANY($1) ORDER BY id`,
      [[failed, waiting]],
    );
    expect(audit).toEqual([
      { action: 'email.retried', by: 'operator', target: failed },
      { action: 'email.cancelled', by: 'operator', target: waiting },
    ]);
  });

  it('retries all that failed but for what has expired or was erased, with a receipt each', async () => {
    const ids = await Promise.all(['a', 'b', 'c', 'd'].map((name) => service.accept(`${name}@example.com`)));
    await fail(...ids);
    await otpost.database.query(`UPDATE outbound_emails SET sealed_variables = NULL WHERE id = $1`, [ids[2]]);
    await otpost.database.query(`UPDATE outbound_emails SET expires_at = now() - interval '1 s' WHERE id = $1`, [
      ids[3],
    ]);
    const { code, out } = await service.cli('outbox', 'retry', '--status', 'failed', '--yes', '--json');
    expect([code, JSON.parse(out)]).toEqual([0, { changed: 2, passedOver: 2, suppressed: 0 }]);
    expect(await Promise.all(ids.map((id) => service.statusOf(id)))).toEqual(['queued', 'queued', 'failed', 'failed']);
    const receipts = await otpost.database.query(
      `SELECT email_id AS id FROM email_events WHERE error_code = 'retried_by_hand' ORDER BY 1`,
    );
    expect(receipts.map(({ id }) => id as string)).toEqual(ids.slice(0, 2).sort());
    expect(await service.json('outbox', 'stats')).toMatchObject({ imbalance: 0, states: { queued: 2, failed: 2 } });
  });

  it('retries none that would only end as suppressed, and says how many it passed over', async () => {
    const everybody = ['ada', 'grace', 'eve'].map((name) => `${name}@example.com`);
    const ids = await Promise.all(everybody.map((to) => service.accept(to)));
    const code = await service.accept('eve@example.com', { lane: 'critical' });
    await fail(...ids, code);
    await otpost.database.query(`UPDATE outbound_emails SET sealed_variables = NULL WHERE id = $1`, [ids[0]]);
    await otpost.database.query(`
      INSERT INTO suppressions (address_canonical, scope, reason, source, seen_at, expires_at) VALUES
        ('ada@example.com', 'all', 'complaint', 'dsn', now(), NULL), ('grace@example.com', 'bulk', 'unsubscribe', 'page', now(), NULL),
        ('eve@example.com', 'all', 'hard_bounce', 'smtp', now() - interval '2 days', now() + interval '88 days')`);
    try {
      const asked = await atTerminal('n\n', 'outbox', 'retry', '--status', 'failed', '--lane', 'default');
      expect(asked.said).toContain('Send 1 message again?');
      const told = await service.cli('outbox', 'retry', '--status', 'failed', '--lane', 'default', '--yes');
      expect(told.err).toBe(
        '1 message queued again. 1 message passed over: expired, or the content was erased. 1 message passed over: the address gets no such mail (otpost suppressions list).\n',
      );
      expect(await Promise.all(ids.map((id) => service.statusOf(id)))).toEqual(['failed', 'queued', 'failed']);
      // A code may be tried there today.
      expect(await service.json('outbox', 'retry', '--status', 'failed', '--lane', 'critical', '--yes')).toEqual({
        changed: 1,
        passedOver: 0,
        suppressed: 0,
      });
    } finally {
      await otpost.database.query('TRUNCATE suppressions');
    }
  });

  it('does no harm unasked: without a terminal it wants --yes, and at one it asks', async () => {
    const id = await service.accept('ada@example.com', { lane: 'bulk' });
    const cancelling = ['outbox', 'cancel', '--lane', 'bulk', '--status', 'queued'];
    const [unasked, declined] = await Promise.all([service.cli(...cancelling), atTerminal('n\n', ...cancelling)]);
    expect([unasked.code, unasked.err]).toEqual([
      2,
      expect.stringContaining('Cancel 1 message, for good? Nobody can be asked here: say --yes to do it.'),
    ]);
    expect([declined.code, declined.said]).toEqual([1, expect.stringContaining('Nothing was done.')]);
    expect(await service.statusOf(id)).toBe('queued');
    const agreed = await atTerminal('y\n', ...cancelling);
    expect([agreed.code, agreed.said]).toEqual([0, expect.stringContaining('1 message cancelled.')]);
    expect(await service.statusOf(id)).toBe('cancelled');
  });

  it('purges what is over and old in batches, and neither what waits nor what is unknown', async () => {
    const seeded = `INSERT INTO outbound_emails (id, lane, status, from_address, to_address, to_canonical, locale, seal_key_id, secret, max_attempts, message_id, created_at)
      SELECT ('0180' || substr(md5(n::text), 5, 4) || '-' || substr(md5(n::text), 9, 4) || '-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'bulk', status::email_status, 'a@b.c', 'd@e.f', 'd@e.f', 'en', 'x', false, 1, n::text, now() - interval '40 days'
      FROM generate_series(1, 2500) AS n CROSS JOIN LATERAL (SELECT CASE n WHEN 1 THEN 'queued' WHEN 2 THEN 'unknown' ELSE 'sent' END AS status) AS s`;
    await otpost.database.query(seeded);
    const young = await service.accept('ada@example.com');
    await fail(young);
    expect(await service.json('outbox', 'purge', '--older-than', '41d', '--yes')).toEqual({ removed: 0 });
    expect(await service.json('outbox', 'purge', '--older-than', '30d', '--yes')).toEqual({ removed: 2_498 });
    expect(await otpost.database.query(`SELECT status FROM outbound_emails ORDER BY status::text`)).toEqual([
      { status: 'failed' },
      { status: 'queued' },
      { status: 'unknown' },
    ]);
  });

  describe('that is stopped half-way', () => {
    const many = `INSERT INTO outbound_emails (id, lane, status, from_address, to_address, to_canonical, locale, sealed_variables, seal_key_id, secret, max_attempts, message_id, created_at)
      SELECT ('018000' || to_hex(ascii($1)) || '-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'bulk', $1::email_status, 'a@b.c', 'd@e.f', 'd@e.f', 'en', '\\x00', 'x', false, 1, n::text, now() - interval '40 days'
      FROM generate_series(1, 2500) AS n`;

    /** Of the second thousand one is in the way: what was done before that is all that the command did. */
    beforeAll(() =>
      otpost.database.query(`
        CREATE FUNCTION in_the_way() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'in the way'; END $$;
        CREATE TRIGGER in_the_way BEFORE UPDATE OR DELETE ON outbound_emails FOR EACH ROW WHEN (OLD.message_id = '1500') EXECUTE FUNCTION in_the_way()`),
    );
    afterAll(() => otpost.database.query('DROP FUNCTION in_the_way CASCADE'));
    beforeEach(() => otpost.database.query('TRUNCATE audit_events'));

    it.each([
      ['retry', 'failed', ['--status', 'failed'], 'email.retried', { changed: 1_000, statuses: 'failed' }],
      ['cancel', 'queued', ['--lane', 'bulk'], 'email.cancelled', { changed: 1_000, lane: 'bulk' }],
      ['purge', 'sent', ['--older-than', '30d'], 'outbox.purged', { removed: 1_000, days: 30 }],
    ])('has in the record of who did what all that it did: %s', async (verb, status, which, action, details) => {
      await otpost.database.query(many, [status]);
      const { code } = await service.cli('outbox', verb, ...which, '--yes');
      const [left] = await otpost.database.query(
        'SELECT count(*)::int AS left FROM outbound_emails WHERE status = $1::email_status',
        [status],
      );
      const audited = await otpost.database.query('SELECT action, details FROM audit_events');
      expect([code, left, audited]).toMatchObject([1, { left: 1_500 }, [{ action, details }]]);
    });
  });

  it('does not understand what cannot be meant', async () => {
    const strange = [
      ['retry'],
      ['retry', 'all'],
      ['retry', '--lane', 'bulk'],
      ['cancel', '--status', 'sent'],
      ['list', '--status', 'gone'],
      ['list', '--limit', '0'],
      ['list', '--tag', ''],
      ['list', '--until', 'tomorrow'],
      ['show'],
      ['show', 'it'],
      ['show', randomUUID(), randomUUID()],
      ['resolve', '--as', 'sent'],
      ['resolve', randomUUID()],
      ['resolve', 'it', '--as', 'sent'],
      ['resolve', randomUUID(), '--as', 'lost'],
      ['purge'],
      ['purge', '--older-than', '12h', '--yes'],
      ['purge', '--older-than', '0d', '--yes'],
      ['purge', '--older-than', '30', '--yes'],
    ];
    const codes = await Promise.all(strange.map(async (args) => [args, (await service.cli('outbox', ...args)).code]));
    expect(codes).toEqual(strange.map((args) => [args, 2]));
  });
});
