import { Arrivals } from '../../../src/mail/outbox/arrivals.js';
import { PrismaService, Transactions } from '../../../src/database/prisma.service.js';
import type { ClaimedEmail, Ending, NewEmail } from '../../../src/mail/outbox/email-rows.js';
import { Ledger } from '../../../src/mail/outbox/ledger.js';
import { Outbox } from '../../../src/mail/outbox/outbox.js';
import type { TestDatabase } from '../database/postgres.js';
import { queueOf } from '../database/woken-lanes.js';
import { newEmail } from '../text/new-email.js';

export interface Carried {
  id: string;
  status: string;
  lastReply: string | null;
  lastErrorCode: string | null;
  sealed: boolean;
  events: { status: string; transport: string | null; reply: string | null; errorCode: string | null }[];
}

/** Messages that the real outbox takes to any point, as if a transport of that name had carried them. */
export class CarriedMail {
  readonly prisma: PrismaService;
  readonly outbox: Outbox;

  constructor(private readonly database: TestDatabase) {
    this.prisma = new PrismaService({ url: database.url, poolSize: 3 });
    this.outbox = new Outbox(this.prisma, queueOf());
  }

  /** Claimed by a worker, its attempt under way. */
  async sending(more: Partial<NewEmail> = {}): Promise<ClaimedEmail> {
    const id = await this.accept(more);
    const { rows } = await this.outbox.claim(more.lane ?? 'default', 100, 'worker:1');
    const claimed = rows.find((row) => row.id === id);
    if (!claimed) throw new Error('the message was not claimed');
    await this.outbox.offer(claimed);
    return claimed;
  }

  async ended(ending: Ending, more: Partial<NewEmail> = {}): Promise<string> {
    const claimed = await this.sending(more);
    await this.outbox.finish(claimed, ending, 'worker:1');
    return claimed.id;
  }

  sent(
    transport: string,
    to = 'ada@example.com',
    more: Partial<NewEmail> = {},
    providerMessageId?: string,
  ): Promise<string> {
    const ending: Ending = {
      status: 'sent',
      transport,
      reply: '250 taken',
      ...(providerMessageId ? { providerMessageId } : {}),
    };
    return this.ended(ending, { to, toCanonical: to, ...more });
  }

  async accept(more: Partial<NewEmail> = {}): Promise<string> {
    const email = newEmail(more);
    await new Arrivals(this.prisma, new Transactions(this.prisma)).arrive({ emails: [email] });
    return email.id;
  }

  async look(id: string): Promise<Carried> {
    const row = await this.prisma.outboundEmail.findUniqueOrThrow({
      where: { id },
      include: { events: { orderBy: { id: 'asc' } } },
    });
    const events = row.events.map(({ status, transport, reply, errorCode }) => ({
      status,
      transport,
      reply,
      errorCode,
    }));
    return {
      id,
      status: row.status,
      lastReply: row.lastReply,
      lastErrorCode: row.lastErrorCode,
      sealed: row.sealedVariables !== null,
      events,
    };
  }

  async states(id: string): Promise<string[]> {
    return (await this.look(id)).events.map(({ status }) => status);
  }

  suppressions(): Promise<{ address: string; scope: string; reason: string; source: string; email_id: string }[]> {
    return this.database.query(
      'SELECT address_canonical AS address, scope, reason, source, email_id FROM suppressions ORDER BY 1, 2',
    );
  }

  async imbalance(): Promise<number> {
    return (await new Ledger(this.prisma).read()).imbalance;
  }

  async clear(): Promise<void> {
    await this.database.query('TRUNCATE outbound_emails, suppressions, provider_events, ledger, ledger_deltas CASCADE');
  }

  async close(): Promise<void> {
    await this.prisma.$disconnect();
  }
}
