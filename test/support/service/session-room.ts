import { type IssuedTokens, RefreshTokens } from '../../../src/accounts/sessions/refresh-tokens.js';
import { Sessions } from '../../../src/accounts/sessions/sessions.js';
import { AccessTokens } from '../../../src/accounts/tokens/access-tokens.js';
import { SigningKeyRecords, SigningKeys } from '../../../src/accounts/tokens/signing-keys.js';
import { Audit } from '../../../src/audit/audit.js';
import { readSettings } from '../../../src/configuration.js';
import { uuidv7 } from '../../../src/core/ids.js';
import { Keyring } from '../../../src/core/keyring.js';
import { createLogger } from '../../../src/core/logger.js';
import { PrismaService, Transactions, type UnitOfWork } from '../../../src/database/prisma.service.js';
import { createDatabase, type TestDatabase } from '../database/postgres.js';
import { HeldClock, TEST_SECRET } from './otpost.js';

const SOURCE = { requestId: 'test', ip: '127.0.0.1', userAgent: undefined, deviceToken: undefined };

/** Sessions as the service has them, on a real database, without the service around them. */
export class SessionRoom {
  readonly clock = new HeldClock();
  readonly prisma: PrismaService;
  readonly sessions: Sessions;
  readonly accessTokens: AccessTokens;
  private readonly tokens: RefreshTokens;
  private readonly transactions: Transactions;
  private readonly keys: SigningKeys;

  static async open(): Promise<SessionRoom> {
    const room = new SessionRoom(await createDatabase());
    await room.keys.onModuleInit();
    return room;
  }

  private constructor(readonly database: TestDatabase) {
    this.prisma = new PrismaService({ url: database.url, poolSize: 4 });
    this.transactions = new Transactions(this.prisma);
    const { settings } = readSettings({ DATABASE_URL: database.url, APP_SECRET: TEST_SECRET });
    const audit = new Audit(this.prisma, this.clock);
    const records = new SigningKeyRecords(this.prisma, this.transactions, new Keyring(TEST_SECRET), audit);
    this.keys = new SigningKeys(this.clock, records, createLogger('silent', 'web'));
    this.accessTokens = new AccessTokens(settings, this.clock, this.keys);
    this.tokens = new RefreshTokens(this.clock, this.prisma, this.transactions, this.accessTokens, audit);
    this.sessions = new Sessions(this.clock, this.prisma, this.tokens);
  }

  async close(): Promise<void> {
    this.keys.onModuleDestroy();
    await this.prisma.$disconnect();
    await this.database.drop();
  }

  run<T>(work: (unit: UnitOfWork) => Promise<T>): Promise<T> {
    return this.transactions.run(work);
  }

  /** Within the limits. */
  refresh(refreshToken: string): Promise<IssuedTokens | undefined> {
    return this.tokens.refresh(refreshToken, SOURCE, async () => undefined);
  }

  /** The id of an account of its own. */
  async account(): Promise<string> {
    const now = this.clock.now();
    const id = uuidv7(now);
    const email = `${id}@example.com`;
    await this.prisma.account.createMany({ data: [{ id, email, emailCanonical: email, emailVerifiedAt: now }] });
    return id;
  }
}
