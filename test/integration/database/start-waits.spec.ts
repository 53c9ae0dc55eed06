import pg from 'pg';
import { createDatabase } from '../../support/database/postgres.js';
import { startOtpost } from '../../support/service/otpost.js';
import { eventually } from '../../support/signals/wait.js';

describe('a start that Postgres gives no answer', () => {
  const captures = { MAIL_TRANSPORTS: 'capture:' };
  it.each<[string, Record<string, string>]>([
    ['deployment', {}],
    ['transport_states', {}],
    ['transport_states', captures],
    ['webhook_endpoints', {}],
    ['signing_keys', {}],
  ])('asks again: %s %j', async (table, env) => {
    const database = await createDatabase();
    const holder = new pg.Client({ connectionString: database.url });
    await holder.connect();
    try {
      await holder.query(`BEGIN; LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
      const starting = startOtpost({ DATABASE_URL: database.url, ...env });
      starting.catch(() => undefined); // it is awaited below
      const ended = await eventually(async () => {
        const rows = await database.query<{ pid: number; ended: boolean }>(
          `SELECT pid, pg_terminate_backend(pid) AS ended FROM pg_stat_activity
           WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%' || $1 || '%'`,
          [table],
        );
        return rows.length > 0 && rows;
      }, 'a statement of the start to wait');
      expect(ended[0]!.ended).toBe(true);
      await holder.query('COMMIT');
      const otpost = await starting;
      expect((await otpost.api.get('/health/live')).status).toBe(200);
      await otpost.stop();
    } finally {
      await holder.end();
      await database.drop();
    }
  });
});
