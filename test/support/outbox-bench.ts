import { randomUUID } from 'node:crypto';
import { PrismaService } from '../../src/database/prisma.service.js';
import { Transactions } from '../../src/database/unit-of-work.js';
import type { NewEmail } from '../../src/mail/email-rows.js';
import { Outbox } from '../../src/mail/outbox.js';
import { createDatabase, type TestDatabase } from './postgres.js';

/** The outbox on a real database, without the rest of the service. */
export class OutboxBench {
  private constructor(
    readonly database: TestDatabase,
    readonly prisma: PrismaService,
    readonly transactions: Transactions,
    readonly outbox: Outbox,
  ) {}

  static async open(): Promise<OutboxBench> {
    const database = await createDatabase();
    const prisma = new PrismaService({ url: database.url, poolSize: 10 });
    return new OutboxBench(database, prisma, new Transactions(prisma), new Outbox(prisma));
  }

  /** Accepts a message with a code to ada@example.com in the critical lane, but for what is said otherwise. */
  async accept(more: Partial<NewEmail> = {}): Promise<string> {
    const id = randomUUID();
    await this.transactions.run((unit) =>
      this.outbox.insert(
        {
          id,
          lane: 'critical',
          from: 'no-reply@example.com',
          to: 'ada@example.com',
          toCanonical: 'ada@example.com',
          replyTo: null,
          template: 'register-code',
          locale: 'en',
          sealedVariables: new Uint8Array([1, 2, 3]),
          sealKeyId: 'test',
          secret: true,
          maxAttempts: 3,
          scheduledAt: null,
          expiresAt: null,
          supersedeKey: null,
          messageId: `<${id}@example.com>`,
          apiKeyId: null,
          requestId: null,
          ...more,
        },
        unit,
      ),
    );
    return id;
  }

  async clear(): Promise<void> {
    await this.database.query('TRUNCATE outbound_emails, suppressions, ledger, ledger_deltas CASCADE');
  }

  async close(): Promise<void> {
    await this.prisma.$disconnect();
    await this.database.drop();
  }
}
