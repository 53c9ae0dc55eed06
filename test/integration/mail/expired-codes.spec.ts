import { PrismaService } from '../../../src/database/prisma.service.js';
import { TroubleRecords } from '../../../src/mail/outbox/troubles.js';
import { createDatabase, type TestDatabase } from '../../support/database/postgres.js';

/** Messages of other lanes, and of the hour, more than are looked through from either end. */
const OTHERS = 20_000;

describe('what is told of codes that expired unsent', () => {
  let database: TestDatabase;
  let prisma: PrismaService;
  let troubles: TroubleRecords;

  beforeAll(async () => {
    database = await createDatabase();
    prisma = new PrismaService({ url: database.url, poolSize: 1 });
    troubles = new TroubleRecords(prisma);
  });
  // What is searched for is no foreign table: its rows would stay, and ids are made of the time.
  beforeEach(() => database.query('TRUNCATE outbound_emails, email_terms CASCADE'));
  afterAll(async () => {
    await prisma.$disconnect();
    await database.drop();
  });

  /** So many messages, accepted evenly from one moment to the other, in minutes ago; without triggers. */
  async function accepted(
    lane: string,
    { count = 1, from, to = from }: { count?: number; from: number; to?: number },
    fate: { expiredAgo: number } | { sentAgo: number },
  ): Promise<void> {
    const [status, expires, sent] =
      'expiredAgo' in fate ? ['expired', fate.expiredAgo, null] : ['sent', null, fate.sentAgo];
    await database.query(
      `INSERT INTO outbound_emails (id, lane, channel, status, from_address, to_address, to_canonical, locale, seal_key_id, secret, max_attempts,
         message_id, created_at, expires_at, sent_at)
       SELECT (lpad(to_hex((1000 * extract(epoch FROM at))::bigint), 12, '0') || '7000' || to_hex(32768 + ascii($1) % 128)
           || lpad(to_hex(n), 12, '0'))::uuid,
         $1::lane, $8::channel, $2::email_status, 'f@example.com', 't@example.com', 't@example.com', 'en', 'x', false, 3,
         $1::text || at || n || '@example.com', at, now() - make_interval(mins => $6), now() - make_interval(mins => $7)
       FROM generate_series(1, $3::int) AS n
       CROSS JOIN LATERAL (SELECT now() - make_interval(secs => 60 * ($4::float8 - ($4::float8 - $5::float8) * n / $3)) AS at) AS accepted`,
      [lane, status, count, from, to, expires, sent, lane === 'sms' ? 'sms' : 'email'],
    );
  }

  async function rowsRead(): Promise<number> {
    await prisma.$queryRaw`SELECT pg_stat_force_next_flush()::text`;
    const [row] = await prisma.$queryRaw<{ read: number }[]>`
      SELECT (idx_tup_fetch + seq_tup_read)::int AS read FROM pg_stat_user_tables WHERE relname = 'outbound_emails'`;
    return row!.read;
  }

  const told = async () => (await troubles.read()).expiredCodes;

  it('is how many there are, and since when, while none flows, and nothing where none expired', async () => {
    await accepted('critical', { from: 30 }, { sentAgo: 29 });
    expect(await told()).toBeNull();
    await accepted('critical', { count: 3, from: 25, to: 20 }, { expiredAgo: 10 });
    await accepted('bulk', { from: 5 }, { sentAgo: 4 });
    expect(await told()).toMatchObject({ count: 3, flowsAgain: false });
  });

  it('is of texts and of mail each by itself: what flows hides nothing of what does not', async () => {
    await accepted('critical', { count: 2, from: 25 }, { expiredAgo: 15 });
    await accepted('sms', { count: 3, from: 25 }, { expiredAgo: 15 });
    expect(await told()).toMatchObject({ count: 5, flowsAgain: false });
    await accepted('critical', { from: 10 }, { sentAgo: 9 });
    expect(await told()).toMatchObject({ count: 3, flowsAgain: false });
    await accepted('sms', { from: 10 }, { sentAgo: 9 });
    expect(await told()).toMatchObject({ count: 5, flowsAgain: true });
  });

  it.each([
    ['that was asked for right afterwards', 39, 38],
    ['that was asked for just now', 1, 0],
  ])('ends with a code %s, however much other mail there is', async (_, from, sentAgo) => {
    await accepted('critical', { from: 50 }, { expiredAgo: 40 });
    await accepted('bulk', { count: OTHERS, from: 35, to: 2 }, { sentAgo: 1 });
    expect(await told()).toMatchObject({ flowsAgain: false });
    await accepted('critical', { from }, { sentAgo });
    expect(await told()).toMatchObject({ count: 1, flowsAgain: true });
  });

  it('ends with one that had waited, and was handed over after the others expired', async () => {
    await accepted('critical', { from: 50 }, { expiredAgo: 40 });
    await accepted('critical', { from: 45 }, { sentAgo: 38 });
    expect(await told()).toMatchObject({ flowsAgain: true });
  });

  it('is read from a bounded number of rows while none flows', async () => {
    await accepted('critical', { from: 50 }, { expiredAgo: 40 });
    await accepted('bulk', { count: OTHERS, from: 55, to: 1 }, { sentAgo: 1 });
    await database.query('ANALYZE outbound_emails');
    await troubles.read();
    const before = await rowsRead();
    await troubles.read();
    expect((await rowsRead()) - before).toBeLessThan(OTHERS * 0.7);
  });
});
