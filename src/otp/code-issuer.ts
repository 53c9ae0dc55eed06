import { Injectable } from '@nestjs/common';
import { Settings } from '../config/settings.js';
import { Clock } from '../core/clock.js';
import { hashOfToken, type RequestSource } from '../core/credentials.js';
import { channelTo, type Destination, parseDestination } from '../core/destination.js';
import { randomId } from '../core/ids.js';
import { Keyring, UnsealError } from '../core/keyring.js';
import { RequestMetrics } from '../core/metrics.js';
import { Problem } from '../core/problems.js';
import type { CompanionRow } from '../database/companion-rows.js';
import { Transactions, type UnitOfWork } from '../database/prisma.service.js';
import { sealContext, type SealedColumn } from '../database/resealing.js';
import { requesterOf } from '../limits/limit-policy.js';
import { type Accepted, type Draft, Mail, type Prepared } from '../mail/mail.js';
import { type Challenge, Challenges, companionOf } from './challenges.js';
import { generateCode, generateLinkToken, generateReference, hashCode, type Secrets } from './code.js';
import {
  LIFETIME_MS,
  MAIL_ATTEMPTS,
  MAX_ATTEMPTS,
  RESEND_COOLDOWN_MS,
  resendRefusal,
  type ResendRefusal,
} from './otp-policy.js';
import { linkPathOf, purposeClass } from './purposes.js';
import { SmsGuard } from './sms/sms-guard.js';

/** What is needed to send a code again. The hash that a code is compared with has a pepper of the same secret. */
export const SEALED_CODES: SealedColumn = {
  kind: 'codes',
  table: 'otp_challenges',
  idType: 'text',
  column: 'sealed_code',
  keyColumn: 'seal_key_id',
  context: 'otp',
  derived: {
    column: 'code_hash',
    needs: ['purpose', 'destination_canonical'],
    make: (opened, { id, purpose, destination_canonical: destination }, keyring) => {
      const { code } = JSON.parse(opened) as { code?: unknown };
      // A hash of nothing would lock the code out.
      if (typeof code !== 'string') throw new UnsealError('a sealed code has another form');
      const binding = { challengeId: id, purpose: purpose!, destination: destination! };
      return hashCode(keyring, keyring.currentId, binding, code);
    },
  },
};

/** Copies of one challenge's mail share this key, so that only the newest is sent. */
export function supersedeKey(challengeId: string): string {
  return `otp:${challengeId}`;
}

/** Where a code was asked for. The requester of a back end is not known, for it is the back end that calls us. */
type Origin = Pick<RequestSource, 'requestId'> & Partial<Pick<RequestSource, 'ip' | 'deviceToken'>>;

interface IssueRequest {
  /** A new one unless it is given: 22 base64url characters that nobody can guess. */
  id?: string | undefined;
  /** One of ours, or `custom:…` of a back end. */
  purpose: string;
  destination: Destination;
  /** The message that carries the code, in the form of the destination's channel. */
  template: string;
  locale: string;
  origin: Origin;
  /** The mail says that there is nothing to open, and carries no code; everything else is the same. */
  decoy?: boolean;
  /** Digits of the code, 6 to 10. */
  digits?: number;
  /**
   * Milliseconds the code works: at most ten minutes where it opens anything, a day where it confirms a subscription.
   */
  lifetimeMs?: number;
  apiKeyId?: string;
}

export interface Issued {
  challenge: Challenge;
  delivery: Accepted;
}

/** A code that is issued once `commit` came to `accepted`. */
export interface PreparedCode {
  readonly issued: Issued;
  readonly commit: Prepared['commit'];
}

export type ResendResult =
  | { kind: 'sent'; issued: Issued }
  | { kind: ResendRefusal; challenge: Challenge }
  | { kind: 'not_found' };

/**
 * Makes one-time codes and hands them to what carries mail and SMS. Who is behind the address is the caller's business.
 */
@Injectable()
export class CodeIssuer {
  constructor(
    private readonly settings: Settings,
    private readonly clock: Clock,
    private readonly keyring: Keyring,
    private readonly challenges: Challenges,
    private readonly mail: Mail,
    private readonly transactions: Transactions,
    private readonly metrics: RequestMetrics,
    private readonly sms: SmsGuard,
  ) {}

  /**
   * A new code and the mail that carries it; both are nothing until `commit` came to `accepted`.
   * @param along what else belongs to the commit
   */
  prepare(request: IssueRequest, along: (challenge: Challenge) => readonly CompanionRow[]): PreparedCode {
    const { challenge, secrets } = this.made(request);
    const { accepted, commit } = this.mail.prepare([this.draftOf(challenge, secrets, request.origin.requestId)], () => [
      companionOf(challenge),
      ...along(challenge),
    ]);
    return {
      issued: { challenge, delivery: accepted[0]! },
      commit: async (kept) => {
        const fate = await commit(kept);
        if (fate === 'accepted') this.metrics.codeRequested(purposeClass(challenge.purpose));
        return fate;
      },
    };
  }

  /** The same in the caller's transaction, with the rows that it changes there. */
  async issue(request: IssueRequest, unit: UnitOfWork): Promise<Issued> {
    const { challenge, secrets } = this.made(request);
    await this.challenges.add(challenge, unit);
    const delivery = await this.mail.accept(this.draftOf(challenge, secrets, request.origin.requestId), unit);
    unit.afterCommit(() => this.metrics.codeRequested(purposeClass(challenge.purpose)));
    return { challenge, delivery };
  }

