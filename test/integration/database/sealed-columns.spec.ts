import { Keyring } from '../../../src/core/keyring.js';
import { PrismaService } from '../../../src/database/prisma.service.js';
import { Resealing, sealContext } from '../../../src/database/resealing.js';
import { Prisma } from '../../../src/generated/prisma/client.js';
import { SEALED_CONTENT } from '../../../src/mail/content/stored-content.js';
import { SEALED_COLUMNS } from '../../../src/sealed-columns.js';
import { fillOutbox } from '../../support/database/many-emails.js';
import { type Explained, nodesOf } from '../../support/database/plans.js';
import { createDatabase, type TestDatabase } from '../../support/database/postgres.js';

/** Rows that one statement looks at. */
const WINDOW = 10_000;

describe('sealed columns', () => {
  let database: TestDatabase;
  beforeAll(async () => (database = await createDatabase()));
  afterAll(() => database.drop());

  it('are all declared, so that rotate-secret misses none', async () => {
    const found = await database.query<{ place: string }>(
      `SELECT table_name || '.' || column_name AS place FROM information_schema.columns
       WHERE table_schema = 'public' AND column_name LIKE '%seal_key_id'`,
    );
    const declared = SEALED_COLUMNS.map(({ table, keyColumn }) => `${table}.${keyColumn}`);
    expect(declared.sort()).toEqual(found.map(({ place }) => place).sort());
  });

  it('are sealed again where a former secret sealed them, both secrets of an endpoint, and left where none opens them', async () => {
    const former = new Keyring('a former secret of more than thirty-two characters');
    const present = new Keyring('a present secret of more than thirty-two characters', [
      'a former secret of more than thirty-two characters',
    ]);
    const id = '01a224b4-8668-7642-bb41-3823aa5f71d0';
    const secret = former.seal('now', `webhook-endpoint:${id}`);
    const previous = former.seal('before', `webhook-endpoint:${id}`);
    const foreign = new Keyring('a secret that nobody knows any more, and was long').seal('gone', 'signing-key:lost');
    await database.query(
      `INSERT INTO webhook_endpoints (id, url, events, sealed_secret, seal_key_id, sealed_previous_secret, previous_seal_key_id, previous_secret_until)
       VALUES ($1, 'https://example.com', '{}', $2, $3, $4, $3, now())`,
      [id, Buffer.from(secret.bytes), former.currentId, Buffer.from(previous.bytes)],
    );
    await database.query(
      `INSERT INTO signing_keys (id, public_jwk, sealed_private, seal_key_id, created_at, active_from) VALUES ('lost', '{}', $1, $2, now(), now())`,
      [Buffer.from(foreign.bytes), foreign.keyId],
    );
    const prisma = new PrismaService({ url: database.url, poolSize: 1 });
    const kinds = await new Resealing(prisma, present, SEALED_COLUMNS).run(() => undefined);
    expect(kinds).toEqual([
      { kind: 'signing keys', resealed: 0, unreadable: 1, remaining: 1 },
      { kind: 'webhook secrets', resealed: 2, unreadable: 0, remaining: 0 },
      { kind: 'codes', resealed: 0, unreadable: 0, remaining: 0 },
      { kind: 'mail', resealed: 0, unreadable: 0, remaining: 0 },
      { kind: 'file parts', resealed: 0, unreadable: 0, remaining: 0 },
    ]);
    const endpoint = await prisma.webhookEndpoint.findUniqueOrThrow({ where: { id } });
    const sole = new Keyring('a present secret of more than thirty-two characters');
    const opened = [
      sole.open({ keyId: endpoint.sealKeyId, bytes: endpoint.sealedSecret }, `webhook-endpoint:${id}`),
      sole.open(
        { keyId: endpoint.previousSealKeyId!, bytes: endpoint.sealedPreviousSecret! },
        `webhook-endpoint:${id}`,
      ),
    ];
    expect(opened).toEqual(['now', 'before']);
    await prisma.$disconnect();
  });

  it('of many rows are looked at a window at a time, and those found that a former secret sealed, wherever they stand', async () => {
    const former = new Keyring('a former secret of more than thirty-two characters');
    const present = new Keyring('a present secret of more than thirty-two characters', [
      'a former secret of more than thirty-two characters',
    ]);
    await fillOutbox(database, 25_000);
    // The first and the last row, and both sides of where a window ends.
    const ids = await database.query<{ id: string }>(
      `SELECT id FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM outbound_emails) AS all_of_them
       WHERE n IN (1, $1::int, $1::int + 1, 25000) ORDER BY n`,
      [WINDOW],
    );
    for (const { id } of ids) {
      const { bytes } = former.seal(`for ${id}`, sealContext(SEALED_CONTENT, id));
      await database.query('UPDATE outbound_emails SET sealed_variables = $2, seal_key_id = $3 WHERE id = $1', [
        id,
        Buffer.from(bytes),
        former.currentId,
      ]);
    }
    const prisma = new PrismaService({ url: database.url, poolSize: 1 });
    const asked: Prisma.Sql[] = [];
    const query = prisma.statements.query.bind(prisma.statements);
    prisma.statements.query = async <Rows>(...[first, ...rest]: Parameters<typeof query>): Promise<Rows> => {
      asked.push(first instanceof Prisma.Sql ? first : Prisma.sql(first, ...rest));
      return query<Rows>(asked.at(-1)!);
    };
    const resealing = new Resealing(prisma, present, [SEALED_CONTENT]);
    const told: string[] = [];
    expect(await resealing.count(({ looked }) => told.push(`${looked}`))).toEqual([
      { kind: 'mail', resealed: 0, unreadable: 0, remaining: 4 },
    ]);
    expect(told).toEqual(['10000', '20000', '25000']);
    const kinds = await resealing.run(({ looked, resealed }) => told.push(`${looked} ${resealed}`));
    expect(kinds).toEqual([{ kind: 'mail', resealed: 4, unreadable: 0, remaining: 0 }]);
    expect(told).toEqual(expect.arrayContaining(['10000 0', '10000 2', '20000 3', '25000 4', '75000 4']));
    const explain = (text: string, values: unknown[]) => database.query<Explained>(text, values);
    const read: number[] = [];
    for (const statement of asked) {
      const nodes = await nodesOf(explain, statement, { analyse: true });
      const ofTable = nodes.filter((node) => node['Relation Name'] === SEALED_CONTENT.table);
      read.push(Math.max(...ofTable.map((node) => node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0))));
    }
    expect(Math.max(...read)).toBe(WINDOW);
    const sole = new Keyring('a present secret of more than thirty-two characters');
    const rows = await database.query<{ id: string; keyId: string; bytes: Buffer }>(
      `SELECT id, seal_key_id AS "keyId", sealed_variables AS bytes FROM outbound_emails WHERE sealed_variables IS NOT NULL ORDER BY id`,
    );
    expect(rows.map((row) => sole.open(row, sealContext(SEALED_CONTENT, row.id)))).toEqual(
      ids.map(({ id }) => `for ${id}`),
    );
    await prisma.$disconnect();
  });
});
