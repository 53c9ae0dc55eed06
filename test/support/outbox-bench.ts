import { PrismaService } from '../../src/database/prisma.service.js';
import { Transactions } from '../../src/database/unit-of-work.js';
import { type Claim, claimStatement } from '../../src/mail/claim-statement.js';
import type { NewEmail } from '../../src/mail/email-rows.js';
import { Outbox } from '../../src/mail/outbox.js';
import { newEmail } from './new-email.js';
import { createDatabase, type TestDatabase } from './postgres.js';

interface PlanNode {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Name'?: string;
  Plans?: PlanNode[];
}

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
    const email = newEmail({ lane: 'critical', template: 'register-code', secret: true, ...more });
    await this.transactions.run((unit) => this.outbox.insert(email, unit));
    return email.id;
  }

  /** How Postgres would carry a claim out. */
  async plansOf(claim: Claim): Promise<{ scansOf(table: string): string[] }> {
    const statement = claimStatement(claim);
    const [{ 'QUERY PLAN': plans }] = await this.prisma.$queryRawUnsafe<[{ 'QUERY PLAN': { Plan: PlanNode }[] }]>(`EXPLAIN (FORMAT JSON) ${statement.text}`, ...statement.values);
    const nodes: PlanNode[] = [];
    const visit = (node: PlanNode): void => {
      nodes.push(node);
      node.Plans?.forEach(visit);
    };
    plans.forEach(({ Plan }) => visit(Plan));
    return {
      scansOf: (table) =>
        nodes.filter((node) => node['Relation Name'] === table && node['Node Type'].includes('Scan')).map((node) => `${node['Node Type']} using ${node['Index Name'] ?? 'none'}`),
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
