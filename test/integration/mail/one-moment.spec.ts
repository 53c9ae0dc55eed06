import { PrismaService } from '../../../src/database/prisma.service.js';
import { OutboxRecords } from '../../../src/mail/outbox/records.js';
import { keepEmail } from '../../support/database/kept-email.js';
import { createDatabase, type TestDatabase } from '../../support/database/postgres.js';

const MESSAGES = 60;
const READERS = 4;
const PEOPLE = ['ada', 'grace', 'mary'].map((name) => ({
  kind: 'to' as const,
  address: `${name}@example.com`,
  name: null,
  canonical: `${name}@example.com`,
}));

/**
 * As the outcome of an attempt does it that not all were taken in: rows of their own for two of three, in one commit.
 */
const SPLIT = `
  WITH split AS (
    INSERT INTO outbound_emails (id, lane, status, from_address, to_address, to_canonical, recipients, locale, seal_key_id, secret, max_attempts, message_id, split_from)
    SELECT gen_random_uuid(), lane, 'deferred', from_address, r ->> 'address', r ->> 'canonical', jsonb_build_array(r), locale, seal_key_id, secret, max_attempts, message_id, m.id
    FROM outbound_emails m CROSS JOIN LATERAL jsonb_array_elements(recipients - 0) AS r WHERE m.id = $1
  )
  UPDATE outbound_emails SET recipients = jsonb_build_array(recipients -> 0) WHERE id = $1`;

describe('a message that is read while recipients are split off it', () => {
  let database: TestDatabase;
  let prisma: PrismaService;

  beforeAll(async () => {
    database = await createDatabase();
    prisma = new PrismaService({ url: database.url, poolSize: READERS });
  });
  afterAll(async () => {
    await prisma.$disconnect();
    await database.drop();
  });

  it('shows each of them once, whenever it is looked at', async () => {
    const records = new OutboxRecords(prisma);
    const seen: number[] = [];
    for (let n = 0; n < MESSAGES; n++) {
      const id = await keepEmail(database, { recipients: PEOPLE });
      let isSplit = false;
      const read = async (): Promise<void> => {
        while (!isSplit) seen.push((await records.find(id))!.fates.length);
      };
      const readers = Array.from({ length: READERS }, read);
      await database.query(SPLIT, [id]);
      isSplit = true;
      await Promise.all(readers);
      seen.push((await records.find(id))!.fates.length);
    }
    expect(seen.filter((count) => count !== PEOPLE.length)).toEqual([]);
    expect(seen.length).toBeGreaterThan(MESSAGES * 2);
  });
});
