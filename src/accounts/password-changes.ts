import { Inject, Injectable } from '@nestjs/common';
import { Audit } from '../audit/audit.js';
import { Clock } from '../core/clock.js';
import { Problem } from '../core/problems.js';
import type { RequestSource } from '../core/request-source.js';
import type { UnitOfWork } from '../database/unit-of-work.js';
import type { Account } from '../generated/prisma/client.js';
import type { Challenge } from '../otp/challenges.js';
import { FailureBudgets } from '../otp/failure-budgets.js';
import { DEFAULT_LOCALE } from './locale.js';
import { Notices } from './notices/notices.js';
import { Passwords } from './passwords/passwords.js';
import { Sessions } from './sessions/sessions.js';

/** A new password for somebody who gave back a code for it. */
@Injectable()
export class PasswordChanges {
  constructor(
    @Inject(Clock) private readonly clock: Clock,
    @Inject(Passwords) private readonly passwords: Passwords,
    @Inject(Sessions) private readonly sessions: Sessions,
    @Inject(FailureBudgets) private readonly budgets: FailureBudgets,
    @Inject(Notices) private readonly notices: Notices,
    @Inject(Audit) private readonly audit: Audit,
  ) {}

  /** Before the code is looked at, so that no try is spent on it. @throws Problem validation_failed */
  refuseUnfit({ purpose, destination }: Challenge, newPassword: string | undefined): void {
    const fault =
      purpose === 'reset_password'
        ? newPassword === undefined
          ? { code: 'required', message: 'is needed with a code for a new password' }
          : this.passwords.fault(newPassword, { email: destination })
        : newPassword === undefined
          ? undefined
          : { code: 'not_supported', message: 'goes with a code for a new password only' };
    if (fault) throw new Problem('validation_failed', { errors: [{ field: 'newPassword', ...fault }] });
  }

  /** Sets it, ends every session, and tells the account's owner. */
  async reset(account: Account, passwordHash: string, source: RequestSource, unit: UnitOfWork): Promise<Account> {
    const now = this.clock.now();
    const changed = await unit.db.account.update({ where: { id: account.id }, data: { passwordHash, passwordChangedAt: now } });
    await this.sessions.endOthers(account.id, null, 'password_changed', unit);
    const kind = account.passwordHash === null ? 'password_set' : 'password_changed';
    await this.notices.tell({ kind, to: account.email, locale: account.locale ?? DEFAULT_LOCALE, source }, unit);
    await this.budgets.clear({ destination: account.emailCanonical, purpose: 'password' }, unit);
    const who = { kind: 'account' as const, id: account.id };
    await this.audit.record({ action: 'password.reset', result: 'done', actor: who, target: who, source }, unit);
    return changed;
  }
}
