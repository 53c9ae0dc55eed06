import pg from 'pg';
import { createDatabase, type TestDatabase } from '../support/database/postgres.js';
import { createApiKey } from '../support/service/api-key.js';
import { AudienceClient } from '../support/service/audience.js';
import { OtpostProcess } from '../support/service/otpost-process.js';
import { TEST_SECRET } from '../support/service/otpost.js';
import { eventually } from '../support/signals/wait.js';

const ROWS = 10_000;
/** In the fourth chunk of a thousand lines. */
const HELD = 3_500;

describe('kill -9 in the middle of an import', () => {
  let database: TestDatabase;
  let key: string;

  beforeAll(async () => {
    database = await createDatabase();
    key = await createApiKey(database.url, ['audiences']);
  });
  afterAll(() => database.drop());

  const start = () =>
    OtpostProcess.start({
      DATABASE_URL: database.url,
      APP_SECRET: TEST_SECRET,
      PORT: '0',
      ROLE: 'web',
      OUTBOX_RESCUE: 'off',
      MAIL_TRANSPORTS: 'capture:',
    });

  it('goes on behind the last chunk, and takes no row twice', async () => {
    const first = await start();
    const audience = await AudienceClient.make(await first.api(), key);
    await audience.add(`ada${HELD}@example.com`);
    const holder = new pg.Client({ connectionString: database.url });
    await holder.connect();
    await holder.query('BEGIN');
    await holder.query(`SELECT FROM subscribers WHERE address = 'ada${HELD}@example.com' FOR UPDATE`);
    const rows = Array.from({ length: ROWS }, (_, n) =>
      n % 100 === 99 ? `nobody ${n},x` : `ada${n}@example.com,Ada ${n}`,
    );
    const { body } = await audience.import(`email,name\n${rows.join('\n')}\n`);
    // The chunk waits for a row that is in other hands.
    await eventually(async () => {
      const [row] = await database.query(
        `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%subscribers%'`,
      );
      return row !== undefined;
    }, 'the chunk to wait');
    expect((await audience.look(body.id)).body).toMatchObject({ status: 'running', totals: { lines: 3_000, bad: 29 } });
    await first.stop('SIGKILL');
    await holder.query('ROLLBACK');
    await holder.end();
    await database.query('UPDATE scheduled_tasks SET lease_until = now()'); // what the dead process would have kept for seconds

    const second = await start();
    try {
      const looking = audience.by(await second.api());
      const report = await eventually(async () => {
        const { body: look } = await looking.look(body.id);
        return look.status !== 'running' && look;
      }, 'the end of the import');
      const good = ROWS - ROWS / 100;
      expect(report).toMatchObject({
        status: 'done',
        position: report.size,
        totals: { lines: ROWS + 1, created: good - 1, updated: 1, duplicates: 0, bad: ROWS / 100 },
      });
      expect(report.faults.map(({ line }) => line)).toEqual(
        Array.from({ length: ROWS / 100 }, (_, n) => 100 * n + 101),
      );
      const [counted] = await database.query<{ all: number; people: number }>(
        'SELECT count(*)::int AS "all", count(DISTINCT address_canonical)::int AS people FROM subscribers',
      );
      expect(counted).toEqual({ all: good, people: good });
    } finally {
      await second.stop();
    }
  });
});
