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
import { type Challenge, Challenges } from './challenges.js';
import { type CodeBinding, codeMatches, generateCode, generateLinkToken, generateReference, hashCode, isLinkToken, type Secrets } from './code.js';
import { DeviceTokens } from './device-token.js';
import { FailureBudgets } from './failure-budgets.js';
import {
  LIFETIME_MS,
  linkUnusable,
  MAIL_ATTEMPTS,
  MAX_ATTEMPTS,
  opensByLink,
  purposeClass,
  RESEND_COOLDOWN_MS,
  resendRefusal,
  type ResendRefusal,
  unusable,
  type Unusable,
} from './otp-policy.js';

/** Where a code was asked for; a back end's codes are asked for by no address that we would know. */
export type Origin = Pick<RequestSource, 'requestId'> & Partial<Pick<RequestSource, 'ip' | 'deviceToken'>>;

export interface IssueRequest {
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

export interface Issued {
  challenge: Challenge;
  delivery: Accepted;
}

export type CheckResult =
  | { kind: 'correct'; challenge: Challenge }
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
    const id = randomId();
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

  /** Counts the try, then compares. A correct code is not used up yet: that is `consume`, in the caller's transaction. */
  async check(challenge: Challenge, code: string, deviceToken: string | undefined): Promise<CheckResult> {
    const result = await this.compare(challenge, code, deviceToken);
    if (result.kind !== 'correct') this.metrics.codeRefused(purposeClass(challenge.purpose), result.kind);
    return result;
  }

  private async compare(challenge: Challenge, code: string, deviceToken: string | undefined): Promise<CheckResult> {
    const now = this.clock.now();
    const device = this.devices.read(deviceToken, challenge.destinationCanonical);
    const attempts = await this.challenges.countAttempt(challenge.id, device, now);
    if (attempts === undefined) return this.whyNot(challenge, device, now);
    // A decoy is compared like every other, lest its time tell it apart.
    const matches = codeMatches(this.keyring, challenge.sealKeyId, bindingOf(challenge), code, challenge.codeHash);
    if (matches && !challenge.decoy) return { kind: 'correct', challenge };
    return { kind: 'wrong', attemptsLeft: challenge.maxAttempts - attempts };
  }

  /** The challenge whose mail carries this link. Looking uses nothing up. */
  async byLink(token: string): Promise<LinkResult> {
    const challenge = isLinkToken(token) ? await this.challenges.findByLink(hashOfToken(token)) : null;
    if (!challenge) return { kind: 'not_found' };
    return { kind: linkUnusable(challenge, this.clock.now()) ?? 'open', challenge };
  }

  /** Uses the code up and voids the other codes for the same destination and purpose. False: somebody was faster. */
  async consume(challenge: Challenge, unit: UnitOfWork): Promise<boolean> {
    if (challenge.decoy || !(await this.challenges.consume(challenge, this.clock.now(), unit))) return false;
    await this.budgets.clear({ destination: challenge.destinationCanonical, purpose: challenge.purpose }, unit);
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

  private async send(challenge: Challenge, secrets: Secrets, requestId: string, unit: UnitOfWork): Promise<Accepted> {
    return this.mail.accept(
      {
        lane: 'critical',
        to: challenge.destination,
        content: { kind: 'template', template: challenge.template, variables: this.variables(challenge, secrets), secret: true },
        locale: challenge.locale,
        expiresAt: challenge.expiresAt,
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

  private async whyNot({ id, destinationCanonical, purpose }: Challenge, device: string | undefined, now: Date): Promise<CheckResult> {
    const challenge = await this.challenges.find(id);
    if (!challenge) return { kind: 'not_found' };
    const reason = unusable(challenge, now);
    if (reason) return { kind: reason };
    const verdict = await this.budgets.look({ destination: destinationCanonical, purpose, device }, now);
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
