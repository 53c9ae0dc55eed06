import pg from 'pg';
import { Expansion } from '../../../src/broadcasts/expansion.js';
import type { PrismaService, UnitOfWork } from '../../../src/database/prisma.service.js';
import { Prisma } from '../../../src/generated/prisma/client.js';
import { claimStatement } from '../../../src/mail/outbox/claim-statement.js';
import { liftBounces } from '../../../src/mail/outbox/reported.js';
import { BroadcastMessages } from '../../../src/mail/outbox/broadcast-messages.js';
import { FIRST_CONTENT, MailRetention } from '../../../src/mail/outbox/retention.js';
import { countStatement, searchStatement } from '../../../src/mail/outbox/search-statement.js';
import { FILTERS, fillOutbox, SENT_KEY } from '../../support/database/many-emails.js';
import { blocksOf, type Explained, nodesOf } from '../../support/database/plans.js';
import { createDatabase, type TestDatabase } from '../../support/database/postgres.js';

const KNOWN = 1_000;
const NEWER = 5_000;
const BROADCAST = '00000000-0000-7000-8000-00000000000b';
const CANCELLED = '00000000-0000-7000-8000-00000000000c';
const CODES = 50;
const DAY_MS = 86_400_000;

/**
 * Between two runs of ANALYZE a table gets rows that Postgres takes for none: above every id it knows, in states it has
 * not seen. A join that it believes to be of one row with one row is of each with each then, and took 4 s for 5,000
 * messages.
 */
