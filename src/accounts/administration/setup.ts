import { Inject, Injectable } from '@nestjs/common';
import { Audit, type Doer } from '../../audit/audit.js';
import type { EmailAddress } from '../../core/email-address.js';
import type { RequestSource } from '../../core/request-source.js';
import { Transactions, type UnitOfWork } from '../../database/unit-of-work.js';
import type { Account } from '../../generated/prisma/client.js';
import { DeviceTokens } from '../../otp/device-token.js';
import { Administrators } from './administrators.js';
import { PasswordChanges } from '../password-changes.js';
import { Passwords } from '../passwords/passwords.js';
import { type IssuedTokens, Sessions } from '../sessions/sessions.js';
import { SetupTokens } from './setup-tokens.js';

export interface SetupOrder {
  token: string;
  email: EmailAddress;
  name: string | undefined;
  /** Undefined: codes sign in. */
  password: string | undefined;
}

type Refusal =
  | { kind: 'done' }
  | { kind: 'invalid' }
  /** The password is not taken; nothing was used up. */
  | { kind: 'unfit'; code: string; message: string };

export type SetupResult = { kind: 'finished'; account: Account } | Refusal;
export type SetupSignIn = { kind: 'signed_in'; account: Account; tokens: IssuedTokens; deviceToken: string } | Refusal;

/** The first administrator. Decided under a lock: of however many at once, with one link or several, one is it. */
@Injectable()
export class Setup {
  constructor(
    @Inject(Transactions) private readonly transactions: Transactions,
    @Inject(SetupTokens) private readonly tokens: SetupTokens,
    @Inject(Administrators) private readonly administrators: Administrators,
    @Inject(Passwords) private readonly passwords: Passwords,
    @Inject(PasswordChanges) private readonly passwordChanges: PasswordChanges,
    @Inject(Sessions) private readonly sessions: Sessions,
    @Inject(DeviceTokens) private readonly devices: DeviceTokens,
    @Inject(Audit) private readonly audit: Audit,
  ) {}

  /** For the page, which signs nobody in. */
  async finish(order: SetupOrder, source: RequestSource): Promise<SetupResult> {
    return this.decide(order, source, async (account) => ({ kind: 'finished' as const, account }));
  }

  /** For the API: the new administrator is signed in. */
  async finishAndSignIn(order: SetupOrder, source: RequestSource): Promise<SetupSignIn> {
    return this.decide(order, source, async (account, unit) => {
      const tokens = await this.sessions.start(account.id, { method: 'link', ...source }, unit);
      const who = { kind: 'account' as const, id: account.id };
      await this.audit.record({ action: 'session.started', result: 'done', actor: who, target: who, source, details: { purpose: 'setup' } }, unit);
      return { kind: 'signed_in' as const, account, tokens, deviceToken: this.devices.issue(account.emailCanonical) };
    });
  }

  private async decide<T>(order: SetupOrder, source: RequestSource, then: (account: Account, unit: UnitOfWork) => Promise<T>): Promise<T | Refusal> {
    const state = await this.tokens.look(order.token);
    if (state !== 'open') return { kind: state }; // before a stranger makes us hash anything
    const { password, email, name } = order;
    const fault = password === undefined ? undefined : this.passwords.fault(password, { email: email.stored, name: name ?? null });
    if (fault) return { kind: 'unfit', ...fault };
    const passwordHash = password === undefined ? null : await this.passwords.hash(password);
    return this.transactions.run(async (unit): Promise<T | Refusal> => {
      await this.administrators.hold(unit);
      if (await this.administrators.any(unit.db)) return { kind: 'done' };
      if (!(await this.tokens.use(order.token, unit))) return { kind: 'invalid' };
      return then(await this.enthrone({ email, name: name ?? null, passwordHash }, source, unit), unit);
    });
  }

  /** An account that the address has already keeps its name; a password is set as after a reset. */
  private async enthrone(wanted: { email: EmailAddress; name: string | null; passwordHash: string | null }, source: RequestSource, unit: UnitOfWork): Promise<Account> {
    const by: Doer = { actor: { kind: 'operator' }, source };
    const { kind, account } = await this.administrators.createOrRaise(wanted, by, unit);
    if (kind === 'created' || wanted.passwordHash === null) return account;
    return this.passwordChanges.reset(account, wanted.passwordHash, source, unit);
  }
}
