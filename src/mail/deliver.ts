import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { DeliveryMetrics } from '../core/delivery-metrics.js';
import { UnsealError } from '../core/keyring.js';
import { LOGGER, type Logger } from '../core/logger.js';
import { passing } from '../core/milestones.js';
import { quote } from '../core/quote.js';
import { during, type Span, type SpanAttributes, Tracing } from '../core/tracing.js';
import { WORKER_NAME } from '../core/worker-name.js';
import { DatabaseClock } from '../database/database-clock.js';
import { isDatabaseAway } from '../database/database-errors.js';
import type { Progress } from '../queue/drain.js';
import { Composer } from './composer.js';
import { OFFER_NOT_RECORDED, type Outcome } from './outcome.js';
import type { ClaimedEmail, Ending } from './email-rows.js';
import { Outbox } from './outbox.js';
import { retryDelay } from './retry-policy.js';
import { TemplateError, UnknownTemplateError } from './templates.js';
import { RETRY_AFTER_UNKNOWN, unknownPolicy } from './unknown-policy.js';
import { OfferRefused } from './transport/transport.js';
import { type Attempted, Transports } from './transport/transports.js';
import { causeOf } from './transport/trouble-causes.js';

/** Milliseconds between two tries to record an outcome while Postgres is away. */
const RECORD_AGAIN_MS = 500;
/** Milliseconds after which an outcome that cannot be recorded is left to the rescue, which marks it unknown. */
const RECORD_WITHIN_MS = 120_000;

/** Postgres was away at the offer: the fault of neither message nor server, nothing was released, and it goes out again at once. */
const NOT_OFFERED: Attempted = {
  outcome: { kind: 'deferred', uncounted: true, errorCode: OFFER_NOT_RECORDED, afterMs: RECORD_AGAIN_MS },
  transport: 'none',
};

/** One claimed row on its way: compose, hand over, record what became of it. */
@Injectable()
export class Delivery {
  constructor(
    @Inject(Outbox) private readonly outbox: Outbox,
    @Inject(Composer) private readonly composer: Composer,
    @Inject(Transports) private readonly transports: Transports,
    @Inject(DatabaseClock) private readonly clock: DatabaseClock,
    @Inject(DeliveryMetrics) private readonly metrics: DeliveryMetrics,
    @Inject(Tracing) private readonly tracing: Tracing,
    @Inject(LOGGER) private readonly log: Logger,
  ) {}

  /** Tells when the transport has answered and all that is left is to record it, and when its answer is late. */
  async deliver(email: ClaimedEmail, progress: Progress): Promise<void> {
    const span = this.tracing.start(`deliver ${email.lane}`, 'consumer', factsOf(email), email.traceparent);
    await during(span, () => this.work(email, progress, span));
  }

  private async work(email: ClaimedEmail, { handedOver, late }: Progress, span: Span): Promise<void> {
    const started = performance.now();
    const { outcome, transport } = await this.attempt(email, span, late);
    handedOver();
    if (outcome.kind === 'withdrawn') {
      span.note({ 'otpost.status': outcome.kind });
      this.log.warn({ emailId: email.id, requestId: email.requestId }, 'the offer was refused; nothing was handed over');
      return;
    }
    passing('answered');
    const ending = this.endingOf(email, outcome, transport);
    span.note({ 'otpost.status': ending.status, 'otpost.transport': transport, 'otpost.error_code': ending.errorCode });
    const recorded = await during(span.child('record', 'internal'), () => this.record(email, ending));
    this.report(email, ending, recorded, performance.now() - started);
    if (outcome.kind !== 'sent' && outcome.alert) this.alert(email, ending);
    if (recorded && outcome.kind === 'unknown') await this.retryUnknown(email, transport);
  }

  private async attempt(email: ClaimedEmail, span: Span, late: () => void): Promise<Attempted> {
    let offered = false;
    let offerFailed = false;
    const offer = async (): Promise<void> => {
      offerFailed = false;
      offered = await during(span.child('offer', 'internal'), () => this.outbox.offer(email)).catch((error: unknown) => {
        offerFailed = true;
        throw new OfferRefused('the offer could not be recorded', { cause: error });
      });
      if (!offered) throw new OfferRefused('the lease is lost or the message expired');
    };
    try {
      const message = await during(span.child('compose', 'internal'), () => this.composer.compose(email, this.clock.now()));
      const attempted = await this.transports.send(message, offer, email, span, late);
      return offerFailed && attempted.outcome.kind === 'withdrawn' ? NOT_OFFERED : attempted;
    } catch (error) {
      const facts = { err: error, emailId: email.id, requestId: email.requestId };
      if (offered) {
        this.log.error(facts, 'a transport broke after the offer; whether it handed the message over is not known');
        return { outcome: { kind: 'unknown', errorCode: 'internal' }, transport: 'none' };
      }
      await this.transports.refund(email.via);
      if (isDatabaseAway(error)) return NOT_OFFERED;
      this.log.error(facts, 'the message could not be composed');
      return { outcome: composingFailed(error), transport: 'none' };
    }
  }