describe('messages that are newer than what Postgres knows of its tables', () => {
  let database: TestDatabase;
  let client: pg.Client;
  const since = new Date(Date.now() + DAY_MS);

  /** Of ids that are above those of what is known. */
  const idOf = (n: string, place: number): string =>
    `(lpad(to_hex((1000 * extract(epoch FROM $1::timestamptz + interval '2 hours'))::bigint), 12, '0') || '7000800${place}' || lpad(to_hex(${n}), 12, '0'))::uuid`;

  beforeAll(async () => {
    database = await createDatabase();
    for (const table of ['outbound_emails', 'email_terms', 'email_contents', 'broadcasts', 'suppressions'])
      await database.query(`ALTER TABLE ${table} SET (autovacuum_enabled = off)`);
    await fillOutbox(database, KNOWN);
    await database.query(`DELETE FROM outbound_emails WHERE status <> 'sent'`);
    await database.query(
      `INSERT INTO suppressions (address_canonical, reason, source) SELECT 'known' || n || '@example.com', 'manual', 'operator' FROM generate_series(1, ${KNOWN}) n`,
    );
    await database.query(
      `INSERT INTO email_contents (id, sealed, seal_key_id) SELECT gen_random_uuid(), ''::bytea, 'x' FROM generate_series(1, 20 * ${KNOWN})`,
    );
    await database.query('ANALYZE');
    await database.query(`INSERT INTO audiences (id, name) VALUES ($1, 'Readers')`, [SENT_KEY]);
    for (const [id, cancelled] of [
      [BROADCAST, false],
      [CANCELLED, true],
    ])
      await database.query(
        `INSERT INTO broadcasts (id, audience_id, content_id, subject, from_address, locale, max_attempts, cancelled_at)
        VALUES ($1, $2, $2, 'News', 'shop@example.com', 'en', 3, CASE WHEN $3 THEN now() END)`,
        [id, SENT_KEY, cancelled],
      );
    await database.query(
      `WITH messages AS (
        INSERT INTO outbound_emails (id, lane, status, from_address, to_address, to_canonical, locale, sealed_variables, seal_key_id, secret, max_attempts,
          message_id, subject, template, tags, api_key_id, transport, last_error_code, attempts, created_at, next_attempt_at, broadcast_id, content_id)
        SELECT ${idOf('n', 0)},
          'bulk', (CASE n % 2 WHEN 0 THEN 'deferred' ELSE 'queued' END)::email_status, 'shop@example.com', 'u77@example.com', 'u77@example.com', 'en',
          '', 'x', false, 3, '<new' || n || '@example.com>', 'Order ' || n, 'receipt', ARRAY['spring'], $2, 'ses', 'smtp_550', 1,
          $1::timestamptz + interval '2 hours', $1, CASE WHEN n <= ${CODES} THEN $4::uuid ELSE $3::uuid END, gen_random_uuid()
        FROM generate_series(1, ${NEWER}) AS n RETURNING content_id
      )
      INSERT INTO email_contents (id, sealed, seal_key_id, secret, created_at)
      SELECT content_id, ''::bytea, 'x', false, now() - interval '50 days' FROM messages
      UNION ALL SELECT gen_random_uuid(), ''::bytea, 'x', true, now() FROM generate_series(1, ${KNOWN})`,
      [since, SENT_KEY, BROADCAST, CANCELLED],
    );
    await database.query(
      `INSERT INTO suppressions (address_canonical, reason, source, seen_at, created_at)
      SELECT 'bounced' || n || '@example.com', 'hard_bounce', 'smtp', now() - interval '9 days', now() - interval '9 days' FROM generate_series(1, ${NEWER}) n`,
    );
    await database.query(
      `INSERT INTO outbound_emails (id, lane, status, from_address, to_address, to_canonical, locale, sealed_variables, seal_key_id, secret, max_attempts,
        message_id, attempts, created_at, sent_at)
      SELECT ${idOf('n', 1)}, 'critical', (CASE WHEN n <= ${CODES} THEN 'queued' ELSE 'sent' END)::email_status, 'shop@example.com',
        'bounced' || n || '@example.com', 'bounced' || n || '@example.com', 'en', '', 'x', true, 3, '<code' || n || '@example.com>', 0, $1, CASE WHEN n > ${CODES} THEN now() END
      FROM generate_series(1, ${CODES * 2}) AS n`,
      [since],
    );
    client = new pg.Client({ connectionString: database.url });
    await client.connect();
  });
  beforeEach(() => client.query('BEGIN'));
  afterEach(() => client.query('ROLLBACK'));
  afterAll(async () => {
    await client.end();
    await database.drop();
  });

  /** Rows that its steps looked at, each as often as they did, or blocks, if those are more. */
  async function workOf(asked: Prisma.Sql): Promise<number> {
    await client.query('SAVEPOINT before');
    const nodes = await nodesOf(async (text, values) => (await client.query<Explained>(text, values)).rows, asked, {
      analyse: true,
    });
    await client.query('ROLLBACK TO before');
    const looked = nodes.map(
      (node) =>
        node['Actual Loops'] *
        (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Join Filter'] ?? 0)),
    );
    return Math.max(
      looked.reduce((sum, rows) => sum + rows, 0),
      blocksOf(nodes),
    );
  }

  /** What is asked of it is explained, and done, all in the transaction of the test. */
  function explaining() {
    const works: number[] = [];
    type Asked = [TemplateStringsArray | Prisma.Sql, ...unknown[]];
    const ask = async ([first, ...rest]: Asked): Promise<pg.QueryResult> => {
      const asked = first instanceof Prisma.Sql ? first : Prisma.sql(first, ...rest);
      works.push(await workOf(asked));
      return client.query(asked.text, asked.values);
    };
    const query = async (...asked: Asked): Promise<unknown> => (await ask(asked)).rows;
    const execute = async (...asked: Asked): Promise<unknown> => (await ask(asked)).rowCount;
    const db = { $queryRaw: query, $executeRaw: execute } as unknown as UnitOfWork['db'];
    const prisma = { statements: { query, execute } } as unknown as PrismaService;
    return { works, db, prisma };
  }

  const STEPS = 12;
  const ALL = (KNOWN + NEWER) * STEPS;

  it.each(Object.entries(FILTERS))('are looked up once by a search and by a count: %s', async (_name, filter) => {
    for (const more of [{}, { since }, { from: 'shop@example.com' }, { since, from: 'shop@example.com' }]) {
      const asked = { ...filter, ...more };
      const search = searchStatement(asked, { direction: 'older' }, NEWER, Prisma.sql`m.id`);
      const count = countStatement(asked, Prisma.sql`m.status, count(*)`, Prisma.sql`GROUP BY m.status`);
      expect(await workOf(search)).toBeLessThan(ALL);
      expect(await workOf(count)).toBeLessThan(ALL);
    }
  });

  it('are compared with no content but their own when contents are removed', async () => {
    const { works, prisma } = explaining();
    const retention = new MailRetention(prisma);
    expect((await retention.removeContents('codes', FIRST_CONTENT, 1_000)).done).toBe(KNOWN);
    expect((await retention.removeContents({ olderThanDays: 30 }, FIRST_CONTENT, 1_000)).done).toBe(0);
    expect(works).toHaveLength(2);
    for (const work of works) expect(work).toBeLessThan(25 * KNOWN);
  });

  it('are not looked at when another broadcast was cancelled', async () => {
    const { works, prisma } = explaining();
    const queue = { wake: () => undefined } as never;
    const messages = new BroadcastMessages(prisma, undefined!);
    expect(await new Expansion(prisma, undefined!, messages, queue, undefined!).settle()).toBe(CODES);
    expect(works).toHaveLength(4);
    expect(works[0]!).toBeLessThan(CODES * 60);
  });

  it('are tried, and lift bounces, each by its own address', async () => {
    const { works, db } = explaining();
    const claim = claimStatement({ lane: 'critical', limit: CODES, worker: 'w', leaseSeconds: 20, places: undefined });
    expect(await workOf(claim)).toBeLessThan(CODES * 200);
    const { rows } = await client.query<{ id: string }>(
      `SELECT id FROM outbound_emails WHERE lane = 'critical' AND status = 'sent'`,
    );
    const delivered = rows.map(({ id }) => id);
    expect(await liftBounces(delivered, db)).toHaveLength(CODES);
    expect(works).toHaveLength(1);
    expect(works[0]!).toBeLessThan(CODES * 60);
  });
});
