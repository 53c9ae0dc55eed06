import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { UnsealError } from '../../core/keyring.js';
import { WORKER_NAME } from '../../core/process-facts.js';
import { DatabaseClock } from '../../database/database-clock.js';
import { isDatabaseAway } from '../../database/database-errors.js';
import type { Progress } from '../../queue/drain.js';
import { Composer, ContentErasedError, type OpenedContent } from '../content/composer.js';
import { filesOf } from '../content/stored-content.js';
import { TemplateError, UnknownTemplateError } from '../content/templates.js';
import { HeavyMail } from '../files/heavy-mail.js';
import { type ClaimedEmail, type Ending, isForSeveral, recipientsOf, recipientsWithout } from '../outbox/email-rows.js';
import { Outbox } from '../outbox/outbox.js';
import { RETRY_AFTER_UNKNOWN, retryDelay, unknownPolicy } from '../outbox/retry-policy.js';
import type { Attempted } from '../routing/failover-policy.js';
import { Transports } from '../routing/transports.js';
import { OFFER_NOT_RECORDED, OfferRefused, type Outcome } from '../transport/transport.js';
import { fatesOf, hiddenApart } from './fates-policy.js';
import { DeliveryTelemetry, type DeliveryTrail } from './telemetry.js';

/** Milliseconds between two tries to record an ending while Postgres is away; at first, and in a long outage. */
const RECORD_AGAIN_MS = 500;
const RECORD_AGAIN_AT_MOST_MS = 5_000;
/**
 * Milliseconds after which an ending that Postgres refuses, or a process that stops, is left to lease recovery: the
 * message is unknown.
 */
export const RECORDING = { withinMs: 120_000 };

/**
 * Postgres was away at the offer. Neither message nor server is at fault, nothing was released, and the message goes
 * out again at once.
 */
const NOT_OFFERED: Attempted = {
  outcome: { kind: 'deferred', uncounted: true, errorCode: OFFER_NOT_RECORDED, afterMs: RECORD_AGAIN_MS },
  transport: 'none',
};

/** One claimed message: compose it, offer it, hand it over, and record the answer. */
@Injectable()
export class Delivery {
  /** `performance.now()` at which the process stopped taking on work. */
  private stoppedAt = Number.POSITIVE_INFINITY;

  constructor(
    private readonly outbox: Outbox,
    private readonly composer: Composer,
    private readonly transports: Transports,
    private readonly clock: DatabaseClock,
    private readonly telemetry: DeliveryTelemetry,
    private readonly heavy: HeavyMail,
  ) {}

  /** The process is about to end, and does not wait for Postgres without end. */
  stop(): void {
    this.stoppedAt = Math.min(this.stoppedAt, performance.now());
  }

  async deliver(email: ClaimedEmail, { handedOver, late }: Progress): Promise<void> {
    await this.telemetry.follow(email, async (trail) => {
      if (isForSeveral(email) && !(await this.narrow(email))) {
        await this.transports.refund(email.via);
        return handedOver();
      }
      const { outcome, transport } = await this.attempt(email, trail, late);
      handedOver();
      if (outcome.kind === 'withdrawn') return trail.tell('withdrawn', {});
      const ending = fatesOf(email, outcome, transport, (answer) => this.retryDelay(email, answer));
      trail.tell('answered', { ending });
      const owned = await trail.step('record', () => this.record(email, ending, trail));
      trail.tell('recorded', { ending, owned, alert: outcome.kind !== 'sent' && outcome.alert === true });
      if (owned && outcome.kind === 'unknown') await this.retryUnknown(email, transport, trail);
    });
  }

  /**
   * Of several recipients, those that get no mail are set apart, and those that nobody may see. False: nobody is left,
   * or the message is another worker's by now.
   */
  private async narrow(email: ClaimedEmail): Promise<boolean> {
    const suppressed = await this.outbox.suppressedAmong(email);
    const [first, ...others] = suppressed;
    if (first && suppressed.length === recipientsOf(email).length) {
      await this.outbox.setApart(email, others, WORKER_NAME, first.ending);
      return false;
    }
    for (const apart of [suppressed, hiddenApart(recipientsWithout(email, suppressed))]) {
      if (apart.length === 0) continue;
      if (!(await this.outbox.setApart(email, apart, WORKER_NAME))) return false;
      email.recipients = recipientsWithout(email, apart);
      email.to = email.recipients[0]!.address;
    }
    return true;
  }

