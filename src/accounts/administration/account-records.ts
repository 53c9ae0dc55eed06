import { Inject, Injectable } from '@nestjs/common';
import type { Role } from '../../access/staff.js';
import { Audit, type Doer } from '../../audit/audit.js';
import type { PageBounds } from '../../core/page.js';
import { PrismaService } from '../../database/prisma.service.js';
import { Transactions } from '../../database/unit-of-work.js';
import type { Account } from '../../generated/prisma/client.js';
import { Sessions } from '../sessions/sessions.js';

/** What is left out matches everything. */
export interface AccountFilter {
  emailCanonical?: string | undefined;
  role?: Role | undefined;
}

/** Other people's accounts, as admins look at them. */
@Injectable()
export class AccountRecords {
  constructor(
    @Inject(PrismaService) private readonly prisma: PrismaService,
    @Inject(Transactions) private readonly transactions: Transactions,
    @Inject(Sessions) private readonly sessions: Sessions,
    @Inject(Audit) private readonly audit: Audit,
  ) {}

  async find(id: string): Promise<Account | undefined> {
    return (await this.prisma.account.findUnique({ where: { id } })) ?? undefined;
  }

  /** Newest first: ids tell when an account was made. */
  async list({ emailCanonical, role }: AccountFilter, { limit, after }: PageBounds): Promise<Account[]> {
    return this.prisma.account.findMany({
      where: {
        ...(emailCanonical === undefined ? {} : { emailCanonical }),
        ...(role === undefined ? {} : { role }),
        ...(after === undefined ? {} : { id: { lt: after } }),
      },
      orderBy: { id: 'desc' },
      take: limit,
    });
  }

  /** Ends all sessions. False: there is no such account. */
  async signOut(id: string, by: Doer): Promise<boolean> {
    return this.transactions.run(async (unit) => {
      if ((await unit.db.account.count({ where: { id } })) === 0) return false;
      const sessionsEnded = await this.sessions.endOthers(id, null, 'ended', unit);
      await this.audit.record({ action: 'sessions.ended', result: 'done', ...by, target: { kind: 'account', id }, details: { sessionsEnded } }, unit);
      return true;
    });
  }
}
