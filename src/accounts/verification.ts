import { Inject, Injectable } from '@nestjs/common';
import { Audit } from '../audit/audit.js';
import { Clock } from '../core/clock.js';
import { uuidv7 } from '../core/ids.js';
import type { RequestSource } from '../core/request-source.js';
import { Transactions, type UnitOfWork } from '../database/unit-of-work.js';
import type { Account } from '../generated/prisma/client.js';
import type { Challenge } from '../otp/challenges.js';
import { DeviceTokens } from '../otp/device-token.js';
import { type CheckResult, Otp } from '../otp/otp.js';
import { isPurpose, opensByLink } from '../otp/otp-policy.js';
import { holdAddress } from './addresses.js';
import { Confirmations, type SessionHolder } from './confirmations.js';
import { PasswordChanges } from './password-changes.js';
import { type IssuedTokens, Sessions } from './sessions/sessions.js';

type Refusal = Exclude<CheckResult, { kind: 'correct' }>;

export type VerificationResult =
  | { kind: 'signed_in'; account: Account; tokens: IssuedTokens; deviceToken: string }
  /** The new address became somebody else's meanwhile. */
  | { kind: 'taken' }
  | Refusal;

/** On one of our own pages, whose session is a cookie. */
export type PageVerification = { kind: 'signed_in'; account: Account; cookie: string; deviceToken: string } | Refusal;

export interface CodeGiven {
  code: string;
  /** With `reset_password`, and only there. */
  newPassword: string | undefined;
}

/** The code came back: use it up, do what it was for, sign in. All of it or nothing. */
@Injectable()
export class Verification {
  constructor(
    @Inject(Clock) private readonly clock: Clock,
    @Inject(Transactions) private readonly transactions: Transactions,
    @Inject(Otp) private readonly otp: Otp,
    @Inject(DeviceTokens) private readonly devices: DeviceTokens,
    @Inject(Sessions) private readonly sessions: Sessions,
    @Inject(PasswordChanges) private readonly passwordChanges: PasswordChanges,
    @Inject(Confirmations) private readonly confirmations: Confirmations,
    @Inject(Audit) private readonly audit: Audit,
  ) {}

  /** @param holder who is signed in, if anybody; two of the purposes are for the session that asked only */
  async verify(challengeId: string, given: CodeGiven, holder: SessionHolder | undefined, source: RequestSource): Promise<VerificationResult> {
    const challenge = await this.otp.find(challengeId);
    if (!challenge || !isPurpose(challenge.purpose)) return { kind: 'not_found' };
    this.passwordChanges.refuseUnfit(challenge, given.newPassword);
    const confirmation = await this.confirmations.of(challenge, holder);
    const passwordHash = await this.passwordChanges.hash(given.newPassword); // first: where it cannot be made now, no try is spent
    const checked = await this.otp.check(challenge, given.code, source.deviceToken);
    if (checked.kind !== 'correct') return this.refused(challenge, checked, source);
    return this.transactions.run(async (unit): Promise<VerificationResult> => {
      if (!(await this.otp.consume(challenge, unit))) return { kind: 'consumed' };
      if (confirmation) return this.confirmed(await this.confirmations.finish(confirmation, challenge, source, unit), source);
      const account = await this.finish(challenge, 'starter', passwordHash, source, unit);
      if (!account) return { kind: 'consumed' };
      const tokens = await this.sessions.start(account.id, { method: 'code', ...source }, unit);
      return { kind: 'signed_in', account, tokens, deviceToken: this.deviceToken(account, source) };
    });
  }

  /** The same on our own page, which asks for nothing but to be signed in. */
  async verifyOnPage(challenge: Challenge, code: string, source: RequestSource): Promise<PageVerification> {
    if (!opensByLink(challenge) || challenge.purpose === 'reset_password') return { kind: 'not_found' };
    const checked = await this.otp.check(challenge, code, source.deviceToken);
    if (checked.kind !== 'correct') return this.refused(challenge, checked, source);
    return this.enter(challenge, { by: 'starter', method: 'code', passwordHash: undefined }, source);
  }

  /** By the mailed link. Whoever opens it need not be the starter, whose password and name are dropped. */
  async byLink(challenge: Challenge, newPassword: string | undefined, source: RequestSource): Promise<PageVerification> {
    if (!opensByLink(challenge)) return { kind: 'not_found' };
    this.passwordChanges.refuseUnfit(challenge, newPassword);
    return this.enter(challenge, { by: 'mailbox', method: 'link', passwordHash: await this.passwordChanges.hash(newPassword) }, source);
  }

