import { randomUUID } from 'node:crypto';
import { runScheduled } from '../../support/database/scheduled-run.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';
import { eventually } from '../../support/signals/wait.js';

describe('scheduled work', () => {
  let otpost: Otpost;

  beforeAll(async () => {
    otpost = await startOtpost({ RETENTION_DAYS: '10' });
  });
  afterAll(() => otpost.stop());

  const query = <Row extends Record<string, unknown>>(sql: string, parameters: unknown[] = []): Promise<Row[]> =>
    otpost.database.query<Row>(sql, parameters);

  const run = (name: string): Promise<string> => runScheduled(otpost.database, name);

  async function message(
    status: string,
    daysAgo: number,
    more: { expired?: boolean; secret?: boolean } = {},
  ): Promise<string> {
    const at = Date.now() - daysAgo * 86_400_000;
    const hex = at.toString(16).padStart(12, '0');
    const id = `${hex.slice(0, 8)}-${hex.slice(8)}-7${randomUUID().slice(15)}`;
    await query(
      `INSERT INTO outbound_emails (id, lane, status, from_address, to_address, to_canonical, template, locale, sealed_variables,
         seal_key_id, secret, max_attempts, message_id, created_at, next_attempt_at, expires_at, lease_token, lease_until)
       VALUES ($1, 'bulk', $2::email_status, 'a@b.example', 'c@d.example', 'c@d.example', 't', 'en', '\\x01', 'k', $5, 3, 'm',
         $3::timestamptz, now() + interval '1 day', $4::timestamptz,
         CASE WHEN $2 = 'sending' THEN gen_random_uuid() END, CASE WHEN $2 = 'sending' THEN now() - interval '1 second' END)`,
      [id, status, new Date(at), more.expired ? new Date(Date.now() - 1_000) : null, more.secret ?? false],
    );
    return id;
  }

  async function find(id: string): Promise<{ status: string; sealed: boolean } | undefined> {
    const [row] = await query<{ status: string; sealed: boolean }>(
      'SELECT status, sealed_variables IS NOT NULL AS sealed FROM outbound_emails WHERE id = $1',
      [id],
    );
    return row;
  }

  it('stands in one table, each task with its last run and result', async () => {
    const rows = await eventually(async () => {
      const found = await query<{ name: string; last_result: string | null; last_error: string | null }>(
        'SELECT name, last_result, last_error FROM scheduled_tasks ORDER BY name',
      );
      return found.length > 0 && found.every(({ last_result }) => last_result !== null) ? found : undefined;
    }, 'the first run of each');
    expect(rows.map(({ name }) => name)).toEqual([
      'accounts.email_changes',
      'accounts.registrations',
      'accounts.sessions',
      'accounts.signing_keys',
      'audiences.imports',
      'audiences.old_imports',
      'audiences.removal',
      'audit.events',
      'broadcasts.expansion',
      'broadcasts.old',
      'limits.windows',
      'mail.actions',
      'mail.contents',
      'mail.erase',
      'mail.events',
      'mail.expire',
      'mail.files',
      'mail.idempotency',
      'mail.late_events',
      'mail.ledger',
      'mail.old_actions',
      'mail.old_events',
      'mail.rescue',
      'mail.retention',
      'mail.suppressions',
      'mail.sweep',
      'mail.unmatched_events',
      'mail.workers',
      'otp.challenges',
      'otp.codes',
      'otp.failures',
      'otp.sms',
      'webhooks.rescue',
      'webhooks.retention',
    ]);
    expect(rows.every(({ last_error }) => last_error === null)).toBe(true);
  });

  it('takes back within seconds what a dead worker had claimed', async () => {
    const id = await message('sending', 0);
    await eventually(async () => (await find(id))?.status !== 'sending', 'the rescue');
  });

  it('ends what expired while nobody claimed, in its timeline too', async () => {
    const id = await message('deferred', 0, { expired: true });
    expect(await run('mail.expire')).toBe('1 expired');
    expect((await find(id))!.status).toBe('expired');
    expect(await query('SELECT 1 FROM email_events WHERE email_id = $1 AND status = $2', [id, 'expired'])).toHaveLength(
      1,
    );
  });

  it('erases codes once they expired, other content after the retention time', async () => {
    const code = await message('failed', 0, { secret: true, expired: true });
    const [young, old] = [await message('failed', 9), await message('unknown', 11)];
    expect(await run('mail.erase')).toBe('2 erased');
    expect(await run('mail.contents')).toBe('0 removed');
    expect([await find(code), await find(young), await find(old)].map((row) => row!.sealed)).toEqual([
      false,
      true,
      false,
    ]);
  });

  it('removes messages that are over after the retention time, and keeps those that wait for somebody', async () => {
    const [old, young, unknown, waiting] = [
      await message('sent', 11),
      await message('sent', 9),
      await message('unknown', 11),
      await message('deferred', 11),
    ];
    await query(
      `INSERT INTO email_events (email_id, status, attempt, at) VALUES ($1, 'sent', 1, now() - interval '11 days')`,
      [old],
    );
    expect(await run('mail.retention')).toBe('1 messages and 0 captured ones removed');
    expect(await find(old)).toBeUndefined();
    expect(await query('SELECT 1 FROM email_events WHERE email_id = $1', [old])).toEqual([]);
    for (const kept of [young, unknown, waiting]) expect(await find(kept)).toBeDefined();
  });

  it('counts the retention time from the end of a message, however long it had waited for its time before', async () => {
    await run('mail.erase');
    const scheduled = await Promise.all(['sent', 'cancelled', 'unknown'].map((status) => message(status, 40)));
    for (const id of scheduled)
      await query(
        `INSERT INTO email_events (email_id, status, attempt, at) SELECT id, status, 1, now() - interval '9 days'
         FROM outbound_emails WHERE id = $1`,
        [id],
      );
    expect(await run('mail.erase')).toBe('0 erased');
    expect(await run('mail.retention')).toBe('0 messages and 0 captured ones removed');
    await query(`UPDATE email_events SET at = now() - interval '11 days' WHERE email_id = ANY($1)`, [scheduled]);
    expect(await run('mail.erase')).toBe('1 erased');
    expect(await run('mail.retention')).toBe('2 messages and 0 captured ones removed');
  });

  it('removes them in batches, however many', async () => {
    await query(
      `INSERT INTO outbound_emails (id, lane, status, from_address, to_address, to_canonical, locale, seal_key_id, secret, max_attempts, message_id, created_at)
       SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'bulk', 'sent', 'a', 'b', 'b', 'en', 'k', false, 3, 'm', now() - interval '11 days'
       FROM generate_series(1, 2500) AS n`,
    );
    expect(await run('mail.retention')).toMatch(/^2500 messages/);
  });

  it('removes old sessions, refresh tokens and challenges, and keeps those of today', async () => {
    await query(
      `INSERT INTO accounts (id, email, email_canonical, email_verified_at, updated_at) VALUES ($1, 'x@y.example', 'x@y.example', now(), now())`,
      ['00000000-0000-7000-8000-000000000001'],
    );
    const session = (n: number, expires: string, revoked: string | null): Promise<unknown> =>
      query(
        `INSERT INTO sessions (id, account_id, expires_at, revoked_at)
         VALUES ($1, '00000000-0000-7000-8000-000000000001', now() + $2::interval, now() + $3::interval)`,
        [`00000000-0000-7000-8000-00000000010${n}`, expires, revoked],
      );
    await session(1, '-11 days', null);
    await session(2, '60 days', '-11 days');
    await session(3, '60 days', '-9 days');
    await session(4, '60 days', null);
    const token = (n: number, expires: string): Promise<unknown> =>
      query(
        `INSERT INTO refresh_tokens (token_hash, session_id, expires_at) VALUES ($1, '00000000-0000-7000-8000-000000000104', now() + $2::interval)`,
        [Buffer.from([n]), expires],
      );
    await token(1, '-2 days');
    await token(2, '1 day');
    expect(await run('accounts.sessions')).toBe('2 sessions and 1 refresh tokens removed');
    await otpost.api.register('ada@example.com');
    const [copy] = await query<{ id: string }>('SELECT id FROM otp_challenges');
    expect(await run('otp.challenges')).toBe('0 challenges removed, 0 codes erased');
    await query(`UPDATE otp_challenges SET expires_at = now() - interval '11 days' WHERE id = $1`, [copy!.id]);
    expect(await run('otp.challenges')).toBe('1 challenges removed, 0 codes erased');
  });

  it('counts the workers, and wakes lanes with due mail', async () => {
    expect(await run('mail.workers')).toBe('1 alive, 0 forgotten');
    expect(await run('mail.sweep')).toBe('nothing due');
  });

  it('folds the ledger, whose equation holds though messages were removed', async () => {
    await run('mail.ledger');
    const [sent] = await query<{ count: string }>(`SELECT count FROM ledger WHERE status = 'sent'`);
    expect(Number(sent!.count)).toBeGreaterThanOrEqual(2502);
  });
});
