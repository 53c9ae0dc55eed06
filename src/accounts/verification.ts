import { Inject, Injectable } from '@nestjs/common';
import { Audit } from '../audit/audit.js';
import { Clock } from '../core/clock.js';
import { uuidv7 } from '../core/ids.js';
import type { RequestSource } from '../core/request-source.js';
import { Transactions, type UnitOfWork } from '../database/unit-of-work.js';
import type { Account, PendingConfirmation } from '../generated/prisma/client.js';
import { requesterOf } from '../limits/requester.js';
import type { Challenge } from '../otp/challenges.js';
import { DeviceTokens } from '../otp/device-token.js';
import { type CheckResult, type Correct, Otp } from '../otp/otp.js';
import { isPurpose, opensByLink } from '../otp/otp-policy.js';
import { holdAddress } from './addresses.js';
import { Confirmations, type SessionHolder } from './confirmations.js';
import { PasswordChanges } from './password-changes.js';
import { Passwords, type Place } from './passwords/passwords.js';
import { type IssuedTokens, Sessions } from './sessions/sessions.js';

type Refusal = Exclude<CheckResult, Correct | { kind: 'repeated' }>;

export type VerificationResult =
  | { kind: 'signed_in'; account: Account; tokens: IssuedTokens; deviceToken: string }
  /** The new address became somebody else's meanwhile. */
  | { kind: 'taken' }
  | Refusal;

/** On one of our own pages, whose session is a cookie. */
export type PageVerification = { kind: 'signed_in'; account: Account; cookie: string; deviceToken: string } | Refusal;

/** A browser that showed what our pages keep in it. */
export interface Browser {
  /** The value of the session's cookie if it is this browser that uses the challenge up: the same for a second press. */
  sessionCookieFor(challengeId: string): string;
}

export interface CodeGiven {
  code: string;
  /** With `reset_password`, and only there. */
  newPassword: string | undefined;
}

/** Who gives a code back, for what, and with what. */
interface Giving extends CodeGiven {
  challenge: Challenge;
  confirmation: PendingConfirmation | undefined;
  source: RequestSource;
}

