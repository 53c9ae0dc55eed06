import { randomUUID } from 'node:crypto';
import { type KeptEmail, keepEmail } from '../../support/database/kept-email.js';
import type { Answer, ProblemBody } from '../../support/service/api.js';
import { createNamedKey, type NamedKey, successorOf } from '../../support/service/named-key.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';
import { signIn } from '../../support/service/staff.js';
import { eventually } from '../../support/signals/wait.js';

interface Action {
  id: string;
  action: string;
  as: string | null;
  filter: object;
  found: number;
  done: number;
  status: string;
  finishedAt: string | null;
}

type Refusal = ProblemBody & { found?: number; expected?: number };

describe('an action on all messages that match', () => {
  let otpost: Otpost;
  let key: NamedKey;

  beforeAll(async () => {
    // Nobody delivers: what is queued stays queued.
    otpost = await startOtpost({ ROLE: 'web', OUTBOX_RESCUE: 'off' });
    key = await createNamedKey(otpost.database, 'emails:send', 'emails:read');
  });
  afterEach(() =>
    otpost.database.query('TRUNCATE outbound_emails, email_terms, email_actions, ledger, ledger_deltas CASCADE'),
  );
  afterAll(() => otpost.stop());

  const keep = (email?: KeptEmail) => keepEmail(otpost.database, email);

  function ask<Body = Action>(body: object, token = key.key): Promise<Answer<Body>> {
    return otpost.api.post<Body>(
      '/v1/emails/actions',
      { reason: 'a test', ...body },
      { authorization: `Bearer ${token}` },
    );
  }

  const look = (id: string, token = key.key) => otpost.api.get<Action>(`/v1/emails/actions/${id}`, token);

  async function finished({ status, body }: Answer<Action>, token?: string): Promise<Action> {
    expect(status).toBe(202);
    return eventually(async () => {
      const { body: action } = await look(body.id, token);
      return action.status === 'done' && action;
    }, 'the end of the action');
  }

  async function statuses(...ids: string[]): Promise<(string | undefined)[]> {
    const rows = await otpost.database.query<{ id: string; status: string }>(
      'SELECT id, status FROM outbound_emails WHERE id = ANY($1)',
      [ids],
    );
    return ids.map((id) => rows.find((row) => row.id === id)?.status);
  }

  it('retries what failed, with a receipt each, and leaves the others alone', async () => {
    const failed = await Promise.all([1, 2, 3].map(() => keep({ status: 'failed', tags: ['spring'] })));
    const others = [await keep({ status: 'sent', tags: ['spring'] }), await keep({ status: 'failed' })];
    const accepted = await ask({ action: 'retry', filter: { tag: 'spring' }, expected: 3 });
    expect(accepted.body).toMatchObject({ action: 'retry', as: null, filter: { tag: 'spring' }, found: 3 });
    const action = await finished(accepted);
    expect(action).toMatchObject({ found: 3, done: 3, finishedAt: expect.any(String) as string });
    expect(await statuses(...failed, ...others)).toEqual(['queued', 'queued', 'queued', 'sent', 'failed']);
    const receipts = await otpost.database.query<{ id: string }>(
      `SELECT email_id AS id FROM email_events WHERE status = 'queued' AND error_code = 'retried_by_hand'`,
    );
    expect(receipts.map(({ id }) => id).sort()).toEqual([...failed].sort());
  });

  it('passes over in a retry what would be sent in vain', async () => {
    const [good, erased, expired, suppressed] = [
      await keep({ status: 'failed' }),
      await keep({ status: 'failed', content: null }),
      await keep({ status: 'failed', expiresAt: new Date(Date.now() - 1_000) }),
      await keep({ status: 'failed', to: 'gone@example.com' }),
    ];
    await otpost.database.query(
      `INSERT INTO suppressions (address_canonical, scope, reason, source) VALUES ('gone@example.com', 'all', 'complaint', 'dsn')`,
    );
    const action = await finished(await ask({ action: 'retry', filter: {}, expected: 4 }));
    expect([action.found, action.done]).toEqual([4, 1]);
    expect(await statuses(good, erased, expired, suppressed)).toEqual(['queued', 'failed', 'failed', 'failed']);
  });

  it('cancels what waits, whatever it waits for', async () => {
    const waiting = [
      await keep({ status: 'queued', lane: 'bulk' }),
      await keep({ status: 'scheduled', lane: 'bulk' }),
      await keep({ status: 'deferred', lane: 'bulk' }),
    ];
    const others = [await keep({ status: 'sending', lane: 'bulk' }), await keep({ status: 'queued' })];
    await finished(await ask({ action: 'cancel', filter: { lane: 'bulk' }, expected: 3 }));
    expect(await statuses(...waiting, ...others)).toEqual(['cancelled', 'cancelled', 'cancelled', 'sending', 'queued']);
  });

  it('resolves what is unknown as what is known of it', async () => {
    const ids = [
      await keep({ status: 'unknown', transport: 'ses' }),
      await keep({ status: 'unknown', transport: 'smtp' }),
    ];
    const request = { action: 'resolve', as: 'not_sent', filter: { transport: 'ses' }, expected: 1 };
    expect(await finished(await ask(request))).toMatchObject({ as: 'not_sent', done: 1 });
    expect(await statuses(...ids)).toEqual(['deferred', 'unknown']);
  });

  it('is about what was there when it was accepted, and about nothing that came later', async () => {
    const before = await keep({ status: 'failed' });
    const held = await otpost.database.query<{ id: string }>(
      `UPDATE scheduled_tasks SET lease_until = now() + interval '1 hour', leased_by = 'a test' WHERE name = 'mail.actions' RETURNING name AS id`,
    );
    expect(held).toHaveLength(1);
    const accepted = await ask({ action: 'retry', filter: {}, expected: 1 });
    const later = await keep({ status: 'failed' });
    await otpost.database.query(
      `UPDATE scheduled_tasks SET lease_until = NULL, next_run_at = now() WHERE name = 'mail.actions'`,
    );
    expect(await finished(accepted)).toMatchObject({ found: 1, done: 1 });
    expect(await statuses(before, later)).toEqual(['queued', 'failed']);
  });

  it('holds up none behind it where it cannot go on, and goes on once it can', async () => {
    const stuck = await keep({ status: 'failed', tags: ['stuck'] });
    const free = await keep({ status: 'failed', tags: ['free'] });
    await otpost.database.query(`
      CREATE FUNCTION in_the_way() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'in the way'; END $$;
      CREATE TRIGGER in_the_way BEFORE UPDATE ON outbound_emails FOR EACH ROW WHEN (OLD.id = '${stuck}') EXECUTE FUNCTION in_the_way()`);
    let first: Answer<Action>;
    try {
      first = await ask({ action: 'retry', filter: { tag: 'stuck' }, expected: 1 });
      expect(await finished(await ask({ action: 'retry', filter: { tag: 'free' }, expected: 1 }))).toMatchObject({
        done: 1,
      });
      expect((await look(first.body.id)).body.status).toBe('running');
    } finally {
      await otpost.database.query('DROP FUNCTION in_the_way CASCADE');
    }
    expect(await finished(first)).toMatchObject({ done: 1 });
    expect(await statuses(stuck, free)).toEqual(['queued', 'queued']);
  });

  it('goes on from batch to batch, and is found done where nothing matches', async () => {
    await otpost.database.query(`
      INSERT INTO outbound_emails (id, lane, status, from_address, to_address, to_canonical, locale, sealed_variables, seal_key_id, secret, max_attempts, message_id)
      SELECT ('01900000' || lpad(to_hex(n), 4, '0') || '70008000000000000000')::uuid, 'bulk', 'failed', 'a@b.c', 'd@e.f', 'd@e.f', 'en', '\\x01', 'k', false, 3, n::text
      FROM generate_series(1, 2500) AS n`);
    expect(await finished(await ask({ action: 'retry', filter: {}, expected: 2_500 }))).toMatchObject({ done: 2_500 });
    const receipts = await otpost.database.query(
      `SELECT count(*)::int AS all, count(DISTINCT email_id)::int AS messages FROM email_events WHERE error_code = 'retried_by_hand'`,
    );
    expect(receipts).toEqual([{ all: 2_500, messages: 2_500 }]);
    expect(await finished(await ask({ action: 'retry', filter: {}, expected: 0 }))).toMatchObject({
      found: 0,
      done: 0,
    });
  });

  it('is refused where the count is off by more than a tenth, and changes nothing', async () => {
    const ids = await Promise.all(Array.from({ length: 11 }, () => keep({ status: 'failed' })));
    const { status, body } = await ask<Refusal>({ action: 'retry', filter: {}, expected: 9 });
    expect([status, body.code, body.found, body.expected]).toEqual([409, 'count_differs', 11, 9]);
    expect(new Set(await statuses(...ids))).toEqual(new Set(['failed']));
    expect((await ask({ action: 'retry', filter: {}, expected: 10 })).status).toBe(202);
  });

  it('stands in the record of who did what, with the domain of an address alone', async () => {
    await keep({ status: 'failed', to: 'ada@example.com' });
    const filter = { to: 'ada@example.com', status: 'failed' };
    const { body } = await ask({ action: 'retry', filter, expected: 1, reason: 'ticket 4711' });
    const rows = await otpost.database.query(
      'SELECT action, actor_id, target_kind, details FROM audit_events WHERE target_id = $1',
      [body.id],
    );
    expect(rows).toEqual([
      {
        action: 'email.retried',
        actor_id: key.id,
        target_kind: 'email_action',
        details: { found: 1, reason: 'ticket 4711', status: 'failed', toDomain: 'example.com' },
      },
    ]);
  });

  it.each([
    [{ action: 'send', filter: {}, expected: 1 }, 'action'],
    [{ action: 'retry', expected: 1 }, 'filter'],
    [{ action: 'retry', filter: null, expected: 1 }, 'filter'],
    [{ action: 'retry', filter: [], expected: 1 }, 'filter'],
    [{ action: 'retry', filter: 'all', expected: 1 }, 'filter'],
    [{ action: 'retry', filter: { broadcast: 'x' }, expected: 1 }, 'filter.broadcast'],
    [{ action: 'retry', filter: { limit: '5' }, expected: 1 }, 'filter.limit'],
    [{ action: 'retry', filter: { tag: 5 }, expected: 1 }, 'filter.tag'],
    [{ action: 'retry', filter: { tag: null }, expected: 1 }, 'filter.tag'],
    [{ action: 'retry', filter: { status: 'sent' }, expected: 1 }, 'filter.status'],
    [{ action: 'cancel', filter: { status: 'queued,failed' }, expected: 1 }, 'filter.status'],
    [
      { action: 'retry', filter: { since: '2030-01-02T00:00:00Z', until: '2030-01-01T00:00:00Z' }, expected: 1 },
      'filter.until',
    ],
    [{ action: 'retry', filter: {} }, 'expected'],
    [{ action: 'retry', filter: {}, expected: -1 }, 'expected'],
    [{ action: 'retry', filter: {}, expected: 1, reason: ' ' }, 'reason'],
    [{ action: 'retry', filter: {}, expected: 1, reason: 'ada@example.com asked' }, 'reason'],
    [{ action: 'resolve', filter: {}, expected: 1 }, 'as'],
    [{ action: 'retry', as: 'sent', filter: {}, expected: 1 }, 'as'],
  ])('is refused as %j', async (body, field) => {
    const answer = await ask<ProblemBody>(body);
    expect([answer.status, answer.body.code, answer.body.errors?.[0]?.field]).toEqual([
      422,
      'validation_failed',
      field,
    ]);
  });

  it('changes for a key with its own view what this key sent, and shows it its own actions alone', async () => {
    const own = await createNamedKey(otpost.database, 'emails:send', 'emails:read:own');
    const mine = await keep({ status: 'failed', apiKeyId: own.id });
    const others = await keep({ status: 'failed', apiKeyId: randomUUID() });
    const action = await finished(await ask({ action: 'retry', filter: {}, expected: 1 }, own.key), own.key);
    expect([action.done, ...(await statuses(mine, others))]).toEqual([1, 'queued', 'failed']);
    const foreign = await ask({ action: 'retry', filter: {}, expected: 1 });
    expect((await look(foreign.body.id, own.key)).status).toBe(404);
    await finished(foreign);
    expect((await look(action.id)).status).toBe(200);
    expect((await look(randomUUID())).status).toBe(404);
  });

  it('changes for a key that took over what the former one sent, and shows it what that one began', async () => {
    const former = await createNamedKey(otpost.database, 'emails:send', 'emails:read:own');
    const begun = await finished(await ask({ action: 'cancel', filter: {}, expected: 0 }, former.key), former.key);
    const next = await successorOf(otpost.database, former);
    const mine = [former, next].map(({ id: apiKeyId }) => keep({ status: 'failed', apiKeyId }));
    const others = await keep({ status: 'failed', apiKeyId: randomUUID() });
    const ids = await Promise.all(mine);
    const action = await finished(await ask({ action: 'retry', filter: {}, expected: 2 }, next.key), next.key);
    expect([action.done, ...(await statuses(...ids, others))]).toEqual([2, 'queued', 'queued', 'failed']);
    expect((await look(begun.id, next.key)).status).toBe(200);
    expect((await look(action.id, former.key)).status).toBe(200);
  });

  it('is about the texts to a number, whose end stays out of the audit record', async () => {
    const [meant, other] = [
      await keep({ status: 'queued', lane: 'sms', to: '+639171234567' }),
      await keep({ status: 'queued', lane: 'sms', to: '+639171234568' }),
    ];
    const { id } = await finished(await ask({ action: 'cancel', filter: { to: '+63 917 123 4567' }, expected: 1 }));
    expect(await statuses(meant, other)).toEqual(['cancelled', 'queued']);
    const [entry] = await otpost.database.query<{ details: object }>(
      'SELECT details FROM audit_events WHERE target_id = $1',
      [id],
    );
    expect(entry!.details).toMatchObject({ toNumbers: '+639…' });
    expect(JSON.stringify(entry)).not.toContain('4567');
  });
});

describe('an operator', () => {
  it('retries and cancels, and resolves only as an administrator', async () => {
    const otpost = await startOtpost({ OUTBOX_RESCUE: 'off' });
    try {
      const operator = await signIn(otpost, 'operator@example.com', 'operator');
      const admin = await signIn(otpost, 'admin@example.com', 'admin');
      const ask = (token: string, body: object) =>
        otpost.api.post<ProblemBody>(
          '/v1/emails/actions',
          { filter: {}, reason: 'x', expected: 0, ...body },
          { authorization: `Bearer ${token}` },
        );
      const resolve = { action: 'resolve', as: 'sent' };
      const refused = await ask(operator.accessToken, resolve);
      expect([refused.status, refused.body.code]).toEqual([403, 'role_missing']);
      expect((await ask(operator.accessToken, { action: 'retry' })).status).toBe(202);
      expect((await ask(admin.accessToken, resolve)).status).toBe(202);
    } finally {
      await otpost.stop();
    }
  });
});
