import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Audit, type Doer, onOwnAccount } from '../../audit/audit.js';
import { Clock } from '../../core/clock.js';
import { hashOfToken, type RequestSource } from '../../core/credentials.js';
import { DAY_MS } from '../../core/durations.js';
import type { EmailAddress } from '../../core/email-address.js';
import { PrismaService, Transactions, type UnitOfWork } from '../../database/prisma.service.js';
import type { Account } from '../../generated/prisma/client.js';
import { requesterOf } from '../../limits/limit-policy.js';
import { Limits } from '../../limits/limits.js';
import { DeviceTokens } from '../../otp/device-token.js';
import { PasswordChanges } from '../passwords/password-sign-in.js';
import type { PasswordFault } from '../passwords/password-policy.js';
import { Passwords, PasswordTries } from '../passwords/passwords.js';
import type { IssuedTokens } from '../sessions/refresh-tokens.js';
import { Sessions } from '../sessions/sessions.js';
import { Administrators } from './administrators.js';

/** Milliseconds for which a setup link is good. */
const LIFETIME_MS = DAY_MS;
/** Milliseconds after its use in which whoever used it, and did not hear the answer, gets it again. */
const REPEAT_MS = 60_000;

/** The use of a link, and whom it made an administrator. */
interface SetupUse {
  at: Date;
  account: Account;
}

/** open: it makes the first administrator. done: there is one. invalid: unknown, used, or too old. */
type SetupState = 'open' | 'done' | 'invalid';

/** The one-time links of the console: whoever can read it is taken for the owner of the deployment. */
@Injectable()
export class SetupTokens {
  constructor(
    private readonly prisma: PrismaService,
    private readonly clock: Clock,
    private readonly administrators: Administrators,
  ) {}

  /** A new token, 256 random bits of which only the SHA-256 is kept; undefined once there is an administrator. */
  async offer(): Promise<string | undefined> {
    const now = this.clock.now();
    await this.prisma.setupToken.deleteMany({ where: { expiresAt: { lte: now } } });
    if (await this.administrators.any()) return undefined;
    const token = randomBytes(32).toString('base64url');
    await this.prisma.setupToken.createMany({
      data: [{ tokenHash: hashOfToken(token), createdAt: now, expiresAt: new Date(now.getTime() + LIFETIME_MS) }],
    });
    return token;
  }

  /** Looking uses nothing up: browsers and chats open links ahead of people. */
  async look(token: string): Promise<SetupState> {
    if (await this.administrators.any()) return 'done';
    const open = await this.prisma.setupToken.count({ where: this.open(token) });
    return open === 1 ? 'open' : 'invalid';
  }

  /** Of two at once, one. */
  async use(token: string, { db }: UnitOfWork): Promise<boolean> {
    const { count } = await db.setupToken.updateMany({ where: this.open(token), data: { usedAt: this.clock.now() } });
    return count === 1;
  }

  /** For {@link lately}; the caller used the token in the same transaction. */
  async note(token: string, { id }: Account, { db }: UnitOfWork): Promise<void> {
    await db.setupToken.updateMany({ where: { tokenHash: hashOfToken(token) }, data: { accountId: id } });
  }

  /** Undefined when the link was not used a moment ago, or whom it made is gone. */
  async lately(token: string): Promise<SetupUse | undefined> {
    const since = new Date(this.clock.now().getTime() - REPEAT_MS);
    const used = await this.prisma.setupToken.findFirst({
      where: { tokenHash: hashOfToken(token), usedAt: { gt: since } },
    });
    if (!used?.usedAt || used.accountId === null) return undefined;
    const account = await this.prisma.account.findUnique({ where: { id: used.accountId } });
    return account ? { at: used.usedAt, account } : undefined;
  }

  /** As a session knows the link that began it; no challenge has such an id. */
  beginning(token: string): string {
    return `setup:${Buffer.from(hashOfToken(token)).toString('base64url')}`;
  }

  private open(token: string) {
    return { tokenHash: hashOfToken(token), usedAt: null, expiresAt: { gt: this.clock.now() } };
  }
}

interface SetupOrder {
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
  | ({ kind: 'unfit' } & PasswordFault);

type SetupResult = { kind: 'finished'; account: Account } | Refusal;
type SetupSignIn = { kind: 'signed_in'; account: Account; tokens: IssuedTokens; deviceToken: string } | Refusal;

/**
 * The first administrator. Decided under a lock: of however many at once, with one link or several, one is it. Whoever
 * repeats a moment later what made them the administrator, because the answer was lost, gets the same answer.
 */
@Injectable()
export class Setup {
  constructor(
    private readonly transactions: Transactions,
    private readonly limits: Limits,
    private readonly tokens: SetupTokens,
    private readonly administrators: Administrators,
    private readonly passwords: Passwords,
    private readonly tries: PasswordTries,
    private readonly passwordChanges: PasswordChanges,
    private readonly sessions: Sessions,
    private readonly devices: DeviceTokens,
    private readonly audit: Audit,
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
      await this.audit.record(
        { action: 'session.started', ...onOwnAccount(account.id, source), details: { purpose: 'setup' } },
        unit,
      );
      return this.signedIn(account, tokens);
    });
    if (!isOver(decided)) return decided;
    const account = await this.repeated(order, source);
    const begun = account && (await this.sessions.begunBy(challengeId));
    const tokens = begun && (await this.transactions.run((unit) => this.sessions.again(begun.session.id, unit)));
    return account && tokens ? this.signedIn(account, tokens) : decided;
  }

  private signedIn(account: Account, tokens: IssuedTokens): SetupSignIn {
    const deviceToken = this.devices.issue(account.emailCanonical, account.deviceGeneration);
    return { kind: 'signed_in', account, tokens, deviceToken };
  }

  private async decide<T>(
    order: SetupOrder,
    source: RequestSource,
    then: (account: Account, unit: UnitOfWork) => Promise<T>,
  ): Promise<T | Refusal> {
    await this.limits.take({ ip: source.ip, withMail: false });
    const state = await this.tokens.look(order.token);
    if (state !== 'open') return { kind: state }; // before a stranger makes us hash anything
    const { password, email, name } = order;
    const fault =
      password === undefined ? undefined : this.passwords.fault(password, { email: email.stored, name: name ?? null });
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
   * Whom the link made the administrator a moment ago, where the same is asked again: with the same address, and with
   * the same password or again without one. Nothing is hashed for anybody else who has the link.
   */
  private async repeated({ token, email, password }: SetupOrder, source: RequestSource): Promise<Account | undefined> {
    const use = await this.tokens.lately(token);
    if (!use || use.account.emailCanonical !== email.canonical) return undefined;
    const { account, at } = use;
    const wasGiven = account.passwordChangedAt !== null && account.passwordChangedAt >= at; // set by the use itself, or since
    if (password === undefined || !wasGiven) return password === undefined && !wasGiven ? account : undefined;
    const { emailCanonical, passwordHash, deviceGeneration } = account;
    const tried = await this.tries.take({
      destination: emailCanonical,
      password,
      ip: source.ip,
      device: this.devices.known(source.deviceToken, emailCanonical, deviceGeneration),
      storedHash: passwordHash,
    });
    return tried.kind === 'correct' ? account : undefined;
  }

  /** An account that the address has already keeps its name; a password is set as after a reset. */
  private async enthrone(
    wanted: { email: EmailAddress; name: string | null; passwordHash: string | null },
    source: RequestSource,
    unit: UnitOfWork,
  ): Promise<Account> {
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
