import pg from 'pg';
import { PrismaService, type UnitOfWork } from '../../../src/database/prisma.service.js';
import { Prisma } from '../../../src/generated/prisma/client.js';
import { LOWEST_UUID } from '../../../src/core/ids.js';
import { eventsOfSettledMessages, lockBearing } from '../../../src/mail/outbox/reported.js';
import { MailRetention } from '../../../src/mail/outbox/retention.js';
import { LIST_COLUMNS, OutboxSearch } from '../../../src/mail/outbox/search.js';
import { insertStatement } from '../../../src/mail/outbox/insert-statement.js';
import { attemptStatement } from '../../../src/mail/outbox/attempt-statement.js';
import { claimStatement } from '../../../src/mail/outbox/claim-statement.js';
import type { ClaimedEmail } from '../../../src/mail/outbox/email-rows.js';
import { type EmailFilter, searchStatement, WINDOW } from '../../../src/mail/outbox/search-statement.js';
import { FILTERS, fillOutbox, SENT_KEY } from '../../support/database/many-emails.js';
import { blocksOf, nodesOf, type PlanNode } from '../../support/database/plans.js';
import { createDatabase, type TestDatabase } from '../../support/database/postgres.js';
import { sized } from '../../support/faults/fault-form.js';
import { newEmail } from '../../support/text/new-email.js';

const MESSAGES = sized(300_000, 1_000_000);
const PAGE = 51;

/** Blocks that a lookup by id may touch: three levels of the index, and the row. */
const BLOCKS_A_LOOKUP = 4;

