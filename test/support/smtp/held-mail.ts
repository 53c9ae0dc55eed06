import { PrismaService } from '../../../src/database/prisma.service.js';
import type { ClaimedEmail, Ending } from '../../../src/mail/outbox/email-rows.js';
import { Outbox } from '../../../src/mail/outbox/outbox.js';
import { supersedeKey } from '../../../src/otp/code-issuer.js';
import type { TestDatabase } from '../database/postgres.js';
import { queueOf } from '../database/woken-lanes.js';

/** The mails of codes, taken by hand from state to state in the real outbox, where no worker runs. */
export class HeldMail {
  private readonly prisma: PrismaService;
  private readonly outbox: Outbox;
  private readonly claimed = new Map<string, ClaimedEmail>();

  constructor(private readonly database: TestDatabase) {
    this.prisma = new PrismaService({ url: database.url, poolSize: 1 });
    this.outbox = new Outbox(this.prisma, queueOf());
  }

  /** The newest copy of the challenge's mail is being sent. */
  async claim(challengeId: string): Promise<void> {
    const id = await this.newest(challengeId);
    await this.database.query('UPDATE outbound_emails SET next_attempt_at = now() WHERE id = $1', [id]); // a deferred one is due
    const { rows } = await this.outbox.claim('critical', 1_000, 'worker:1');
    for (const row of rows) this.claimed.set(row.id, row);
    if (!this.claimed.has(id)) throw new Error('the mail was not claimed');
  }

  async finish(challengeId: string, ending: Ending): Promise<void> {
    const id = await this.newest(challengeId);
    if (!(await this.outbox.finish(this.claimed.get(id)!, ending, 'worker:1')))
      throw new Error('the mail was not finished');
  }

  /** As an event of a provider, or a mere note, is written. */
  async note(challengeId: string, status: string): Promise<void> {
    const id = await this.newest(challengeId);
    await this.database.query(
      `WITH changed AS (UPDATE outbound_emails SET status = $2::email_status WHERE id = $1)
       INSERT INTO email_events (email_id, status, attempt) VALUES ($1, $2::email_status, 1)`,
      [id, status],
    );
  }

  async close(): Promise<void> {
    await this.prisma.$disconnect();
  }

  private async newest(challengeId: string): Promise<string> {
    const [row] = await this.database.query<{ id: string }>(
      'SELECT id FROM outbound_emails WHERE supersede_key = $1 ORDER BY id DESC LIMIT 1',
      [supersedeKey(challengeId)],
    );
    return row!.id;
  }
}