/** How a page was used: by the browser that asked for the code, or by the link in its mail. */
interface PageUse {
  by: 'starter' | 'mailbox';
  method: 'code' | 'link';
  passwordHash?: string | undefined;
  counted?: Correct['counted'];
  browser: Browser | undefined;
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
    @Inject(Passwords) private readonly passwords: Passwords,
    @Inject(PasswordChanges) private readonly passwordChanges: PasswordChanges,
    @Inject(Confirmations) private readonly confirmations: Confirmations,
    @Inject(Audit) private readonly audit: Audit,
  ) {}

  /** @param holder who is signed in, if anybody; two of the purposes are for the session that asked only */
  async verify(challengeId: string, given: CodeGiven, holder: SessionHolder | undefined, source: RequestSource): Promise<VerificationResult> {
    const challenge = await this.otp.find(challengeId);
    if (!challenge || !isPurpose(challenge.purpose)) return { kind: 'not_found' };
    this.passwordChanges.refuseUnfit(challenge, given.newPassword);
    const giving = { ...given, challenge, confirmation: await this.confirmations.of(challenge, holder), source };
    if (given.newPassword === undefined) return this.give(giving, undefined);
    const over = this.otp.over(challenge);
    if (over !== undefined && over !== 'consumed') return { kind: over }; // takes no place in line
    // A place first: where there is none, no try is spent. Hashed is only with the right code.
    return this.passwords.inLine(requesterOf(source.ip), (place) => this.give(giving, place));
  }

  private async give(giving: Giving, place: Place | undefined): Promise<VerificationResult> {
    const { challenge, code, newPassword, confirmation, source } = giving;
    const checked = await this.otp.check(challenge, code, source.deviceToken);
    if (checked.kind === 'repeated') return this.again(giving, place);
    if (checked.kind !== 'correct') return this.refused(challenge, checked, source);
    const passwordHash = newPassword === undefined ? undefined : await place!.hash(newPassword);
    const result = await this.transactions.run(async (unit): Promise<VerificationResult> => {
      if (!(await this.otp.consume(challenge, unit, checked.counted))) return { kind: 'consumed' };
      if (confirmation) return this.confirmed(await this.confirmations.finish(confirmation, challenge, source, unit), source);
      const account = await this.finish(challenge, 'starter', passwordHash, source, unit);
      if (!account) return { kind: 'consumed' };
      const tokens = await this.sessions.start(account.id, { method: 'code', challengeId: challenge.id, ...source }, unit);
      return { kind: 'signed_in', account, tokens, deviceToken: this.deviceToken(account, source) };
    });
    return result.kind === 'consumed' ? this.again(giving, place) : result;
  }

  /**
   * A right code that was used up a moment ago: its client did not hear the answer, or asked twice. It gets further tokens
   * of the session that came of it, and nothing is done a second time. A code that was used otherwise, by the link in its
   * mail or on a page, began no session of this client.
   */
  private async again({ challenge, newPassword, confirmation, source }: Giving, place: Place | undefined): Promise<VerificationResult> {
    const over = { kind: 'consumed' } as const;
    if (!(await this.otp.isJustConsumed(challenge))) return over;
    const found = confirmation ? await this.sessions.find(confirmation.sessionId) : await this.sessions.begunBy(challenge.id);
    if (!found || (!confirmation && found.session.cookieHash !== null)) return over;
    const { account, session } = found;
    if (account.emailCanonical !== challenge.destinationCanonical) return confirmation ? { kind: 'taken' } : over;
    // Whoever sends another password than the first time is told that it was not set.
    if (newPassword !== undefined && !(await place!.verify(account.passwordHash, newPassword)).correct) return over;
    const tokens = await this.transactions.run((unit) => this.sessions.again(session.id, unit));
    return tokens ? { kind: 'signed_in', account, tokens, deviceToken: this.deviceToken(account, source) } : over;
  }

  /**
   * The same on our own page, which asks for nothing but to be signed in.
   * @param others that the same browser asked for: their codes are right as well
   */
  async verifyOnPage(challenge: Challenge, others: readonly Challenge[], code: string, browser: Browser | undefined, source: RequestSource): Promise<PageVerification> {
    const checked = await this.otp.check(challenge, code, source.deviceToken, others);
    if (checked.kind === 'consumed' || checked.kind === 'repeated') return this.againOnPage(challenge, browser, source);
    if (checked.kind !== 'correct') return this.refused(challenge, checked, source);
    return this.enter(checked.challenge, { by: 'starter', method: 'code', counted: checked.counted, browser }, source);
  }

  /** By the mailed link. Whoever opens it need not be the starter, whose password and name are dropped. */
  async byLink(challenge: Challenge, newPassword: string | undefined, browser: Browser | undefined, source: RequestSource): Promise<PageVerification> {
    if (!opensByLink(challenge)) return { kind: 'not_found' };
    this.passwordChanges.refuseUnfit(challenge, newPassword);
    const passwordHash = newPassword === undefined ? undefined : await this.passwords.hash(newPassword, requesterOf(source.ip));
    return this.enter(challenge, { by: 'mailbox', method: 'link', passwordHash, browser }, source);
  }

  /** A second press in the browser of the first one: the session that it began, with the cookie that the first answer set. */
  async againOnPage(challenge: Challenge, browser: Browser | undefined, source: RequestSource): Promise<PageVerification> {
    if (!browser || !(await this.otp.isJustConsumed(challenge))) return { kind: 'consumed' };
    const cookie = browser.sessionCookieFor(challenge.id);
    const found = await this.sessions.lookByCookie(cookie);
    return found ? { kind: 'signed_in', account: found.account, cookie, deviceToken: this.deviceToken(found.account, source) } : { kind: 'consumed' };
  }

  private async enter(challenge: Challenge, { by, method, passwordHash, counted, browser }: PageUse, source: RequestSource): Promise<PageVerification> {
    const cookieFor = browser?.sessionCookieFor(challenge.id);
    const result = await this.transactions.run(async (unit): Promise<PageVerification> => {
      if (!(await this.otp.consume(challenge, unit, counted))) return { kind: 'consumed' };
      const account = await this.finish(challenge, by, passwordHash, source, unit);
      if (!account) return { kind: 'consumed' };
      const { cookie } = await this.sessions.startBrowser(account.id, { method, challengeId: challenge.id, ...source }, unit, cookieFor);
      return { kind: 'signed_in', account, cookie, deviceToken: this.deviceToken(account, source) };
    });
    return result.kind === 'consumed' ? this.againOnPage(challenge, browser, source) : result;
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

