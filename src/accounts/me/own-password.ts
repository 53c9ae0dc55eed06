import { Injectable } from '@nestjs/common';
import { Audit, onOwnAccount } from '../../audit/audit.js';
import { Clock } from '../../core/clock.js';
import type { RequestSource } from '../../core/credentials.js';
import { Problem } from '../../core/problems.js';
import { requesterOf } from '../../limits/limit-policy.js';
import { Notices } from '../notices/notices.js';
import { Passwords } from '../passwords/passwords.js';
import { RequestedMailLimit } from '../sessions/known-devices.js';
import { type LiveSession, Sessions } from '../sessions/sessions.js';
import { OwnChanges } from './own-changes.js';
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
    private readonly mailLimit: RequestedMailLimit,
    private readonly passwords: Passwords,
    private readonly proofs: Proofs,
    private readonly changes: OwnChanges,
    private readonly sessions: Sessions,
    private readonly notices: Notices,
    private readonly audit: Audit,
  ) {}

  /**
   * @param once the new cookie, the same for a second press: that one finds it done
   * @returns the cookie of a session of our pages, where it has a new one
   * @throws Problem validation_failed, before a try of the current password is counted; those of {@link Proofs}
   */
  async set(
    holder: LiveSession,
    newPassword: string,
    currentPassword: string | undefined,
    source: RequestSource,
    once?: string,
  ): Promise<string | undefined> {
    const fault = this.passwords.fault(newPassword, holder.account);
    if (fault) throw new Problem('validation_failed', { errors: [{ field: 'newPassword', ...fault }] });
    const proof = await this.prove(holder, currentPassword, source);
    const passwordHash = await this.passwords.hash(newPassword, requesterOf(source.ip));
    return this.change(holder, proof, { passwordHash, source, once });
  }

  /** Back to codes only. Without a password there is nothing to do. Parameters and result as of {@link set}. */
  async remove(
    holder: LiveSession,
    currentPassword: string | undefined,
    source: RequestSource,
    once?: string,
  ): Promise<string | undefined> {
    const proof = await this.prove(holder, currentPassword, source);
    return this.change(holder, proof, { passwordHash: null, source, once });
  }

  private async prove(holder: LiveSession, currentPassword: string | undefined, source: RequestSource): Promise<Proof> {
    return this.proofs.of(holder, { currentPassword, by: 'code' }, source, () =>
      this.mailLimit.take(source, holder.account.emailCanonical, { id: holder.account.id, owns: true }),
    );
  }

  private async change(
    holder: LiveSession,
    proof: Proof,
    { passwordHash, source, once }: { passwordHash: string | null; source: RequestSource; once: string | undefined },
  ): Promise<string | undefined> {
    return this.changes.make(holder, proof, once, async (account, unit) => {
      const change = changeOf(account.passwordHash, passwordHash);
      if (!change) return false;
      const now = this.clock.now();
      await unit.db.account.updateMany({ where: { id: account.id }, data: { passwordHash, passwordChangedAt: now } });
      const sessionsEnded = await this.sessions.endOthers(account.id, holder.session.id, 'password_changed', unit);
      await this.notices.tell({ kind: `password_${change}`, to: account.email, locale: account.locale, source }, unit);
      const details = { proof: proof.kind, sessionsEnded };
      await this.audit.record({ action: `password.${change}`, ...onOwnAccount(account.id, source), details }, unit);
      return true;
    });
  }
}

function changeOf(before: string | null, after: string | null): Change | undefined {
  if (after === null) return before === null ? undefined : 'removed';
  return before === null ? 'set' : 'changed';
}
