import { AccessTokens } from '../../../src/accounts/tokens/access-tokens.js';
import { Sessions } from '../../../src/accounts/sessions/sessions.js';
import { SigningKeyRecords } from '../../../src/accounts/tokens/signing-key-records.js';
import { SigningKeys } from '../../../src/accounts/tokens/signing-keys.js';
import { Audit } from '../../../src/audit/audit.js';
import { readSettings } from '../../../src/config/read-settings.js';
import { uuidv7 } from '../../../src/core/ids.js';
import { Keyring } from '../../../src/core/keyring.js';
import { createLogger } from '../../../src/core/logger.js';
import { PrismaService } from '../../../src/database/prisma.service.js';
import { Transactions } from '../../../src/database/unit-of-work.js';
import { HeldClock, TEST_SECRET } from '../../support/otpost.js';
import { createDatabase, type TestDatabase } from '../../support/postgres.js';

const DAY = 86_400;

describe('a session of our own pages', () => {
  let database: TestDatabase;
  let prisma: PrismaService;
  let transactions: Transactions;
  let clock: HeldClock;
  let sessions: Sessions;

  beforeAll(async () => {
    database = await createDatabase();
    prisma = new PrismaService({ url: database.url, poolSize: 2 });
    transactions = new Transactions(prisma);
    clock = new HeldClock();
    const { settings } = readSettings({ DATABASE_URL: database.url, APP_SECRET: TEST_SECRET });
    const keys = new SigningKeyRecords(prisma, transactions, new Keyring(TEST_SECRET), new Audit(prisma, clock));
    const accessTokens = new AccessTokens(settings, clock, new SigningKeys(clock, keys, createLogger('silent', 'web')));
    sessions = new Sessions(clock, prisma, transactions, accessTokens);
  });
  afterAll(async () => {
    await prisma.$disconnect();
    await database.drop();
  });

  async function begin() {
    const now = clock.now();
    const id = uuidv7(now);
    const email = `${id}@example.com`;
    await prisma.account.createMany({ data: [{ id, email, emailCanonical: email, emailVerifiedAt: now }] });
    const begun = await transactions.run((unit) => sessions.startBrowser(id, { method: 'link', ip: '192.0.2.7' }, unit));
    return { accountId: id, ...begun };
  }

  const lastUsed = async (id: string) => (await prisma.session.findUniqueOrThrow({ where: { id } })).lastUsedAt;

  it('is known by a cookie that is stored as a hash only', async () => {
    const { cookie, sessionId, accountId } = await begin();
    expect(cookie).toMatch(/^ots_[\w-]{43}$/);
    expect(await sessions.byCookie(cookie)).toMatchObject({ account: { id: accountId }, session: { id: sessionId, method: 'link', ip: '192.0.2.7' } });
    expect(await sessions.byCookie(`${cookie}x`)).toBeUndefined();
    const [row] = await database.query<{ row: string }>('SELECT row_to_json(s)::text AS row FROM sessions s WHERE id = $1', [sessionId]);
    expect(row!.row).not.toContain(cookie);
    expect(await database.query('SELECT 1 FROM refresh_tokens WHERE session_id = $1', [sessionId])).toEqual([]);
  });

  it('ends when it is ended, and when all but another one are', async () => {
    const [one, two] = [await begin(), await begin()];
    expect(await transactions.run((unit) => sessions.end(one.sessionId, two.accountId, 'ended', unit))).toBe(false);
    expect(await transactions.run((unit) => sessions.end(one.sessionId, one.accountId, 'ended', unit))).toBe(true);
    expect(await sessions.byCookie(one.cookie)).toBeUndefined();
    const kept = await transactions.run((unit) => sessions.startBrowser(two.accountId, { method: 'code' }, unit));
    expect(await transactions.run((unit) => sessions.endOthers(two.accountId, kept.sessionId, 'password_changed', unit))).toBe(1);
    expect(await sessions.byCookie(two.cookie)).toBeUndefined();
    expect(await sessions.byCookie(kept.cookie)).toBeDefined();
  });

  it('ends after 30 days without use, which is noted at most once a minute', async () => {
    const { cookie, sessionId } = await begin();
    const began = await lastUsed(sessionId);
    clock.advance(59);
    await sessions.byCookie(cookie);
    expect(await lastUsed(sessionId)).toEqual(began);
    clock.advance(1);
    await sessions.byCookie(cookie);
    expect(await lastUsed(sessionId)).toEqual(clock.now());
    clock.advance(30 * DAY - 1);
    expect(await sessions.byCookie(cookie)).toBeDefined();
    clock.advance(30 * DAY);
    expect(await sessions.byCookie(cookie)).toBeUndefined();
  });

  it('ends after 90 days however often it is used', async () => {
    const { cookie } = await begin();
    for (let week = 0; week < 12; week++) {
      clock.advance(7 * DAY);
      expect(await sessions.byCookie(cookie)).toBeDefined();
    }
    clock.advance(6 * DAY);
    expect(await sessions.byCookie(cookie)).toBeUndefined();
  });
});
