import { runScheduled } from '../../support/database/scheduled-run.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';
import { eventually } from '../../support/signals/wait.js';

const SOON = '10 minutes';
/** A request that was judged just before may still need it. */
const JUST_OVER = '-30 seconds';
const OVER = '-2 minutes';

describe('what ended', () => {
  let otpost: Otpost;

  beforeAll(async () => {
    otpost = await startOtpost({ ROLE: 'web', OUTBOX_RESCUE: 'off', RETENTION_DAYS: '10' });
    await eventually(async () => {
      const [row] = await query<{ done: boolean }>(
        'SELECT count(*) > 0 AND bool_and(last_result IS NOT NULL) AS done FROM scheduled_tasks',
      );
      return row!.done;
    }, 'the first run of each task, which finds nothing');
  });
  afterAll(() => otpost.stop());

  const query = <Row extends Record<string, unknown>>(sql: string, parameters: unknown[] = []): Promise<Row[]> =>
    otpost.database.query<Row>(sql, parameters);
  const run = (name: string): Promise<string> => runScheduled(otpost.database, name);

  /** Asked for now, and moved to where its life ends so far from now. */
  async function registration(endsIn: string): Promise<string> {
    const { challenge } = await otpost.api.register('ada@example.com', {
      name: 'Ada',
      password: 'correct horse battery staple',
    });
    await query('UPDATE otp_challenges SET expires_at = now() + $2::interval WHERE id = $1', [challenge.id, endsIn]);
    return challenge.id;
  }

  async function kept(ids: string[]): Promise<unknown[]> {
    const rows = await query<{ id: string }>(
      `SELECT id, sealed_code IS NOT NULL AS code, p.challenge_id IS NOT NULL AS registration
       FROM otp_challenges LEFT JOIN pending_registrations p ON p.challenge_id = id`,
    );
    const found = new Map(rows.map(({ id, ...row }) => [id, row]));
    return ids.map((id) => found.get(id));
  }

  it('keeps no code, and nothing of what was typed at a registration, for longer than an hour or so', async () => {
    const ids = [
      await registration(SOON),
      await registration(JUST_OVER),
      await registration(OVER),
      await registration('-23 hours'),
    ];
    expect(await run('otp.codes')).toBe('2 codes erased');
    expect(await run('accounts.registrations')).toBe('2 registrations removed');
    const [whole, empty] = [
      { code: true, registration: true },
      { code: false, registration: false },
    ];
    expect(await kept(ids)).toEqual([whole, whole, empty, empty]);
  });

  it('is looked at once a day however old it is, should the hourly runs have been missed', async () => {
    const [old, older, tooOld] = [
      await registration('-2 days'),
      await registration('-9 days'),
      await registration('-11 days'),
    ];
    expect(await run('otp.codes')).toBe('0 codes erased');
    expect(await run('otp.challenges')).toBe('1 challenges removed, 2 codes erased');
    expect((await kept([old, older, tooOld])).map((row) => row && (row as { code: boolean }).code)).toEqual([
      false,
      false,
      undefined,
    ]);
  });

  it('loses its code at once where it is disowned or used, or a sibling is', async () => {
    const { challenge } = await otpost.api.register('bob@example.com');
    await otpost.api.post(`/v1/otp/${challenge.id}/disown`, {});
    expect(await query('SELECT sealed_code FROM otp_challenges WHERE id = $1', [challenge.id])).toEqual([
      { sealed_code: null },
    ]);
  });

  it('is forgotten after a day, where it was a row of failures', async () => {
    await query(`INSERT INTO failure_budgets (destination, purpose, failures, updated_at) VALUES
      ('old@example.com', 'login', 100, now() - interval '24 hours 1 minute'), ('young@example.com', 'login', 100, now() - interval '23 hours 59 minutes')`);
    expect(await run('otp.failures')).toBe('1 rows of failures removed');
    expect(await query('SELECT destination FROM failure_budgets')).toEqual([{ destination: 'young@example.com' }]);
  });

  it('is removed after the retention time, where it was a change of an address', async () => {
    const [account] = await query<{ id: string }>(
      "INSERT INTO accounts (id, email, email_canonical, email_verified_at, updated_at) VALUES (gen_random_uuid(), 'c@example.com', 'c@example.com', now(), now()) RETURNING id",
    );
    await query(
      `INSERT INTO email_changes (id, account_id, old_email, old_canonical, new_email, undo_hash, created_at, expires_at)
       SELECT gen_random_uuid(), $1, 'old@example.com', 'old@example.com', 'c@example.com', decode(lpad(days::text, 2, '0'), 'hex'), now(), now() - make_interval(days => days)
       FROM unnest('{9,11}'::int[]) AS days`,
      [account!.id],
    );
    expect(await run('accounts.email_changes')).toBe('1 changes of addresses removed');
    expect(await query("SELECT encode(undo_hash, 'hex') AS days FROM email_changes")).toEqual([{ days: '09' }]);
  });
});
