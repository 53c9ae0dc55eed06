import { Inject, Injectable } from '@nestjs/common';
import { SETTINGS, type Settings } from '../config/settings.js';
import { Clock } from '../core/clock.js';
import { hashOfToken } from '../core/credentials.js';
import type { EmailAddress } from '../core/email-address.js';
import { randomId } from '../core/ids.js';
import { Keyring } from '../core/keyring.js';
import { RequestMetrics } from '../core/request-metrics.js';
import type { RequestSource } from '../core/request-source.js';
import { Transactions, type UnitOfWork } from '../database/unit-of-work.js';
import { requesterOf } from '../limits/requester.js';
import { type Accepted, Mail } from '../mail/mail.js';
import { type Asked, type Challenge, Challenges } from './challenges.js';
import { type CodeBinding, codeMatches, generateCode, generateLinkToken, generateReference, hashCode, isLinkToken, type Secrets } from './code.js';
import { DeviceTokens } from './device-token.js';
import { type BudgetKey, FailureBudgets } from './failure-budgets.js';
import {
  budgetClass,
  isJustConsumed,
  LIFETIME_MS,
  linkUnusable,
  MAIL_ATTEMPTS,
  MAX_ATTEMPTS,
  opensByLink,
  purposeClass,
  REPEAT_WITHIN_MS,
  MAX_REPEATS,
  RESEND_COOLDOWN_MS,
  resendRefusal,
  type ResendRefusal,
  unusable,
  type Unusable,
} from './otp-policy.js';

/** Where a code was asked for; a back end's codes are asked for by no address that we would know. */
export type Origin = Pick<RequestSource, 'requestId'> & Partial<Pick<RequestSource, 'ip' | 'deviceToken'>>;

export interface IssueRequest {
  /** A new one unless it is given: 22 base64url characters that nobody can guess. */
  id?: string;
  /** One of ours, or `custom:…` of a back end. */
  purpose: string;
  destination: EmailAddress;
  /** The mail that carries the code. */
  template: string;
  locale: string;
  origin: Origin;
  /** The mail says that there is nothing to open, and carries no code; everything else is the same. */
  decoy?: boolean;
  /** Digits of the code, 6 to 10. */
  digits?: number;
  /** Milliseconds the code works, at most ten minutes. */
  lifetimeMs?: number;
  apiKeyId?: string;
}

/** A code that is right and not used up yet. */
export interface Correct {
  kind: 'correct';
  challenge: Challenge;
  /** What was counted before it was compared; `consume` takes back what was no failure. */
  counted: readonly Asked[];
}

export interface Issued {
  challenge: Challenge;
  delivery: Accepted;
}

export type CheckResult =
  | Correct
  /** It was used up a moment ago with this very code: by this client, if what came of it is its own. */
  | { kind: 'repeated' }
  | { kind: 'wrong'; attemptsLeft: number }
  /** Too many failures for the destination, whichever codes they were made with. */
  | { kind: 'blocked'; until: Date }
  | { kind: Unusable }
  | { kind: 'not_found' };

export type ResendResult =
  | { kind: 'sent'; issued: Issued }
  | { kind: ResendRefusal; challenge: Challenge }
  | { kind: 'not_found' };

export type LinkResult =
  | { kind: 'open'; challenge: Challenge }
  | { kind: Exclude<Unusable, 'locked'>; challenge: Challenge }
  | { kind: 'not_found' };

/** Copies of one challenge's mail share this key, so that only the newest is sent. */
export function supersedeKey(challengeId: string): string {
  return `otp:${challengeId}`;
}

