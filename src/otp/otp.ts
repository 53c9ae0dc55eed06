import { Inject, Injectable } from '@nestjs/common';
import { Clock } from '../core/clock.js';
import type { EmailAddress } from '../core/email-address.js';
import { randomId } from '../core/ids.js';
import { Keyring } from '../core/keyring.js';
import { Transactions, type UnitOfWork } from '../database/unit-of-work.js';
import { type Accepted, Mail } from '../mail/mail.js';
import { type CodeBinding, codeMatches, generateCode, generateReference, hashCode } from './code.js';
import { type Challenge, Challenges } from './challenges.js';
import {
  LIFETIME_MS,
  MAIL_ATTEMPTS,
  MAX_ATTEMPTS,
  type Purpose,
  RESEND_COOLDOWN_MS,
  resendRefusal,
  type ResendRefusal,
  unusable,
  type Unusable,
} from './otp-policy.js';

export interface IssueRequest {
  purpose: Purpose;
  destination: EmailAddress;
  /** The mail that carries the code. */
  template: string;
  locale: string;
  requestId: string;
}

export interface Issued {
  challenge: Challenge;
  delivery: Accepted;
}

export type CheckResult =
  | { kind: 'correct'; challenge: Challenge }
  | { kind: 'wrong'; attemptsLeft: number }
  | { kind: Unusable }
  | { kind: 'not_found' };

export type ResendResult =
  | { kind: 'sent'; issued: Issued }
  | { kind: ResendRefusal; challenge: Challenge }
  | { kind: 'not_found' };

/** Copies of one challenge's mail share this key, so that only the newest is sent. */
export function supersedeKey(challengeId: string): string {
  return `otp:${challengeId}`;
}

/** One-time codes for a destination and a purpose. Who is behind the destination is the caller's business. */
@Injectable()
export class Otp {
  constructor(
    @Inject(Clock) private readonly clock: Clock,
    @Inject(Keyring) private readonly keyring: Keyring,
    @Inject(Challenges) private readonly challenges: Challenges,
    @Inject(Mail) private readonly mail: Mail,
    @Inject(Transactions) private readonly transactions: Transactions,
  ) {}

  /** A new code and the mail that carries it, both in the caller's transaction. */
  async issue(request: IssueRequest, unit: UnitOfWork): Promise<Issued> {
    const id = randomId();
    const code = generateCode();
    const now = this.clock.now();
    const binding = { challengeId: id, purpose: request.purpose, destination: request.destination.canonical };
    const sealed = this.keyring.seal(code, sealContext(id));
    const challenge = await this.challenges.insert(
      {
        id,
        purpose: request.purpose,
        destination: request.destination.stored,
        destinationCanonical: request.destination.canonical,
        template: request.template,
        locale: request.locale,
        reference: generateReference(),
        codeHash: hashCode(this.keyring, this.keyring.currentId, binding, code),
        sealedCode: sealed.bytes,
        sealKeyId: sealed.keyId,
        maxAttempts: MAX_ATTEMPTS,
        resendAfter: new Date(now.getTime() + RESEND_COOLDOWN_MS),
        createdAt: now,
        expiresAt: new Date(now.getTime() + LIFETIME_MS),
      },
      unit,
    );
    return { challenge, delivery: await this.send(challenge, code, request.requestId, unit) };
  }

  /** Counts the try, then compares. A correct code is not used up yet: that is `consume`, in the caller's transaction. */
  async check(id: string, code: string): Promise<CheckResult> {
    const now = this.clock.now();
    const counted = await this.challenges.countAttempt(id, now);
    if (!counted) return this.whyNot(id, now);
    if (codeMatches(this.keyring, counted.sealKeyId, bindingOf(counted), code, counted.codeHash)) {
      return { kind: 'correct', challenge: counted };
    }
    return { kind: 'wrong', attemptsLeft: counted.maxAttempts - counted.attempts };
  }

  /** Uses the code up and voids the other codes for the same destination and purpose. False: somebody was faster. */
  async consume(challenge: Challenge, unit: UnitOfWork): Promise<boolean> {
    return this.challenges.consume(challenge, this.clock.now(), unit);
  }

  /** Delivers the same code again, with its original expiry and counter; a copy that has not started is cancelled. */
  async resend(id: string, requestId: string): Promise<ResendResult> {
    const now = this.clock.now();
    return this.transactions.run(async (unit): Promise<ResendResult> => {
      const challenge = await this.challenges.findForUpdate(id, unit);
      if (!challenge) return { kind: 'not_found' };
      const refusal = resendRefusal(challenge, now);
      if (refusal) return { kind: refusal, challenge };
      const counted = await this.challenges.countResend(id, new Date(now.getTime() + RESEND_COOLDOWN_MS), unit);
      const code = this.keyring.open({ keyId: counted.sealKeyId, bytes: counted.sealedCode! }, sealContext(id));
      return { kind: 'sent', issued: { challenge: counted, delivery: await this.send(counted, code, requestId, unit) } };
    });
  }

  private async send(challenge: Challenge, code: string, requestId: string, unit: UnitOfWork): Promise<Accepted> {
    return this.mail.accept(
      {
        lane: 'critical',
        to: challenge.destination,
        content: {
          kind: 'template',
          template: challenge.template,
          variables: { code, reference: challenge.reference },
          secret: true,
        },
        locale: challenge.locale,
        expiresAt: challenge.expiresAt,
        maxAttempts: MAIL_ATTEMPTS,
        supersedeKey: supersedeKey(challenge.id),
        requestId,
      },
      unit,
    );
  }

  private async whyNot(id: string, now: Date): Promise<CheckResult> {
    const challenge = await this.challenges.find(id);
    if (!challenge) return { kind: 'not_found' };
    // It was usable a moment ago and is not any more, or the other way round: the last try was taken meanwhile.
    return { kind: unusable(challenge, now) ?? 'locked' };
  }
}

function sealContext(challengeId: string): string {
  return `otp:${challengeId}`;
}

function bindingOf(challenge: Challenge): CodeBinding {
  return { challengeId: challenge.id, purpose: challenge.purpose, destination: challenge.destinationCanonical };
}
