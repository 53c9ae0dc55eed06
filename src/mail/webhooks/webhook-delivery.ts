import type { LookupAddress } from 'node:dns';
import http from 'node:http';
import https from 'node:https';
import type { LookupFunction } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Clock } from '../../core/clock.js';
import { Keyring, UnsealError } from '../../core/keyring.js';
import { Logger } from '../../core/logger.js';
import { DeliveryMetrics } from '../../core/metrics.js';
import { VERSION, WORKER_NAME } from '../../core/process-facts.js';
import { bodyOf, secretsOf, sign } from './payload.js';
import { type Answer, judge, type Judgement } from './retry-policy.js';
import { type TargetGuard, TargetRefused } from './target-guard.js';
import { type ClaimedDelivery, type DeliveryEnding, WebhookOutbox } from './webhook-outbox.js';

/** Milliseconds. */
interface SenderTiming {
  /** To find the name, connect and agree on TLS. */
  connect: number;
  /** From the first look-up to the status. */
  whole: number;
  /** For what comes after the status. */
  body: number;
}

const TIMING: SenderTiming = { connect: 5_000, whole: 15_000, body: 1_000 };
/** Bytes of an answer that are read. */
const RESPONSE_LIMIT = 1_024;
/** Milliseconds for one of several addresses; Node's own 250 are too few for a distant one. */
const ADDRESS_TIMEOUT_MS = 1_500;

interface WebhookRequest {
  url: URL;
  headers: Record<string, string>;
  body: string;
}

/** One POST: to checked addresses only, no redirect followed, no proxy, a connection of its own. */
export class WebhookSender {
  constructor(
    private readonly guard: TargetGuard,
    private readonly timing = TIMING,
  ) {}

  /** Never rejects. `signal`: the process stops; then `aborted`. */
  async post(request: WebhookRequest, signal: AbortSignal): Promise<Answer> {
    const begun = performance.now();
    const late = new AbortController();
    try {
      const resolved = this.guard.resolve(request.url);
      const addresses = await Promise.race([resolved, delay(this.timing.connect, undefined, { signal: late.signal })]);
      if (!addresses) return { kind: 'unanswered', errorCode: 'connect_timeout' };
      return await this.exchange(request, addresses, performance.now() - begun, signal);
    } catch (error) {
      return { kind: 'unanswered', errorCode: error instanceof TargetRefused ? error.fault : codeOf(error, 'dns') };
    } finally {
      late.abort();
    }
  }

  private exchange(
    { url, headers, body }: WebhookRequest,
    addresses: LookupAddress[],
    spentMs: number,
    signal: AbortSignal,
  ): Promise<Answer> {
    const secure = url.protocol === 'https:';
    const options = {
      method: 'POST',
      headers: { ...headers, 'content-length': String(Buffer.byteLength(body)) },
      agent: false,
      lookup: lookupIn(addresses),
      autoSelectFamilyAttemptTimeout: ADDRESS_TIMEOUT_MS,
      rejectUnauthorized: true,
    } as const;
    return new Promise<Answer>((resolve) => {
      const request = (secure ? https : http).request(url, options);
      const timers: NodeJS.Timeout[] = [];
      const within = (ms: number, ending: () => Answer): NodeJS.Timeout => {
        const timer = setTimeout(() => settle(ending()), Math.max(0, ms));
        timers.push(timer);
        return timer;
      };
      const settle = (answer: Answer): void => {
        timers.forEach(clearTimeout);
        signal.removeEventListener('abort', abort);
        resolve(answer); // only the first counts
        request.destroy();
      };
      const fail = (errorCode: string): Answer => ({ kind: 'unanswered', errorCode });
      const abort = (): void => settle(fail('aborted'));

      signal.addEventListener('abort', abort);
      if (signal.aborted) abort();
      const connecting = within(this.timing.connect - spentMs, () => fail('connect_timeout'));
      const whole = within(this.timing.whole - spentMs, () => fail('timeout'));
      request.on('socket', (socket) =>
        socket.once(secure ? 'secureConnect' : 'connect', () => clearTimeout(connecting)),
      );
      request.on('error', (error) => settle(fail(codeOf(error, 'connection'))));
      request.on('close', () => settle(fail('connection')));
      request.on('response', (response) => {
        // The status is the answer; what is left is for the log.
        clearTimeout(whole);
        const chunks: Buffer[] = [];
        let size = 0;
        const answer = (): Answer => ({
          kind: 'answered',
          statusCode: response.statusCode!,
          retryAfter: response.headers['retry-after'],
          response: Buffer.concat(chunks).subarray(0, RESPONSE_LIMIT).toString('utf8'),
        });
        within(this.timing.body, answer);
        response.on('data', (chunk: Buffer) => {
          chunks.push(chunk);
          size += chunk.length;
          if (size >= RESPONSE_LIMIT) settle(answer());
        });
        for (const end of ['end', 'error', 'close'] as const) response.on(end, () => settle(answer()));
      });
      request.end(body);
    });
  }
}

