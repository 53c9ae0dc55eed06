import { Injectable } from '@nestjs/common';
import { Audit, onOwnAccount } from '../../audit/audit.js';
import type { RequestSource } from '../../core/credentials.js';
import { Problem } from '../../core/problems.js';
import { PrismaService, Transactions } from '../../database/prisma.service.js';
import type { Account } from '../../generated/prisma/client.js';
import { Limits } from '../../limits/limits.js';
import { Administrators } from '../administration/administrators.js';
import { Notices } from '../notices/notices.js';
import type { LiveSession } from '../sessions/sessions.js';
import { EmailChanges } from './email-changes.js';
import { Proofs } from './proofs.js';

/** What somebody who is signed in does with their account. */
@Injectable()
export class OwnAccount {
  constructor(
    private readonly prisma: PrismaService,
    private readonly transactions: Transactions,
    private readonly limits: Limits,
    private readonly proofs: Proofs,
    private readonly administrators: Administrators,
    private readonly emailChanges: EmailChanges,
    private readonly notices: Notices,
    private readonly audit: Audit,
  ) {}

  async find(id: string): Promise<Account | undefined> {
    return (await this.prisma.account.findUnique({ where: { id } })) ?? undefined;
  }

  /** Undefined fields stay as they are. Undefined: it was deleted meanwhile. */
  async describe(
    id: string,
    { name, locale }: { name?: string | null; locale?: string | null },
  ): Promise<Account | undefined> {
    const [changed] = await this.prisma.account.updateManyAndReturn({ where: { id }, data: { name, locale } });
    return changed;
  }

  /**
   * With its sessions and all that hangs on it; the last mail goes to its address, and to former ones that could still
   * take it back. @throws Problem, those of {@link Proofs}
   */
  async delete(holder: LiveSession, currentPassword: string | undefined, source: RequestSource): Promise<void> {
    const proof = await this.proofs.of(holder, { currentPassword, by: 'anything' }, source, () =>
      this.limits.take({ ip: source.ip, withMail: false }),
    );
    await this.transactions.run(async (unit) => {
      await this.administrators.hold(unit); // before the account's row, as where roles change
      const account = await this.proofs.hold(holder, proof, unit);
      if (await this.administrators.isLast(account, unit)) throw new Problem('last_admin');
      const addresses = [account.email, ...(await this.emailChanges.formerAddresses(account.id, unit))];
      await unit.db.account.delete({ where: { id: account.id } });
      for (const to of addresses)
        await this.notices.tell({ kind: 'account_deleted', to, locale: account.locale, source }, unit);
      const details = { proof: proof.kind };
      await this.audit.record({ action: 'account.deleted', ...onOwnAccount(account.id, source), details }, unit);
    });
  }
}
