import { Injectable } from '@nestjs/common';
import { Audit, onOwnAccount } from '../../audit/audit.js';
import { Clock } from '../../core/clock.js';
import type { RequestSource } from '../../core/credentials.js';
import { partOf } from '../../core/destination.js';
import type { UnitOfWork } from '../../database/prisma.service.js';
import type { Account } from '../../generated/prisma/client.js';
import { Limits } from '../../limits/limits.js';
import { Notices } from '../notices/notices.js';
import { type LiveSession, Sessions } from '../sessions/sessions.js';
import { OwnChanges } from './own-changes.js';
import { Proofs } from './proofs.js';

/** The number of an account. The code for it is asked for in codes/code-requests.ts. */
@Injectable()
export class PhoneChanges {
  constructor(
    private readonly clock: Clock,
    private readonly sessions: Sessions,
    private readonly proofs: Proofs,
    private readonly changes: OwnChanges,
    private readonly limits: Limits,
    private readonly notices: Notices,
    private readonly audit: Audit,
  ) {}

  /** The code came back, and the caller holds the number and the account's row. Undefined: another account has it. */
  async apply(
    account: Account,
    phone: string,
    sessionId: string,
    source: RequestSource,
    unit: UnitOfWork,
  ): Promise<Account | undefined> {
    const { db } = unit;
    const taken = await db.account.count({ where: { phone, id: { not: account.id } } });
    if (taken > 0) return undefined;
    const data = { phone, phoneVerifiedAt: this.clock.now() };
    const changed = await db.account.update({ where: { id: account.id }, data });
    await this.told(account, sessionId, { action: 'phone.changed', details: partOf(phone) }, source, unit);
    return changed;
  }

  /**
   * @param once the new cookie, and the result that of a session of our pages, as of {@link OwnChanges}
   * @throws Problem, those of {@link Proofs} and rate_limited
   */
  async remove(
    holder: LiveSession,
    currentPassword: string | undefined,
    source: RequestSource,
    once?: string,
  ): Promise<string | undefined> {
    const proof = await this.proofs.of(holder, { currentPassword, by: 'anything' }, source, () =>
      this.limits.take({ ip: source.ip, withMail: false }),
    );
    return this.changes.make(holder, proof, once, async (account, unit) => {
      if (account.phone === null) return false;
      await unit.db.account.update({ where: { id: account.id }, data: { phone: null, phoneVerifiedAt: null } });
      await this.told(account, holder.session.id, { action: 'phone.removed', details: {} }, source, unit);
      return true;
    });
  }

  /** Other sessions end, and the mailbox is told: it is what opens the account whatever becomes of the number. */
  private async told(
    { id, email: to, locale }: Account,
    sessionId: string,
    { action, details }: { action: string; details: Record<string, string> },
    source: RequestSource,
    unit: UnitOfWork,
  ): Promise<void> {
    await this.sessions.endOthers(id, sessionId, 'phone_changed', unit);
    await this.notices.tell({ kind: 'phone_changed', to, locale, source }, unit);
    await this.audit.record({ action, ...onOwnAccount(id, source), details }, unit);
  }
}