/** Answers with what was checked; the shape depends on whether the caller may try several. */
function lookupIn(addresses: LookupAddress[]): LookupFunction {
  const [first] = addresses;
  return (_host, { all }, callback) => {
    if (all) callback(null, addresses);
    else callback(null, first!.address, first!.family);
  };
}

/** Of Node's many codes, those that tell an operator something. */
function codeOf(error: unknown, otherwise: string): string {
  const code = String((error as NodeJS.ErrnoException).code ?? '');
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'dns';
  if (code === 'ECONNREFUSED') return 'connection_refused';
  if (code === 'ETIMEDOUT') return 'connect_timeout';
  if (/TLS|SSL|CERT|SELF_SIGNED|UNABLE_TO|EPROTO/.test(code)) return 'tls';
  return otherwise;
}

/**
 * Milliseconds between two tries to record an outcome while Postgres is away, and after which its lease runs out
 * instead.
 */
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
    private readonly outbox: WebhookOutbox,
    private readonly sender: WebhookSender,
    private readonly keyring: Keyring,
    private readonly clock: Clock,
    private readonly metrics: DeliveryMetrics,
    private readonly log: Logger,
  ) {}

  /**
   * Calls `handedOver` when all that is left is to record it. `signal` breaks the attempt off; it is then given back.
   */
  async deliver(delivery: ClaimedDelivery, handedOver: () => void, signal: AbortSignal): Promise<void> {
    const begun = performance.now();
    const request = this.compose(delivery);
    if ('status' in request) return this.record(delivery, request);

    const answer = await this.sender.post(request, signal);
    handedOver();
    const tookMs = Math.round(performance.now() - begun);
    if (answer.kind === 'unanswered' && answer.errorCode === 'aborted')
      return this.record(delivery, { status: 'given_back', tookMs });

    const { attempt, endpoint } = delivery;
    const { failures, failingMs } = endpoint;
    const facts = { attempt, failures, failingMs, now: this.clock.now(), random: Math.random() };
    const judgement = judge(answer, facts);
    const { errorCode } = judgement;
    const heard = answer.kind === 'answered' ? { statusCode: answer.statusCode, response: answer.response } : {};
    const isFresh = await this.holdAgainst(delivery, judgement);
    // What is wrong with the endpoint that was is no reason not to ask the one that is.
    const { status, delayMs } = isFresh ? ({ status: 'deferred', delayMs: 0 } as const) : judgement;
    await this.record(delivery, { status, delayMs, errorCode, tookMs, ...heard });
    if (judgement.endpoint.kind === 'disable') await this.outbox.failWaitingOfDisabled(FAIL_AT_ONCE);
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
      this.log.error(
        { err: error, endpointId: delivery.endpoint.id },
        'the secret of a webhook endpoint does not open with APP_SECRET',
      );
      return { status: 'deferred', errorCode: 'secret_unknown', delayMs: NOT_BEGUN_AGAIN_MS, tookMs: 0 };
    }
  }

  /**
   * Before the delivery itself, so that no further one is claimed for an endpoint that is known to be down. True: it
   * failed, and began anew meanwhile.
   */
  private async holdAgainst(
    { endpoint: claimed }: ClaimedDelivery,
    { endpoint, errorCode }: Judgement,
  ): Promise<boolean> {
    const { id: endpointId, url, failures } = claimed;
    try {
      // What failed at the same moment is cleared by the next success.
      if (endpoint.kind === 'worked' && failures > 0) await this.outbox.endpointWorked(claimed);
      if (endpoint.kind === 'failed') return !(await this.outbox.endpointFailed(claimed, endpoint.pauseMs));
      if (endpoint.kind !== 'disable') return false;
      const { reason } = endpoint;
      const disabling = await this.outbox.disable(claimed, reason);
      if (disabling === 'disabled') {
        this.log.error(
          { endpointId, host: new URL(url).host, reason, errorCode },
          'A WEBHOOK ENDPOINT WAS DISABLED: it answered 410, or took nothing for five days. What waited for it has failed; ' +
            'enable it with PATCH /v1/webhook-endpoints/:id and redeliver.',
        );
      }
      return disabling === 'fresh';
    } catch (error) {
      this.log.error({ err: error, endpointId }, 'what a webhook endpoint did could not be noted');
      return false;
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
    const { status, errorCode, statusCode, delayMs, tookMs: ms } = ending;
    const about = { deliveryId: id, endpointId: endpoint.id, type, attempt };
    const facts = { ...about, status, errorCode, statusCode, delayMs, ms };
    if (!recorded)
      this.log.warn(
        facts,
        'a webhook is owned by another worker by now, or was removed; this outcome was not recorded',
      );
    else if (status === 'delivered') this.log.info(facts, 'webhook delivered');
    else this.log.warn(facts, 'webhook not delivered');
    if (recorded && status !== 'given_back') this.metrics.observeWebhook(status);
  }
}
