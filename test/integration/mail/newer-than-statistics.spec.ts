import { Expansion } from '../../../src/broadcasts/expansion.js';
import type { PrismaService } from '../../../src/database/prisma.service.js';
import { Prisma } from '../../../src/generated/prisma/client.js';
import { MailRetention } from '../../../src/mail/outbox/retention.js';
import { countStatement, searchStatement } from '../../../src/mail/outbox/search-statement.js';
import { FILTERS, fillOutbox, SENT_KEY } from '../../support/database/many-emails.js';
import { createDatabase, type TestDatabase } from '../../support/database/postgres.js';

interface PlanNode {
  'Actual Rows': number;
  'Actual Loops': number;
  'Rows Removed by Filter'?: number;
  'Rows Removed by Join Filter'?: number;
  Plans?: PlanNode[];
}

const KNOWN = 1_000;
const NEWER = 5_000;
const BROADCAST = '00000000-0000-7000-8000-00000000000b';
const DAY_MS = 86_400_000;

/**
 * Between two runs of ANALYZE a table gets rows that Postgres takes for none: above every id it knows, in states it has not
 * seen. A join that it believes to be of one row with one row is of each with each then, and took 4 s for 5,000 messages.
 */
describe('messages that are newer than what Postgres knows of its tables', () => {
  let database: TestDatabase;
  const since = new Date(Date.now() + DAY_MS);

  beforeAll(async () => {
    database = await createDatabase();
    for (const table of ['outbound_emails', 'email_terms', 'email_contents', 'broadcasts'])
      await database.query(`ALTER TABLE ${table} SET (autovacuum_enabled = off)`);
    await fillOutbox(database, KNOWN);
    await database.query(`DELETE FROM outbound_emails WHERE status <> 'sent'`);
    await database.query('ANALYZE');
    await database.query(`INSERT INTO audiences (id, name) VALUES ($1, 'Readers')`, [SENT_KEY]);
    await database.query(
      `INSERT INTO broadcasts (id, audience_id, content_id, subject, from_address, locale, max_attempts, cancelled_at)
      VALUES ($1, $2, $2, 'News', 'shop@example.com', 'en', 3, now())`,
      [BROADCAST, SENT_KEY],
    );
    await database.query(
      `WITH messages AS (
        INSERT INTO outbound_emails (id, lane, status, from_address, to_address, to_canonical, locale, sealed_variables, seal_key_id, secret, max_attempts,
          message_id, subject, template, tags, api_key_id, transport, last_error_code, attempts, created_at, broadcast_id, content_id)
        SELECT (lpad(to_hex((1000 * extract(epoch FROM $1::timestamptz + interval '2 hours'))::bigint), 12, '0') || '70008000' || lpad(to_hex(n), 12, '0'))::uuid,
          'bulk', (CASE n % 2 WHEN 0 THEN 'deferred' ELSE 'queued' END)::email_status, 'shop@example.com', 'u77@example.com', 'u77@example.com', 'en',
          '', 'x', false, 3, '<new' || n || '@example.com>', 'Order ' || n, 'receipt', ARRAY['spring'], $2, 'ses', 'smtp_550', 1,
          $1::timestamptz + interval '2 hours', $3, gen_random_uuid()
        FROM generate_series(1, ${NEWER}) AS n RETURNING content_id
      )
      INSERT INTO email_contents (id, sealed, seal_key_id, created_at) SELECT content_id, '', 'x', now() - interval '50 days' FROM messages`,
      [since, SENT_KEY, BROADCAST],
    );
  });
  afterAll(() => database.drop());

  /** Rows that its steps looked at, each as often as they did. */
  async function workOf({ text, values }: Prisma.Sql): Promise<number> {
    const [row] = await database.query<{ 'QUERY PLAN': { Plan: PlanNode }[] }>(
      `EXPLAIN (FORMAT JSON, ANALYZE, TIMING off) ${text}`,
      values,
    );
    const workAt = (node: PlanNode): number =>
      node['Actual Loops'] *
        (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Join Filter'] ?? 0)) +
      (node.Plans ?? []).reduce((sum, each) => sum + workAt(each), 0);
    return workAt(row!['QUERY PLAN'][0]!.Plan);
  }

  /** Explains what is asked of it, and answers that there is nothing. */
  function explaining(): { prisma: PrismaService; works: number[] } {
    const works: number[] = [];
    const explain = async (strings: TemplateStringsArray | Prisma.Sql, ...values: unknown[]): Promise<void> => {
      works.push(await workOf(strings instanceof Prisma.Sql ? strings : Prisma.sql(strings, ...values)));
    };
    const statements = {
      query: (...asked: Parameters<typeof explain>) => explain(...asked).then(() => []),
      execute: (...asked: Parameters<typeof explain>) => explain(...asked).then(() => 0),
    };
    return { prisma: { statements } as unknown as PrismaService, works };
  }

  const STEPS = 12;
  const ENOUGH = (KNOWN + NEWER) * STEPS;

  it.each(Object.entries(FILTERS))('are looked up once by a search and by a count: %s', async (_name, filter) => {
    for (const more of [{}, { since }, { from: 'shop@example.com' }, { since, from: 'shop@example.com' }]) {
      const asked = { ...filter, ...more };
      const search = searchStatement(asked, { direction: 'older' }, NEWER, Prisma.sql`m.id`);
      const count = countStatement(asked, Prisma.sql`m.status, count(*)`, Prisma.sql`GROUP BY m.status`);
      expect(await workOf(search)).toBeLessThan(ENOUGH);
      expect(await workOf(count)).toBeLessThan(ENOUGH);
    }
  });

  it('are compared with no content but their own when contents are removed', async () => {
    const { prisma, works } = explaining();
    await new MailRetention(prisma).removeContents(30, 1_000);
    expect(works.every((work) => work < ENOUGH)).toBe(true);
    expect(works).toHaveLength(1);
  });

  it('are found once when their broadcast was cancelled', async () => {
    const { prisma, works } = explaining();
    await new Expansion(prisma, undefined!, undefined!, undefined!).settle();
    expect(works.filter((work) => work >= ENOUGH)).toEqual([]);
    expect(works.length).toBeGreaterThan(1);
  });
});