describe('a search among very many messages', () => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await createDatabase();
    await fillOutbox(database, MESSAGES);
  }, 600_000);
  afterAll(() => database.drop());

  const explain: Parameters<typeof nodesOf>[0] = (text, values) => database.query(text, values);
  const nodesOfSearch = (filter: EmailFilter, analyse: boolean): Promise<PlanNode[]> =>
    nodesOf(explain, searchStatement(filter, { direction: 'older' }, PAGE, LIST_COLUMNS), { analyse });

  const scansOf = (nodes: PlanNode[]): string[] =>
    nodes
      .filter((node) => /^(outbound_emails|email_terms)$/.test(node['Relation Name'] ?? ''))
      .map((node) => node['Node Type']);

  it.each(Object.entries(FILTERS))('reads no more than a window of the index: %s', async (_name, filter) => {
    const nodes = await nodesOfSearch(filter, true);
    expect(scansOf(nodes).filter((scan) => !/^Index (Only )?Scan$/.test(scan))).toEqual([]);
    const sorted = nodes.filter((node) => node['Node Type'] === 'Sort').map((node) => node['Actual Rows']);
    expect(sorted.filter((rows) => rows > PAGE)).toEqual([]);
    expect(blocksOf(nodes)).toBeLessThan(WINDOW * (BLOCKS_A_LOOKUP + 1));
  });

  it('comes from window to window to what few have, and says when there is no more', async () => {
    const prisma = new PrismaService({ url: database.url, poolSize: 1 });
    const search = new OutboxSearch(prisma);
    const [oldest] = await database.query<{ id: string }>(
      'SELECT id FROM outbound_emails ORDER BY id LIMIT 1 OFFSET 5',
    );
    await database.query(`UPDATE outbound_emails SET lane = 'critical' WHERE id = $1`, [oldest!.id]);
    try {
      const seen: string[] = [];
      let [pages, after] = [0, undefined as string | undefined];
      do {
        const page = await search.list({ lane: 'critical' }, { limit: 50, after });
        seen.push(...page.items.map(({ id }) => id));
        after = page.next ?? undefined;
        pages += 1;
      } while (after !== undefined);
      expect(seen).toEqual([oldest!.id]);
      expect(pages).toBe(MESSAGES / WINDOW + 1);
    } finally {
      await prisma.$disconnect();
    }
  });

  it('scans no table and sorts nothing for two filters at once either', async () => {
    const pairs = Object.entries(FILTERS).flatMap(([one, first], index) =>
      Object.entries(FILTERS)
        .slice(index + 1)
        .map(([other, second]) => ({ pair: `${one} and ${other}`, filter: { ...first, ...second } })),
    );
    const strange: string[] = [];
    for (const { pair, filter } of pairs) {
      const nodes = await nodesOfSearch(filter, false);
      const bad = scansOf(nodes).filter((scan) => !/^Index (Only )?Scan$/.test(scan));
      if (bad.length > 0 || nodes.some((node) => node['Node Type'] === 'Sort')) strange.push(pair);
    }
    expect(strange).toEqual([]);
  });

  it('is not what a removal of old ones reads for their terms', async () => {
    const asked: Prisma.Sql[] = [];
    const query = (strings: TemplateStringsArray, ...values: unknown[]): Promise<object[]> => {
      asked.push(Prisma.sql(strings, ...values));
      return Promise.resolve([{}]);
    };
    await new MailRetention({ statements: { query } } as unknown as PrismaService).removeMessages(
      30,
      LOWEST_UUID,
      1_000,
    );
    const nodes = await nodesOf(explain, asked[0]!);
    const terms = nodes.filter((node) => node['Relation Name'] === 'email_terms').map((node) => node['Node Type']);
    expect(terms.sort()).toEqual(['Index Scan', 'ModifyTable', 'Tid Scan']);
  });

  it('is not what an event reads that names the Message-ID alone', async () => {
    const asked: Prisma.Sql[] = [];
    const $queryRaw = (strings: TemplateStringsArray, ...values: unknown[]): Promise<object[]> => {
      asked.push(Prisma.sql(strings, ...values));
      return Promise.resolve([]);
    };
    await lockBearing(['<order-1@shop.example>'], ['ada@example.com'], { $queryRaw } as unknown as UnitOfWork['db']);
    const waiting = Prisma.sql`
      SELECT 1::bigint AS id, NULL::uuid AS email_id, 'sg-1' AS provider_message_id, '<order-1@shop.example>' AS message_id,
        'ada@example.com' AS recipient_canonical`;
    for (const statement of [...asked, eventsOfSettledMessages(waiting, 100)]) {
      const nodes = await nodesOf(explain, statement);
      expect(scansOf(nodes)).not.toContain('Seq Scan');
      expect(nodes.map((node) => node['Index Name'])).toContain('outbound_emails_foreign_message_ids');
    }
    expect(asked).toHaveLength(2);
  });

  const email = { id: SENT_KEY, leaseToken: SENT_KEY } as ClaimedEmail;
  const claim = { limit: 16, worker: 'w', leaseSeconds: 20 };
  const places = { used: new Map([['example.com', 1]]), most: 2 };
  it.each([
    ['a claim', claimStatement({ ...claim, lane: 'default', places: undefined })],
    ['a claim of bulk mail', claimStatement({ ...claim, lane: 'bulk', places: undefined })],
    ['a claim of codes', claimStatement({ ...claim, lane: 'critical', places })],
    ['an offer', attemptStatement([{ email, end: undefined }])],
    [
      'an outcome of a broadcast',
      attemptStatement([
        { email: { ...email, subscriberId: SENT_KEY }, end: { ending: { status: 'sent' }, worker: 'w' } },
      ]),
    ],
    ['an outcome', attemptStatement([{ email, end: { ending: { status: 'sent' }, worker: 'w' } }])],
  ])('finds by the index that fits, in the plan that serves all values: %s', async (_what, { text, values }) => {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    try {
      await client.query('SET plan_cache_mode = force_generic_plan');
      await client.query(`PREPARE hot AS ${text}`);
      const { rows } = await client.query<{ 'QUERY PLAN': string }>(
        `EXPLAIN EXECUTE hot (${values.map(() => 'NULL').join(', ')})`,
      );
      const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
      expect(plan).not.toMatch(/(Seq|Bitmap Heap) Scan on outbound_emails/);
      const used = [...plan.matchAll(/using (\w+) on outbound_emails/g)].map(([, index]) => index);
      expect([...new Set(used)].filter((index) => !/_(pkey|due)$/.test(index!))).toEqual([]);
    } finally {
      await client.end();
    }
  });
});

describe('the terms of messages that are accepted together', () => {
  it('are those that are removed with each of them', async () => {
    const database = await createDatabase();
    const prisma = new PrismaService({ url: database.url, poolSize: 1 });
    const to = (address: string, name = '') => ({ kind: 'to' as const, address, name, canonical: address });
    const several = [to('ada@example.com'), to('grace@example.com', 'Grace'), to('ada@example.com', 'Again')];
    await prisma.statements.runSql(
      insertStatement([
        newEmail(),
        newEmail({ recipients: [to('ada@example.com', 'Ada')] }),
        newEmail({ recipients: several, toCanonical: '', tags: ['a', 'b', 'a'] }),
        newEmail({ apiKeyId: SENT_KEY, from: '"Ada" <ADA@Example.com>', template: 'otp_register', tags: [''] }),
        newEmail({ apiKeyId: SENT_KEY, from: 'GRACE@example.com' }),
      ]),
    );
    const written = await database.query('SELECT term, email_id FROM email_terms ORDER BY 1, 2');
    expect(written).toHaveLength(14);
    expect(written).toEqual(
      await database.query(
        `SELECT term, id AS email_id FROM outbound_emails
         CROSS JOIN LATERAL email_terms_of(to_canonical, recipients, template, api_key_id, from_address, tags) AS term ORDER BY 1, 2`,
      ),
    );
    await prisma.$disconnect();
    await database.drop();
  });
});
