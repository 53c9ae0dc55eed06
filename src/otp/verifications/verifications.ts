import { Injectable } from '@nestjs/common';
import { Audit, type Doer } from '../../audit/audit.js';
import { type Destination, partOf } from '../../core/destination.js';
import { type Channel, CHANNELS } from '../../core/lanes.js';
import { Transactions } from '../../database/prisma.service.js';
import { Limits } from '../../limits/limits.js';
import { type Answer, type GivenAnswer, Idempotency } from '../../mail/submission/idempotency.js';
import type { KeyedRequest } from '../../mail/submission/idempotency-policy.js';
import type { Challenge } from '../challenges.js';
import { ToldDeliveries, type ToldDelivery } from '../delivery/told-deliveries.js';
import { CodeChecker, type CheckRefusal, type Correct } from '../code-checker.js';
import { CodeIssuer, type ResendResult } from '../code-issuer.js';
import { SmsGuard } from '../sms/sms-guard.js';
import { givenPurpose, storedPurpose } from './verification-policy.js';

export interface WantedVerification {
  destination: Destination;
  /** As the back end calls it. */
  purpose: string;
  template: string;
  locale: string;
  digits: number;
  lifetimeMs: number;
}

type Resent<Body extends object> =
  | { kind: 'sent'; answer: GivenAnswer<Body> }
  | Exclude<ResendResult, { kind: 'sent' }>;

/** With what became of its newest copy, and, where it went both ways, of the newest by each channel. */
export interface FollowedVerification {
  challenge: Challenge;
  delivery: ToldDelivery;
  byChannel: Partial<Record<Channel, ToldDelivery>>;
}

type VerificationCheck = { kind: 'approved'; challenge: Challenge } | CheckRefusal;

/**
 * Codes for back ends with user tables of their own. A code belongs to its purpose and its address, not to the key that
 * asked for it: a deployment serves one product, and its keys are replaced.
 */
@Injectable()
export class Verifications {
  constructor(
    private readonly issuer: CodeIssuer,
    private readonly checker: CodeChecker,
    private readonly limits: Limits,
    private readonly sms: SmsGuard,
    private readonly idempotency: Idempotency,
    private readonly deliveries: ToldDeliveries,
    private readonly transactions: Transactions,
    private readonly audit: Audit,
  ) {}

  /**
   * A request that was answered before costs the address nothing: no code goes there.
   * @throws Problem rate_limited, sms_not_configured, sms_country, sms_limited, idempotency_in_flight,
   *   idempotency_mismatch
   */
  async start<Body extends object>(
    wanted: WantedVerification,
    keyed: KeyedRequest,
    by: Doer,
    requestId: string,
    answerOf: (challenge: Challenge) => Answer<Body>,
  ): Promise<GivenAnswer<Body>> {
    await this.takeKeyLimit(by);
    const before = await this.idempotency.find<Body>(keyed);
    if (before) return before;
    const { canonical } = wanted.destination;
    this.sms.require(canonical);
    await this.limits.take({ destination: canonical, withMail: false });
    await this.sms.take(canonical, 'code');
    const purpose = storedPurpose(wanted.purpose);
    const request = { ...wanted, purpose, origin: { requestId }, ...keyOf(by) };
    const { issued, commit } = this.issuer.prepare(request, (challenge) => {
      const details = { purpose, ...partOf(challenge.destinationCanonical) };
      return [this.audit.companion({ action: 'code.requested', ...by, target: targetOf(challenge), details })];
    });
    return this.idempotency.once(keyed, answerOf(issued.challenge), commit);
  }

  /**
   * Counts the try, then compares, then uses the code up. Whoever gives the right code once more a moment later did not
   * hear the answer, and gets it again.
   * @throws Problem rate_limited
   */
  async check(id: string, code: string, by: Doer): Promise<VerificationCheck> {
    await this.takeKeyLimit(by);
    const challenge = await this.find(id);
    if (!challenge) return { kind: 'not_found' };
    const checked = await this.checker.check(challenge, code, undefined);
    if (checked.kind !== 'correct' && checked.kind !== 'repeated') return this.refused(challenge, checked, by);
    const consumed = checked.kind === 'correct' ? await this.consume(checked, by) : undefined;
    // Of two that came at once, each with the right code, the other one used it up.
    const approved = consumed ?? (await this.checker.justConsumed(challenge));
    return approved ? { kind: 'approved', challenge: approved } : { kind: 'consumed' };
  }

  /**
   * The same code once more. Its row is locked while it is sent: of two equal requests at once the second is too soon.
   * @param other a destination of the other channel: whoever gives the code back then has one of the two
   * @throws Problem rate_limited, idempotency_mismatch, same_channel, sms_not_configured, sms_country, sms_limited
   */
  async resend<Body extends object>(
    id: string,
    other: Destination | undefined,
    keyed: KeyedRequest,
    by: Doer,
    requestId: string,
    answerOf: (challenge: Challenge) => Answer<Body>,
  ): Promise<Resent<Body>> {
    const challenge = await this.find(id);
    if (!challenge) return { kind: 'not_found' };
    const before = await this.idempotency.find<Body>(keyed);
    if (before) return { kind: 'sent', answer: before };
    const result = await this.issuer.resend(
      challenge,
      requestId,
      async (canonical) => {
        await this.takeKeyLimit(by);
        await this.limits.take({ destination: canonical, withMail: false });
      },
      (sent, unit) => this.idempotency.keep(keyed, answerOf(sent), unit),
      other,
    );
    if (result.kind !== 'sent') return result;
    return { kind: 'sent', answer: { ...answerOf(result.issued.challenge), replayed: false } };
  }

  async follow(id: string): Promise<FollowedVerification | undefined> {
    const [challenge, told] = await Promise.all([this.find(id), this.deliveries.find([id])]);
    const delivery = told.get(id);
    if (!challenge || !delivery) return undefined;
    return { challenge, delivery, byChannel: challenge.otherDestination === null ? {} : await this.byChannel(id) };
  }

  private async byChannel(id: string): Promise<FollowedVerification['byChannel']> {
    const told = await Promise.all(CHANNELS.map((channel) => this.deliveries.find([id], channel)));
    return Object.fromEntries(CHANNELS.map((channel, index) => [channel, told[index]!.get(id)]));
  }

  private async consume({ challenge, counted }: Correct, by: Doer): Promise<Challenge | undefined> {
    const { purpose } = challenge;
    return this.transactions.run(async (unit) => {
      const consumed = await this.checker.consume(challenge, unit, counted);
      if (!consumed) return undefined;
      const target = targetOf(challenge);
      await this.audit.record({ action: 'code.approved', ...by, target, details: { purpose } }, unit);
      return consumed;
    });
  }

  /** Those of our own purposes do not exist here. */
  private async find(id: string): Promise<Challenge | undefined> {
    const challenge = await this.checker.find(id);
    return challenge && givenPurpose(challenge.purpose) !== undefined ? challenge : undefined;
  }

  /** A back end's requests count by its key, and mail by the address it goes to. */
  private async takeKeyLimit(by: Doer): Promise<void> {
    const { apiKeyId } = keyOf(by);
    if (apiKeyId !== undefined) await this.limits.takeKey(apiKeyId);
  }

  /**
   * Records only tries that were counted: there are as many as the challenge has, and whoever goes on writes nothing.
   */
  private async refused(challenge: Challenge, refusal: CheckRefusal, by: Doer): Promise<CheckRefusal> {
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
