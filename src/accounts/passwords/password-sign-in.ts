import { Injectable } from '@nestjs/common';
import { Audit, onOwnAccount } from '../../audit/audit.js';
import { Clock } from '../../core/clock.js';
import type { RequestSource } from '../../core/credentials.js';
import { domainOf, type EmailAddress } from '../../core/email-address.js';
import { Problem } from '../../core/problems.js';
import { PrismaService, Transactions, type UnitOfWork } from '../../database/prisma.service.js';
import type { Account } from '../../generated/prisma/client.js';
import { Limits } from '../../limits/limits.js';
import type { Challenge } from '../../otp/challenges.js';
import { DeviceTokens } from '../../otp/device-token.js';
import { FailureBudgets } from '../../otp/failure-budgets.js';
import { REPEAT_WITHIN_MS } from '../../otp/otp-policy.js';
import { purposeRow } from '../../otp/purposes.js';
import { Notices } from '../notices/notices.js';
import type { IssuedTokens } from '../sessions/refresh-tokens.js';
import { KnownDevices } from '../sessions/known-devices.js';
import { type Begun, Sessions } from '../sessions/sessions.js';
import { Passwords, PasswordTries, type TryResult } from './passwords.js';

/** What a session began with: tokens of an app, or the cookie of a browser. */
interface Begin<Given> {
  start: (accountId: string, begun: Begun, unit: UnitOfWork) => Promise<Given>;
  /** What an equal request began a moment ago. */
  again?: (accountId: string, unit: UnitOfWork) => Promise<Given | undefined>;
}

type SignInResult<Given> =
  | ({ kind: 'signed_in'; account: Account; deviceToken: string } & Given)
  /** A wrong password, none at all, or nobody: which of them is not told. */
  | { kind: 'wrong' }
  | { kind: 'blocked'; until: Date };

type Proven = Extract<TryResult, { kind: 'correct' }>;

/** Signing in with address and password. Whatever is the matter, strangers see, and wait for, the same. */
@Injectable()
export class PasswordSignIn {
  constructor(
    private readonly clock: Clock,
    private readonly prisma: PrismaService,
    private readonly transactions: Transactions,
    private readonly limits: Limits,
    private readonly tries: PasswordTries,
    private readonly devices: DeviceTokens,
    private readonly knownDevices: KnownDevices,
    private readonly sessions: Sessions,
    private readonly notices: Notices,
    private readonly audit: Audit,
  ) {}

  /** @throws Problem rate_limited, busy */
  async signIn(
    email: EmailAddress,
    password: string,
    source: RequestSource,
  ): Promise<SignInResult<{ tokens: IssuedTokens }>> {
    return this.try(email, password, source, {
      start: async (accountId, begun, unit) => ({ tokens: await this.sessions.start(accountId, begun, unit) }),
    });
  }

  /**
   * The same on our own pages.
   * @param once the cookie of the session, the same for a second press: that one is signed in again, and nobody is told
   *   twice
   * @throws Problem rate_limited, busy
   */
  async signInBrowser(
    email: EmailAddress,
    password: string,
    source: RequestSource,
    once: string | undefined,
  ): Promise<SignInResult<{ cookie: string }>> {
    // A form that is sent much later, from the history of a browser that signed out, begins a session of its own.
    let cookie = once;
    return this.try(email, password, source, {
      start: async (accountId, begun, unit) => {
        const started = await this.sessions.startBrowser(accountId, begun, unit, cookie);
        return { cookie: started.cookie };
      },
      again: async (accountId, unit) => {
        if (once === undefined) return undefined;
        const session = await this.sessions.everOf(once, unit);
        if (!session) return undefined;
        cookie = undefined;
        const isNow = this.clock.now().getTime() - session.createdAt.getTime() <= REPEAT_WITHIN_MS;
        return isNow && session.accountId === accountId && session.revokedAt === null ? { cookie: once } : undefined;
      },
    });
  }

