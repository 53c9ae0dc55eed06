import pg from 'pg';
import { createDatabase, type TestDatabase } from '../support/database/postgres.js';
import { createApiKey } from '../support/service/api-key.js';
import { OtpostProcess } from '../support/service/otpost-process.js';
import { TEST_SECRET } from '../support/service/otpost.js';
import { eventually } from '../support/signals/wait.js';

interface Action {
  id: string;
  done: number;
  found: number;
  status: string;
}

const MESSAGES = 5_000;
/** In the third batch. */
const HELD = 2_500;

describe('an action on many messages', () => {
  let database: TestDatabase;
  let key: string;

  beforeAll(async () => {
    database = await createDatabase();
    key = await createApiKey(database.url);
    await database.query(`
      INSERT INTO outbound_emails (id, lane, status, from_address, to_address, to_canonical, locale, sealed_variables, seal_key_id, secret, max_attempts, message_id)
      SELECT ('01900000' || lpad(to_hex(n), 4, '0') || '70008000000000000000')::uuid, 'bulk', 'failed', 'a@b.c', 'd@e.f', 'd@e.f', 'en', '\\x01', 'k', false, 3, n::text
      FROM generate_series(1, ${MESSAGES}) AS n`);
  });
  afterAll(() => database.drop());

  const start = () =>
    OtpostProcess.start({
      ...{ DATABASE_URL: database.url, APP_SECRET: TEST_SECRET, PORT: '0', LOG_LEVEL: 'info' },
      ...{ ROLE: 'web', OUTBOX_RESCUE: 'off', MAIL_FROM: 'no-reply@example.com' },
    });

  async function receipts(): Promise<{ all: number; messages: number }> {
    const [row] = await database.query<{ all: number; messages: number }>(
      `SELECT count(*)::int AS all, count(DISTINCT email_id)::int AS messages FROM email_events WHERE error_code = 'retried_by_hand'`,
    );
    return row!;
  }

  it('loses none and doubles none when its process is killed in the middle of a batch', async () => {
    const holder = new pg.Client({ connectionString: database.url });
    await holder.connect();
    const first = await start();
    const api = await first.api();
    // A message of the third batch is in other hands, and the batch waits for it.
    await holder.query('BEGIN');
    await holder.query(`SELECT id FROM outbound_emails WHERE message_id = '${HELD}' FOR UPDATE`);
    const { body } = await api.post<Action>(
      '/v1/emails/actions',
      { action: 'retry', filter: {}, reason: 'a test', expected: MESSAGES },
      { authorization: `Bearer ${key}` },
    );
    await eventually(async () => {
      const [row] = await database.query(
        `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%outbound_emails%'`,
      );
      return row !== undefined;
    }, 'the batch to wait');
    expect((await api.get<Action>(`/v1/emails/actions/${body.id}`, key)).body).toMatchObject({
      status: 'running',
      done: 2_000,
    });
    await first.stop('SIGKILL');
    await holder.query('ROLLBACK');
    await holder.end();
    expect(await receipts()).toEqual({ all: 2_000, messages: 2_000 });
    await database.query('UPDATE scheduled_tasks SET lease_until = now()'); // what the dead process would have kept for seconds

    const second = await start();
    try {
      const looking = await second.api();
      const action = await eventually(async () => {
        const answer = await looking.get<Action>(`/v1/emails/actions/${body.id}`, key);
        return answer.body.status === 'done' && answer.body;
      }, 'the end of the action');
      expect(action).toMatchObject({ found: MESSAGES, done: MESSAGES });
      expect(await receipts()).toEqual({ all: MESSAGES, messages: MESSAGES });
      const left = await database.query(`SELECT DISTINCT status FROM outbound_emails`);
      expect(left).toEqual([{ status: 'queued' }]);
    } finally {
      await second.stop();
    }
  });
});
