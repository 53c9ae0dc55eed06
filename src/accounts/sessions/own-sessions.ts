import { Injectable } from '@nestjs/common';
import { Audit, onOwnAccount } from '../../audit/audit.js';
import type { RequestSource } from '../../core/credentials.js';
import { PrismaService, Transactions, type UnitOfWork } from '../../database/prisma.service.js';
import type { Session } from '../../generated/prisma/client.js';
import { type EndReason, endOfSession } from './session-end.js';
import { Sessions } from './sessions.js';

/** What somebody who is signed in does with their sessions (ASVS 5.0, 7.4.2 and 7.5.2). */
@Injectable()
export class OwnSessions {
  constructor(
    private readonly prisma: PrismaService,
    private readonly transactions: Transactions,
    private readonly sessions: Sessions,
    private readonly audit: Audit,
  ) {}

  async signOut({ id, accountId }: Session, source: RequestSource): Promise<void> {
    await this.transactions.run(async (unit) => {
      if (await this.sessions.end(id, accountId, 'signed_out', unit))
        await this.ended(accountId, id, 'signed_out', source, unit);
    });
  }

  /** False: there is no such session of this account. */
  async end(id: string, { accountId }: Session, source: RequestSource): Promise<boolean> {
    return this.transactions.run(async (unit) => {
      const done = await this.sessions.end(id, accountId, 'ended', unit);
      if (done) await this.ended(accountId, id, 'ended', source, unit);
      return done;
    });
  }

  /** Whether it was one of this account's and has ended, such as by the first of two presses. */
  async isOver(id: string, { accountId }: Session): Promise<boolean> {
    return (await this.prisma.session.count({ where: { id, accountId } })) === 1;
  }

  async endAll({ accountId }: Session, source: RequestSource): Promise<void> {
    await this.transactions.run(async (unit) => {
      const sessionsEnded = await this.sessions.endOthers(accountId, null, 'ended', unit);
      await this.audit.record(
        { action: 'sessions.ended', ...onOwnAccount(accountId, source), details: { sessionsEnded } },
        unit,
      );
    });
  }

  private async ended(
    accountId: string,
    id: string,
    reason: EndReason,
    source: RequestSource,
    unit: UnitOfWork,
  ): Promise<void> {
    const actor = { kind: 'account' as const, id: accountId };
    await this.audit.record(endOfSession(id, reason, actor, source), unit);
  }
}