/** One-time codes for a destination and a purpose. Who is behind the destination is the caller's business. */
@Injectable()
export class Otp {
  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    @Inject(Clock) private readonly clock: Clock,
    @Inject(Keyring) private readonly keyring: Keyring,
    @Inject(Challenges) private readonly challenges: Challenges,
    @Inject(FailureBudgets) private readonly budgets: FailureBudgets,
    @Inject(DeviceTokens) private readonly devices: DeviceTokens,
    @Inject(Mail) private readonly mail: Mail,
    @Inject(Transactions) private readonly transactions: Transactions,
    @Inject(RequestMetrics) private readonly metrics: RequestMetrics,
  ) {}

  /** A new code and the mail that carries it, both in the caller's transaction. */
  async issue(request: IssueRequest, unit: UnitOfWork): Promise<Issued> {
    const { purpose, destination, origin, decoy = false } = request;
    const id = request.id ?? randomId();
    const secrets: Secrets = { code: generateCode(request.digits), linkToken: generateLinkToken() };
    const now = this.clock.now();
    const binding = { challengeId: id, purpose, destination: destination.canonical };
    const sealed = this.keyring.seal(JSON.stringify(secrets), sealContext(id));
    const challenge = await this.challenges.insert(
      {
        id,
        purpose,
        destination: destination.stored,
        destinationCanonical: destination.canonical,
        template: request.template,
        locale: request.locale,
        reference: generateReference(),
        codeHash: hashCode(this.keyring, this.keyring.currentId, binding, secrets.code),
        linkHash: hashOfToken(secrets.linkToken),
        sealedCode: sealed.bytes,
        sealKeyId: sealed.keyId,
        decoy,
        maxAttempts: MAX_ATTEMPTS,
        requester: origin.ip === undefined ? null : requesterOf(origin.ip),
        apiKeyId: request.apiKeyId ?? null,
        resendAfter: new Date(now.getTime() + RESEND_COOLDOWN_MS),
        createdAt: now,
        expiresAt: new Date(now.getTime() + (request.lifetimeMs ?? LIFETIME_MS)),
      },
      unit,
    );
    unit.afterCommit(() => this.metrics.codeRequested(purposeClass(purpose)));
    return { challenge, delivery: await this.send(challenge, secrets, origin.requestId, unit) };
  }

  async find(id: string): Promise<Challenge | null> {
    return this.challenges.find(id);
  }

  /** Why a code of this challenge cannot be used any more, as it was read; undefined while it can. */
  over(challenge: Challenge): Unusable | undefined {
    return unusable(challenge, this.clock.now());
  }

  /**
   * Counts the try, then compares. A correct code is not used up yet: that is `consume`, in the caller's transaction.
   * @param others whose code is right as well, and of which no try is counted: the same client asked for them
   */
  async check(challenge: Challenge, code: string, deviceToken: string | undefined, others: readonly Challenge[] = []): Promise<CheckResult> {
    const result = await this.compare([challenge, ...others.filter(({ id }) => id !== challenge.id)], code, deviceToken);
    if (result.kind === 'consumed' && (await this.isRepeated(challenge, code))) return { kind: 'repeated' };
    if (result.kind !== 'correct') this.metrics.codeRefused(purposeClass(challenge.purpose), result.kind);
    return result;
  }

  private async compare(challenges: readonly Challenge[], code: string, deviceToken: string | undefined): Promise<CheckResult> {
    const now = this.clock.now();
    const asked = challenges.map((challenge) => this.askedOf(challenge, deviceToken));
    const allowed = await this.challenges.countAttempt(asked, now);
    const [challenge] = challenges as [Challenge];
    if (!allowed) return this.whyNot(challenge.id, asked[0]!, now);
    const compared = challenges.filter(({ id }) => allowed.ids.includes(id));
    const [right] = compared.filter((one) => this.opens(one, code));
    if (right) return { kind: 'correct', challenge: right, counted: asked.filter(({ id }) => allowed.ids.includes(id)) };
    return { kind: 'wrong', attemptsLeft: challenge.maxAttempts - allowed.attempts };
  }

  /** A decoy is compared like every other, lest its time tell it apart. */
  private opens(challenge: Challenge, code: string): boolean {
    return codeMatches(this.keyring, challenge.sealKeyId, bindingOf(challenge), code, challenge.codeHash) && !challenge.decoy;
  }

  /** There are few such tries, right or wrong, besides those of the challenge. */
  private async isRepeated(challenge: Challenge, code: string): Promise<boolean> {
    const since = new Date(this.clock.now().getTime() - REPEAT_WITHIN_MS);
    return (await this.challenges.countRepeat(challenge.id, since, MAX_REPEATS)) && this.opens(challenge, code);
  }

  /** Whether it was used up a moment ago, by whomever: whoever did it may come once more. */
  async isJustConsumed({ id }: Challenge): Promise<boolean> {
    const challenge = await this.challenges.find(id);
    return challenge !== null && isJustConsumed(challenge, this.clock.now());
  }

  /** The challenge whose mail carries this link. Looking uses nothing up. */
  async byLink(token: string): Promise<LinkResult> {
    const challenge = isLinkToken(token) ? await this.challenges.findByLink(hashOfToken(token)) : null;
    if (!challenge) return { kind: 'not_found' };
    return { kind: linkUnusable(challenge, this.clock.now()) ?? 'open', challenge };
  }

  /**
   * Uses the code up and voids the other codes for the same destination and purpose. False: somebody was faster.
   * @param counted of a code that was compared: what was counted for other challenges is taken back
   */
  async consume(challenge: Challenge, unit: UnitOfWork, counted: readonly Asked[] = []): Promise<boolean> {
    if (challenge.decoy || !(await this.challenges.consume(challenge, this.clock.now(), unit))) return false;
    const purpose = budgetClass(challenge.purpose);
    await this.budgets.clear({ destination: challenge.destinationCanonical, purpose }, unit);
    if (counted[0] && counted[0].id !== challenge.id) await this.challenges.takeBackAttempt(counted[0].id, unit);
    for (const other of counted) {
      if (other.destination !== challenge.destinationCanonical || other.purpose !== purpose) await this.budgets.takeBack(other, 1, unit);
    }
    unit.afterCommit(() => this.metrics.codeVerified(purposeClass(challenge.purpose)));
    return true;
  }

  /** "This wasn't me": nothing opens it any more, and copies that have not started are not sent. False: it had ended before. */
  async disown(challenge: Challenge, unit: UnitOfWork): Promise<boolean> {
    if (!(await this.challenges.disown(challenge.id, this.clock.now(), unit))) return false;
    await this.mail.withdraw(supersedeKey(challenge.id), unit);
    return true;
  }

  /**
   * Delivers the same code again, with its original expiry and counter; a copy that has not started is cancelled.
   * @param admit asks the limits; what is refused anyway, such as a second press on the button, costs them nothing
   */
  async resend(asked: Challenge, requestId: string, admit: () => Promise<void>): Promise<ResendResult> {
    const now = this.clock.now();
    const early = resendRefusal(asked, now);
    if (early) return { kind: early, challenge: asked };
    await admit();
    const { id } = asked;
    return this.transactions.run(async (unit): Promise<ResendResult> => {
      const challenge = await this.challenges.findForUpdate(id, unit);
      if (!challenge) return { kind: 'not_found' };
      const refusal = resendRefusal(challenge, now);
      if (refusal) return { kind: refusal, challenge };
      const counted = await this.challenges.countResend(id, new Date(now.getTime() + RESEND_COOLDOWN_MS), unit);
      const opened = this.keyring.open({ keyId: counted.sealKeyId, bytes: counted.sealedCode! }, sealContext(id));
      return { kind: 'sent', issued: { challenge: counted, delivery: await this.send(counted, JSON.parse(opened) as Secrets, requestId, unit) } };
    });
  }

  /** The mail gets a length of time, what is left of the code's life, for it is judged by another clock (core/clock.ts). */
  private async send(challenge: Challenge, secrets: Secrets, requestId: string, unit: UnitOfWork): Promise<Accepted> {
    return this.mail.accept(
      {
        lane: 'critical',
        to: challenge.destination,
        content: { kind: 'template', template: challenge.template, variables: this.variables(challenge, secrets), secret: true },
        locale: challenge.locale,
        livesMs: challenge.expiresAt.getTime() - this.clock.now().getTime(),
        maxAttempts: MAIL_ATTEMPTS,
        supersedeKey: supersedeKey(challenge.id),
        requestId,
      },
      unit,
    );
  }

  /** Links are built from the configuration, never from a request. An empty one is left out by the template. */
  private variables(challenge: Challenge, { code, linkToken }: Secrets): Record<string, string> {
    const link = `${this.settings.http.appUrl}/l/${linkToken}`;
    return {
      reference: challenge.reference,
      code: challenge.decoy ? '' : code,
      link: opensByLink(challenge) ? link : '',
      notMe: `${link}/not-me`,
    };
  }

  private askedOf({ id, destinationCanonical, purpose }: Challenge, deviceToken: string | undefined): Asked {
    return { id, destination: destinationCanonical, purpose: budgetClass(purpose), device: this.devices.read(deviceToken, destinationCanonical) };
  }

  private async whyNot(id: string, budget: BudgetKey, now: Date): Promise<CheckResult> {
    const challenge = await this.challenges.find(id);
    if (!challenge) return { kind: 'not_found' };
    const reason = unusable(challenge, now);
    if (reason) return { kind: reason };
    const verdict = await this.budgets.look(budget, now);
    // Open again, or usable again: whatever stood in the way a moment ago, the client may try once more.
    return verdict.kind === 'blocked' ? verdict : { kind: 'blocked', until: now };
  }
}

export function sealContext(challengeId: string): string {
  return `otp:${challengeId}`;
}

function bindingOf(challenge: Challenge): CodeBinding {
  return { challengeId: challenge.id, purpose: challenge.purpose, destination: challenge.destinationCanonical };
}
