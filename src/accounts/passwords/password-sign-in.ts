import { Inject, Injectable } from '@nestjs/common';
import { Audit } from '../../audit/audit.js';
import { domainOf, type EmailAddress } from '../../core/email-address.js';
import type { RequestSource } from '../../core/request-source.js';
import { PrismaService } from '../../database/prisma.service.js';
import { Transactions, type UnitOfWork } from '../../database/unit-of-work.js';
import type { Account } from '../../generated/prisma/client.js';
import { Limits } from '../../limits/limits.js';
import { DeviceTokens } from '../../otp/device-token.js';
import { DEFAULT_LOCALE } from '../locale.js';
import { Notices } from '../notices/notices.js';
import { type IssuedTokens, Sessions } from '../sessions/sessions.js';
import { PasswordTries, type TryResult } from './password-tries.js';

export type SignInResult =
  | { kind: 'signed_in'; account: Account; tokens: IssuedTokens; deviceToken: string }
  /** A wrong password, none at all, or nobody: which of them is not told. */
  | { kind: 'wrong' }
  | { kind: 'blocked'; until: Date };

type Proven = Extract<TryResult, { kind: 'correct' }>;

/** Signing in with address and password. Whatever is the matter, strangers see, and wait for, the same. */
@Injectable()
export class PasswordSignIn {
  constructor(
    @Inject(PrismaService) private readonly prisma: PrismaService,
    @Inject(Transactions) private readonly transactions: Transactions,
    @Inject(Limits) private readonly limits: Limits,
    @Inject(PasswordTries) private readonly tries: PasswordTries,
    @Inject(DeviceTokens) private readonly devices: DeviceTokens,
    @Inject(Sessions) private readonly sessions: Sessions,
    @Inject(Notices) private readonly notices: Notices,
    @Inject(Audit) private readonly audit: Audit,
  ) {}

  /** @throws Problem rate_limited, busy */
  async signIn(email: EmailAddress, password: string, source: RequestSource): Promise<SignInResult> {
    const destination = email.canonical;
    const knownDevice = this.devices.read(source.deviceToken, destination);
    await this.limits.take({ ip: source.ip, destination, withMail: false, ...(knownDevice === undefined ? {} : { knownDevice }) });
    const found: { account?: Account | null } = {};
    const tried = await this.tries.take({
      destination,
      password,
      source,
      storedHash: async () => {
        found.account = await this.prisma.account.findUnique({ where: { emailCanonical: destination } });
        return found.account?.passwordHash ?? null;
      },
    });
    if (tried.kind !== 'correct') return this.refused(destination, found.account?.id, tried, source);
    const signedIn = await this.transactions.run((unit) => this.start(found.account!, tried, knownDevice, source, unit));
    return signedIn ?? this.refused(destination, found.account!.id, { kind: 'wrong' }, source);
  }

  /** Undefined: the password was changed, or the account deleted, while it was compared. */
  private async start(
    account: Account,
    { hash, renewed }: Proven,
    knownDevice: string | undefined,
    source: RequestSource,
    unit: UnitOfWork,
  ): Promise<SignInResult | undefined> {
    const { id, emailCanonical } = account;
    // Who changes the password holds this row and then ends the sessions: this one is either seen by them or not begun.
    const held = await unit.db.$queryRaw<unknown[]>`
      SELECT 1 FROM accounts WHERE id = ${id}::uuid AND email_canonical = ${emailCanonical} AND password_hash = ${hash} FOR UPDATE`;
    if (held.length === 0) return undefined;
    if (renewed !== undefined) await unit.db.account.updateMany({ where: { id }, data: { passwordHash: renewed } });
    const tokens = await this.sessions.start(id, { method: 'password', ...source }, unit);
    if (knownDevice === undefined) {
      await this.notices.tell({ kind: 'new_device', to: account.email, locale: account.locale ?? DEFAULT_LOCALE, source }, unit);
    }
    const who = { kind: 'account' as const, id };
    const details = { method: 'password', newDevice: knownDevice === undefined };
    await this.audit.record({ action: 'session.started', result: 'done', actor: who, target: who, source, details }, unit);
    const deviceToken = knownDevice === undefined ? this.devices.issue(emailCanonical) : source.deviceToken!;
    return { kind: 'signed_in', account, tokens, deviceToken };
  }

  private async refused(
    destination: string,
    accountId: string | undefined,
    result: Exclude<TryResult, Proven>,
    source: RequestSource,
  ): Promise<SignInResult> {
    const details = { method: 'password', reason: result.kind, domain: domainOf(destination) };
    const target = accountId === undefined ? {} : { target: { kind: 'account', id: accountId } };
    await this.audit.record({ action: 'session.refused', result: 'refused', actor: { kind: 'anonymous' }, ...target, source, details });
    return result;
  }
}