  /**
   * Composes the message and hands it to the transports. A fault of ours before the offer defers it; after the offer,
   * its outcome is unknown.
   */
  private async attempt(email: ClaimedEmail, trail: DeliveryTrail, late: () => void): Promise<Attempted> {
    const offering = new Offering(() => trail.step('offer', () => this.outbox.offer(email)));
    try {
      const opened = this.composer.open(email);
      return await this.heavy.run(sizeOf(opened), async () => {
        const message = await trail.step('compose', () => this.composer.compose(email, opened, this.clock.now()));
        const handover = { offer: () => offering.make(), late, trail };
        const attempted = await this.transports.send(message, email, handover);
        return offering.failed && attempted.outcome.kind === 'withdrawn' ? NOT_OFFERED : attempted;
      });
    } catch (error) {
      if (!offering.made) await this.transports.refund(email.via);
      if (!offering.made && isDatabaseAway(error)) return NOT_OFFERED;
      trail.tell('broke', { error, offered: offering.made });
      return {
        outcome: offering.made ? { kind: 'unknown', errorCode: 'internal' } : composingFailed(error),
        transport: 'none',
      };
    }
  }

  /** Milliseconds until the next attempt. */
  private retryDelay(email: ClaimedEmail, outcome: Outcome): number | 'give_up' {
    if (outcome.kind !== 'deferred') return 'give_up';
    const { lane, attempt, maxAttempts, triedSince, expiresAt } = email;
    const { afterMs, uncounted, sameTransport: greylisted, withinMs } = outcome;
    const message = { lane, attempt, maxAttempts, triedSince, expiresAt };
    const now = this.clock.now();
    return retryDelay({ ...message, now, random: Math.random(), afterMs, uncounted, greylisted, withinMs });
  }

  /**
   * The server's answer is a fact. However long Postgres is away, it is kept and written again until Postgres takes it;
   * what lease recovery thought of the message meanwhile gives way to it.
   */
  private async record(email: ClaimedEmail, ending: Ending, trail: DeliveryTrail): Promise<boolean> {
    const since = performance.now();
    for (let againMs = RECORD_AGAIN_MS; ; againMs = Math.min(2 * againMs, RECORD_AGAIN_AT_MOST_MS)) {
      try {
        return await this.outbox.finish(email, ending, WORKER_NAME);
      } catch (error) {
        const waitedMs = performance.now() - (isDatabaseAway(error) ? this.stoppedAt : since);
        if (waitedMs > RECORDING.withinMs) throw error;
        trail.tell('unrecorded', { error });
        await delay(againMs);
      }
    }
  }

  /** The timeline shows both: that the outcome was unknown, and that the message goes out once more all the same. */
  private async retryUnknown(email: ClaimedEmail, transport: string, trail: DeliveryTrail): Promise<void> {
    const policy = unknownPolicy(email, this.clock.now());
    if (policy === 'stay') return;
    const deferred = { status: 'deferred', delayMs: policy.retryAfterMs, possibleDuplicate: true } as const;
    const ending: Ending = { ...deferred, transport, errorCode: RETRY_AFTER_UNKNOWN };
    trail.tell('decided', { ending, owned: await this.record(email, ending, trail) });
  }
}

/** The offers of one attempt, for each transport that tries the message makes one. */
class Offering {
  /** The last byte may be out of our hands. */
  made = false;
  /** The last offer could not be written. */
  failed = false;

  constructor(private readonly write: () => Promise<boolean>) {}

  /** @throws OfferRefused */
  async make(): Promise<void> {
    this.failed = false;
    try {
      this.made = await this.write();
    } catch (cause) {
      this.failed = true;
      throw new OfferRefused('the offer could not be recorded', { cause });
    }
    if (!this.made) throw new OfferRefused('the lease is lost or the message expired');
  }
}

/** Bytes of what goes along with a message. */
function sizeOf(opened: OpenedContent): number {
  return filesOf(opened).reduce((sum, { size }) => sum + size, 0);
}

/**
 * What is missing in this process, a secret or the template of a later build, others may have, and the mail waits. A
 * template that does not render is our fault.
 */
function composingFailed(error: unknown): Outcome {
  if (error instanceof ContentErasedError) return { kind: 'failed', errorCode: 'content_erased' };
  if (error instanceof UnsealError) return { kind: 'deferred', errorCode: 'secret_unknown' };
  if (error instanceof UnknownTemplateError) return { kind: 'deferred', errorCode: 'template_unknown' };
  if (error instanceof TemplateError) return { kind: 'failed', errorCode: 'template_error' };
  return { kind: 'deferred', errorCode: 'internal' };
}