  private async try<Given>(
    email: EmailAddress,
    password: string,
    source: RequestSource,
    begin: Begin<Given>,
  ): Promise<SignInResult<Given>> {
    const destination = email.canonical;
    const knownDevice = await this.knownDevices.id(source.deviceToken, destination);
    // Looked up while the limits are asked: whose failures count apart is the account's word.
    const [account] = await Promise.all([
      this.prisma.account.findUnique({ where: { emailCanonical: destination } }),
      this.limits.take({ ip: source.ip, destination, withMail: false, knownDevice }),
    ]);
    const tried = await this.tries.take({
      destination,
      password,
      ip: source.ip,
      device: this.devices.known(source.deviceToken, destination, account?.deviceGeneration),
      storedHash: account?.passwordHash ?? null,
    });
    if (tried.kind !== 'correct') return this.refused(destination, account?.id, tried, source);
    const signedIn = await this.transactions.run((unit) => this.start(account!, tried, { source, begin }, unit));
    return signedIn ?? this.refused(destination, account!.id, { kind: 'wrong' }, source);
  }

  /** Undefined: the password was changed, or the account deleted, while it was compared. */
  private async start<Given>(
    account: Account,
    { hash, renewed }: Proven,
    { source, begin }: { source: RequestSource; begin: Begin<Given> },
    unit: UnitOfWork,
  ): Promise<SignInResult<Given> | undefined> {
    const { id, emailCanonical } = account;
    // Who changes the password holds this row and then ends the sessions: this one is either seen by them or not begun.
    const [held] = await unit.db.$queryRaw<{ generation: number }[]>`
      SELECT device_generation AS generation FROM accounts
      WHERE id = ${id}::uuid AND email_canonical = ${emailCanonical} AND password_hash = ${hash} FOR UPDATE`;
    if (!held) return undefined;
    if (renewed !== undefined) await unit.db.account.updateMany({ where: { id }, data: { passwordHash: renewed } });
    const newDevice = this.devices.known(source.deviceToken, emailCanonical, held.generation) === undefined;
    const deviceToken = this.devices.keepOrIssue(source.deviceToken, emailCanonical, held.generation);
    const before = await begin.again?.(id, unit);
    if (before) return { kind: 'signed_in', account, deviceToken, ...before };
    const given = await begin.start(id, { method: 'password', ...source }, unit);
    if (newDevice) {
      await this.notices.tell({ kind: 'new_device', to: account.email, locale: account.locale, source }, unit);
    }
    const details = { method: 'password', newDevice };
    await this.audit.record({ action: 'session.started', ...onOwnAccount(id, source), details }, unit);
    return { kind: 'signed_in', account, deviceToken, ...given };
  }

  private async refused(
    destination: string,
    accountId: string | undefined,
    result: Exclude<TryResult, Proven>,
    source: RequestSource,
  ): Promise<Exclude<TryResult, Proven>> {
    const details = { method: 'password', reason: result.kind, domain: domainOf(destination) };
    const target = accountId === undefined ? {} : { target: { kind: 'account', id: accountId } };
    await this.audit.record({
      action: 'session.refused',
      result: 'refused',
      actor: { kind: 'anonymous' },
      ...target,
      source,
      details,
    });
    return result;
  }
}

/** A new password for somebody who gave back a code for it. */
@Injectable()
export class PasswordChanges {
  constructor(
    private readonly clock: Clock,
    private readonly passwords: Passwords,
    private readonly sessions: Sessions,
    private readonly budgets: FailureBudgets,
    private readonly notices: Notices,
    private readonly audit: Audit,
  ) {}

  /** Before the code is looked at, so that no try is spent on it. @throws Problem validation_failed */
  refuseUnfit({ purpose, destination }: Challenge, newPassword: string | undefined): void {
    const fault = purposeRow(purpose)?.newPassword
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
    await this.sessions.endOthers(account.id, null, 'password_changed', unit);
    const changed = await unit.db.account.update({
      where: { id: account.id },
      data: { passwordHash, passwordChangedAt: now },
    });
    const kind = account.passwordHash === null ? 'password_set' : 'password_changed';
    await this.notices.tell({ kind, to: account.email, locale: account.locale, source }, unit);
    await this.budgets.clear({ destination: account.emailCanonical, purpose: 'password' }, unit);
    await this.audit.record({ action: 'password.reset', ...onOwnAccount(account.id, source) }, unit);
    return changed;
  }
}
