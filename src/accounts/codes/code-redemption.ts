import { Injectable } from '@nestjs/common';
import { Audit } from '../../audit/audit.js';
import type { RequestSource } from '../../core/credentials.js';
import type { Channel } from '../../core/lanes.js';
import { Transactions } from '../../database/prisma.service.js';
import type { Account, PendingConfirmation } from '../../generated/prisma/client.js';
import { requesterOf } from '../../limits/limit-policy.js';
import type { Challenge } from '../../otp/challenges.js';
import { CodeChecker, type CheckRefusal, type Correct } from '../../otp/code-checker.js';
import { DeviceTokens } from '../../otp/device-token.js';
import { isPurpose, linkOf } from '../../otp/purposes.js';
import { PasswordChanges } from '../passwords/password-sign-in.js';
import { type PasswordHasher, Passwords } from '../passwords/passwords.js';
import type { IssuedTokens } from '../sessions/refresh-tokens.js';
import { KnownDevices } from '../sessions/known-devices.js';
import { Sessions } from '../sessions/sessions.js';
import { CodeFinishing, type SessionHolder } from './finishing.js';

type RedemptionResult =
  | { kind: 'signed_in'; account: Account; tokens: IssuedTokens; deviceToken: string }
  /** The new address or number became somebody else's meanwhile. */
  | { kind: 'taken'; channel: Channel }
  | CheckRefusal;

/** On one of our own pages, whose session is a cookie. */
export type PageRedemption =
  | { kind: 'signed_in'; account: Account; cookie: string; deviceToken: string }
  | CheckRefusal;

/** A browser that showed what our pages keep in it. */
export interface Browser {
  /**
   * The value of the session's cookie if it is this browser that uses the challenge up: the same for a second press.
   */
  sessionCookieFor(challengeId: string): string;
}

interface CodeGiven {
  code: string;
  /** With a purpose that takes one, and only there. */
  newPassword: string | undefined;
}

/** A code that is given back, and all that comes with it. */
interface Giving extends CodeGiven {
  challenge: Challenge;
  confirmation: PendingConfirmation | undefined;
  source: RequestSource;
}

/** A code that is given back on a page. */
interface PageGiving extends CodeGiven {
  challenge: Challenge;
  others: readonly Challenge[];
  browser: Browser | undefined;
  source: RequestSource;
}

/** How a page was used: by the browser that asked for the code, or by the link in its mail. */
interface PageUse {
  challenge: Challenge;
  by: 'starter' | 'mailbox';
  passwordHash?: string | undefined;
  counted?: Correct['counted'];
  browser: Browser | undefined;
  source: RequestSource;
}

const OVER = { kind: 'consumed' } as const;

/** What the code was sent to, as the account has it now. */
function ownOf({ emailCanonical, phone }: Account, { channel }: Challenge): string | null {
  return channel === 'sms' ? phone : emailCanonical;
}

/** The code came back: it is used up, what it was for is done, its giver is signed in. All of it or nothing. */
@Injectable()
export class CodeRedemption {
  constructor(
    private readonly transactions: Transactions,
    private readonly checker: CodeChecker,
    private readonly devices: DeviceTokens,
    private readonly knownDevices: KnownDevices,
    private readonly sessions: Sessions,
    private readonly passwords: Passwords,
    private readonly passwordChanges: PasswordChanges,
    private readonly finishing: CodeFinishing,
    private readonly audit: Audit,
  ) {}

  /**
   * By the API.
   * @param holder who is signed in, if anybody; some purposes are for the session that asked only
   * @throws Problem unauthorized, validation_failed, busy
   */
  async redeem(
    challengeId: string,
    given: CodeGiven,
    holder: SessionHolder | undefined,
    source: RequestSource,
  ): Promise<RedemptionResult> {
    const challenge = await this.checker.find(challengeId);
    if (!challenge || !isPurpose(challenge.purpose)) return { kind: 'not_found' };
    this.passwordChanges.refuseUnfit(challenge, given.newPassword);
    const confirmation = await this.finishing.confirmationOf(challenge, holder);
    const giving = { ...given, challenge, confirmation, source };
    return this.inLine(giving, (hasher) => this.give(giving, hasher));
  }

  /**
   * By our own page: it signs in, with a new password where the code is for one.
   * @param others that the same browser asked for: their codes are right as well
   */
  async redeemOnPage(
    challenge: Challenge,
    others: readonly Challenge[],
    { code, newPassword }: CodeGiven,
    browser: Browser | undefined,
    source: RequestSource,
  ): Promise<PageRedemption> {
    this.passwordChanges.refuseUnfit(challenge, newPassword);
    const giving = { challenge, others, code, newPassword, browser, source };
    return this.inLine(giving, (hasher) => this.giveOnPage(giving, hasher));
  }

