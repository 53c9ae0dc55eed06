import { Injectable } from '@nestjs/common';
import { Audit, onOwnAccount } from '../../audit/audit.js';
import { Clock } from '../../core/clock.js';
import type { RequestSource } from '../../core/credentials.js';
import { Problem } from '../../core/problems.js';
import type { UnitOfWork } from '../../database/prisma.service.js';
import type { Account, Session } from '../../generated/prisma/client.js';
import { DeviceTokens } from '../../otp/device-token.js';
import { tooManyFailures } from '../../otp/failure-budgets.js';
import { PasswordTries } from '../passwords/passwords.js';
import { unauthorized } from '../sessions/bearer.guard.js';
import { type LiveSession, Sessions } from '../sessions/sessions.js';
import { isRecent, isRecentByCode } from '../tokens/session-policy.js';

/** By what somebody who is signed in showed that it is still they. */
export type Proof = { kind: 'password'; hash: string } | { kind: 'recent' };

export interface Wanted {
  currentPassword: string | undefined;
  /** Where the password itself is at stake, a sign-in with it is no proof of more. */
  by: 'anything' | 'code';
}

/** A fresh proof of who is signed in, for what a stolen session must not do (ASVS 5.0, 7.5.1). */
@Injectable()
export class Proofs {
  constructor(
    private readonly clock: Clock,
    private readonly tries: PasswordTries,
    private readonly devices: DeviceTokens,
    private readonly sessions: Sessions,
    private readonly audit: Audit,
  ) {}

  /**
   * The current password where one is shown, or else a proof not long ago. Nothing is hashed for whom the limits do not
   * let.
   * @param takeLimits takes the limits of the call, once; not called where no proof is shown at all
   * @throws Problem, also those of `takeLimits`
   */
  async of(
    { account, session }: LiveSession,
    { currentPassword, by }: Wanted,
    source: RequestSource,
    takeLimits: () => Promise<void>,
  ): Promise<Proof> {
    const shown = account.passwordHash === null ? undefined : currentPassword;
    if (shown === undefined && !this.isFresh(account, session, by)) throw new Problem('reauthentication_required');
    await takeLimits();
    return shown === undefined ? { kind: 'recent' } : this.byPassword(account, shown, source);
  }

  /**
   * Holds the account's row for what the proof was wanted for, once nothing has changed since: the session still lives,
   * and the password is still the one that was shown.
   * @throws Problem unauthorized, wrong_password
   */
  async hold({ account, session }: LiveSession, proof: Proof, unit: UnitOfWork): Promise<Account> {
    await this.lock(account, unit);
    const held = await unit.db.account.findUnique({ where: { id: account.id } });
    if (!held || !(await this.sessions.live(session.id, unit))) throw unauthorized();
    if (proof.kind === 'password' && held.passwordHash !== proof.hash) throw new Problem('wrong_password');
    return held;
  }

  /** Of two who change one account, the second waits here until the first has committed. */
  async lock({ id }: Account, unit: UnitOfWork): Promise<void> {
    await unit.db.$queryRaw`SELECT 1 FROM accounts WHERE id = ${id}::uuid FOR UPDATE`;
  }

  /** Whether who is signed in was shown a short time ago, and nothing more is asked. */
  isFresh(account: Account, session: Session, by: Wanted['by']): boolean {
    const now = this.clock.now();
    return by === 'code' && account.passwordHash !== null ? isRecentByCode(session, now) : isRecent(session, now);
  }

  private async byPassword(
    { id, emailCanonical, passwordHash, deviceGeneration }: Account,
    password: string,
    source: RequestSource,
  ): Promise<Proof> {
    const tried = await this.tries.take({
      destination: emailCanonical,
      password,
      ip: source.ip,
      device: this.devices.known(source.deviceToken, emailCanonical, deviceGeneration),
      storedHash: passwordHash,
    });
    if (tried.kind === 'correct') return { kind: 'password', hash: tried.hash };
    const details = { reason: tried.kind };
    await this.audit.record({ action: 'password.refused', result: 'refused', ...onOwnAccount(id, source), details });
    throw tried.kind === 'blocked' ? tooManyFailures(tried, this.clock.now()) : new Problem('wrong_password');
  }
}
