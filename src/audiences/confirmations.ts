import { Injectable } from '@nestjs/common';
import { Audit, type Doer } from '../audit/audit.js';
import { DAY_MS } from '../core/durations.js';
import { parseEmailAddress } from '../core/email-address.js';
import { randomId } from '../core/ids.js';
import { Transactions, type UnitOfWork } from '../database/prisma.service.js';
import { Limits } from '../limits/limits.js';
import { confirmByChallenge } from '../mail/subscribers/subscribers.js';
import { Suppressions } from '../mail/suppressions/suppressions.js';
import type { Challenge } from '../otp/challenges.js';
import { CodeChecker, type CheckRefusal } from '../otp/code-checker.js';
import { CodeIssuer } from '../otp/code-issuer.js';
import { subscribePurpose } from '../otp/purposes.js';
import type { NewSubscriber } from './subscriber-policy.js';
import { type AddedSubscriber, Subscribers } from './subscribers.js';

/** The code opens nothing but what its recipient is asked about, and people read such mail when they have the time. */
const LIFETIME_MS = DAY_MS;
const TEMPLATE = 'subscribe-confirm';
const DEFAULT_LOCALE = 'en';

export type ConfirmResult = { kind: 'confirmed' } | CheckRefusal;

/** `challenge`: of the mail that asks them, where one was sent. */
export type AskedSubscriber = AddedSubscriber & { challenge?: Challenge | undefined };

/** Double opt-in: nobody is active before the owner of the address said so. */
@Injectable()
export class Confirmations {
  constructor(
    private readonly subscribers: Subscribers,
    private readonly issuer: CodeIssuer,
    private readonly checker: CodeChecker,
    private readonly limits: Limits,
    private readonly suppressions: Suppressions,
    private readonly transactions: Transactions,
    private readonly audit: Audit,
  ) {}

  /**
   * Mails somebody the question, unless they are active, or said that we bother them. That they wait is committed with
   * the mail.
   * @param note what is committed together with it
   * @throws Problem rate_limited
   */
  async ask(
    audienceId: string,
    subscriber: NewSubscriber,
    by: Doer,
    requestId: string,
    note?: (asked: AskedSubscriber, unit: UnitOfWork) => Promise<void>,
  ): Promise<AskedSubscriber> {
    await this.limits.take({ destination: subscriber.addressCanonical, withMail: false });
    const challengeId = randomId();
    return this.transactions.run(async (unit) => {
      const { record, created } = await this.subscribers.addPending(audienceId, subscriber, challengeId, by, unit);
      const waiting = created ? record : await this.subscribers.await(record.id, challengeId, unit);
      const request = {
        id: challengeId,
        purpose: subscribePurpose(audienceId),
        destination: parseEmailAddress(record.address)!,
        template: TEMPLATE,
        locale: subscriber.locale ?? record.locale ?? DEFAULT_LOCALE,
        origin: { requestId },
        lifetimeMs: LIFETIME_MS,
        ...(by.actor.kind === 'api_key' && by.actor.id !== undefined ? { apiKeyId: by.actor.id } : {}),
      };
      const issued = waiting && (await this.issuer.issue(request, unit));
      const asked = { record: waiting ?? record, created, challenge: issued?.challenge };
      await note?.(asked, unit);
      return asked;
    });
  }

  /** By the code, which a page of the product asked for. @throws Problem subscriber_not_found */
  async confirm(audienceId: string, id: string, code: string, by: Doer): Promise<ConfirmResult> {
    const { challengeId, status } = await this.subscribers.get(audienceId, id);
    if (status === 'active') return { kind: 'confirmed' };
    const challenge = challengeId === null ? null : await this.checker.find(challengeId);
    if (!challenge) return { kind: 'not_found' };
    const checked = await this.checker.check(challenge, code, undefined);
    if (checked.kind === 'repeated') return { kind: 'confirmed' };
    if (checked.kind !== 'correct') return checked;
    return this.use(challenge, (unit) => this.checker.consume(challenge, unit, checked.counted), by);
  }

  /** By the link in the mail. */
  async confirmByLink(challenge: Challenge): Promise<ConfirmResult> {
    return this.use(challenge, (unit) => this.checker.consume(challenge, unit), { actor: { kind: 'anonymous' } });
  }

  private async use(
    challenge: Challenge,
    consume: (unit: UnitOfWork) => Promise<Challenge | undefined>,
    by: Doer,
  ): Promise<ConfirmResult> {
    const { destinationCanonical: address } = challenge;
    return this.transactions.run(async (unit): Promise<ConfirmResult> => {
      if (!(await consume(unit))) return { kind: 'consumed' };
      await this.suppressions.hold(address, unit);
      const subscriber = await confirmByChallenge(challenge.id, unit);
      // They were removed, or changed by hand meanwhile: nobody waits any more.
      if (!subscriber) return { kind: 'consumed' };
      // What they said of all newsletters before, they take back: in the same commit, for they cannot confirm again.
      await this.suppressions.resubscribe(address, unit.db);
      const { id, audienceId } = subscriber;
      const entry = {
        action: 'subscriber.confirmed',
        ...by,
        target: { kind: 'subscriber', id },
        details: { audienceId },
      };
      await this.audit.record(entry, unit);
      return { kind: 'confirmed' };
    });
  }
}
