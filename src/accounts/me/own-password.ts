import { Injectable } from '@nestjs/common';
import { Audit, onOwnAccount } from '../../audit/audit.js';
import { Clock } from '../../core/clock.js';
import type { RequestSource } from '../../core/credentials.js';
import { Problem } from '../../core/problems.js';
import { Transactions } from '../../database/prisma.service.js';
import { requesterOf } from '../../limits/limit-policy.js';
import { RequestedMailLimit } from '../../otp/device-token.js';
import { Notices } from '../notices/notices.js';
import { Passwords } from '../passwords/passwords.js';
import { type LiveSession, Sessions } from '../sessions/sessions.js';
import { type Proof, Proofs } from './proofs.js';

type Change = 'set' | 'changed' | 'removed';

/**
 * What somebody who is signed in does with their password. Other sessions end with it, and the owner is told: by a mail
 * each time, and so within the limits of mail to the address.
 */
@Injectable()
export class OwnPassword {
  constructor(
    private readonly clock: Clock,
    private readonly transactions: Transactions,
    private readonly mailLimit: RequestedMailLimit,
    private readonly passwords: Passwords,
    private readonly proofs: Proofs,
    private readonly sessions: Sessions,
    private readonly notices: Notices,
    private readonly audit: Audit,
  ) {}

  /** @throws Problem validation_failed, before a try of the current password is counted; those of {@link Proofs} */
  async set(
    holder: LiveSession,
    newPassword: string,
    currentPassword: string | undefined,
    source: RequestSource,
  ): Promise<void> {
    const fault = this.passwords.fault(newPassword, holder.account);
    if (fault) throw new Problem('validation_failed', { errors: [{ field: 'newPassword', ...fault }] });
    const proof = await this.prove(holder, currentPassword, source);
    await this.change(holder, proof, await this.passwords.hash(newPassword, requesterOf(source.ip)), source);
  }

  /** Back to codes only. Without a password there is nothing to do. */
  async remove(holder: LiveSession, currentPassword: string | undefined, source: RequestSource): Promise<void> {
    await this.change(holder, await this.prove(holder, currentPassword, source), null, source);
  }

  private async prove(holder: LiveSession, currentPassword: string | undefined, source: RequestSource): Promise<Proof> {
    return this.proofs.of(holder, { currentPassword, by: 'code' }, source, () =>
      this.mailLimit.take(source, holder.account.emailCanonical),
    );
  }

  private async change(
    holder: LiveSession,
    proof: Proof,
    passwordHash: string | null,
    source: RequestSource,
  ): Promise<void> {
    await this.transactions.run(async (unit) => {
      const account = await this.proofs.hold(holder, proof, unit);
      const change = changeOf(account.passwordHash, passwordHash);
      if (!change) return;
      const now = this.clock.now();
      await unit.db.account.updateMany({ where: { id: account.id }, data: { passwordHash, passwordChangedAt: now } });
      const sessionsEnded = await this.sessions.endOthers(account.id, holder.session.id, 'password_changed', unit);
      await this.notices.tell({ kind: `password_${change}`, to: account.email, locale: account.locale, source }, unit);
      const details = { proof: proof.kind, sessionsEnded };
      await this.audit.record({ action: `password.${change}`, ...onOwnAccount(account.id, source), details }, unit);
    });
  }
}

function changeOf(before: string | null, after: string | null): Change | undefined {
  if (after === null) return before === null ? undefined : 'removed';
  return before === null ? 'set' : 'changed';
}