  private async enter(
    challenge: Challenge,
    { by, method, passwordHash }: { by: 'starter' | 'mailbox'; method: 'code' | 'link'; passwordHash: string | undefined },
    source: RequestSource,
  ): Promise<PageVerification> {
    return this.transactions.run(async (unit): Promise<PageVerification> => {
      if (!(await this.otp.consume(challenge, unit))) return { kind: 'consumed' };
      const account = await this.finish(challenge, by, passwordHash, source, unit);
      if (!account) return { kind: 'consumed' };
      const { cookie } = await this.sessions.startBrowser(account.id, { method, ...source }, unit);
      return { kind: 'signed_in', account, cookie, deviceToken: this.deviceToken(account, source) };
    });
  }

  /** What the code was for is done; undefined where the account went meanwhile. */
  private async finish(
    challenge: Challenge,
    by: 'starter' | 'mailbox',
    passwordHash: string | undefined,
    source: RequestSource,
    unit: UnitOfWork,
  ): Promise<Account | undefined> {
    const account = await this.accountOf(challenge, by, source, unit);
    if (!account) return undefined;
    const current = passwordHash === undefined ? account : await this.passwordChanges.reset(account, passwordHash, source, unit);
    const who = { kind: 'account' as const, id: current.id };
    await this.audit.record({ action: 'session.started', result: 'done', actor: who, target: who, source, details: { purpose: challenge.purpose, by } }, unit);
    return current;
  }

  private confirmed(finished: { account: Account; tokens: IssuedTokens } | undefined, source: RequestSource): VerificationResult {
    if (!finished) return { kind: 'taken' };
    return { kind: 'signed_in', ...finished, deviceToken: this.deviceToken(finished.account, source) };
  }

  /**
   * Of a registration it is made now, if the address is still nobody's: two challenges that end together make one account.
   * What its starter typed goes to the account only if the starter finishes it, and never to one that was there before.
   */
  private async accountOf(challenge: Challenge, by: 'starter' | 'mailbox', source: RequestSource, unit: UnitOfWork): Promise<Account | undefined> {
    const { db } = unit;
    const emailCanonical = challenge.destinationCanonical;
    const now = this.clock.now();
    if (challenge.purpose === 'register') {
      await holdAddress(emailCanonical, db);
      const waiting = by === 'starter' ? await db.pendingRegistration.findUnique({ where: { challengeId: challenge.id } }) : null;
      const passwordHash = waiting?.passwordHash ?? null;
      const id = uuidv7(now);
      const { count } = await db.account.createMany({
        data: [
          {
            id,
            email: challenge.destination,
            emailCanonical,
            emailVerifiedAt: now,
            name: waiting?.name ?? null,
            locale: waiting?.locale ?? null,
            passwordHash,
            passwordChangedAt: passwordHash === null ? null : now,
          },
        ],
        skipDuplicates: true,
      });
      const who = { kind: 'account' as const, id };
      if (count === 1) await this.audit.record({ action: 'account.created', result: 'done', actor: who, target: who, source, details: { by } }, unit);
    } else if (challenge.purpose === 'verify_email') {
      await db.account.updateMany({ where: { emailCanonical }, data: { emailVerifiedAt: now } });
    }
    await db.$queryRaw`SELECT 1 FROM accounts WHERE email_canonical = ${emailCanonical} FOR KEY SHARE`; // it is not deleted meanwhile
    return (await db.account.findUnique({ where: { emailCanonical } })) ?? undefined;
  }

  private async refused(challenge: Challenge, checked: Refusal, source: RequestSource): Promise<Refusal> {
    if (checked.kind !== 'wrong') return checked; // was not even compared: whoever repeats it does not fill the record
    const details = { purpose: challenge.purpose, reason: checked.kind, locked: checked.attemptsLeft === 0 };
    const target = { kind: 'challenge', id: challenge.id };
    await this.audit.record({ action: 'code.refused', result: 'refused', actor: { kind: 'anonymous' }, target, source, details });
    return checked;
  }

  /** The one the device has, where it is good for this address, lest its budget begin anew with each sign-in. */
  private deviceToken({ emailCanonical }: Account, { deviceToken }: RequestSource): string {
    if (deviceToken !== undefined && this.devices.read(deviceToken, emailCanonical) !== undefined) return deviceToken;
    return this.devices.issue(emailCanonical);
  }
}