  /**
   * By our own page, for the session that asked: it goes on with a new cookie.
   * @throws Problem unauthorized
   */
  async confirmOnPage(
    challenge: Challenge,
    code: string,
    holder: SessionHolder | undefined,
    browser: Browser | undefined,
    source: RequestSource,
  ): Promise<PageRedemption | { kind: 'taken' }> {
    // The first of two presses changed the cookie that the second one comes with.
    if (this.checker.over(challenge) === 'consumed') return this.againOnPage(challenge, browser, source);
    const confirmation = await this.finishing.confirmationOf(challenge, holder);
    if (!confirmation) return { kind: 'not_found' };
    const checked = await this.check(challenge, code, source);
    if (checked.kind === 'consumed' || checked.kind === 'repeated') return this.againOnPage(challenge, browser, source);
    if (checked.kind !== 'correct') return this.refused(challenge, checked, source);
    const cookieFor = browser?.sessionCookieFor(challenge.id);
    const result = await this.transactions.run(async (unit): Promise<PageRedemption | { kind: 'taken' }> => {
      if (!(await this.checker.consume(challenge, unit, checked.counted))) return OVER;
      const used = { challenge, by: 'starter' as const, source };
      const confirmed = await this.finishing.confirm(confirmation, used, unit, (id) =>
        this.sessions.renewBrowser(id, true, unit, cookieFor),
      );
      if (!confirmed) return { kind: 'taken' };
      return { cookie: confirmed.renewed, ...this.signedIn(confirmed.account, source) };
    });
    return result.kind === 'consumed' ? this.againOnPage(challenge, browser, source) : result;
  }

  /** By the mailed link. Whoever opens it need not be the starter, whose password and name are dropped. */
  async redeemLink(
    challenge: Challenge,
    newPassword: string | undefined,
    browser: Browser | undefined,
    source: RequestSource,
  ): Promise<PageRedemption> {
    if (!linkOf(challenge)) return { kind: 'not_found' };
    this.passwordChanges.refuseUnfit(challenge, newPassword);
    const passwordHash =
      newPassword === undefined ? undefined : await this.passwords.hash(newPassword, requesterOf(source.ip));
    return this.enter({ challenge, by: 'mailbox', passwordHash, browser, source });
  }

  /**
   * A second press in the browser of the first one: the session that it began, with the cookie that the first answer
   * set.
   */
  async againOnPage(
    challenge: Challenge,
    browser: Browser | undefined,
    source: RequestSource,
  ): Promise<PageRedemption> {
    if (!browser || !(await this.checker.justConsumed(challenge))) return OVER;
    const cookie = browser.sessionCookieFor(challenge.id);
    const found = await this.sessions.lookByCookie(cookie);
    return found ? { cookie, ...this.signedIn(found.account, source) } : OVER;
  }

  /**
   * With a new password a place in line first: where there is none, no try is spent. Only the right code makes us hash.
   */
  private async inLine<Result>(
    { challenge, newPassword, source }: Pick<Giving, 'challenge' | 'newPassword' | 'source'>,
    give: (hasher: PasswordHasher | undefined) => Promise<Result>,
  ): Promise<Result | CheckRefusal> {
    if (newPassword === undefined) return give(undefined);
    const over = this.checker.over(challenge);
    if (over !== undefined && over !== 'consumed') return { kind: over }; // takes none
    return this.passwords.inLine(requesterOf(source.ip), give);
  }

  private async give(giving: Giving, hasher: PasswordHasher | undefined): Promise<RedemptionResult> {
    const { challenge, code, newPassword, confirmation, source } = giving;
    const checked = await this.check(challenge, code, source);
    if (checked.kind === 'repeated') return this.again(giving, hasher);
    if (checked.kind !== 'correct') return this.refused(challenge, checked, source);
    const passwordHash = newPassword === undefined ? undefined : await hasher!.hash(newPassword);
    const used = { challenge, by: 'starter' as const, source };
    const result = await this.transactions.run(async (unit): Promise<RedemptionResult> => {
      if (!(await this.checker.consume(challenge, unit, checked.counted))) return OVER;
      if (confirmation) {
        const confirmed = await this.finishing.confirm(confirmation, used, unit, (id) =>
          this.sessions.reauthenticated(id, unit),
        );
        if (!confirmed) return { kind: 'taken', channel: challenge.channel };
        return { tokens: confirmed.renewed, ...this.signedIn(confirmed.account, source) };
      }
      const account = await this.finishing.signIn(used, passwordHash, unit);
      if (!account) return OVER;
      const begun = { method: 'code' as const, challengeId: challenge.id, ...source };
      return { tokens: await this.sessions.start(account.id, begun, unit), ...this.signedIn(account, source) };
    });
    return result.kind === 'consumed' ? this.again(giving, hasher) : result;
  }