  private endingOf(email: ClaimedEmail, outcome: Exclude<Outcome, { kind: 'withdrawn' }>, transport: string): Ending {
    switch (outcome.kind) {
      case 'sent':
        return { status: 'sent', transport, reply: outcome.reply, ...providerIdOf(outcome) };
      case 'unknown':
        return { status: 'unknown', transport, ...told(outcome) };
      case 'failed':
        return {
          status: 'failed',
          transport,
          ...told(outcome),
          ...(outcome.suppress ? { suppress: { reason: 'hard_bounce', source: transport } } : {}),
        };
      case 'deferred': {
        const delayMs = this.retryDelay(email, outcome);
        if (delayMs === 'give_up') return { status: 'failed', transport, ...told(outcome) };
        return { status: 'deferred', transport, ...told(outcome), delayMs, ...(outcome.uncounted ? { uncounted: true } : {}) };
      }
    }
  }

  private retryDelay(email: ClaimedEmail, outcome: Extract<Outcome, { kind: 'deferred' }>): number | 'give_up' {
    const { lane, attempt, maxAttempts, createdAt, expiresAt } = email;
    const { afterMs, uncounted, sameTransport: greylisted, withinMs } = outcome;
    const now = this.clock.now();
    const random = Math.random();
    return retryDelay({ lane, attempt, maxAttempts, createdAt, expiresAt, now, random, afterMs, uncounted, greylisted, withinMs });
  }

  /** The timeline shows both: that the outcome was unknown, and that the message goes out once more all the same. */
  private async retryUnknown(email: ClaimedEmail, transport: string): Promise<void> {
    const policy = unknownPolicy(email, this.clock.now());
    if (policy === 'stay') return;
    const ending: Ending = {
      status: 'deferred',
      transport,
      errorCode: RETRY_AFTER_UNKNOWN,
      delayMs: policy.retryAfterMs,
      possibleDuplicate: true,
    };
    this.report(email, ending, await this.record(email, ending), 0);
  }

  /** The server's answer is a fact: it is kept and written again until Postgres takes it, and never sent a second time. */
  private async record(email: ClaimedEmail, ending: Ending): Promise<boolean> {
    const until = performance.now() + RECORD_WITHIN_MS;
    for (;;) {
      try {
        return await this.outbox.finish(email, ending, WORKER_NAME);
      } catch (error) {
        if (performance.now() > until) throw error;
        this.log.error({ err: error, emailId: email.id }, 'the outcome could not be recorded yet');
        await delay(RECORD_AGAIN_MS);
      }
    }
  }

  private alert({ id: emailId, requestId }: ClaimedEmail, { transport = 'none', errorCode = 'unknown', reply, status }: Ending): void {
    const { cause, remedy } = causeOf(transport, { errorCode, reply: reply === undefined ? null : quote(reply) });
    this.log.error({ emailId, requestId, transport, errorCode, status }, `${cause} That is no fault of the recipient. ${remedy}`);
  }

  /** Replies stay in the timeline: they quote addresses, which are not for the log. */
  private report(email: ClaimedEmail, ending: Ending, recorded: boolean, ms: number): void {
    const { id: emailId, requestId, lane, template, attempt } = email;
    const { status, transport, errorCode, delayMs } = ending;
    const facts = { emailId, requestId, lane, template, attempt, status, transport, errorCode, delayMs, ms: Math.round(ms) };
    if (!recorded) this.log.warn(facts, 'another worker owns the message by now; this outcome was not recorded');
    else if (status === 'sent') this.log.info(facts, 'message handed over');
    else this.log.warn(facts, 'message not handed over');
    if (!recorded || transport === undefined) return;
    const due = Math.max(email.createdAt.getTime(), email.scheduledAt?.getTime() ?? 0);
    this.metrics.observe({ lane, transport, status, seconds: (this.clock.now().getTime() - due) / 1_000 });
  }
}

function factsOf({ id, lane, template, attempt, requestId }: ClaimedEmail): SpanAttributes {
  const facts = { 'otpost.attempt': attempt, 'otpost.template': template ?? undefined, 'otpost.request_id': requestId ?? undefined };
  return { 'messaging.destination.name': lane, 'messaging.message.id': id, ...facts };
}

function told({ errorCode, reply }: { errorCode: string; reply?: string }): { errorCode: string; reply?: string } {
  return reply === undefined ? { errorCode } : { errorCode, reply };
}

function providerIdOf({ providerMessageId }: Extract<Outcome, { kind: 'sent' }>): { providerMessageId?: string } {
  return providerMessageId === undefined ? {} : { providerMessageId };
}

/** What is missing here, a secret or the template of a later build, others may have, and the mail waits; a template that does not render is ours. */
function composingFailed(error: unknown): Outcome {
  if (error instanceof UnsealError) return { kind: 'deferred', errorCode: 'secret_unknown' };
  if (error instanceof UnknownTemplateError) return { kind: 'deferred', errorCode: 'template_unknown' };
  if (error instanceof TemplateError) return { kind: 'failed', errorCode: 'template_error' };
  return { kind: 'deferred', errorCode: 'internal' };
}
