import { Inject, Injectable } from '@nestjs/common';
import { Audit, type Doer } from '../../audit/audit.js';
import { domainOf, type EmailAddress } from '../../core/email-address.js';
import { Transactions } from '../../database/unit-of-work.js';
import { Limits } from '../../limits/limits.js';
import type { Challenge } from '../challenges.js';
import { type ToldDelivery, ToldDeliveries } from '../delivery/told-deliveries.js';
import { type CheckResult, Otp, type ResendResult } from '../otp.js';
import { givenPurpose, storedPurpose } from './verification-policy.js';

export interface WantedVerification {
  destination: EmailAddress;
  /** As the back end calls it. */
  purpose: string;
  template: string;
  locale: string;
  digits: number;
  lifetimeMs: number;
}

export type VerificationCheck = { kind: 'approved'; challenge: Challenge } | Exclude<CheckResult, { kind: 'correct' | 'repeated' }>;

/**
 * Codes for back ends with user tables of their own. A code belongs to its purpose and its address, not to the key that
 * asked for it: a deployment serves one product, and its keys are replaced.
 */
@Injectable()
export class Verifications {
  constructor(
    @Inject(Otp) private readonly otp: Otp,
    @Inject(Limits) private readonly limits: Limits,
    @Inject(ToldDeliveries) private readonly deliveries: ToldDeliveries,
    @Inject(Transactions) private readonly transactions: Transactions,
    @Inject(Audit) private readonly audit: Audit,
  ) {}

  /** @throws Problem rate_limited */
  async start(wanted: WantedVerification, by: Doer, requestId: string): Promise<Challenge> {
    await this.admit(by, wanted.destination.canonical);
    const purpose = storedPurpose(wanted.purpose);
    return this.transactions.run(async (unit) => {
      const { challenge } = await this.otp.issue({ ...wanted, purpose, origin: { requestId }, ...keyOf(by) }, unit);
      const details = { purpose, domain: domainOf(challenge.destinationCanonical) };
      await this.audit.record({ action: 'code.requested', result: 'done', ...by, target: targetOf(challenge), details }, unit);
      return challenge;
    });
  }

  /**
   * Counts the try, then compares, then uses the code up. Whoever gives the right code once more a moment later did not
   * hear the answer, and gets it again.
   * @throws Problem rate_limited
   */
  async check(id: string, code: string, by: Doer): Promise<VerificationCheck> {
    await this.admit(by);
    const challenge = await this.find(id);
    if (!challenge) return { kind: 'not_found' };
    const checked = await this.otp.check(challenge, code, undefined);
    if (checked.kind === 'repeated') return { kind: 'approved', challenge };
    if (checked.kind !== 'correct') return this.refused(challenge, checked, by);
    const { purpose } = challenge;
    const result = await this.transactions.run(async (unit): Promise<VerificationCheck> => {
      if (!(await this.otp.consume(challenge, unit, checked.counted))) return { kind: 'consumed' };
      await this.audit.record({ action: 'code.approved', result: 'done', ...by, target: targetOf(challenge), details: { purpose } }, unit);
      return { kind: 'approved', challenge };
    });
    // Of two that came at once, each with the right code, the other one used it up.
    const approved = result.kind === 'consumed' && (await this.otp.isJustConsumed(challenge));
    return approved ? { kind: 'approved', challenge } : result;
  }

  /**
   * The same code once more.
   * @throws Problem rate_limited
   */
  async resend(id: string, by: Doer, requestId: string): Promise<ResendResult> {
    const challenge = await this.find(id);
    if (!challenge) return { kind: 'not_found' };
    return this.otp.resend(challenge, requestId, () => this.admit(by, challenge.destinationCanonical));
  }

  async follow(id: string): Promise<{ challenge: Challenge; delivery: ToldDelivery } | undefined> {
    const [challenge, told] = await Promise.all([this.find(id), this.deliveries.find([id])]);
    const delivery = told.get(id);
    return challenge && delivery ? { challenge, delivery } : undefined;
  }

  /** Those of our own purposes do not exist here. */
  private async find(id: string): Promise<Challenge | undefined> {
    const challenge = await this.otp.find(id);
    return challenge && givenPurpose(challenge.purpose) !== undefined ? challenge : undefined;
  }

  /** A back end's requests count by its key, and mail by the address it goes to. */
  private async admit(by: Doer, destination?: string): Promise<void> {
    const { apiKeyId } = keyOf(by);
    if (apiKeyId !== undefined) await this.limits.takeKey(apiKeyId);
    if (destination !== undefined) await this.limits.take({ destination, withMail: false });
  }

  /** Only tries that were counted: there are as many as the challenge has, and whoever goes on writes nothing. */
  private async refused<Refusal extends Exclude<CheckResult, { kind: 'correct' | 'repeated' }>>(challenge: Challenge, refusal: Refusal, by: Doer): Promise<Refusal> {
    if (refusal.kind !== 'wrong') return refusal;
    const details = { purpose: challenge.purpose, reason: refusal.kind, locked: refusal.attemptsLeft === 0 };
    await this.audit.record({ action: 'code.refused', result: 'refused', ...by, target: targetOf(challenge), details });
    return refusal;
  }
}

function keyOf({ actor }: Doer): { apiKeyId?: string } {
  return actor.kind === 'api_key' && actor.id !== undefined ? { apiKeyId: actor.id } : {};
}

function targetOf({ id }: Challenge): { kind: string; id: string } {
  return { kind: 'challenge', id };
}
