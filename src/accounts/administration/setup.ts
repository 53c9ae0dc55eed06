import { Inject, Injectable } from '@nestjs/common';
import { Audit, type Doer } from '../../audit/audit.js';
import type { EmailAddress } from '../../core/email-address.js';
import type { RequestSource } from '../../core/request-source.js';
import { Transactions, type UnitOfWork } from '../../database/unit-of-work.js';
import type { Account } from '../../generated/prisma/client.js';
import { Limits } from '../../limits/limits.js';
import { requesterOf } from '../../limits/requester.js';
import { DeviceTokens } from '../../otp/device-token.js';
import { Administrators } from './administrators.js';
import { PasswordChanges } from '../password-changes.js';
import { PasswordTries } from '../passwords/password-tries.js';
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

/**
 * The first administrator. Decided under a lock: of however many at once, with one link or several, one is it. Whoever
 * repeats a moment later what made them the administrator, because the answer was lost, gets the same answer.
 */
@Injectable()
export class Setup {
  constructor(
    @Inject(Transactions) private readonly transactions: Transactions,
    @Inject(Limits) private readonly limits: Limits,
    @Inject(SetupTokens) private readonly tokens: SetupTokens,
    @Inject(Administrators) private readonly administrators: Administrators,
    @Inject(Passwords) private readonly passwords: Passwords,
    @Inject(PasswordTries) private readonly tries: PasswordTries,
    @Inject(PasswordChanges) private readonly passwordChanges: PasswordChanges,
    @Inject(Sessions) private readonly sessions: Sessions,
    @Inject(DeviceTokens) private readonly devices: DeviceTokens,
    @Inject(Audit) private readonly audit: Audit,
  ) {}

  /** For the page, which signs nobody in. */
  async finish(order: SetupOrder, source: RequestSource): Promise<SetupResult> {
    const decided = await this.decide(order, source, async (account) => ({ kind: 'finished' as const, account }));
    if (!isOver(decided)) return decided;
    const account = await this.repeated(order, source);
    return account ? { kind: 'finished', account } : decided;
  }

  /** For the API: the new administrator is signed in. */
  async finishAndSignIn(order: SetupOrder, source: RequestSource): Promise<SetupSignIn> {
    const challengeId = this.tokens.beginning(order.token);
    const decided = await this.decide(order, source, async (account, unit) => {
      const tokens = await this.sessions.start(account.id, { method: 'link', challengeId, ...source }, unit);
      const who = { kind: 'account' as const, id: account.id };
      await this.audit.record({ action: 'session.started', result: 'done', actor: who, target: who, source, details: { purpose: 'setup' } }, unit);
      return this.signedIn(account, tokens);
    });
    if (!isOver(decided)) return decided;
    const account = await this.repeated(order, source);
    const begun = account && (await this.sessions.begunBy(challengeId));
    const tokens = begun && (await this.transactions.run((unit) => this.sessions.again(begun.session.id, unit)));
    return account && tokens ? this.signedIn(account, tokens) : decided;
  }

  private signedIn(account: Account, tokens: IssuedTokens): SetupSignIn {
    return { kind: 'signed_in', account, tokens, deviceToken: this.devices.issue(account.emailCanonical) };
  }

  private async decide<T>(order: SetupOrder, source: RequestSource, then: (account: Account, unit: UnitOfWork) => Promise<T>): Promise<T | Refusal> {
    await this.limits.take({ ip: source.ip, withMail: false });
    const state = await this.tokens.look(order.token);
    if (state !== 'open') return { kind: state }; // before a stranger makes us hash anything
    const { password, email, name } = order;
    const fault = password === undefined ? undefined : this.passwords.fault(password, { email: email.stored, name: name ?? null });
    if (fault) return { kind: 'unfit', ...fault };
    const passwordHash = password === undefined ? null : await this.passwords.hash(password, requesterOf(source.ip));
    return this.transactions.run(async (unit): Promise<T | Refusal> => {
      await this.administrators.hold(unit);
      if (await this.administrators.any(unit.db)) return { kind: 'done' };
      if (!(await this.tokens.use(order.token, unit))) return { kind: 'invalid' };
      const account = await this.enthrone({ email, name: name ?? null, passwordHash }, source, unit);
      await this.tokens.note(order.token, account, unit);
      return then(account, unit);
    });
  }

  /**
   * Whom the link made the administrator a moment ago, where the same is asked again: with the same address, and with the
   * same password or again without one. Nothing is hashed for anybody else who has the link.
   */
  private async repeated({ token, email, password }: SetupOrder, source: RequestSource): Promise<Account | undefined> {
    const use = await this.tokens.lately(token);
    if (!use || use.account.emailCanonical !== email.canonical) return undefined;
    const { account, at } = use;
    const wasGiven = account.passwordChangedAt !== null && account.passwordChangedAt >= at; // set by the use itself, or since
    if (password === undefined || !wasGiven) return password === undefined && !wasGiven ? account : undefined;
    const tried = await this.tries.take({ destination: account.emailCanonical, password, source, storedHash: async () => account.passwordHash });
    return tried.kind === 'correct' ? account : undefined;
  }

  /** An account that the address has already keeps its name; a password is set as after a reset. */
  private async enthrone(wanted: { email: EmailAddress; name: string | null; passwordHash: string | null }, source: RequestSource, unit: UnitOfWork): Promise<Account> {
    const by: Doer = { actor: { kind: 'operator' }, source };
    const { kind, account } = await this.administrators.createOrRaise(wanted, by, unit);
    if (kind === 'created' || wanted.passwordHash === null) return account;
    return this.passwordChanges.reset(account, wanted.passwordHash, source, unit);
  }
}

/** Whether the link was found to be of no use. */
function isOver(result: { kind: string }): result is Extract<Refusal, { kind: 'done' | 'invalid' }> {
  return result.kind === 'done' || result.kind === 'invalid';
}
