import { PrismaService } from '../../../src/database/prisma.service.js';
import { Ledger } from '../../../src/mail/outbox/ledger.js';
import { createApiKey } from '../service/api-key.js';
import type { Otpost } from '../service/otpost.js';
import { eventually } from '../signals/wait.js';
import { wakeWorkers } from '../signals/wake.js';

export interface EmailBody {
  id: string;
  status: string;
  to: string;
  recipients: { kind: string; address: string; name: string; status: string; emailId: string }[];
  splitFrom: string | null;
  messageId: string;
  attempts: number;
  transport: string | null;
  lastErrorCode: string | null;
  lastReply: string | null;
  possibleDuplicate: boolean;
  events: { status: string; errorCode: string | null; reply: string | null; transport: string | null }[];
}

/** A back end that sends to several at once and looks what became of each. */
export class MailToSeveral {
  private people = 0;
  private readonly prisma: PrismaService;

  private constructor(
    private readonly otpost: Pick<Otpost, 'api' | 'database'>,
    readonly key: string,
  ) {
    this.prisma = new PrismaService({ url: otpost.database.url, poolSize: 1 });
  }

  static async of(otpost: Pick<Otpost, 'api' | 'database'>): Promise<MailToSeveral> {
    return new MailToSeveral(otpost, await createApiKey(otpost.database.url, ['emails:send', 'emails:read', 'admin']));
  }

  async close(): Promise<void> {
    await this.prisma.$disconnect();
  }

  /** Addresses that no case had before. */
  newPeople(...names: string[]): string[] {
    const n = ++this.people;
    return names.map((name) => `${name}${n}@example.com`);
  }

  /** Returns the id. */
  async send(message: object): Promise<string> {
    const { status, body } = await this.otpost.api.post<{ id: string }>(
      '/v1/emails',
      { subject: 'Hello', text: 'Hello, all of you.', ...message },
      { authorization: `Bearer ${this.key}` },
    );
    if (status !== 202) throw new Error(`the mail was not accepted: ${JSON.stringify(body)}`);
    return body.id;
  }

  async look(id: string): Promise<EmailBody> {
    return (await this.otpost.api.get<EmailBody>(`/v1/emails/${id}`, this.key)).body;
  }

  async byHand(id: string, what: 'retry' | 'cancel'): Promise<number> {
    const authorization = `Bearer ${this.key}`;
    return (await this.otpost.api.post(`/v1/emails/${id}/${what}`, {}, { authorization })).status;
  }

  /** The states of all recipients, by address, once they are these. */
  async become(id: string, states: Record<string, string>): Promise<EmailBody> {
    let seen: unknown;
    return eventually(
      async () => {
        const email = await this.look(id);
        const found = Object.fromEntries(email.recipients.map(({ address, status }) => [address, status]));
        seen = found;
        const [a, b] = [states, found].map((one) => JSON.stringify(Object.entries(one).sort()));
        return a === b && email;
      },
      `the recipients to be ${JSON.stringify(states)}`,
    ).catch((error: Error) => {
      throw new Error(`${error.message}; they are ${JSON.stringify(seen)}`, { cause: error });
    });
  }

  /** The message that has the timeline of a recipient. */
  async of(email: EmailBody, address: string): Promise<EmailBody> {
    return this.look(email.recipients.find((one) => one.address === address)!.emailId);
  }

  /** What waits for another attempt is due, the transports are open again, and the workers of its lane know. */
  async dueNow(id: string, lane: 'default' | 'bulk' | 'critical' = 'default'): Promise<void> {
    await this.otpost.database.query(
      `UPDATE outbound_emails SET next_attempt_at = now() WHERE (id = $1 OR split_from = $1) AND status IN ('queued', 'deferred', 'scheduled')`,
      [id],
    );
    await this.otpost.database.query(
      'UPDATE transport_states SET failures = 0, backoff_until = NULL, trial_until = NULL',
    );
    await wakeWorkers(this.otpost, this.key, lane);
  }

  /** Addresses that get no more mail, and what told us. */
  async suppressed(): Promise<Record<string, string>> {
    const rows = await this.otpost.database.query<{ address: string; reason: string }>(
      `SELECT address_canonical AS address, reason FROM suppressions WHERE source <> 'test'`,
    );
    return Object.fromEntries(rows.map(({ address, reason }) => [address, reason]));
  }

  async suppress(address: string, scope: 'all' | 'bulk' = 'all', reason = 'hard_bounce'): Promise<void> {
    await this.otpost.database.query(
      `INSERT INTO suppressions (address_canonical, scope, reason, source) VALUES ($1, $2, $3, 'test')`,
      [address, scope, reason],
    );
  }

  /** 0: nothing is lost. */
  async imbalance(): Promise<number> {
    return (await new Ledger(this.prisma).read()).imbalance;
  }
}