  /**
   * For a right code that was used up a moment ago: its client did not hear the answer, or asked twice. It gets further
   * tokens of the session that came of the code, and nothing is done a second time. A code that was used otherwise, by
   * the link in its mail or on a page, began no session of this client.
   */
  private async again(
    { challenge, newPassword, confirmation, source }: Giving,
    hasher: PasswordHasher | undefined,
  ): Promise<RedemptionResult> {
    if (!(await this.checker.justConsumed(challenge))) return OVER;
    const found = confirmation
      ? await this.sessions.find(confirmation.sessionId)
      : await this.sessions.begunBy(challenge.id);
    if (!found || (!confirmation && found.session.cookieHash !== null)) return OVER;
    const { account, session } = found;
    if (ownOf(account, challenge) !== challenge.destinationCanonical)
      return confirmation ? { kind: 'taken', channel: challenge.channel } : OVER;
    // Whoever sends another password than the first time is told that it was not set.
    if (newPassword !== undefined && !(await hasher!.verify(account.passwordHash, newPassword)).correct) return OVER;
    const tokens = await this.transactions.run((unit) => this.sessions.again(session.id, unit));
    return tokens ? { tokens, ...this.signedIn(account, source) } : OVER;
  }

  private async giveOnPage(
    { challenge, others, code, newPassword, browser, source }: PageGiving,
    hasher: PasswordHasher | undefined,
  ): Promise<PageRedemption> {
    const checked = await this.check(challenge, code, source, others);
    if (checked.kind === 'repeated') return this.againOnPage(checked.challenge, browser, source);
    if (checked.kind === 'consumed') return this.againOnPage(challenge, browser, source);
    if (checked.kind !== 'correct') return this.refused(challenge, checked, source);
    const { challenge: right, counted } = checked;
    const passwordHash = newPassword === undefined ? undefined : await hasher!.hash(newPassword);
    return this.enter({ challenge: right, by: 'starter', passwordHash, counted, browser, source });
  }

  private async enter({ challenge, by, passwordHash, counted, browser, source }: PageUse): Promise<PageRedemption> {
    const cookieFor = browser?.sessionCookieFor(challenge.id);
    const result = await this.transactions.run(async (unit): Promise<PageRedemption> => {
      if (!(await this.checker.consume(challenge, unit, counted))) return OVER;
      const account = await this.finishing.signIn({ challenge, by, source }, passwordHash, unit);
      if (!account) return OVER;
      const method = by === 'starter' ? 'code' : 'link';
      const begun = { method, challengeId: challenge.id, ...source } as const;
      const { cookie } = await this.sessions.startBrowser(account.id, begun, unit, cookieFor);
      return { cookie, ...this.signedIn(account, source) };
    });
    return result.kind === 'consumed' ? this.againOnPage(challenge, browser, source) : result;
  }

  private async check(
    challenge: Challenge,
    code: string,
    { deviceToken }: RequestSource,
    others: readonly Challenge[] = [],
  ) {
    const destinations = [challenge, ...others].map(({ destinationCanonical }) => destinationCanonical);
    return this.checker.check(challenge, code, await this.knownDevices.token(deviceToken, destinations), others);
  }

  private signedIn(account: Account, { deviceToken }: RequestSource) {
    const kept = this.devices.keepOrIssue(deviceToken, account.emailCanonical, account.deviceGeneration);
    return { kind: 'signed_in' as const, account, deviceToken: kept };
  }

  private async refused(challenge: Challenge, checked: CheckRefusal, source: RequestSource): Promise<CheckRefusal> {
    if (checked.kind !== 'wrong') return checked; // was not even compared: whoever repeats it does not fill the record
    await this.audit.record({
      action: 'code.refused',
      result: 'refused',
      actor: { kind: 'anonymous' },
      target: { kind: 'challenge', id: challenge.id },
      source,
      details: { purpose: challenge.purpose, reason: checked.kind, locked: checked.attemptsLeft === 0 },
    });
    return checked;
  }
}
