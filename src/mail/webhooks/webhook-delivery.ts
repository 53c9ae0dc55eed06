import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { Clock } from '../../core/clock.js';
import { DeliveryMetrics } from '../../core/delivery-metrics.js';
import { Keyring, UnsealError } from '../../core/keyring.js';
import { LOGGER, type Logger } from '../../core/logger.js';
import { VERSION } from '../../core/version.js';
import { WORKER_NAME } from '../../core/worker-name.js';
import { bodyOf } from './payload.js';
import { secretsOf } from './secrets.js';
import { sign } from './signature.js';
import { judge, type Verdict } from './verdict-policy.js';
import { WebhookOutbox } from './webhook-outbox.js';
import type { ClaimedDelivery, DeliveryEnding } from './webhook-rows.js';
import { type WebhookRequest, WebhookSender } from './webhook-sender.js';

/** Milliseconds between two tries to record an outcome while Postgres is away, and after which it is left to the rescue. */
const RECORD_AGAIN_MS = 500;
const RECORD_WITHIN_MS = 15_000;
/** Milliseconds until a delivery is tried again that this process could not even begin. */
const NOT_BEGUN_AGAIN_MS = 60_000;
/** Deliveries failed at once when their endpoint is disabled; the periodic task takes what is left. */
const FAIL_AT_ONCE = 1_000;

/** One claimed row on its way: sign, post, record what became of it. */
@Injectable()
export class WebhookDelivery {
  constructor(
    @Inject(WebhookOutbox) private readonly outbox: WebhookOutbox,
    @Inject(WebhookSender) private readonly sender: WebhookSender,
    @Inject(Keyring) private readonly keyring: Keyring,
    @Inject(Clock) private readonly clock: Clock,
    @Inject(DeliveryMetrics) private readonly metrics: DeliveryMetrics,
    @Inject(LOGGER) private readonly log: Logger,
  ) {}

  /** Calls `handedOver` when all that is left is to record it. `signal` breaks the attempt off; it is then given back. */
  async deliver(delivery: ClaimedDelivery, handedOver: () => void, signal: AbortSignal): Promise<void> {
    const begun = performance.now();
    const request = this.compose(delivery);
    if ('status' in request) return this.record(delivery, request);

    const answer = await this.sender.post(request, signal);
    handedOver();
    const tookMs = Math.round(performance.now() - begun);
    if (answer.kind === 'unanswered' && answer.errorCode === 'aborted') return this.record(delivery, { status: 'given_back', tookMs });

    const { failures, failingMs } = delivery.endpoint;
    const verdict = judge(answer, { attempt: delivery.attempt, failures, failingMs, now: this.clock.now(), random: Math.random() });
    const { status, delayMs, errorCode } = verdict;
    const heard = answer.kind === 'answered' ? { statusCode: answer.statusCode, response: answer.response } : {};
    await this.holdAgainst(delivery, verdict);
    await this.record(delivery, { status, delayMs, errorCode, tookMs, ...heard });
    if (verdict.endpoint.kind === 'disable') await this.outbox.failWaitingOfDisabled(FAIL_AT_ONCE);
  }

  private compose(delivery: ClaimedDelivery): WebhookRequest | DeliveryEnding {
    const body = bodyOf(delivery);
    if (body === undefined) return { status: 'failed', errorCode: 'event_erased', tookMs: 0 };
    const timestamp = Math.floor(this.clock.now().getTime() / 1_000);
    try {
      const headers = {
        'content-type': 'application/json',
        'user-agent': `Otpost/${VERSION}`,
        'webhook-id': delivery.id,
        'webhook-timestamp': String(timestamp),
        'webhook-signature': sign({ id: delivery.id, timestamp, body }, secretsOf(this.keyring, delivery.endpoint)),
      };
      return { url: new URL(delivery.endpoint.url), headers, body };
    } catch (error) {
      if (!(error instanceof UnsealError)) throw error;
      // Ours to mend, and no fault of the endpoint.
      this.log.error({ err: error, endpointId: delivery.endpoint.id }, 'the secret of a webhook endpoint does not open with APP_SECRET');
      return { status: 'deferred', errorCode: 'secret_unknown', delayMs: NOT_BEGUN_AGAIN_MS, tookMs: 0 };
    }
  }

  /** Before the delivery itself, so that no further one is claimed for an endpoint that is known to be down. */
  private async holdAgainst({ endpoint: { id, url, failures } }: ClaimedDelivery, { endpoint, errorCode }: Verdict): Promise<void> {
    try {
      // What failed at the same moment is cleared by the next success.
      if (endpoint.kind === 'worked' && failures > 0) await this.outbox.endpointWorked(id);
      if (endpoint.kind === 'failed') await this.outbox.endpointFailed(id, endpoint.pauseMs);
      if (endpoint.kind === 'disable' && (await this.outbox.disable(id, endpoint.reason))) {
        this.log.error(
          { endpointId: id, host: new URL(url).host, reason: endpoint.reason, errorCode },
          'A WEBHOOK ENDPOINT WAS DISABLED: it answered 410, or took nothing for five days. What waited for it has failed; ' +
            'enable it with PATCH /v1/webhook-endpoints/:id and redeliver.',
        );
      }
    } catch (error) {
      this.log.error({ err: error, endpointId: id }, 'what a webhook endpoint did could not be noted');
    }
  }

  /** At-least-once: what cannot be recorded is delivered again under the same webhook-id. */
  private async record(delivery: ClaimedDelivery, ending: DeliveryEnding): Promise<void> {
    const until = performance.now() + RECORD_WITHIN_MS;
    for (;;) {
      try {
        this.report(delivery, ending, await this.outbox.finish(delivery, ending, WORKER_NAME));
        return;
      } catch (error) {
        if (performance.now() > until) throw error;
        this.log.error({ err: error, deliveryId: delivery.id }, 'the outcome of a webhook could not be recorded yet');
        await delay(RECORD_AGAIN_MS);
      }
    }
  }

  /** Paths and queries stay out of the log: they may carry tokens. */
  private report({ id, type, attempt, endpoint }: ClaimedDelivery, ending: DeliveryEnding, recorded: boolean): void {
    const { status, errorCode, statusCode, delayMs, tookMs } = ending;
    const facts = { deliveryId: id, endpointId: endpoint.id, type, attempt, status, errorCode, statusCode, delayMs, ms: tookMs };
    if (!recorded) this.log.warn(facts, 'a webhook is owned by another worker by now, or was removed; this outcome was not recorded');
    else if (status === 'delivered') this.log.info(facts, 'webhook delivered');
    else this.log.warn(facts, 'webhook not delivered');
    if (recorded && status !== 'given_back') this.metrics.observeWebhook(status);
  }
}