  private made(request: IssueRequest): { challenge: Challenge; secrets: Secrets } {
    const { purpose, destination, template, locale, origin, decoy = false } = request;
    const id = request.id ?? randomId();
    const secrets: Secrets = {
      code: this.sms.testNumber(destination.canonical)?.code ?? generateCode(request.digits),
      linkToken: generateLinkToken(),
    };
    const now = this.clock.now();
    const binding = { challengeId: id, purpose, destination: destination.canonical };
    const sealed = this.keyring.seal(JSON.stringify(secrets), sealContext(SEALED_CODES, id));
    const challenge: Challenge = {
      id,
      purpose,
      channel: channelTo(destination.canonical),
      destination: destination.stored,
      destinationCanonical: destination.canonical,
      template,
      locale,
      reference: generateReference(),
      codeHash: hashCode(this.keyring, this.keyring.currentId, binding, secrets.code),
      linkHash: hashOfToken(secrets.linkToken),
      sealedCode: sealed.bytes,
      sealKeyId: sealed.keyId,
      decoy,
      maxAttempts: MAX_ATTEMPTS,
      requester: origin.ip === undefined ? null : requesterOf(origin.ip),
      apiKeyId: request.apiKeyId ?? null,
      otherDestination: null,
      askedByMail: false,
      resendAfter: new Date(now.getTime() + RESEND_COOLDOWN_MS),
      createdAt: now,
      expiresAt: new Date(now.getTime() + (request.lifetimeMs ?? LIFETIME_MS)),
      ...{ attempts: 0, repeats: 0, resends: 0, consumedAt: null, voidedAt: null },
      ...{ disownedAt: null, leftToMailbox: false },
    };
    return { challenge, secrets };
  }

  /**
   * Sends the same code again, with its original expiry and its tries. A copy that has not started is cancelled.
   * @param takeLimits of where the copy goes; asked only where the code may be sent: what is refused anyway, such as a
   *   second press on the button, uses up no limit
   * @param note what is committed together with it
   * @param other a destination of the other channel, which the copy goes to: whoever gives the code back has one of the
   *   two
   * @throws Problem same_channel where the other channel took it to somebody else before, for they could give it back
   *   too; those of {@link SmsGuard}
   */
  async resend(
    asked: Challenge,
    requestId: string,
    takeLimits: (canonical: string) => Promise<void>,
    note?: (challenge: Challenge, unit: UnitOfWork) => Promise<void>,
    other?: Destination,
  ): Promise<ResendResult> {
    const now = this.clock.now();
    requireOther(asked, other);
    const early = resendRefusal(asked, now);
    if (early) return { kind: early, challenge: asked };
    const canonical = other?.canonical ?? asked.destinationCanonical;
    this.sms.require(canonical);
    await takeLimits(canonical);
    await this.sms.take(canonical, 'copy');
    const { id } = asked;
    return this.transactions.run(async (unit): Promise<ResendResult> => {
      const challenge = await this.challenges.findForUpdate(id, unit);
      if (!challenge) return { kind: 'not_found' };
      const refusal = resendRefusal(challenge, now);
      if (refusal) return { kind: refusal, challenge };
      requireOther(challenge, other);
      const again = new Date(now.getTime() + RESEND_COOLDOWN_MS);
      const counted = await this.challenges.countResend(id, again, other?.stored ?? challenge.otherDestination, unit);
      const sealed = { keyId: counted.sealKeyId, bytes: counted.sealedCode! };
      const secrets = JSON.parse(this.keyring.open(sealed, sealContext(SEALED_CODES, id))) as Secrets;
      const delivery = await this.mail.accept(this.draftOf(counted, secrets, requestId, other?.stored), unit);
      await note?.(counted, unit);
      return { kind: 'sent', issued: { challenge: counted, delivery } };
    });
  }

  /**
   * The mail gets a length of time, what is left of the code's life, for it is judged by another clock (core/clock.ts).
   * Links are built from the configuration, never from a request. The template leaves out what is empty.
   */
  private draftOf(challenge: Challenge, secrets: Secrets, requestId: string, to = challenge.destination): Draft {
    const { id, template, locale, reference, decoy, expiresAt } = challenge;
    const { appUrl } = this.settings.http;
    const path = linkPathOf(challenge);
    const variables = {
      reference,
      code: decoy ? '' : secrets.code,
      link: path === undefined ? '' : `${appUrl}/${path}/${secrets.linkToken}`,
      notMe: `${appUrl}/l/${secrets.linkToken}/not-me`,
    };
    return {
      lane: channelTo(to) === 'sms' ? 'sms' : 'critical',
      to,
      content: { kind: 'template', template, variables, secret: true },
      locale,
      livesMs: expiresAt.getTime() - this.clock.now().getTime(),
      maxAttempts: MAIL_ATTEMPTS,
      supersedeKey: supersedeKey(id),
      requestId,
    };
  }
}

/** Of the other channel, and the one that the code went to by it, in whatever spelling. @throws Problem same_channel */
function requireOther({ channel, otherDestination }: Challenge, other: Destination | undefined): void {
  if (!other) return;
  const { canonical } = other;
  const isAnother = otherDestination !== null && parseDestination(otherDestination)?.canonical !== canonical;
  if (isAnother || channelTo(canonical) === channel) throw new Problem('same_channel');
}
