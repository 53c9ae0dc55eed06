import type { Lane } from '../../../src/core/lanes.js';
import { PrismaService, Transactions } from '../../../src/database/prisma.service.js';
import { Arrivals } from '../../../src/mail/outbox/arrivals.js';
import { type Claim, claimStatement } from '../../../src/mail/outbox/claim-statement.js';
import type { NewEmail } from '../../../src/mail/outbox/email-rows.js';
import { Outbox } from '../../../src/mail/outbox/outbox.js';
import { newEmail } from '../text/new-email.js';
import { nodesOf } from './plans.js';
import { queueOf } from './woken-lanes.js';
import { createDatabase, type TestDatabase } from './postgres.js';

/** The outbox on a real database, without the rest of the service. */
export class OutboxBench {
  private constructor(
    readonly database: TestDatabase,
    readonly prisma: PrismaService,
    readonly transactions: Transactions,
    readonly outbox: Outbox,
    readonly arrivals: Arrivals,
    readonly woken: Lane[],
  ) {}

  static async open(): Promise<OutboxBench> {
    const database = await createDatabase();
    const prisma = new PrismaService({ url: database.url, poolSize: 10 });
    const transactions = new Transactions(prisma);
    const woken: Lane[] = [];
    const [outbox, arrivals] = [new Outbox(prisma, queueOf(woken)), new Arrivals(prisma, transactions)];
    return new OutboxBench(database, prisma, transactions, outbox, arrivals, woken);
  }

  /** Accepts a message with a code to ada@example.com in the critical lane, but for what is said otherwise. */
  async accept(more: Partial<NewEmail> = {}): Promise<string> {
    const email = newEmail({ lane: 'critical', template: 'register-code', secret: true, ...more });
    await this.arrivals.arrive({ emails: [email] });
    return email.id;
  }

  /** How Postgres would carry a claim out. */
  async plansOf(claim: Claim): Promise<{ scansOf(table: string): string[] }> {
    const nodes = await nodesOf((text, values) => this.database.query(text, values), claimStatement(claim));
    return {
      scansOf: (table) =>
        nodes
          .filter((node) => node['Relation Name'] === table && node['Node Type'].includes('Scan'))
          .map((node) => `${node['Node Type']} using ${node['Index Name'] ?? 'none'}`),
    };
  }

  async clear(): Promise<void> {
    await this.database.query('TRUNCATE outbound_emails, suppressions, ledger, ledger_deltas CASCADE');
  }

  async close(): Promise<void> {
    await this.prisma.$disconnect();
    await this.database.drop();
  }
}
